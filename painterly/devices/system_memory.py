"""Memory that this process may take: the machine's free memory, within the limits of cgroups
(containers, systemd's MemoryMax) and of `ulimit`. Does not load TensorFlow."""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path("/")
LIMIT_SHARE = 0.93  # usable share of MEMORY_LIMIT: estimates are off by up to the rest


class _Files(NamedTuple):
    """A version of cgroups as every system mounts it.

    Attributes:
        mount_point: The folder of the outermost cgroup that is seen here.
        limits, use: Files of a cgroup.
        cache: The entry of its memory.stat for page cache that the kernel drops if memory runs
            short.
    """

    mount_point: str
    limits: tuple[str, ...]
    use: str
    cache: str


_V1 = _Files(
    "sys/fs/cgroup/memory",
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
)
_V2 = _Files("sys/fs/cgroup", ("memory.max", "memory.high"), "memory.current", "inactive_file")


def free_memory() -> int:
    """Return the bytes that this process may take in addition to its own."""
    # glibc keeps freed memory. Other C libraries have no malloc_trim, and need none.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    limits = [psutil.virtual_memory().available, *cgroup_memory(), *_ulimit_memory()]
    return max(0, min(limits))


def resident_memory() -> int:
    """Return the bytes of this process that are in memory."""
    return int(psutil.Process().memory_info().rss)


def cgroup_memory(root: Path = ROOT) -> list[int]:
    """Return the bytes that are left in each cgroup of this process with a limit, its own first.

    Page cache that can be dropped is free. A limit that cannot be read is ignored. `root` is the
    root of the file system with /proc and /sys.
    """
    left = []
    for folder, files in _cgroups(root):
        limits = [limit for name in files.limits if (limit := _number(folder / name)) is not None]
        use = _number(folder / files.use)
        if limits and use is not None:
            left.append(min(limits) - max(0, use - _statistic(folder, files.cache)))
    return left


def _cgroups(root: Path) -> Iterator[tuple[Path, _Files]]:
    """Yield the folders of this process's memory cgroups, each followed by the ones around it."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        files = _V1 if controllers else _V2
        top, names = root / files.mount_point, path.strip("/").split("/")
        # In a container without a cgroup namespace, the path is the host's, and the last part of
        # it, or nothing of it, is seen here.
        inside = (top.joinpath(*names[first:]) for first in range(len(names)))
        folder = next((each for each in inside if ".." not in names and each.is_dir()), top)
        while folder != top:
            yield folder, files
            folder = folder.parent
        yield top, files


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
    """Return an entry of a cgroup's memory.stat, or 0."""
    for line in _lines(folder / "memory.stat"):
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return 0


def _number(file: Path) -> int | None:
    """Return the number in a file, or None for `max` or if there is none."""
    text = "".join(_lines(file)[:1]).strip()
    return int(text) if text.isdecimal() else None


def _lines(file: Path) -> list[str]:
    """Return a file's lines, or none if it cannot be read: kernels have different files."""
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
