"""The program's own files beside a user's: none stays but hidden ones, on Windows as well."""

import ctypes
import errno
import os
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from painterly.storage import files
from painterly.storage.files import LOCK_FILE, locked
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import LIST, announce


def test_a_lock_leaves_no_file(tmp_path):
    folder = tmp_path / "photos"
    with locked(folder):
        assert (folder / LOCK_FILE).exists()
    assert not [*folder.iterdir()]
    announce(folder / "beach.png", b"painted")
    assert [each.name for each in folder.iterdir()] == [LIST]


def test_one_alone_has_the_lock_though_those_before_delete_its_file_and_folder(tmp_path):
    folder, inside, most, total = tmp_path / "photos", [], [], []

    def work():
        for _ in range(100):
            with locked(folder):
                inside.append(1)
                most.append(len(inside))
                total.append(1)
                inside.pop()
            with suppress(OSError):  # Another has the lock.
                folder.rmdir()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(most) == {1} and len(total) == 600 and not [*tmp_path.iterdir()]


def test_a_lock_that_does_not_wait_is_refused_while_another_has_it(tmp_path):
    with locked(tmp_path), pytest.raises(OSError), locked(tmp_path, waits=False):
        pass
    with locked(tmp_path, waits=False):
        pass


def test_a_lock_of_another_user_that_cannot_be_deleted_harms_nobody(tmp_path, monkeypatch):
    def refused(path, missing_ok=False):
        raise PermissionError(f"{path} is another user's")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refused)
        with locked(tmp_path):
            pass
    with locked(tmp_path):
        pass
    assert not [*tmp_path.iterdir()]


def test_a_disk_without_locks_keeps_no_file_of_one(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    announce(tmp_path / "beach.png", b"painted")
    assert [each.name for each in tmp_path.iterdir()] == [LIST]


@pytest.fixture
def windows(monkeypatch):
    """A Windows, and a function that names what it shows of a folder."""
    hidden = []  # open, so that no later file gets the number of a deleted one

    def set_attributes(path, value):
        if value & stat.FILE_ATTRIBUTE_HIDDEN:
            hidden.append(os.open(path, os.O_RDONLY))

    kernel32 = SimpleNamespace(SetFileAttributesW=set_attributes)
    held = threading.Lock()

    def locking(_, mode, __):
        if mode == 0:
            held.release()
        elif not held.acquire(blocking=mode == 1):
            raise OSError

    msvcrt = SimpleNamespace(LK_UNLCK=0, LK_LOCK=1, LK_NBLCK=2, locking=locking)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel32), raising=False)
    monkeypatch.setattr(files.sys, "platform", "win32")

    def shown(folder):
        numbers = {os.fstat(each).st_ino for each in hidden}
        return {each.name for each in folder.iterdir() if each.stat().st_ino not in numbers}

    yield shown
    for each in hidden:
        os.close(each)


def test_windows_shows_none_of_our_files_beside_a_users(windows, tmp_path):
    (tmp_path / "beach.png").write_bytes(b"painted")
    announce(tmp_path / "beach.png", b"painted")
    FolderBucket(tmp_path / ".unfinished").write("beach.png.npz", b"checkpoint")
    assert {LIST, LOCK_FILE, ".unfinished"} < {each.name for each in tmp_path.iterdir()}
    assert windows(tmp_path) == {"beach.png"}
    announce(tmp_path / "sea.png", b"painted")  # The lock was given back.
    assert len((tmp_path / LIST).read_bytes().strip().split(b"\n")) == 2


def test_a_list_that_was_shortened_is_hidden_again(windows, tmp_path, monkeypatch):
    monkeypatch.setattr("painterly.storage.known_files.MIN_BYTES", 0)
    announce(tmp_path / "beach.png", b"painted")
    (tmp_path / "beach.png").write_bytes(b"painted")
    for number in range(100):
        announce(tmp_path / "beach.png", b"%d" % number)
    assert (tmp_path / LIST).stat().st_size < 10_000, "it was shortened"
    assert windows(tmp_path) == {"beach.png"}
