"""The `Bucket` interface, and its folder twin: a folder with the contract of an S3 bucket."""

import contextlib
import errno
import functools
import hashlib
import os
import re
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from styletransfer.errors import StorageError

MIB = 1024 * 1024
# What boto3 and AWS' tools (8), rclone (5), s3cmd (15), s5cmd (50) and others cut uploads into.
USUAL_PARTS = tuple(mib * MIB for mib in (8, 5, 15, 16, 32, 50, 64))
# On Windows these open a device whatever folder they are asked for in, or cannot be stored.
_WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|con(in|out)\$|(com|lpt)[0-9¹²³])\s*(\.|$)")
_WINDOWS_REFUSED = re.compile(r'.*([<>:"|?*\x01-\x1f]|[. ]$)', re.DOTALL)

Progress = Callable[[int], None]


class UnavailableError(StorageError):
    """Not one key but the whole bucket fails: no connection, wrong credentials, no such bucket."""


class NoBucketError(UnavailableError):
    """There is no such bucket or folder."""


class BadKeyError(StorageError):
    """The key itself is refused, as one that is too long; others are not."""


@dataclass(frozen=True)
class Entry:
    """An object as a listing tells it: key, size in bytes, ETag without its quotes.

    The ETag is the content's MD5 in hex, except (on S3) for what was uploaded in parts, where it
    ends in `-N`, and for what Amazon encrypts with KMS.
    """

    key: str
    size: int
    etag: str


class _FileEntry(Entry):
    """A file's entry. Its MD5 is computed when first asked for: a listing that hashed every
    file would read the whole folder."""

    def __init__(self, key: str, size: int, path: Path) -> None:
        self.__dict__.update(key=key, size=size, path=path)

    @functools.cached_property
    def etag(self) -> str:
        with files_told(shown(str(self.path))), self.path.open("rb") as body:
            return md5(body)


class Bucket(ABC):
    """Objects under keys. Safe to share between threads.

    Every method raises StorageError, in one line that names the bucket and the way out, and its
    kind UnavailableError where all other keys would fail too.
    """

    name: str  # For messages: `photos/prefix`, `./folder`.

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Entry]:
        """What lies in the bucket, sorted by key; `prefix` is any beginning of a key.

        Left out: keys ending in `/`, which stand for folders; hidden files in a folder.
        """

    @abstractmethod
    def find(self, key: str) -> Entry | None:
        """The entry of one key, or None where there is none."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """An object's content, checked against its MD5 where the store tells it."""

    @abstractmethod
    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        """Stores an object, whole or not at all; the type is told by the key's ending if None."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Removes an object; one that is not there is no error."""

    @abstractmethod
    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """An object into a file, whole or not at all; folders on the way are made.

        `progress` is told the bytes since its last call, from any thread; a negative number
        where a part has to be fetched again.
        """

    @abstractmethod
    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        """A file into an object, whole or not at all; `progress` as in `download`."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether the bucket is there. Raises StorageError where that is refused an answer."""

    @abstractmethod
    def create(self) -> bool:
        """Makes the bucket; False where it was there already. Only for a user who asked for it."""

    def everything(self) -> Iterator[Entry]:
        """`list`, and the objects that stand for folders."""
        return self.list()

    def clock_ahead(self) -> float:
        """By how many seconds this machine's clock is ahead of the store's."""
        return 0.0

    def abort_uploads(self) -> int:
        """Ends uploads in parts that were never finished, and returns how many there were."""
        return 0


