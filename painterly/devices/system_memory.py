"""Memory that this process may take: the machine's free memory, within the limits of cgroups
(containers, systemd's MemoryMax) and of `ulimit`. Does not load TensorFlow."""

import contextlib
import ctypes
from pathlib import Path
from typing import NamedTuple

import psutil

from painterly.devices.cgroups import ROOT, cgroups, lines, number

MUCH = 1 / 4  # of the free memory: a process that has as much gives back what it has freed
LIMIT_SHARE = 0.93  # usable share of MEMORY_LIMIT: estimates are off by up to the rest


class _Files(NamedTuple):
    """The names of a version of cgroups.

    Attributes:
        limits, use: Files of a cgroup.
        cache: The entry of its memory.stat for page cache that the kernel drops if memory runs
            short.
    """

    limits: tuple[str, ...]
    use: str
    cache: str


_FILES = {
    1: _Files(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    2: _Files(("memory.max", "memory.high"), "memory.current", "inactive_file"),
}


def free_memory() -> int:
    """Return the bytes that this process may still take."""
    # glibc keeps freed memory. Other C libraries have no malloc_trim, and need none.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    return _free()


def least_free_memory(limit: int | None) -> int:
    """Return `free_memory`, or nearly as much if there is plenty: memory that is given back, and
    taken again, costs a small picture a tenth of its time.

    Args:
        limit: Bytes for the whole process (MEMORY_LIMIT), if there is such a limit. The result may
            exceed what that leaves.
    """
    free, resident = _free(), resident_memory()
    left = free if limit is None else min(free, limit - resident)
    return free if resident < MUCH * left else free_memory()


def _free() -> int:
    limits = [psutil.virtual_memory().available, *cgroup_memory(), *_ulimit_memory()]
    return max(0, min(limits))


def resident_memory() -> int:
    """Return the bytes of this process that are in memory."""
    return int(psutil.Process().memory_info().rss)


def cgroup_memory(root: Path = ROOT) -> list[int]:
    """Return the bytes left in each cgroup around this process with a limit, innermost first.

    Page cache that can be dropped is free. A limit that cannot be read is ignored. `root` is the
    root of the file system with /proc and /sys.
    """
    left = []
    for folder, version in cgroups("memory", root):
        files = _FILES[version]
        limits = [limit for name in files.limits if (limit := number(folder / name)) is not None]
        use = number(folder / files.use)
        if limits and use is not None:
            left.append(min(limits) - max(0, use - _statistic(folder, files.cache)))
    return left


def _ulimit_memory() -> list[int]:
    """Return the bytes that are left of `ulimit -v` and `ulimit -d`. Windows has neither."""
    try:
        import resource
    except ModuleNotFoundError:
        return []
    process = psutil.Process().memory_info()
    used = {resource.RLIMIT_AS: process.vms, resource.RLIMIT_DATA: getattr(process, "data", 0)}
    limits = {which: resource.getrlimit(which)[0] for which in used}
    return [
        limit - used[which] for which, limit in limits.items() if limit != resource.RLIM_INFINITY
    ]


def _statistic(folder: Path, name: str) -> int:
    for line in lines(folder / "memory.stat"):
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return 0
