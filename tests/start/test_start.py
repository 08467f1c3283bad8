"""start.sh and tools/download_uv.py: programs are fake, and PyPI is a local server."""

import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.polling import until
from support.scenarios import PAIR, Stage, play, scenarios

from tools import download_uv

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


HAS_GPU = Path("/dev/nvidiactl").exists() or Path("/dev/nvidia0").exists()


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


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
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


class Starts(Stage):
    """start.sh in scenarios: `start [NAME=VALUE…] WORDS -> CODE` and what the program is called
    with, `installed …` since the last such line, and `gpu`, which the machine has from then on."""

    def __init__(self, machine, *others):
        super().__init__({}, *others)
        self.machine = machine

    def do(self, line, expected):
        name, _, rest = line.partition(" ")
        if name != "start":
            return super().do(line, expected)
        words, _, code = rest.rpartition("-> ")
        given = shlex.split(words)
        pairs = [each for each in given if PAIR.match(each)]
        done = self.machine.start(
            *given[len(pairs) :], **dict(each.split("=", 1) for each in pairs)
        )
        came_out = [f"start {words}-> {done.returncode}", *done.stdout.splitlines()[:1]]
        return self.checked([f"start {words}-> {code}"], came_out, expected, done.stderr)

    def installed(self, *expected):
        assert self.machine.done() == [*expected]

    def gpu(self):
        write(self.machine.bin / "nvidia-smi", "#!/bin/sh\n[ $1 = -L ]\n")


@pytest.mark.parametrize("scenario", scenarios(Path(__file__).with_name("start.scenario")))
def test_start_sh_does_what_the_scenario_says(scenario, machine, monkeypatch, capsys):
    if "DEVICE=gpu" in str(scenario) and HAS_GPU:
        pytest.skip("this machine has a GPU")
    monkeypatch.chdir(machine.folder)
    play(scenario, Starts(machine, monkeypatch, capsys))


def wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "the program")
    return file.getvalue()


@pytest.fixture
def lock(hub, tmp_path) -> Path:
    """A uv.lock with the addresses of a local server, which sends a wheel, and the wheel's hash."""
    hub.content = wheel()
    digest = hashlib.sha256(hub.content).hexdigest()
    lines = (
        f'{{ url = "{hub.url}/uv-1-py3-none-{tag}.whl", hash = "sha256:{digest}", size = 1 }},\n'
        for tag in download_uv.WHEELS.values()
    )
    path = tmp_path / "uv.lock"
    path.write_text("".join(lines))
    return path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "tools").mkdir()
    shutil.copy(REPO / "tools/download_uv.py", folder / "tools")
    return subprocess.run(
        [sys.executable, "tools/download_uv.py", ".uv"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_is_there_and_can_be_run(lock):
    done = run(lock.parent)
    assert (done.returncode, done.stderr) == (0, "")
    program = lock.parent / ".uv/uv"
    assert program.read_text() == "the program" and os.access(program, os.X_OK)


@pytest.mark.parametrize("wrong", ["cut off", "another", "missing"])
def test_what_cannot_be_downloaded_is_one_line_and_no_program(hub, lock, wrong):
    if wrong == "another":
        hub.content = wheel()[::-1]
    else:
        hub.mode = {"cut off": "cut"}.get(wrong, wrong)
    done = run(lock.parent)
    assert done.returncode == 1 and not (lock.parent / ".uv").exists()
    assert done.stderr.startswith("uv could not be downloaded: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_proxys_certificate_that_only_strict_checks_refuse_is_accepted(
    hub, lock, tmp_path, monkeypatch
):
    default, used = ssl.create_default_context, []

    def as_in_python_3_13():
        context = default()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def urlopen(url, timeout, context):
        used.append(context)
        return io.BytesIO(hub.content)

    monkeypatch.setattr(ssl, "create_default_context", as_in_python_3_13)
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(download_uv, "LOCK", lock)
    download_uv.download(tmp_path / "uv")
    [context] = used
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
