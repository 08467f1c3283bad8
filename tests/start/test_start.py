"""start.sh, with Pythons and an uv that pretend: nothing is downloaded, no TensorFlow is needed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.environment import explanation

pytestmark = pytest.mark.slow  # Each test makes an environment.

REPO = Path(__file__).parents[2]
FAKE = REPO / "tests/support/fake_python.py"
TOOLS = ["bash", "cat", "dirname", "env", "readlink", "sh"]
# The interpreter itself, whose start a virtual environment's would lengthen.
REAL = Path(sys.executable).resolve()


class Machine:
    """A checkout, and a machine on which there is nothing but what a test puts there."""

    def __init__(self, folder: Path):
        self.bin, self.devices, self.home = folder / "bin", folder / "dev", folder / "home"
        self.repo, self.log = folder / "a check out", folder / "log"
        for each in (self.bin, self.devices, self.home, self.repo):
            each.mkdir()
        self.log.touch()
        shutil.copy(REPO / "start.sh", self.repo)
        shutil.copytree(REPO / "tools", self.repo / "tools")
        (self.repo / "pyproject.toml").touch()
        for kind, name in (("", "paints"), ("-dev", "tests"), ("-gpu", "computes")):
            (self.repo / f"requirements{kind}.txt").write_text(f"# Why.\n{name}[s]>=1.2,<2 # So\n")
            (self.repo / f"requirements{kind}.lock").write_text(f"{name}==1.5 --hash=sha256:0\n")
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "NVIDIA_DEVICES": str(self.devices),
            "FAKE_LOG": str(self.log),
        }

    def has(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str, kind: str, *packages: str) -> Path:
        """A Python; `packages` are as "paints-1.5" or, for a module of no package, "paints"."""
        path = self.has(name, f'#!/bin/sh\nexec "{REAL}" -I -S "{FAKE}" "$0" "$@"\n')
        Path(f"{path}.kind").write_text(kind)
        for each in packages:
            name, _, version = each.partition("-")
            info = Path(f"{path}.packages") / (f"{each}.dist-info" if version else name)
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
            (info / "__init__.py").touch()
        return path

    def popen(self, *args: str, script: Path | None = None, **environment: str):
        return subprocess.Popen(
            [script or self.repo / "start.sh", *args],
            env=self.environment | environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *args: str, script: Path | None = None, **environment: str):
        process = self.popen(*args, script=script, **environment)
        out, err = process.communicate(timeout=30)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def done(self) -> list[str]:
        """What was made and installed since the last call."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines

    @property
    def venv_python(self) -> Path:
        return self.repo / ".venv/bin/python"


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def until(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"did not happen; it said: {process.communicate()}")
        time.sleep(0.02)


NEW = ["made", "installed requirements.lock", "installed"]  # The last is the project itself.


def test_first_start_installs_and_second_does_not(machine):
    machine.python("python3", "3.12")
    first = machine.start()
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"ran -m styletransfer in {machine.repo}\nnoise 2 1\n"
    assert ".venv" in first.stderr
    assert machine.done() == NEW
    second = machine.start("--dry-run", "two words")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("ran -m styletransfer --dry-run two words in ")
    assert machine.done() == []


