"""Installations that fail, are interrupted or meet, and environments that were there before."""

import os
import signal

import pytest
from support.start_machine import NEW, until

from tools.environment import explanation

pytestmark = pytest.mark.slow  # Each test makes an environment.


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
