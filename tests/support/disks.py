"""A disk that goes in the middle, and comes back."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")  # another file system than that of temporary files, on Linux
_DETACH = 2  # umount(8) calls it lazy


class MountedDisk:
    """A file system in memory, mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self.path, self._libc = folder, ctypes.CDLL(None, use_errno=True)
        folder.mkdir()
        self.come_back()

    def come_back(self) -> None:
        """Mount it, empty."""
        if self._libc.mount(b"none", os.fsencode(self.path), b"tmpfs", 0, None):
            pytest.skip(f"only root may mount a disk: {os.strerror(ctypes.get_errno())}")

    def go(self) -> None:
        """Unmount it. The mount point stays."""
        assert not self._libc.umount2(os.fsencode(self.path), _DETACH)

    def remove(self) -> None:
        self._libc.umount2(os.fsencode(self.path), _DETACH)


class LinkedDisk:
    """A link to a folder on another file system, which needs no root."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not _MEMORY.is_dir() or _MEMORY.stat().st_dev == path.parent.stat().st_dev:
            pytest.skip(f"{_MEMORY} is not another disk than {path.parent}")
        self._there = Path(tempfile.mkdtemp(dir=_MEMORY))
        path.symlink_to(self._there)

    def come_back(self) -> None:
        """Link to it again, emptied."""
        shutil.rmtree(self.path)
        shutil.rmtree(self._there)
        self._there.mkdir()
        self.path.symlink_to(self._there)

    def go(self) -> None:
        """Put an empty folder in its place."""
        self.path.unlink()
        self.path.mkdir()

    def remove(self) -> None:
        shutil.rmtree(self._there)


@pytest.fixture(params=[MountedDisk, LinkedDisk], ids=["mounted", "linked"])
def disk(request, tmp_path) -> Iterator[MountedDisk | LinkedDisk]:
    """A disk that has only what a test writes to it."""
    disk = request.param(tmp_path / "disk")
    yield disk
    disk.remove()


def below(path: Path) -> list[str]:
    """The names of all files and folders in a folder."""
    return sorted(each.name for each in path.rglob("*"))
