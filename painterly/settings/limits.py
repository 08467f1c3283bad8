"""Limits that a process puts on itself before it reads a stranger's file: the system ends it, or
refuses memory, whatever a library does. Windows has none."""

import contextlib
from pathlib import Path

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]


def limit_time(seconds: int) -> None:
    """Limit processor time beyond what was used so far, and leave no core dump."""
    if resource is None:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _set(resource.RLIMIT_CPU, int(used) + seconds)
    _set(resource.RLIMIT_CORE, 0)


def limit_memory(most: int | None) -> None:
    """Limit memory to `most` bytes beyond what is used, or lift the limit.

    Memory is what is allocated, touched or not; address space would count files and libraries, too.
    """
    if resource is None:
        return
    if most is None:
        _set(resource.RLIMIT_DATA, resource.RLIM_INFINITY)
        return
    with contextlib.suppress(OSError):  # Linux alone limits what is allocated.
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _set(resource.RLIMIT_DATA, pages * resource.getpagesize() + most)


def _set(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = hard if most == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError):  # Some systems refuse limits.
        resource.setrlimit(which, (most, hard))
