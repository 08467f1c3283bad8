"""start.sh, with Pythons and an uv that pretend: nothing is downloaded, no TensorFlow is needed.

A pretended Python runs start.sh's own questions in the real interpreter, but under another version
and with a folder of empty packages as all it can import; `pip install` fills that folder.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from styletransfer import config

REPO = Path(__file__).parents[2]
TOOLS = [
    "bash",
    "cat",
    "cut",
    "date",
    "dirname",
    "env",
    "find",
    "grep",
    "ln",
    "mkdir",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sleep",
    "tail",
    "touch",
]
NAMES = re.findall(r"^[\w-]+", (REPO / "requirements.txt").read_text(), re.MULTILINE)
DEV_NAMES = re.findall(r"^[\w-]+", (REPO / "requirements-dev.txt").read_text(), re.MULTILINE)
# The interpreter itself, whose start a virtual environment's would lengthen.
REAL = str(Path(sys.executable).resolve())

FAKE = r'''
import os, re, sys, time
from pathlib import Path

me, args = Path(sys.argv[1]), sys.argv[2:]
kind = me.parent / f"{me.name}.kind"  # What the test made of it: "3.12 no-ensurepip …"
version, *traits = kind.read_text().split()
packages = me.parent.parent / f"packages-{me.name}"
with open(os.environ["FAKE_LOG"], "a") as log:
    print(me.name, *("…" if "\n" in each else each for each in args), file=log)


def new(folder, name="python", of=version, traits=()):
    """Another pretended Python, as a virtual environment has it."""
    bin = Path(folder) / "bin"
    bin.mkdir(parents=True, exist_ok=True)
    (bin / name).write_text(me.read_text())
    (bin / name).chmod(0o755)
    (bin / f"{name}.kind").write_text(" ".join([of, *traits]))


def install(python, args):
    if os.environ.get("FAKE_SLOW"):
        slow = Path(os.environ["FAKE_SLOW"])
        slow.with_suffix(".new").write_text(str(os.getpid()))
        slow.with_suffix(".new").rename(slow)
        time.sleep(60)
    if os.environ.get("FAKE_FAILURE"):
        sys.exit(os.environ["FAKE_FAILURE"])
    files = [each for before, each in zip(args, args[1:]) if before == "-r"]
    packages = Path(python).parent.parent / "packages-python"
    for name in re.findall(r"^[\w-]+", "\n".join(Path(f).read_text() for f in files), re.M):
        module = {"pillow": "PIL", "python-dotenv": "dotenv"}.get(name, name.replace("-", "_"))
        (packages / module).mkdir(parents=True, exist_ok=True)
        (packages / module / "__init__.py").touch()


if me.name == "uv":
    if os.environ.get("FAKE_DISTRUST") and not os.environ.get("UV_SYSTEM_CERTS"):
        sys.exit("cause: invalid peer certificate: UnknownIssuer")
    if args[0] == "venv":
        python = args[args.index("--python") + 1]
        known = Path(f"{python}.kind")
        new(args[-1], of=known.read_text().split()[0] if known.exists() else python)
    else:
        install(args[args.index("--python") + 1], args)
elif args[0] == "-c":
    sys.version_info = (*map(int, version.split(".")), 0, "final", 0)
    sys.executable = str(me)
    sys.path.insert(0, str(packages))
    sys.path_importer_cache.clear()
    sys.argv = args[:1] + args[2:]
    exec(args[1])
elif args[:2] in (["-m", "venv"], ["-m", "virtualenv"]):
    if args[1] == "venv" and "no-ensurepip" in traits and "--without-pip" not in args:
        new(args[-1])  # Debian's leaves it behind, too.
        sys.exit("The virtual environment was not created because ensurepip is not available.")
    if args[1] == "virtualenv" and "virtualenv" not in traits:
        sys.exit(f"{me}: No module named virtualenv")
    new(args[-1])
elif args[:2] == ["-m", "pip"]:
    if "no-pip" in traits:
        sys.exit(f"{me}: No module named pip")
    if "-r" in args:
        install(me, args)
elif args[1] in ("styletransfer", "styletransfer.vgg.download", "pytest"):
    print("ran", *args[1:], "in", os.getcwd())
    print("noise", os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["PYTHONUNBUFFERED"])
    sys.stdout.flush()
    if os.environ.get("FAKE_WORK"):
        import signal

        def told(*_):
            os.write(1, b"told to stop\n")
            os._exit(143)

        signal.signal(signal.SIGTERM, told)
        print("at work", flush=True)
        time.sleep(60)
    sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
else:
    sys.exit(f"the test knows nothing of {args}")
'''


class Machine:
    """A checkout, and a machine on which there is nothing but what a test puts there."""

    def __init__(self, folder: Path):
        self.bin, self.devices, self.home = folder / "bin", folder / "dev", folder / "home"
        self.repo = folder / "a check out"
        for each in (self.bin, self.devices, self.home, self.repo):
            each.mkdir()
        for name in ("start.sh", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(REPO / name, self.repo)
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.has("uname", "#!/bin/sh\n[ $1 = -n ] && echo here || echo Linux x86_64\n")
        self.fake, self.log = folder / "fake.py", folder / "log"
        self.fake.write_text(FAKE)
        self.log.touch()
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "NVIDIA_DEVICES": str(self.devices),
            "FAKE_LOG": str(self.log),
        }

    def has(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def python(self, name: str, version: str, *traits: str, packages: list[str] = ()) -> None:
        self.has(name, f'#!/bin/sh\nexec "{REAL}" -I -S "{self.fake}" "$0" "$@"\n')
        (self.bin / f"{name}.kind").write_text(" ".join([version, *traits]))
        for each in packages:
            module = {"pillow": "PIL", "python-dotenv": "dotenv"}.get(each, each)
            self.package(name, module.replace("-", "_"))

    def package(self, python: str, module: str) -> None:
        folder = self.bin.parent / f"packages-{python}" / module
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()

    def uv(self) -> None:
        self.python("uv", "0")

    def start(self, *args: str, script: Path | None = None, **environment: str):
        return subprocess.run(
            [script or self.repo / "start.sh", *args],
            env=self.environment | environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def popen(self, *args: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [self.repo / "start.sh", *args],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> list[str]:
        """What was called since the last time, start.sh's questions left out."""
        calls = [each for each in self.log.read_text().splitlines() if " -c " not in each]
        self.log.write_text("")
        return calls

    def installs(self) -> list[str]:
        return [each for each in self.calls() if " -r " in each]


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def until(condition, process: subprocess.Popen, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"did not happen; it said: {process.communicate()}")
        time.sleep(0.02)