def test_changed_requirements_are_installed(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    machine.done()
    (machine.repo / "requirements.lock").write_text("paints==1.6 --hash=sha256:1\n")
    assert machine.start("setup").returncode == 0
    assert machine.done() == NEW[1:]
    machine.start("setup")
    assert machine.done() == []


def test_a_moved_checkout_is_installed_again(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    machine.repo = machine.repo.rename(machine.home / "elsewhere")
    machine.done()
    assert machine.start("setup").stdout == f"{machine.venv_python}\n"
    assert machine.done() == NEW[1:]


@pytest.mark.parametrize("package", ["paints-1.2", "paints"])
def test_a_python_that_has_the_requirements_is_used(machine, package):
    python = machine.python("python3", "3.13", package)
    done = machine.start("setup")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{python}\n", "")
    assert not (machine.repo / ".venv").exists()


def test_an_own_environment_on_request(machine):
    machine.python("python3", "3.13", "paints-1.5")
    assert machine.start("setup", ALWAYS_VENV="1").stdout == f"{machine.venv_python}\n"


def test_the_active_environment_comes_first(machine):
    machine.python("python3", "3.13", "paints-1.5")
    active = machine.python("../active/bin/python", "3.11", "paints-1.5").resolve()
    done = machine.start("setup", VIRTUAL_ENV=str(active.parents[1]))
    assert done.stdout == f"{active}\n", done.stderr


@pytest.mark.parametrize("package", ["paints-1.1.9", "paints-2.0", "draws-1.5"])
def test_other_versions_and_packages_are_not_enough(machine, package):
    machine.python("python3", "3.11", package)
    assert machine.start("setup").stdout == f"{machine.venv_python}\n"


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_refuses_other_pythons(machine, version):
    machine.python("python3", version, "paints-1.5")
    done = machine.start()
    assert done.returncode == 2
    assert f"Python {version}" in done.stderr
    for way in ("uv/install.sh", "brew install", "apt install python3", "CC_PYTHON_VERSION"):
        assert way in done.stderr
    assert not (machine.repo / ".venv").exists()


def test_without_any_python(machine):
    assert machine.start().returncode == 2


def test_finds_the_python_in_range(machine):
    machine.python("python3", "3.14")
    machine.python("python3.11", "3.11")
    machine.has("python3.13", "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127")
    assert machine.start("setup").stdout == f"{machine.venv_python}\n"
    assert Path(f"{machine.venv_python}.kind").read_text() == "3.11"


@pytest.mark.parametrize("place", ["uv", "../home/.local/bin/uv"])
def test_uv_brings_a_python(machine, place):
    machine.python("python3", "3.10")
    machine.python(place, "0.9")
    done = machine.start("setup")
    assert (done.returncode, done.stdout) == (0, f"{machine.venv_python}\n"), done.stderr
    assert machine.done() == ["brought a Python", *NEW]


def test_made_by_uv_which_is_gone(machine):
    machine.python("python3", "3.12")
    machine.python("uv", "0.9")
    machine.start("setup")
    (machine.bin / "uv").unlink()
    machine.done()
    assert machine.start("test").returncode == 0
    assert machine.done()[0] == "made"


def test_debian_without_ensurepip(machine):
    machine.python("python3", "3.11 no-ensurepip")
    done = machine.start()
    assert done.returncode == 6
    assert "sudo apt install python3-venv" in done.stderr
    machine.python("python3", "3.11")  # Done as it said.
    assert machine.start().returncode == 0


def test_another_python_that_has_ensurepip(machine):
    machine.python("python3.13", "3.13 no-ensurepip")
    machine.python("python3.12", "3.12")
    assert machine.start("setup").returncode == 0


def test_failed_installation_is_explained_and_repaired(machine):
    machine.python("python3", "3.12")
    done = machine.start(FAKE_FAILURE="OSError: [Errno 28] No space left on device")
    assert done.returncode == 6
    assert "Errno 28" in done.stderr
    assert "2.5 GB" in done.stderr
    assert machine.start().returncode == 0


@pytest.mark.parametrize(
    ("failure", "explained"),
    [
        ("cause: failed to write: Disk quota exceeded (os error 122)", "disk is full"),
        ("Temporary failure in name resolution", "a network"),
        ("error sending request for url (https://pypi.org/simple/numpy/)", "HTTPS_PROXY"),
        ("ERROR: No matching distribution found for tensorflow", "no TensorFlow for this machine"),
        ("SSLError(CERTIFICATE_VERIFY_FAILED)", "PIP_CERT"),
        ("something else", "could not be made"),
    ],
)
def test_causes_that_a_user_can_mend(failure, explained):
    assert explained in explanation(f"Collecting numpy\n{failure}\n")


def test_a_failure_leaves_a_working_environment_alone(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    assert machine.start("test", FAKE_FAILURE="Connection refused").returncode == 6
    machine.done()
    assert machine.start().returncode == 0
    assert machine.done() == []


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("how", "installer"),
    [(signal.SIGTERM, "pip"), (signal.SIGTERM, "uv"), (signal.SIGINT, "pip")],
)
def test_interrupted_installation_is_made_again(machine, how, installer):
    machine.python("python3", "3.12")
    if installer == "uv":
        machine.python("uv", "0.9")
    slow = machine.home / "slow"
    process = machine.popen("setup", FAKE_SLOW=str(slow))
    until(slow.exists, process)
    process.send_signal(how)
    process.communicate(timeout=10)
    assert process.returncode == 128 + how
    with pytest.raises(ProcessLookupError):  # Its installer is gone.
        os.kill(int(slow.read_text()), 0)
    machine.done()
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert machine.done() == NEW


def test_after_sigkill_it_is_made_again_once_the_installer_has_ended(machine):
    machine.python("python3", "3.12")
    slow = machine.home / "slow"
    first = machine.popen("setup", FAKE_SLOW=str(slow))
    until(slow.exists, first)
    first.kill()
    first.wait()
    second = machine.popen("setup")
    assert "waiting" in second.stderr.readline()
    os.kill(int(slow.read_text()), signal.SIGKILL)
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (0, f"{machine.venv_python}\n"), err


def test_two_at_once(machine):
    machine.python("python3", "3.12")
    slow = machine.home / "slow"
    first = machine.popen("setup", FAKE_SLOW=str(slow))
    until(slow.exists, first)
    second = machine.popen("setup")
    assert "waiting" in second.stderr.readline()
    assert machine.done() == ["made"]  # The first's alone.
    first.terminate()
    first.communicate(timeout=10)
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (0, f"{machine.venv_python}\n"), err


def test_many_at_once(machine):
    machine.python("python3", "3.12")
    processes = [machine.popen("setup") for _ in range(4)]
    for each in processes:
        out, err = each.communicate(timeout=30)
        assert (each.returncode, out) == (0, f"{machine.venv_python}\n"), err
    assert machine.done() == NEW


def test_somebody_elses_venv_gets_what_it_lacks(machine):
    machine.python("python3", "3.12")
    machine.python(f"{machine.repo}/.venv/bin/python", "3.12")
    own = machine.repo / ".venv/mine"
    own.touch()
    assert machine.start("setup").returncode == 0
    assert machine.done() == NEW[1:]
    assert own.exists()


def test_somebody_elses_venv_out_of_range_is_not_removed(machine):
    machine.python("python3", "3.12")
    machine.python(f"{machine.repo}/.venv/bin/python", "3.14")
    done = machine.start("setup")
    assert done.returncode == 2
    assert str(machine.repo / ".venv") in done.stderr
    assert machine.venv_python.exists()


def test_venv_whose_python_is_gone_is_made_again(machine):
    machine.python("python3", "3.12")
    machine.start("setup")
    machine.venv_python.unlink()
    machine.done()
    assert machine.start("setup").returncode == 0
    assert machine.done() == NEW


@pytest.mark.parametrize("device", ["nvidiactl", "nvidia0", "nvidia-smi"])
def test_gpu_brings_cuda(machine, device):
    machine.python("python3", "3.12", "paints-1.5")  # Which could not use the GPU.
    if device == "nvidia-smi":
        machine.has(device, "#!/bin/sh\nexit 0\n")
    else:
        (machine.devices / device).touch()
    done = machine.start("setup")
    assert done.returncode == 0, done.stderr
    assert "CUDA" in done.stderr
    assert "requirements-gpu.lock" in machine.done()[1]
    machine.start("setup")
    machine.start("setup", DEVICE="cpu")
    assert machine.done() == []


def test_gpu_with_its_libraries_goes_straight_to_work(machine):
    python = machine.python("python3", "3.12", "paints-1.5", "nvidia", "nvidia/cudnn")
    (machine.devices / "nvidia0").touch()
    assert machine.start("setup").stdout == f"{python}\n"


def test_gpu_that_comes_later_and_one_that_is_not_wanted(machine):
    machine.python("python3", "3.12")
    machine.has("nvidia-smi", "#!/bin/sh\nexit 9\n")  # The driver's tools, without a driver.
    machine.start("setup")
    assert "gpu" not in machine.done()[1]
    (machine.devices / "nvidia0").touch()
    machine.start("setup", DEVICE="cpu")
    assert machine.done() == []
    machine.start("setup")
    assert "requirements-gpu.lock" in machine.done()[0]


def test_modes(machine):
    machine.python("python3", "3.12")
    weights = machine.start("weights", "--all")
    assert weights.stdout.startswith("ran -m styletransfer.vgg.download --all in")
    machine.done()
    tests = machine.start("test", "-k", "two words", FAKE_EXIT="5")
    assert tests.returncode == 5
    assert tests.stdout.startswith("ran -m pytest ")
    assert " -k two words in" in tests.stdout
    assert "requirements-dev.lock" in machine.done()[0]
    assert " -m not slow -x in" in machine.start("test", "--quick", "-x").stdout
    machine.start()
    machine.start("setup", "--dev")
    assert machine.done() == []


def test_tests_need_more_than_the_platform_has(machine):
    python = machine.python("python3", "3.13", "paints-1.5", "tests-1.5")
    assert machine.start("setup", "--dev").stdout == f"{machine.venv_python}\n"
    shutil.rmtree(machine.repo / ".venv")
    (Path(f"{python}.packages") / "styletransfer").mkdir()  # The project, installed.
    assert machine.start("setup", "--dev").stdout == f"{python}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_needs_no_python(machine, flag):
    done = machine.start(flag)
    assert done.returncode == 0
    assert "./start.sh test" in done.stdout


@pytest.mark.parametrize("words", [["tset"], ["setup", "--dve"]])
def test_a_mistyped_mode_installs_nothing(machine, words):
    machine.python("python3", "3.12")
    done = machine.start(*words)
    assert done.returncode == 2
    assert words[-1] in done.stderr
    assert machine.done() == []


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_code_and_own_values_pass_through(machine, code):
    machine.python("python3", "3.13", "paints-1.5")
    done = machine.start(FAKE_EXIT=str(code), TF_CPP_MIN_LOG_LEVEL="0", PYTHONUNBUFFERED="x")
    assert done.returncode == code
    assert done.stdout.endswith("noise 0 x\n")


def test_sigterm_reaches_the_program(machine):
    machine.python("python3", "3.13", "paints-1.5")
    process = machine.popen(FAKE_WORK="1")
    while process.stdout.readline() not in ("at work\n", ""):
        pass
    process.terminate()
    assert process.communicate(timeout=10)[0] == "saved\n"
    assert process.returncode == 143


def test_through_links(machine, tmp_path):
    machine.python("python3", "3.13", "paints-1.5")
    inner, outer = machine.repo / "by name", tmp_path / "outer"
    inner.symlink_to("start.sh")
    outer.symlink_to(inner)
    for environment in ({}, {"CDPATH": str(tmp_path)}):
        done = machine.start(script=outer, **environment)
        assert done.stdout.startswith(f"ran -m styletransfer in {machine.repo}\n"), done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; start as another user")
def test_read_only_checkout(machine):
    machine.python("python3", "3.12")
    machine.repo.chmod(0o555)
    done = machine.start()
    machine.repo.chmod(0o755)
    assert done.returncode == 6
    assert str(machine.repo) in done.stderr
