"""start.sh, with a fake Python and a fake uv: nothing is downloaded."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.polling import until

pytestmark = pytest.mark.slow  # Each runs start.sh.

REPO = Path(__file__).parents[2]
TOOLS = (
    "bash cat cksum cp dirname env flock grep mkdir mv readlink rm sed sh sleep sort tail tr uname"
)
PYTHON = """#!/bin/sh
[ "$1" != -c ] || exec "{real}" "$@"
{check}echo "ran $*"
exit ${{FAKE_EXIT:-0}}
"""
HAS_ALL = "case $1 in tools/has*) exit;; esac\n"
# A fake uv: `venv` makes the Python, `sync` logs its extras.
UV = """#!/bin/sh
case $1 in
  venv) mkdir -p .venv/bin && cp ../python .venv/bin/python && echo made >>../log ;;
  sync)
    echo "synced $*" >>../log
    [ -z "${FAKE_SLOW:-}" ] || { echo $$ >../slow.new; mv ../slow.new ../slow; exec sleep 60; }
    exit ${FAKE_FAILURE:-0} ;;
esac
"""


without_gpu = pytest.mark.skipif(
    Path("/dev/nvidiactl").exists() or Path("/dev/nvidia0").exists(),
    reason="this machine has a GPU",
)


class Machine:
    """A checkout, and a machine that has uv and the usual tools, and no Python."""

    def __init__(self, folder: Path):
        self.folder, self.bin, self.repo = folder, folder / "bin", folder / "a check out"
        for new in (self.bin, self.repo, folder / "home"):
            new.mkdir()
        for name in TOOLS.split():
            (self.bin / name).symlink_to(shutil.which(name))
        for name in ("start.sh", "pyproject.toml", "uv.lock"):
            shutil.copy(REPO / name, self.repo)
        shutil.copytree(REPO / "tools", self.repo / "tools")
        write(folder / "python", PYTHON.format(real=sys.executable, check=""))
        write(self.bin / "uv", UV)

    def popen(self, *args: str, script: Path | None = None, **environment: str):
        return subprocess.Popen(
            [script or self.repo / "start.sh", *args],
            env={"PATH": str(self.bin), "HOME": str(self.folder / "home"), "DEVICE": "cpu"}
            | environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *args: str, **options: str):
        process = self.popen(*args, **options)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def done(self) -> list[str]:
        """Return what uv was asked for since the last call: `made` or the extras it installed."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        sync = "synced sync --locked --inexact --no-default-groups"
        return [" ".join(line.removeprefix(sync).split(" --extra ")).strip() for line in lines]

    def installing(self, *args: str):
        """Start an installation, and wait until it has begun."""
        process, slow = self.popen(*args, FAKE_SLOW="1"), self.folder / "slow"
        until(lambda: slow.exists() or process.poll() is not None, every_s=0.01)
        assert process.poll() is None, process.communicate()
        return process, int(slow.read_text())


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path) -> Machine:
    """A machine without Python, and a checkout on it."""
    return Machine(tmp_path)


def test_first_start_installs_and_second_does_not_also_through_links(machine):
    first = machine.start()
    assert (first.returncode, first.stdout) == (0, "ran -m painterly\n"), first.stderr
    assert machine.done() == ["made", "cpu"]
    second = machine.start("--dry-run", "two words", FAKE_EXIT="3")
    assert (second.returncode, second.stderr) == (3, "")
    assert second.stdout == "ran -m painterly --dry-run two words\n"
    machine.repo = machine.repo.rename(machine.folder / "elsewhere")  # The project is a link.
    inner, outer = machine.repo / "by name", machine.folder / "outer"
    inner.symlink_to("start.sh")
    outer.symlink_to(inner)
    assert machine.popen(script=outer).communicate(timeout=120)[0] == "ran -m painterly\n"
    (machine.repo / "uv.lock").write_text("version = 2")
    machine.start()
    assert machine.done() == ["cpu", "cpu"]


def test_modes_and_their_extras(machine):
    assert machine.start("weights", "--all").stdout == "ran -m painterly weights --all\n"
    assert machine.done() == ["made", "cpu"]
    assert machine.start("web").stdout == machine.start(RUN_MODE="web").stdout
    assert machine.done() == []
    assert machine.start("test", "-x").stdout == "ran -m pytest -x\n"
    assert machine.start("test", "--quick").stdout == "ran -m pytest --quick\n"
    assert machine.done() == ["cpu dev"]
    assert machine.start("cluster").stdout == "ran -m painterly cluster\n"
    machine.start("setup", "--cluster", "--dev")
    machine.start(CLUSTER="auto")
    assert machine.done() == ["cluster cpu dev"]


