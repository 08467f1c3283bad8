"""The cgroups of this process: limits that containers and systemd set."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")


class Cgroup(NamedTuple):
    """A cgroup: the folder with its files, and the version of cgroups that they are of."""

    folder: Path
    version: int


def cgroups(controller: str, root: Path = ROOT) -> Iterator[Cgroup]:
    """Yield this process's cgroups of a controller: from the innermost one to the root.

    Args:
        controller: `memory` or `cpu`.
        root: The root of the file system with /proc and /sys.
    """
    for line in lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top, names = root / "sys/fs/cgroup", path.strip("/").split("/")
        if controllers:
            mounted = (top / each for each in (controller, controllers))
            top = next((each for each in mounted if each.is_dir()), top / controller)
        # In a container without a cgroup namespace, the path is the host's, and the last part of
        # it, or nothing of it, is seen here.
        inside = (top.joinpath(*names[first:]) for first in range(len(names)))
        folder = next((each for each in inside if ".." not in names and each.is_dir()), top)
        while folder != top:
            yield Cgroup(folder, 1 if controllers else 2)
            folder = folder.parent
        yield Cgroup(top, 1 if controllers else 2)


def number(file: Path) -> int | None:
    """Return the number in a file, or None for `max` or if there is none."""
    text = "".join(lines(file)[:1]).strip()
    return int(text) if text.isdecimal() else None


def lines(file: Path) -> list[str]:
    """Return a file's lines, or none if it cannot be read: kernels have different files."""
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
