"""Which Python start.sh uses, and what it installs into .venv."""

from pathlib import Path

import pytest
from support.start_machine import NEW

pytestmark = pytest.mark.slow  # Each test makes an environment.


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