def test_first_start_installs_and_second_does_not(machine):
    machine.python("python3", "3.12")
    first = machine.start()
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"ran styletransfer in {machine.repo}\nnoise 2 1\n"
    assert ".venv" in first.stderr
    assert "few minutes" in first.stderr
    assert machine.calls() == [
        "python3 -m venv .venv",
        "python -m pip install --no-input --progress-bar off -r requirements.txt",
        "python -m styletransfer",
    ]
    second = machine.start()
    assert (second.returncode, second.stderr) == (0, "")
    assert machine.calls() == ["python -m styletransfer"]
    assert {each.name for each in machine.repo.iterdir() if each.name.startswith(".")} == {".venv"}


def test_only_a_changed_requirement_installs_again(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    requirements = machine.repo / "requirements.txt"
    requirements.write_text("# A new comment.\n" + requirements.read_text())
    machine.calls()
    machine.start("setup")
    assert machine.calls() == []
    requirements.write_text(requirements.read_text() + "six>=1.0\n")
    machine.start("setup")
    assert [each for each in machine.calls() if "venv" in each] == []
    assert (machine.repo / ".venv/packages-python/six").is_dir()


def test_straight_to_work_where_all_is_installed(machine):
    machine.python("python3", "3.13", packages=NAMES)
    done = machine.start("--dry-run", "two words")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ran styletransfer --dry-run two words in ")
    assert not (machine.repo / ".venv").exists()


def test_own_environment_on_request(machine):
    machine.python("python3", "3.13", packages=NAMES)
    assert machine.start("setup", ALWAYS_VENV="1").stdout == f"{machine.repo}/.venv/bin/python\n"


def test_an_activated_environment_is_used(machine):
    machine.python("python3", "3.14")
    machine.python("python", "3.11", packages=NAMES)
    active = machine.home / "active"
    (active / "bin").mkdir(parents=True)
    for name in ("python", "python.kind"):
        (machine.bin / name).rename(active / "bin" / name)
    shutil.move(machine.bin.parent / "packages-python", active)
    done = machine.start("setup", VIRTUAL_ENV=str(active))
    assert done.stdout == f"{active}/bin/python\n", done.stderr


@pytest.mark.parametrize("version", ["2.15.1", "2.99"])
def test_other_versions_than_asked_for_are_not_enough(machine, version):
    machine.python("python3", "3.11", packages=NAMES)
    known = machine.bin.parent / f"packages-python3/tensorflow-{version}.dist-info"
    known.mkdir()
    (known / "METADATA").write_text(f"Name: tensorflow\nVersion: {version}\n")
    assert machine.start("setup").stdout == f"{machine.repo}/.venv/bin/python\n"


def test_the_version_asked_for_is_enough(machine):
    machine.python("python3", "3.11", packages=NAMES)
    known = machine.bin.parent / "packages-python3/tensorflow-2.21.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Name: tensorflow\nVersion: 2.21.0\n")
    assert machine.start("setup").stdout == f"{machine.bin}/python3\n"