class FolderBucket(Bucket):
    """A folder as a bucket. Hidden files and links out of the folder are not listed, links to
    folders not followed; keys are those of `safe_path`."""

    def __init__(self, folder: Path, name: str = "", *, new: bool = False) -> None:
        self.folder, self.name, self._new = folder, name or str(folder), new

    def list(self, prefix: str = "") -> Iterator[Entry]:
        if not self.folder.is_dir():
            if self._new and not self.folder.exists():
                return
            wrong = "is not a folder" if self.folder.exists() else "does not exist"
            kind = UnavailableError if self.folder.exists() else NoBucketError
            raise kind(f"folder {self.name} {wrong}")

        def stop(error: OSError) -> None:
            raise error  # A folder that cannot be read must not look like an empty one.

        def meets(inner: str, prefix: str) -> bool:
            return inner.startswith(prefix) or prefix.startswith(inner)

        entries = []
        with files_told(f"folder {self.name}"):
            for top, folders, files in os.walk(self.folder, onerror=stop):
                inner = Path(top).relative_to(self.folder).as_posix()
                base = "" if inner == "." else f"{inner}/"
                folders[:] = [
                    each for each in folders if not hidden(each) and meets(f"{base}{each}/", prefix)
                ]
                keys = (base + each for each in files if not hidden(each))
                entries += filter(None, map(self._entry, (k for k in keys if k.startswith(prefix))))
        yield from sorted(entries, key=lambda entry: entry.key)

    def _entry(self, key: str) -> Entry | None:
        path = self.folder / key
        try:
            about = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if path.is_symlink():  # Links in a circle.
                return None
            raise
        regular = stat.S_ISREG(about.st_mode) and _leads_inside(path, self.folder)
        return _FileEntry(key, about.st_size, path) if regular else None

    def find(self, key: str) -> Entry | None:
        safe_path(self.folder, key)
        with files_told(self._where(key)):
            return self._entry(key)

    def read(self, key: str) -> bytes:
        with files_told(self._where(key)):
            return safe_path(self.folder, key).read_bytes()

    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        with files_told(self._where(key)), replacing(safe_path(self.folder, key)) as body:
            body.write(data)

    def delete(self, key: str) -> None:
        with files_told(self._where(key)), contextlib.suppress(NotADirectoryError):
            safe_path(self.folder, key).unlink(missing_ok=True)

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        source = safe_path(self.folder, key)
        with files_told(self._where(key)), source.open("rb") as body:
            _copy(body, path, shown(str(path)), progress)

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        with files_told(shown(str(path))), path.open("rb") as body:
            _copy(body, safe_path(self.folder, key), self._where(key), progress)

    def exists(self) -> bool:
        with files_told(f"folder {self.name}"):
            return self.folder.is_dir()

    def create(self) -> bool:
        there = self.exists()
        with files_told(f"folder {self.name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
        return not there

    def _where(self, key: str) -> str:
        return shown(f"{self.name.rstrip('/')}/{key}")


def _copy(body: BinaryIO, target: Path, where: str, progress: Progress | None) -> None:
    with files_told(where), replacing(target) as copy:
        while data := body.read(MIB):
            copy.write(data)
            if progress:
                progress(len(data))


def hidden(key: str) -> bool:
    """Whether a key is hidden, as `.DS_Store` or `a/.git/x`; `.` and `..` are not, but hostile."""
    return any(part.startswith(".") and part not in (".", "..") for part in key.split("/"))


def safe_path(folder: Path, key: str, *, windows: bool = os.name == "nt") -> Path:
    """Where a key's file lies in a folder. Raises StorageError for a key that has no place there.

    Refused on every system: an empty key; empty, `.` and `..` parts (so also a leading or
    trailing `/`); hidden parts, which folders do not list and which may be `.ssh/authorized_keys`;
    backslashes and drive letters, which leave the folder on Windows; NUL; whatever passes
    a symbolic link out of the folder. On Windows also device names (`nul.jpg`), and characters
    and endings that it cannot store.
    """
    parts = key.split("/")
    bad = "\\" in key or "\0" in key or re.match("[A-Za-z]:", key)
    bad = bad or any(part == "" or part.startswith(".") for part in parts)
    if bad or (windows and any(map(_windows_refuses, parts))):
        raise BadKeyError(f"key '{shown(key)}' cannot be a file in {folder}; rename the object")
    path = folder.joinpath(*parts)
    if not _leads_inside(path, folder):
        raise BadKeyError(f"{shown(str(path))} is behind a link that leads out of {folder}")
    return path


def _leads_inside(path: Path, folder: Path) -> bool:
    # Unlike Path.resolve, realpath bears links in a circle.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _windows_refuses(part: str) -> bool:
    return bool(_WINDOWS_DEVICE.match(part) or _WINDOWS_REFUSED.match(part))


def shown(text: str) -> str:
    """A key as one harmless line: line ends, terminal codes and the like are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def is_same(path: Path, entry: Entry) -> bool:
    """Whether a file has an entry's content, by size and ETag. An ETag of an upload in parts is
    tried with the usual sizes of parts; where nothing fits, the answer is no."""
    with files_told(shown(str(path))), path.open("rb") as body:
        size = os.fstat(body.fileno()).st_size
        if size != entry.size:
            return False
        if "-" not in entry.etag:
            return md5(body) == entry.etag
        count = int(entry.etag.rpartition("-")[2]) if entry.etag[-1].isdigit() else 0
        fitting = [part for part in USUAL_PARTS if -(-size // part) == count]
        return any(md5_of_parts(body, part) == entry.etag for part in fitting)


def md5(body: BinaryIO) -> str:
    """The MD5 of a whole file, in hex; leaves the file at its end."""
    body.seek(0)
    return hashlib.file_digest(body, new_md5).hexdigest()


def md5_of_parts(body: BinaryIO, part: int) -> str:
    """The ETag that S3 gives a file uploaded in parts of so many bytes."""
    body.seek(0)
    sums = [new_md5(data).digest() for data in iter(lambda: body.read(part), b"")]
    return f"{new_md5(b''.join(sums)).hexdigest()}-{len(sums)}"


def new_md5(data: bytes = b"") -> Any:
    """hashlib's MD5, as a checksum: machines that forbid it for security still allow that."""
    return hashlib.md5(data, usedforsecurity=False)


@contextlib.contextmanager
def files_told(where: str) -> Iterator[None]:
    """Turns an OSError into a StorageError about `where`."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(f"{where} does not exist") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise BadKeyError(
            f"{where} needs a folder where a file lies, or the reverse; rename one of them"
        ) from error
    except OSError as error:
        kind = BadKeyError if error.errno == errno.ENAMETOOLONG else StorageError
        raise kind(f"{where}: {(error.strerror or str(error)).lower()}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when it is whole; until then its name is hidden."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb+") as body:
            yield body
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
