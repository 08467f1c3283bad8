"""The processor: the cores that this process may use, and what they can do. Without TensorFlow."""

import math
import os
import platform
from functools import cache
from pathlib import Path

from painterly.devices.cgroups import ROOT, cgroups, lines, number
from painterly.errors import DeviceError
from painterly.words.wording import plural

NO_AVX = (
    "this processor has no AVX, which TensorFlow needs; --preset instant (PRESET=instant) paints "
    "without"
)
FORKED = (
    "this process was forked from one that had loaded TensorFlow, which does not work in such a "
    'fork; start it by multiprocessing.get_context("spawn"), or paint by preset="instant", which '
    "needs no TensorFlow"
)
# The variables of the BLAS libraries that NumPy may be built with, and of TensorFlow's operations.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


@cache
def cores(root: Path = ROOT) -> int:
    """Return the number of cores that this process may use at a time, at least 1: within its
    affinity and the quotas of its cgroups. `root` is as for `cgroups`."""
    return max(1, min(_schedulable(), *(math.ceil(each) for each in _quotas(root)), 2**20))


def limit_threads() -> None:
    """Let NumPy and TensorFlow start one thread a core, if a quota allows fewer cores than they
    see. Has an effect before they are loaded, unless the variables are set."""
    if cores() < _schedulable():
        for variable in THREADS:
            os.environ.setdefault(variable, str(cores()))


def cpu_description() -> str:
    """Return the CPU as the log and the records name it."""
    return f"the CPU, {plural(cores(), 'core')}"


def check_tensorflow() -> None:
    """Raise DeviceError if TensorFlow would end this process by an illegal instruction, or would
    wait for threads that stayed in the process from which this one was forked."""
    if not has_avx():
        raise DeviceError(NO_AVX)
    if _tensorflows_process() != os.getpid():
        raise DeviceError(FORKED)


@cache
def _tensorflows_process() -> int:
    """Return the id of the process that made the first call: in a fork, its parent's."""
    return os.getpid()


@cache
def has_avx(root: Path = ROOT) -> bool:
    """Return whether the processor has AVX, with which TensorFlow is built for x86."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    flags = next((each for each in lines(root / "proc/cpuinfo") if each.startswith("flags")), "avx")
    # An emulated processor is known to NumPy alone.
    seen = getattr(_multiarray_umath, "__cpu_features__", {})
    return "avx" in flags.split() and bool(seen.get("AVX", True))


def _schedulable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> list[float]:
    found = []
    for folder, version in cgroups("cpu", root):
        if version == 1:
            parts = [number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        else:
            words = "".join(lines(folder / "cpu.max")[:1]).split()
            parts = [int(each) if each.isdecimal() else None for each in words]
        match parts:
            case [int(quota), int(period)] if quota and period:
                found.append(quota / period)
    return found