def test_ranges_are_ones_that_start_sh_understands():
    """Its question to a Python knows >= and <, so that it needs no package to ask."""
    for file in ("requirements.txt", "requirements-dev.txt"):
        lines = (REPO / file).read_text().splitlines()
        for line in filter(None, (each.partition("#")[0].strip() for each in lines)):
            assert re.fullmatch(r"[\w-]+(\[[\w,]+\])?>=[\d.]+,<[\d.]+", line), line


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_refuses_other_pythons(machine, version):
    machine.python("python3", version, packages=NAMES)
    done = machine.start()
    assert done.returncode == 2
    assert f"needs Python 3.11, 3.12 or 3.13 (python3 is {version})" in done.stderr
    for way in ("uv/install.sh", "brew install python@3.13", "apt install python3 python3-venv"):
        assert way in done.stderr
    assert not (machine.repo / ".venv").exists()


def test_without_any_python(machine):
    done = machine.start("--dry-run", CC_COMMIT_ID="1234")
    assert done.returncode == 2
    assert "none is on PATH" in done.stderr
    assert "CC_PYTHON_VERSION 3.13" in done.stderr


def test_finds_the_python_in_range(machine):
    machine.python("python3", "3.14")
    machine.python("python3.10", "3.10")
    machine.python("python3.11", "3.11")
    machine.python("python3.12", "3.12")
    machine.has(
        "python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127"
    )
    assert machine.start("setup").returncode == 0
    assert machine.calls()[0] == "python3.12 -m venv .venv"


def test_prefers_uv(machine):
    machine.python("python3", "3.12")
    machine.uv()
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert machine.calls() == [
        f"uv venv --allow-existing --python {machine.bin}/python3 .venv",
        "uv pip install --python .venv/bin/python -r requirements.txt",
    ]


def test_uv_brings_a_python(machine):
    machine.python("python3", "3.10")
    machine.uv()
    # Where its installer puts it; this shell's PATH does not know of it yet.
    local = machine.home / ".local/bin"
    local.mkdir(parents=True)
    for name in ("uv", "uv.kind"):
        (machine.bin / name).rename(local / name)
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert "uv brings Python 3.13" in done.stderr
    assert machine.calls()[0] == "uv venv --allow-existing --python 3.13 .venv"


def test_uv_behind_a_proxy_of_a_company(machine):
    machine.uv()
    done = machine.start("setup", FAKE_DISTRUST="1")
    assert done.returncode == 0, done.stderr
    assert "trying with the system's certificates" in done.stderr


def test_made_by_uv_which_is_gone(machine):
    machine.python("python3", "3.12")
    machine.uv()
    machine.start("setup")
    (machine.bin / "uv").unlink()
    kind = machine.repo / ".venv/bin/python.kind"
    kind.write_text(kind.read_text() + " no-pip")
    machine.calls()
    assert machine.start("test").returncode == 0
    assert "python3 -m venv .venv" in machine.calls()


def test_debian_without_ensurepip(machine):
    machine.python("python3", "3.11", "no-ensurepip", "no-pip")
    done = machine.start()
    assert done.returncode == 6
    assert "sudo apt install python3.11-venv" in done.stderr
    assert "uv/install.sh" in done.stderr
    assert not (machine.repo / ".venv").exists()


@pytest.mark.parametrize(
    ("traits", "way"),
    [
        (["virtualenv", "no-pip"], "python3 -m virtualenv .venv"),
        ([], "python3 -m pip --python .venv/bin/python install pip"),
    ],
)
def test_other_ways_than_ensurepip(machine, traits, way):
    machine.python("python3", "3.11", "no-ensurepip", *traits)
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert way in machine.calls()


def test_another_python_that_has_ensurepip(machine):
    machine.python("python3.13", "3.13", "no-ensurepip", "no-pip")
    machine.python("python3.12", "3.12")
    assert machine.start("setup").returncode == 0
    assert "python3.12 -m venv .venv" in machine.calls()