def test_a_mistyped_mode_is_one_line_of_the_logs_format_and_installs_nothing(machine):
    for words in (["tset"], ["setup", "--dve"]):
        done = machine.start(*words)
        assert done.returncode == 2 and words[-1] in done.stderr
    for variable in ("LOG_FORMAT", "PROGRESS"):
        done = machine.start('a\\"b\n', **{variable: "json"})
        said = json.loads(done.stdout)
        assert (done.returncode, said["exit_code"], done.stderr) == (2, 2, "")
        assert said["message"].startswith("start.sh: there is no mode and no photo 'a\\\"b '")
    assert machine.done() == []
    assert "./start.sh test" in machine.start("--help").stdout


def test_a_photo_goes_to_the_program_alone_or_with_a_style(machine):
    (machine.folder / "beach.jpg").touch()
    for words, extras in (("beach.jpg",), ""), (("beach.jpg", "van gogh"), "cpu"):
        done = machine.start(*words)
        assert done.stdout == f"ran -m painterly {' '.join(words)}\n", done.stderr
        assert machine.done()[-1:] == [extras]
    photo = str(machine.folder / "beach.jpg")
    assert machine.start(photo, "klimt").stdout == f"ran -m painterly {photo} klimt\n"


def test_a_clip_brings_what_reads_it(machine):
    (machine.folder / "My walk.MOV").touch()
    done = machine.start("My walk.MOV", "klimt")
    assert done.stdout == "ran -m painterly My walk.MOV klimt\n", done.stderr
    assert machine.done()[-1:] == ["cpu video"]
    machine.start("setup", "--video")
    assert machine.done() == []


def test_init_installs_no_tensorflow_and_what_needs_it_adds_it(machine):
    first = machine.start("init", "--yes")
    assert first.stdout == "ran -m painterly init --yes\n", first.stderr
    assert "0.2 GB" in first.stderr
    machine.start("init")
    assert machine.done() == ["made", ""]
    machine.start()
    machine.start("init")
    assert machine.done() == ["cpu"]


def test_a_gpu_brings_cuda_which_every_mode_keeps(machine):
    machine.start()
    machine.done()
    write(machine.bin / "nvidia-smi", "#!/bin/sh\n[ $1 = -L ]\n")
    machine.start(DEVICE="auto")
    machine.start()  # One with CUDA paints on the CPU as well.
    machine.start("init")
    assert machine.done() == ["made", "gpu"]
    (machine.repo / "uv.lock").write_text("version = 2")
    machine.start()
    assert machine.done() == ["gpu"]


@without_gpu
def test_device_gpu_without_a_gpu_ends_before_anything_is_installed(machine):
    for mode in ([], ["web"], ["setup"]):
        done = machine.start(*mode, DEVICE="gpu")
        assert (done.returncode, done.stdout) == (4, "")
        [line] = done.stderr.splitlines()
        assert (
            line.startswith("DEVICE=gpu, but there is no NVIDIA GPU here") and "DEVICE=cpu" in line
        )
    done = machine.start(DEVICE="gpu", LOG_FORMAT="json")
    assert json.loads(done.stdout)["exit_code"] == 4
    assert machine.done() == []


@without_gpu
def test_what_paints_nothing_needs_no_gpu_though_device_asks_for_one(machine):
    for mode in (["weights", "--all"], ["--help"], ["web", "--help"], ["--size", "9", "-h"]):
        done = machine.start(*mode, DEVICE="gpu")
        assert done.returncode == 0 and mode[-1] in done.stdout, done.stderr
    assert "tests/start" in machine.start("test", "tests/start", DEVICE="gpu").stdout
    assert machine.done() == ["made", "cpu", "cpu dev"]


@without_gpu
def test_an_image_gets_cuda_by_name_and_a_clusters_head_needs_none(machine):
    machine.start("cluster", DEVICE="gpu")  # The GPUs are in the other machines.
    assert machine.done() == ["made", "cluster cpu"]
    assert machine.start("setup", "--gpu", DEVICE="gpu").returncode == 0
    assert machine.done() == ["made", "gpu"]
    assert machine.start(DEVICE="gpu").stdout == "ran -m painterly\n"  # It says why it ends.
    machine.start("setup", "--cpu", DEVICE="auto")
    assert machine.done() == []


def test_an_environment_of_an_earlier_version_gets_what_this_one_needs(machine):
    machine.start()
    made = machine.repo / ".venv/installed"
    made.write_text("of an earlier version\nextras: cpu laptop\n")
    machine.done()
    assert machine.start().returncode == 0
    assert machine.done() == ["cpu"]


