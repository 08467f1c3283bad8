"""Lists, in a folder, of the files that were downloaded and painted; others are the user's own.

Each line of the list is a JSON object; the last one for a key applies. Lines are only appended,
each in one write, so several downloads may share a folder.
"""

import contextlib
import errno
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from painterly.storage.base import Entry
from painterly.storage.files import is_same, storage_errors
from painterly.words.wording import printable

# Hidden: no sync ever transfers them.
MANIFEST = ".downloaded.jsonl"
PAINTED = ".painted.jsonl"  # single pictures, which have no records
# Errors of a damaged line.
_DAMAGED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Downloaded:
    """A file as a download left it: the ETag of its object, the bucket's name, the file's size in
    bytes, and the time of its last change in ns since 1970."""

    etag: str
    bucket: str
    size: int
    time_ns: int


class Manifest:
    """The downloaded or painted files of a folder, by key. Thread-safe."""

    def __init__(self, folder: Path, name: str = MANIFEST) -> None:
        """Read the folder's list of this name. Raises ObjectError if it cannot be read."""
        self._path = folder / name
        self._lock = threading.Lock()
        self.files: dict[str, Downloaded] = {}
        self.reload()

    def reload(self) -> None:
        """Read the list again, since other downloads may have added to it. Raises ObjectError."""
        with storage_errors(printable(str(self._path))):
            data = self._path.read_bytes() if os.path.lexists(self._path) else b""
        files: dict[str, Downloaded] = {}
        for line in data.split(b"\n"):
            # Without its line, a file is the user's own.
            with contextlib.suppress(*_DAMAGED):
                fields = json.loads(line)
                key = str(fields.pop("key"))
                if fields:
                    etag, bucket = str(fields["etag"]), str(fields["bucket"])
                    size, time_ns = int(fields["size"]), int(fields["time_ns"])
                    files[key] = Downloaded(etag, bucket, size, time_ns)
                else:
                    files.pop(key, None)
        with self._lock:
            self.files = files

    def begin(self) -> None:
        """Create the folder and its list if they are missing.

        Raises ObjectError if the list cannot be written: then nothing can be downloaded.
        """
        folder = f"folder {printable(str(self._path.parent))}"
        with storage_errors(folder):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with storage_errors(f"{folder} cannot be written"), self._path.open("ab"):
            pass

    def add(self, entry: Entry, bucket: str, path: Path) -> None:
        """Add a file that has the content of an object now. Raises ObjectError."""
        with storage_errors(printable(str(path))):
            about = path.stat()
        file = Downloaded(entry.etag, bucket, about.st_size, about.st_mtime_ns)
        self._append({"key": entry.key, **asdict(file)})
        with self._lock:
            self.files[entry.key] = file

    def announce(self, key: str, etag: str, size: int) -> None:
        """Add a file that is about to be written with a content. Raises ObjectError."""
        self._append({"key": key, **asdict(Downloaded(etag, "", size, 0))})

    def remove(self, key: str) -> None:
        """Remove a file that is gone. Raises ObjectError."""
        self._append({"key": key})
        with self._lock:
            self.files.pop(key, None)

    def has(self, entry: Entry, path: Path) -> bool:
        """Return whether a file was downloaded from this very object, by its size and time."""
        file = self.files.get(entry.key)
        return file is not None and file.etag == entry.etag and _as_left(file, path)

    def is_unchanged(self, key: str, path: Path) -> bool:
        """Return whether a file was downloaded, and is as the download left it. Raises
        ObjectError."""
        file = self.files.get(key)
        if file is None:
            return False
        # A copy of the folder has other times.
        return _as_left(file, path) or is_same(path, Entry(key, file.size, file.etag))

    def _append(self, fields: dict[str, object]) -> None:
        # The line end comes first: it ends a line that was torn when its process was killed.
        line = b"\n" + json.dumps(fields).encode()
        with storage_errors(printable(str(self._path))), self._path.open("ab") as file:
            if os.write(file.fileno(), line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def was_downloaded(folder: Path, key: str) -> bool:
    """Return whether the file of a key was downloaded and still exists. Raises ObjectError."""
    return key in Manifest(folder).files and (folder / key).is_file()


def _as_left(file: Downloaded, path: Path) -> bool:
    try:
        about = path.stat()
    except OSError:  # The download reports what is wrong.
        return False
    return (file.size, file.time_ns) == (about.st_size, about.st_mtime_ns)
