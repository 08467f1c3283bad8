"""The files that one command names, as a bucket."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from painterly.storage.base import Bucket, Entry, NoObjectError, ObjectError, Progress
from painterly.storage.files import md5_of_bytes, replacing, storage_errors
from painterly.words.wording import printable


class FilesBucket(Bucket):
    """Files from anywhere, and the standard input, under the names that a user gave them.

    It is read-only apart from `add`. It holds the bytes, so that all who read a file get the same,
    and a pipe is read once.
    """

    name = "the files that were named"

    def __init__(self) -> None:
        self._files: dict[str, tuple[Entry, bytes]] = {}

    def add(self, key: str, data: bytes) -> Entry:
        """Add a file, and return its entry. Another file of the same name, which may have changed
        since or be the standard input, gets another key."""
        while key in self._files and self._files[key][1] != data:
            key += "'"
        entry = Entry(key, len(data), md5_of_bytes(data))
        self._files[key] = entry, data
        return entry

    def clear(self) -> None:
        """Let go of all files. They cannot be read again."""
        self._files.clear()

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        keys = sorted(key for key in self._files if key.startswith(prefix) and key > after)
        return (self._files[key][0] for key in keys)

    def find(self, key: str) -> Entry | None:
        return self._files[key][0] if key in self._files else None

    def read_with_entry(self, key: str) -> tuple[bytes, Entry]:
        if key not in self._files:
            raise NoObjectError(f"{printable(key)} is not one of {self.name}")
        entry, data = self._files[key]
        return data, entry

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        return self.read(key)[start : start + count]

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        data = self.read(key)
        with storage_errors(printable(str(path))), replacing(path) as copy:
            copy.write(data)
        if progress:
            progress(len(data))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise ObjectError(f"{self.name} are only read")

    write = write_if = delete = upload = _refuse