def test_a_python_that_has_the_requirements_is_used(machine):
    write(machine.bin / "python3", PYTHON.format(real=sys.executable, check=HAS_ALL))
    assert machine.start().stdout == "ran -m painterly\n"
    assert machine.done() == []
    machine.start("setup", ALWAYS_VENV="1")
    assert machine.done() == ["made", "cpu"]


@pytest.mark.parametrize(
    ("extras", "lacks"), [([], False), (["cpu", "dev"], False), (["gpu"], True)]
)
def test_the_check_of_requirements_reads_the_projects_ranges(extras, lacks):
    check = [sys.executable, "tools/has_requirements.py", *extras]
    if lacks and (Path("/dev/nvidiactl").exists() or find_spec("nvidia")):
        pytest.skip("this machine has a GPU, or PyTorch has brought CUDA's libraries")
    assert subprocess.run(check, cwd=REPO).returncode == lacks
    bare = [sys.executable, "-I", "-S", *check[1:]]
    assert subprocess.run(bare, cwd=REPO, stderr=subprocess.DEVNULL).returncode == 1


def test_without_uv_and_python(machine):
    (machine.bin / "uv").unlink()
    done = machine.start()
    assert done.returncode == 2
    assert "uv/install.sh" in done.stderr and "apt install python3" in done.stderr
    write(machine.folder / "home/uv", UV)
    (machine.folder / "home/.local/bin").mkdir(parents=True)
    (machine.folder / "home/uv").rename(machine.folder / "home/.local/bin/uv")
    assert machine.start().returncode == 0


def test_a_failure_leaves_a_working_environment_alone(machine):
    assert machine.start(FAKE_FAILURE="1").returncode == 6
    machine.start()
    assert machine.done() == ["made", "cpu", "made", "cpu"]
    failed = machine.start("test", FAKE_FAILURE="1")
    assert failed.returncode == 6
    assert "SSL_CERT_FILE" in failed.stderr and "github.com" in failed.stderr
    machine.done()
    assert machine.start().returncode == 0
    assert machine.done() == []


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_installation_is_made_again(machine, how):
    process, installer = machine.installing()
    process.send_signal(how)
    process.communicate(timeout=120)
    assert process.returncode == 128 + how
    with pytest.raises(ProcessLookupError):
        os.kill(installer, 0)
    machine.done()
    assert machine.start().returncode == 0
    assert machine.done() == ["made", "cpu"]


def test_after_sigkill_the_next_start_waits_for_the_installer(machine):
    first, installer = machine.installing()
    with first:
        first.kill()
    second = machine.popen()
    assert "waiting" in second.stderr.readline()
    os.kill(installer, signal.SIGKILL)
    out, err = second.communicate(timeout=120)
    assert (second.returncode, out) == (0, "ran -m painterly\n"), err
    assert machine.done() == ["made", "cpu", "made", "cpu"]


def test_somebody_elses_venv_gets_what_it_lacks_or_stays_as_it_is(machine):
    python = machine.repo / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    write(python, PYTHON.format(real=sys.executable, check=HAS_ALL))
    assert machine.start().stdout == "ran -m painterly\n"
    assert machine.done() == []
    write(
        python, PYTHON.format(real=sys.executable, check="case $1 in tools/has*) exit 1;; esac\n")
    )
    assert machine.start().returncode == 0
    assert machine.done() == ["cpu"]
    (machine.repo / ".venv/installed").unlink()
    write(python, "#!/bin/sh\nexit 1\n")  # As one that is too old.
    done = machine.start()
    assert done.returncode == 2 and str(machine.repo / ".venv") in done.stderr
    assert python.exists()


def test_what_is_neither_mode_nor_photo_is_named_before_anything_is_installed(machine):
    for words in (["baech.jpg", "hokusai"], ["./photos", "./paintings"], ["degas", "--dry-run"]):
        refused = machine.start(*words)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1
        assert f"no mode and no photo '{words[0]}'" in refused.stderr
        assert "./start.sh beach.jpg hokusai" in refused.stderr
    assert machine.done() == []
    for word in ("s3://photos", "-", "*.jpg", "~/x.jpg"):
        assert machine.start(word, "hokusai").stdout == f"ran -m painterly {word} hokusai\n"


def test_verbs_that_paint_nothing_need_no_tensorflow(machine):
    for verb in ("styles", "buckets", "send-source", "get-results", "get-bucket"):
        assert machine.start(verb, "./x").stdout == f"ran -m painterly {verb} ./x\n"
    assert machine.done() == ["made", ""]