@pytest.mark.parametrize(
    ("failure", "explained"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Temporary failure in name resolution", "is there a network?"),
        ("ERROR: No matching distribution found for tensorflow", "no TensorFlow for this machine"),
        ("SSLError(CERTIFICATE_VERIFY_FAILED)", "PIP_CERT"),
        ("something else", "could not be installed"),
    ],
)
def test_failed_install_is_told(machine, failure, explained):
    machine.python("python3", "3.12")
    done = machine.start(FAKE_FAILURE=failure)
    assert done.returncode == 6
    assert failure in done.stderr
    assert explained in done.stderr


def test_failed_install_is_repaired(machine):
    machine.python("python3", "3.12")
    assert machine.start(FAKE_FAILURE="no network").returncode == 6
    assert machine.start().returncode == 0


def test_a_failure_leaves_a_working_environment_alone(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    assert machine.start("test", FAKE_FAILURE="Connection refused").returncode == 6
    machine.calls()
    assert machine.start().returncode == 0
    assert machine.calls() == ["python -m styletransfer"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_interrupted_install_is_made_anew(machine, how):
    machine.python("python3", "3.12")
    slow = machine.home / "slow"
    process = machine.popen("setup", FAKE_SLOW=str(slow))
    until(slow.exists, process)
    process.send_signal(how)
    if how == signal.SIGKILL:
        process.wait()
        os.kill(int(slow.read_text()), signal.SIGKILL)  # Its pip, which nobody stopped.
    else:
        assert process.communicate(timeout=10)[1].endswith("sets up .venv anew.\n")
        assert process.returncode == 128 + how
        assert not (machine.repo / ".venv.lock").is_symlink()
    machine.calls()
    done = machine.start("setup")  # A lock that a killed one left stops nobody.
    assert done.returncode == 0, done.stderr
    assert machine.calls()[0] == "python3 -m venv .venv"


def test_two_at_once(machine):
    machine.python("python3", "3.12")
    slow = machine.home / "slow"
    first = machine.popen("setup", FAKE_SLOW=str(slow))
    until(slow.exists, first)
    second = machine.popen("setup")
    said = second.stderr.readline()
    assert "waiting" in said
    assert len(machine.calls()) == 2  # The first's alone.
    first.terminate()
    first.communicate(timeout=10)
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (0, f"{machine.repo}/.venv/bin/python\n"), err


def test_many_at_once_after_a_killed_one(machine):
    machine.python("python3", "3.12")
    (machine.repo / ".venv.lock").symlink_to("99999999@here")
    processes = [machine.popen("setup") for _ in range(4)]
    for each in processes:
        out, err = each.communicate(timeout=30)
        assert (each.returncode, out) == (0, f"{machine.repo}/.venv/bin/python\n"), err
    assert len(machine.installs()) == 1


def test_lock_of_another_host_that_is_not_touched_any_more(machine):
    machine.python("python3", "3.12")
    lock = machine.repo / ".venv.lock"
    lock.symlink_to(f"{os.getpid()}@elsewhere")
    os.utime(lock, (time.time() - 600,) * 2, follow_symlinks=False)
    assert machine.start("setup").returncode == 0


def test_somebody_elses_venv_gets_what_it_lacks(machine):
    machine.python("python3", "3.12")
    subprocess.run(
        [machine.bin / "python3", "-m", "venv", machine.repo / ".venv"],
        env=machine.environment,
        check=True,
    )
    own = machine.repo / ".venv/mine"
    own.touch()
    assert machine.start("setup").returncode == 0
    assert own.exists()


def test_somebody_elses_venv_out_of_range_is_not_removed(machine):
    machine.python("python3", "3.14")
    subprocess.run(
        [machine.bin / "python3", "-m", "venv", machine.repo / ".venv"],
        env=machine.environment,
        check=True,
    )
    done = machine.start("setup")
    assert done.returncode == 2
    assert "its Python (3.14) cannot be" in done.stderr
    assert (machine.repo / ".venv").exists()


def test_venv_whose_python_is_gone_is_made_anew(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    (machine.repo / ".venv/bin/python").unlink()
    assert machine.start("setup").returncode == 0


@pytest.mark.parametrize("device", ["nvidiactl", "nvidia0", "nvidia-smi"])
def test_gpu_brings_cuda(machine, device):
    machine.python("python3", "3.12", packages=NAMES)  # Which could not use the GPU.
    if device == "nvidia-smi":
        machine.has(device, "#!/bin/sh\nexit 0\n")
    else:
        (machine.devices / device).touch()
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert "not the libraries to use the GPU" in done.stderr
    (install,) = machine.installs()
    line = next(each for each in (REPO / "requirements.txt").read_text().splitlines() if
                each.startswith("tensorflow"))  # fmt: skip
    assert install.endswith(line.replace("tensorflow", "tensorflow[and-cuda]"))
    machine.start("setup")
    assert machine.calls() == []


def test_gpu_with_its_libraries_goes_straight_to_work(machine):
    machine.python("python3", "3.12", packages=[*NAMES, "nvidia"])
    machine.package("python3", "nvidia/cudnn")
    (machine.devices / "nvidia0").touch()
    assert machine.start("setup").stdout == f"{machine.bin}/python3\n"


def test_gpu_that_comes_later_and_one_that_is_not_wanted(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    (machine.devices / "nvidia0").touch()
    machine.calls()
    assert machine.start("setup", DEVICE="cpu").returncode == 0
    assert machine.calls() == []
    assert machine.start("setup").returncode == 0
    assert "[and-cuda]" in machine.installs()[0]


def test_no_gpu_no_cuda(machine):
    machine.python("python3", "3.12")
    machine.has("nvidia-smi", "#!/bin/sh\nexit 9\n")  # The driver's tools, without a driver.
    machine.start("setup")
    assert "cuda" not in machine.installs()[0]


def test_modes(machine):
    machine.python("python3", "3.12")
    assert machine.start("weights", "--all").stdout.startswith(
        "ran styletransfer.vgg.download --all in"
    )
    tests = machine.start("test", "-k", "two words", FAKE_EXIT="5")
    assert tests.returncode == 5
    assert tests.stdout.startswith("ran pytest -k two words in")
    for name in DEV_NAMES:
        assert (machine.repo / ".venv/packages-python" / name.replace("-", "_")).is_dir()
    machine.calls()
    machine.start("test")
    machine.start()
    assert machine.calls() == ["python -m pytest", "python -m styletransfer"]


def test_tests_need_more_than_the_platform_has(machine):
    machine.python("python3", "3.13", packages=NAMES)
    assert machine.start("test").returncode == 0
    assert machine.calls()[0] == "python3 -m venv .venv"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_installs_nothing(machine, flag):
    done = machine.start(flag)
    assert done.returncode == 0
    assert "./start.sh test" in done.stdout
    assert machine.calls() == []


def test_a_mistyped_mode_installs_nothing(machine):
    machine.python("python3", "3.12")
    done = machine.start("tset")
    assert done.returncode == 2
    assert "'tset'" in done.stderr
    assert machine.calls() == []


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_code_and_own_values_pass_through(machine, code):
    machine.python("python3", "3.13", packages=NAMES)
    done = machine.start(FAKE_EXIT=str(code), TF_CPP_MIN_LOG_LEVEL="0", PYTHONUNBUFFERED="x")
    assert done.returncode == code
    assert done.stdout.endswith("noise 0 x\n")


def test_sigterm_reaches_python(machine):
    machine.python("python3", "3.13", packages=NAMES)
    process = machine.popen(FAKE_WORK="1")
    while process.stdout.readline() not in ("at work\n", ""):
        pass
    process.terminate()
    assert process.communicate(timeout=10)[0] == "told to stop\n"
    assert process.returncode == 143


def test_through_links(machine, tmp_path):
    machine.python("python3", "3.13", packages=NAMES)
    inner, outer = machine.repo / "by name", tmp_path / "outer"
    inner.symlink_to("start.sh")
    outer.symlink_to(inner)
    for environment in ({}, {"CDPATH": str(tmp_path)}):
        done = machine.start(script=outer, **environment)
        assert done.stdout.startswith(f"ran styletransfer in {machine.repo}\n"), done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; start as another user")
def test_read_only_checkout(machine):
    machine.python("python3", "3.12")
    machine.repo.chmod(0o555)
    done = machine.start()
    machine.repo.chmod(0o755)
    assert done.returncode == 6
    assert "cannot be written to" in done.stderr


@pytest.mark.parametrize("script", ["start.sh", ".ci/run"])
def test_scripts_are_sound_and_executable(script):
    assert os.access(REPO / script, os.X_OK)
    subprocess.run(["bash", "-n", REPO / script], check=True)


def test_env_example_changes_nothing_as_it_is_and_is_right_when_filled_in():
    text = (REPO / ".env.example").read_text()
    assert dotenv_values(stream=StringIO(text)) == {}
    filled = dotenv_values(stream=StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.M)))
    assert not config.load(filled).demo
    documented = {*config.BUCKETS, *config.CELLAR, "STYLE_MODE", "STYLE_SIZE", "VGG_WEIGHTS"}
    assert documented | {"DEVICE", "OUTPUT_FORMAT", "OUTPUT_QUALITY"} <= set(filled)
