"""The trial of GPUs: real processes that succeed, abort, fail or hang."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from painterly.devices import choose, nvidia, try_gpu
from painterly.devices.trials import Trial
from painterly.painters.loading import load_devices

# GPU 0 aborts its process as cards of compute capability 12 do, and GPU 2 fails as others there.
DIFFERENT = r"""
import os, sys
for number in [int(each) for each in sys.argv[1:]] or range(4):
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


def test_gpus_that_work_are_tried_in_one_process():
    with started_processes() as commands:
        trial = Trial([sys.executable, "-c", "import sys; sys.exit(len(sys.argv) - 1)"])
        trial.begin()
        assert trial.flaws(8) == {} == trial.flaws(8)
    assert len(commands) == 1


def test_a_gpu_that_aborts_or_fails_the_trial_is_named_and_the_others_count():
    trial = Trial([sys.executable, "-c", DIFFERENT])
    trial.begin()
    flaws = trial.flaws(4)
    assert flaws == {
        0: "is ended there by SIGABRT: LLVM ERROR: ptx87 is required for target sm_120",
        2: "fails there: an elementwise product failed: CUDA_ERROR_INVALID_HANDLE",
    }
    with started_processes() as commands:
        assert trial.flaws(4) == flaws
    assert not commands, "the answers stay"


def test_a_trial_that_hangs_is_ended_and_the_gpu_that_hangs_it_is_named():
    before = {*psutil.Process().children()}  # Some of these may end.
    code = "import sys, time; time.sleep(600 if sys.argv[1:] != ['1'] else 0)"
    trial = Trial([sys.executable, "-c", code], timeout_s=4)
    assert trial.flaws(2) == {0: "does not answer there within 4 s"}
    assert {*psutil.Process().children()} <= before


def test_a_trial_of_gpus_that_tensorflow_does_not_list_is_ended():
    before = {*psutil.Process().children()}  # Some of these may end.
    trial = Trial([sys.executable, "-c", "import time; time.sleep(600)"])
    trial.begin()
    assert trial.flaws(0) == {} and {*psutil.Process().children()} <= before


@pytest.mark.thorough
@pytest.mark.skipif(nvidia.visible_gpus() > 0, reason="this machine has a GPU")
def test_the_trial_of_gpus_that_tensorflow_lacks_fails():
    assert Trial(timeout_s=240).flaws(1) == {0: "fails there: it lists no GPU"}


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
        Trial([sys.executable, "-c", "pass", "try_gpu"]).flaws(1)
    assert [each for each in commands if "try_gpu" in each]
