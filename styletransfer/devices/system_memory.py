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


class _Names(NamedTuple):
    """The names in a version of cgroups: files of limits and of use, and the entry of memory.stat
    for page cache that the kernel drops when memory runs short."""

    limits: tuple[str, ...]
    use: str
    cache: str


_V1 = _Names(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Names(("memory.max", "memory.high"), "memory.current", "inactive_file")


def free_memory() -> int:
    """Return the bytes that this process may take in addition to its own."""
    # glibc keeps freed memory. Other C libraries have no malloc_trim, and need none.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    found = [psutil.virtual_memory().available, *cgroup_memory(), *_ulimit_memory()]
    return max(0, min(found))


def resident_memory() -> int:
    """Return the bytes of this process that are in memory."""
    return int(psutil.Process().memory_info().rss)


def cgroup_memory(root: Path = ROOT) -> list[int]:
    """Return the bytes that are left in each cgroup of this process with a limit, its own first.

    Page cache that can be dropped is free. A limit that cannot be read is ignored. `root` is the
    root of the file system with /proc and /sys.
    """
    found = []
    for folder, names in _cgroups(root):
        limits = [limit for name in names.limits if (limit := _number(folder / name)) is not None]
        use = _number(folder / names.use)
        if limits and use is not None:
            found.append(min(limits) - max(0, use - _statistic(folder, names.cache)))
    return found


def _cgroups(root: Path) -> Iterator[tuple[Path, _Names]]:
    """Yield the folders of this process's memory cgroups, each followed by the ones around it."""
    for mount_point, mount_root, names in _mounts(root):
        own = _own_cgroup(root, names)
        if own is None:
            continue
        # In a container without a cgroup namespace, the path in /proc is the host's, and a part of
        # it, or nothing of it, is mounted.
        inside = own.removeprefix(mount_root.rstrip("/")).strip("/")
        top = root / mount_point.lstrip("/")
        folder = top / inside
        if not folder.is_relative_to(top) or ".." in folder.parts or not folder.is_dir():
            folder = top
        while True:
            yield folder, names
            if folder == top:
                break
            folder = folder.parent


def _mounts(root: Path) -> list[tuple[str, str, _Names]]:
    """Return the mount points of cgroups with memory, and the top cgroup of each."""
    found = []
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, (kind, *options) = before.split(), after.split() or [""]
        if len(fields) < 5:
            continue
        if kind == "cgroup2":
            found.append((fields[4], fields[3], _V2))
        elif kind == "cgroup" and options and "memory" in options[-1].split(","):
            found.append((fields[4], fields[3], _V1))
    return found


def _own_cgroup(root: Path, names: _Names) -> str | None:
    """Return the path of this process's cgroup in the hierarchy."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers == "" if names is _V2 else "memory" in controllers.split(","):
            return path
    return None


def _ulimit_memory() -> list[int]:
    """Return the bytes that are left of `ulimit -v` and `ulimit -d`."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has neither.
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
