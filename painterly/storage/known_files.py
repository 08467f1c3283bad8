"""The list, in a folder, of files whose content is known: read, painted or downloaded ones.

Each line of the list is a JSON object; the last one for a file applies. Lines are appended, those
of one change in one write. Once the list has doubled, it is written again without lines that no
longer apply and those of files that are gone. A lock keeps that from losing what others append.
"""

import contextlib
import errno
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from logging import DEBUG
from pathlib import Path
from typing import Any

from painterly.errors import StorageError
from painterly.log import event
from painterly.storage.base import Entry
from painterly.storage.files import (
    LEFT_S,
    Mount,
    has_fine_times,
    hide,
    is_same,
    locked,
    make_folder,
    md5_of_bytes,
    md5_of_file,
    replacing,
    storage_errors,
    was_at_rest,
)
from painterly.words.wording import printable

LIST = ".painterly.jsonl"  # Hidden: no sync ever transfers it.
MIN_FILES, MIN_BYTES = 1000, 128 * 1024  # Smaller lists are left as they are.
SAVE_EVERY_S = 1.0
READ, PAINTED, DOWNLOADED = "read", "painted", "downloaded"
# Errors of a damaged line.
_DAMAGED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when its content was known."""

    etag: str  # the ETag of its content: the MD5, or that of the object it was downloaded from
    size: int  # its size in bytes
    # The time of its last change in ns since 1970; of a painted file, the negative time at which it
    # was announced.
    time_ns: int
    # The bucket that it was downloaded from, an empty text if it was painted, or None if it was
    # only read.
    bucket: str | None = None
    changed_ns: int | None = None  # the time of the last change of its inode, if it was read
    inode: int | None = None  # the number of the inode, if it was read

    @property
    def how(self) -> str:
        """The way in which it became known: READ, PAINTED or DOWNLOADED."""
        if self.bucket is None:
            return READ
        return DOWNLOADED if self.bucket else PAINTED

    @property
    def is_expected(self) -> bool:
        """Whether it was announced so recently that it may not be written yet."""
        return self.time_ns < 0 and time.time_ns() + self.time_ns < LEFT_S * 10**9

    def is_at(self, path: Path) -> bool:
        """Return whether the file has its size and time still. Errors are left to those who read
        it."""
        try:
            about = path.stat()
        except OSError:
            return False
        return (self.size, self.time_ns) == (about.st_size, about.st_mtime_ns)

    def is_unchanged(self, path: Path) -> bool:
        """Return whether the file has its content still, as far as that is known. Raises
        ObjectError."""
        # A copy of the folder has other times.
        return self.is_at(path) or is_same(path, Entry("", self.size, self.etag))


Files = dict[tuple[str, str], KnownFile]  # by `how` and name


class _List:
    def __init__(self, folder: Path, mount: Mount | None = None) -> None:
        self.folder, self.path = folder, folder / LIST
        self._mount = mount or Mount(folder, str(folder))

    def check_mounted(self) -> None:
        self._mount.check()

    def read(self) -> Files:
        """Return the files of the list. Raises ObjectError."""
        files: Files = {}
        with storage_errors(printable(str(self.path))):
            data = self.path.read_bytes() if os.path.lexists(self.path) else b""
        for line in data.split(b"\n"):
            # A file without its line is read again, and is the user's own.
            with contextlib.suppress(*_DAMAGED):
                _take(json.loads(line), files)
        return files

    def append(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Add lines. Raises ObjectError, UnavailableError."""
        self.check_mounted()
        # The line end comes first: it ends a line that was torn when its process was killed.
        data = b"".join(b"\n" + json.dumps(each).encode() for each in lines)
        with storage_errors(printable(str(self.path))), contextlib.ExitStack() as stack:
            is_locked = False
            with contextlib.suppress(OSError, ImportError):  # Some disks and systems have no locks.
                stack.enter_context(locked(self.folder))
                is_locked = True
            with self.path.open("ab") as file:
                if os.write(file.fileno(), data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                size = os.fstat(file.fileno()).st_size
            if size == len(data):
                hide(self.path)
            has_doubled = size.bit_length() > (size - len(data)).bit_length()
            if is_locked and has_doubled and size > MIN_BYTES:
                with contextlib.suppress(OSError, StorageError):  # Or once it has doubled again.
                    self._shorten(size)

    def _shorten(self, size: int) -> None:
        """Write the list again if less than half of it applies and is of existing files."""
        lines = [
            b"\n" + json.dumps(_line(name, file)).encode()
            for (how, name), file in self.read().items()
            if os.path.lexists(self.folder / (name if how == READ else name.lstrip("/")))
            or file.is_expected
        ]
        if 2 * sum(map(len, lines)) < size:
            with replacing(self.path) as file:
                file.writelines(lines)
            hide(self.path)


def _line(name: str, file: KnownFile) -> dict[str, object]:
    fields = {"key": name, **asdict(file)}
    return {field: value for field, value in fields.items() if value is not None}


def _take(line: dict[str, Any], files: Files) -> None:
    name = str(line.pop("key"))
    if not line:
        files.pop((DOWNLOADED, name), None)
        return
    file = KnownFile(**line)
    if [type(each) for each in (file.etag, file.size, file.time_ns)] != [str, int, int]:
        raise TypeError
    files[file.how, name] = file


class KnownFiles:
    """The content of files, in any folder, as it was when they were last read. Thread-safe.

    A file is read again in any doubt: if its number, its size or a time differs, if it had just
    changed, if a clock was set back. A list that cannot be read or written only costs time.
    """

    def __init__(self) -> None:
        self._list: _List | None = None
        self._folder, self._start, self._writes = Path(), "", False
        self._seen: dict[str, KnownFile] | None = None  # None until it is needed
        self._new: dict[str, KnownFile] = {}  # what the list lacks
        self._saved, self._limit = time.monotonic(), MIN_FILES
        self._lock = threading.Lock()

    def keep_in(self, folder: Path, *, writes: bool = True) -> None:
        """Use the list of a folder, from before the first file is asked for: other processes then
        know the files as well. It is written once the folder exists, unless it is only read."""
        self._list, self._folder, self._writes = _List(folder), folder.absolute(), writes
        self._start = f"{self._folder}{os.sep}"

    def __reduce__(self) -> tuple[type["KnownFiles"], tuple[()]]:
        """Pickle it without its files: entries are sent to the workers of a cluster."""
        return KnownFiles, ()

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file in hex. Raises ObjectError if it does not exist, or cannot be
        read."""
        began = time.time_ns()
        with storage_errors(printable(str(path))):
            about = path.stat()
        with self._lock:
            known = self._read().get(self._name(path))
        # A file of the future was written before a clock was set back.
        is_past = max(about.st_mtime_ns, about.st_ctime_ns) <= began
        if known and is_past and known == _described(known.etag, about):
            return known.etag
        etag = md5_of_file(path)
        if was_at_rest(about, began):
            self._add(path, etag, about)
        return etag

    def wrote(self, path: Path, etag: str, part: os.stat_result) -> None:
        """Add a file with this MD5 that this process has written, once it outlasts a power cut.
        `part` is the file under its name before."""
        with contextlib.suppress(OSError):
            about = path.stat()
            same = all(
                getattr(about, each) == getattr(part, each)
                for each in ("st_ino", "st_size", "st_mtime_ns")
            )
            if same and has_fine_times(about):
                with path.open("rb+") as body:
                    os.fsync(body.fileno())
                self._add(path, etag, about)
                self.save()

    def save(self) -> None:
        """Write what is new into the list."""
        with self._lock:
            self._save()

    def _save(self) -> None:
        files = self._list
        if not (files and self._new and files.folder.is_dir()):
            return
        self._saved = time.monotonic()
        try:
            files.append(_line(name, file) for name, file in self._new.items())
        except StorageError as error:
            event(f"files will be read again: {error}", level=DEBUG)
            self._writes = False
        self._new = {}

    def _add(self, path: Path, etag: str, about: os.stat_result) -> None:
        name, file = self._name(path), _described(etag, about)
        with self._lock:
            seen = self._read()
            seen[name] = file
            if self._list and self._writes:
                self._new[name] = file
            if len(seen) > self._limit:
                self._seen = seen = {each: seen[each] for each in seen if self._exists(each)}
                self._limit = max(MIN_FILES, 2 * len(seen))
            if time.monotonic() - self._saved >= SAVE_EVERY_S:
                self._save()

    def _read(self) -> dict[str, KnownFile]:
        if self._seen is None:
            files: Files = {}
            try:
                files = self._list.read() if self._list else {}
            except StorageError as error:
                event(f"files will be read again: {error}", level=DEBUG)
            self._seen = {name: file for (how, name), file in files.items() if how == READ}
            self._limit = max(MIN_FILES, 2 * len(self._seen))
        return self._seen

    def _name(self, path: Path) -> str:
        return str(path.absolute()).removeprefix(self._start)

    def _exists(self, name: str) -> bool:
        return os.path.lexists(self._folder / name)


def _described(etag: str, about: os.stat_result) -> KnownFile:
    times = about.st_mtime_ns, about.st_ctime_ns
    return KnownFile(etag, about.st_size, times[0], None, times[1], about.st_ino)


class MadeFiles:
    """The files of a folder that the program has made; others are the user's own. Thread-safe.

    Attributes:
        downloaded, painted: The files, by key.
    """

    def __init__(self, folder: Path, mount: Mount | None = None) -> None:
        """Read the folder's list. Raises ObjectError if it cannot be read.

        Args:
            folder: The folder.
            mount: The disk that it must be on; by default, the one that it is on now.
        """
        self._list = _List(folder, mount)
        self._lock = threading.Lock()
        self.downloaded: dict[str, KnownFile] = {}
        self.painted: dict[str, KnownFile] = {}
        self.reload()

    def reload(self) -> None:
        """Read the list again, since other processes may have added to it. Raises ObjectError."""
        files = self._list.read()
        downloaded, painted = (
            {name: file for (how, name), file in files.items() if how == which}
            for which in (DOWNLOADED, PAINTED)
        )
        with self._lock:
            self.downloaded, self.painted = downloaded, painted

    def check_mounted(self) -> None:
        """Raise UnavailableError if the folder's disk is no longer mounted."""
        self._list.check_mounted()

    def create(self) -> None:
        """Create the folder and its list if they are missing.

        Raises UnavailableError, or ObjectError if the list cannot be written: then nothing can be
        downloaded.
        """
        folder, path = self._list.folder, self._list.path
        self.check_mounted()
        named = f"folder {printable(str(folder))}"
        with storage_errors(named):
            make_folder(folder)
        with storage_errors(f"{named} cannot be written"), path.open("ab"):
            hide(path)

    def add(self, entry: Entry, bucket: str, path: Path) -> None:
        """Add a downloaded file, which has the content of an object now. Raises ObjectError,
        UnavailableError."""
        self.check_mounted()
        with storage_errors(printable(str(path))):
            about = path.stat()
        file = KnownFile(entry.etag, about.st_size, about.st_mtime_ns, bucket)
        self._list.append([_line(entry.key, file)])
        with self._lock:
            self.downloaded[entry.key] = file

    def remove(self, key: str) -> None:
        """Remove a downloaded file that is gone. Raises ObjectError, UnavailableError."""
        self._list.append([{"key": key}])
        with self._lock:
            self.downloaded.pop(key, None)

    def has(self, entry: Entry, path: Path) -> bool:
        """Return whether a file was downloaded from this very object, by its size and time."""
        file = self.downloaded.get(entry.key)
        return file is not None and file.etag == entry.etag and file.is_at(path)

    def is_unchanged(self, key: str, path: Path) -> bool:
        """Return whether a file was downloaded, and is as the download left it. Raises
        ObjectError."""
        file = self.downloaded.get(key)
        return file is not None and file.is_unchanged(path)


def announce(path: Path, data: bytes) -> None:
    """Add a painted file that is about to be written to its folder's list. Raises ObjectError."""
    file = KnownFile(md5_of_bytes(data), len(data), -time.time_ns(), "")
    _List(path.parent).append([_line(path.name, file)])


def was_downloaded(folder: Path, key: str) -> bool:
    """Return whether the file of a key was downloaded and still exists. Raises ObjectError."""
    return key in MadeFiles(folder).downloaded and (folder / key).is_file()
