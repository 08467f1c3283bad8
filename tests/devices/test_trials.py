"""Trials of GPUs: real processes that succeed, abort, fail or hang."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from support.polling import until

from painterly.bench.loading import load_devices
from painterly.devices import choose, nvidia, try_gpu
from painterly.devices.trials import Trials

# A trial of GPU 0 aborts as on a card of compute capability 12, and GPU 2 fails as others there.
DIFFERENT = r"""
import os, sys
number = int(sys.argv[1])
if number == 0:
    os.write(2, b"LLVM ERROR: ptx87 is required for target sm_120\n#0 0x7f in a stack\n")
    os.abort()
if number == 2:
    print("an elementwise product failed: CUDA_ERROR_INVALID_HANDLE")
    sys.exit("TensorFlow's log")
"""


@contextmanager
def started_processes() -> Iterator[list[str]]:
    """Collect the command lines of all processes that the block starts."""
    commands: list[str] = []
    active = True

    def hook(event, arguments):
        if active and event == "subprocess.Popen":
            commands.append(" ".join(map(str, arguments[1])))

    sys.addaudithook(hook)  # No function removes it.
    yield commands
    active = False


def test_a_trial_that_aborts_or_fails_says_why_and_the_others_count():
    trials = Trials([sys.executable, "-c", DIFFERENT])
    trials.begin(2)
    flaws = trials.flaws(4)
    assert flaws == {
        0: "is ended there by SIGABRT: LLVM ERROR: ptx87 is required for target sm_120",
        2: "fails there: an elementwise product failed: CUDA_ERROR_INVALID_HANDLE",
    }
    assert trials.flaws(4) == flaws  # The answers stay.


def test_a_trial_that_hangs_is_ended_and_the_next_one_counts():
    before = psutil.Process().children()
    code = "import sys, time; time.sleep(600 if sys.argv[1] == '0' else 0)"
    trials = Trials([sys.executable, "-c", code], timeout_s=0.5)
    trials.begin(2)
    _, second = (each for each in psutil.Process().children() if each not in before)
    until(lambda: second.status() == psutil.STATUS_ZOMBIE)
    assert trials.flaws(2) == {0: "does not answer there within 0.5 s"}
    assert psutil.Process().children() == before


def test_a_trial_of_a_gpu_that_tensorflow_does_not_list_is_ended():
    before = psutil.Process().children()
    trials = Trials([sys.executable, "-c", "import time; time.sleep(600)"])
    trials.begin(1)
    assert trials.flaws(0) == {} and psutil.Process().children() == before


@pytest.mark.thorough
def test_the_trial_of_a_gpu_that_tensorflow_lacks_fails():
    assert Trials(timeout_s=240).flaws(1) == {0: "fails there: it lists no GPU 0"}


def test_all_operations_of_a_trial_run_on_the_device_and_nowhere_else():
    soft = choose.tf.config.get_soft_device_placement()
    assert try_gpu.flaw_of("CPU:0") is None
    flaw = try_gpu.flaw_of("GPU:7")
    assert flaw.startswith("a convolution failed: ") and "\n" not in flaw
    assert choose.tf.config.get_soft_device_placement() == soft


@pytest.mark.skipif(nvidia.visible_gpus() > 0, reason="this machine has a GPU")
def test_a_start_without_a_gpu_tries_none():
    with started_processes() as commands:
        assert load_devices("auto").result().first.name == "CPU:0"
    assert not [each for each in commands if "try_gpu" in each]
    with started_processes() as commands:  # Such a process would be seen.
        Trials([sys.executable, "-c", "pass", "try_gpu"]).flaws(1)
    assert [each for each in commands if "try_gpu" in each]
