"""start.sh, with Pythons and an uv that pretend: nothing is downloaded, no TensorFlow is needed."""

import os
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # Each test makes an environment.


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
    assert machine.start("web").stdout.startswith("ran -m styletransfer.cli.web in")
    assert machine.start(RUN_MODE="web").stdout.startswith("ran -m styletransfer.cli.web in")
    assert "no mode 'wbe'" in machine.start(RUN_MODE="wbe").stderr
    machine.start("setup", "--dev")
    assert machine.done() == []
    cluster = machine.start("cluster", "--keep")
    assert cluster.stdout.startswith("ran -m styletransfer --keep --cluster in")
    assert "requirements-cluster.lock" in machine.done()[0]
    machine.start(CLUSTER="auto")
    machine.start("setup", "--cluster")
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
