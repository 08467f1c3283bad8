"""The interfaces of storage: `Bucket` for objects under keys, `Store` for administration."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from painterly.errors import StorageError

MAX_KEY_BYTES = 1024  # in UTF-8, on every S3 service
ROUNDED_S = 1  # Some services round the time of an object in one answer, and not in another.
Progress = Callable[[int], None]
_Value = TypeVar("_Value")


class UnavailableError(StorageError):
    """The whole bucket fails: no connection, wrong credentials, no such bucket."""


class NoBucketError(UnavailableError):
    """The bucket or folder does not exist."""


class BucketRefusedError(StorageError):
    """A request about the bucket itself is refused, such as a listing. Others may succeed."""


class ObjectError(StorageError):
    """One object fails: it is missing, refused or damaged. Others may succeed."""


class NoObjectError(ObjectError):
    """The object does not exist."""


class DiskError(ObjectError):
    """A file cannot be written because its disk is full or read-only: others would fail as well."""


class BadKeyError(ObjectError):
    """The store refuses the key itself, for example because it is too long."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An object in a listing: key, size in bytes, ETag without quotes, and the time of its last
    change in seconds since 1970, if it is known. Entries are equal if key, size and `version` are.

    The ETag is the content's MD5 in hex, with exceptions on S3: for a multipart upload it is a hash
    of hashes that ends in `-N`, for an object that Amazon encrypts with KMS, and on some services,
    something else. If a service gives none, it is `dated`.
    """

    key: str
    size: int
    etag: str
    modified: float | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, int, str]:
        return self.key, self.size, self.version

    @property
    def dated(self) -> str:
        """A text in the place of an ETag: the time in whole seconds, as all answers have it, and
        the size, after a hyphen, so that nothing takes it for an MD5."""
        return f"{self.modified or 0:.0f}-{self.size}"

    @property
    def version(self) -> str:
        """A text that differs once the content has changed, and takes no reading."""
        return self.etag

    def has(self, etag: str) -> bool:
        """Return whether an object has an ETag, or the size and the time that are in its place:
        some services have ETags, and a few have times, in some answers only."""
        if etag == self.etag:
            return True
        at, _, size = etag.partition("-")
        if size != str(self.size) or not at.isdecimal():
            return False
        # Without a time, the size decides.
        return not int(at) or not self.modified or abs(int(at) - self.modified) <= ROUNDED_S

    def is_still(self, now: "Entry") -> bool:
        """Return whether an object is the same in a later answer."""
        return now.size == self.size and (now.etag == self.etag or self.has(now.dated))


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload in parts that has not ended: stored and billed, but not listed as an object.

    `begun` is in seconds since 1970 by the store's clock.
    """

    key: str
    number: str
    begun: float


@dataclass(frozen=True)
class Version:
    """Version of an object, or a delete marker: stored and billed until it is deleted itself."""

    key: str
    number: str  # the version's id
    size: int  # in bytes; 0 for a delete marker
    is_current: bool  # whether it is the object that a listing shows
    is_marker: bool  # whether it marks the key as deleted


class Bucket(ABC):
    """Objects under keys. Thread-safe.

    Methods that take a key raise ObjectError if that object fails and UnavailableError if the whole
    bucket does; the others raise StorageError. Each message is one line that names the bucket and
    the way out.
    """

    name: str  # For messages: `photos/prefix`, `./folder`.

    @abstractmethod
    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """List the objects with keys that start with `prefix` and come after `after`, sorted by
        key.

        Leaves out keys ending in `/`, which stand for folders, and hidden files in a folder.
        """

    @abstractmethod
    def find(self, key: str) -> Entry | None:
        """Return the entry of a key, or None if the object does not exist."""

    def read(self, key: str) -> bytes:
        """Return the content of an object, checked against its MD5 if the ETag is one."""
        return self.read_with_entry(key)[0]

    @abstractmethod
    def read_with_entry(self, key: str) -> tuple[bytes, Entry]:
        """Return the content of an object, as `read`, and its entry, which has the ETag of that
        content: `write_if` takes it."""

    @abstractmethod
    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        """Return `count` bytes of an object from `start` on, or fewer at its end, unchecked. Raises
        ObjectError if the object has changed since an earlier entry, `of`."""

    @abstractmethod
    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        """Store an object, whole or not at all, and return its ETag.

        The default content type depends on the extension.
        """

    @abstractmethod
    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Store an object only if the current one has an ETag, or, for None, if there is none.
        Return the new ETag, or None on a conflict.

        If several writers try at once, one succeeds. They must not store the same bytes: content
        that is stored already is treated as a success, since an answer may be lost.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object. Deleting one that does not exist is not an error."""

    @abstractmethod
    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """Download an object into a file, whole or not at all, and create missing folders.
        `progress` takes the number of bytes since its last call, from any thread; a negative number
        if they have to be downloaded again."""

    @abstractmethod
    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        """Upload a file, whole or not at all, with `progress` as in `download`."""

    def check_key(self, key: str) -> None:
        """Raise BadKeyError for a key that no object here can have, as far as that is known
        without asking a service."""
        if len(key.encode()) > MAX_KEY_BYTES:
            raise BadKeyError(
                f"the key would be too long for {self.name}: 1,024 bytes at most; "
                "choose shorter names"
            )

    def path(self, key: str) -> Path | None:
        """Return the file that an object is in a folder, or None elsewhere."""
        return None

    def skipped(self) -> Mapping[str, Sequence[str]]:
        """Return the names that a user may miss in a folder's listing, by the reason.

        They are links out of the folder, to a folder or to nothing, files that iCloud has removed,
        and for each file or folder that another program keeps what it is known by, as of the
        last complete listing.
        """
        return {}

    def unreadable(self) -> Mapping[str, str]:
        """Return the reason why each file and sub-folder could not be read in the last complete
        listing, by its key, or the start of the keys in it."""
        return {}


class Store(Bucket):
    """A bucket on a service, or a folder, with its administration."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether the bucket exists. Raises StorageError if access is refused."""

    @abstractmethod
    def create(self) -> bool:
        """Create the bucket if a user asks for it. Returns False if it exists already."""

    @abstractmethod
    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        """Return the uploads under keys that start with `prefix` and have not ended: they are in
        progress, or their process was killed."""

    @abstractmethod
    def abort_upload(self, upload: UnfinishedUpload) -> None:
        """Abort an unfinished upload. If it has ended since, that is not an error."""

    def remove_empty(self, folder: str) -> None:
        """Remove a folder in which no file is left; a service has no folders."""

    def list_with_folder_markers(self) -> Iterator[Entry]:
        """List all objects, including those that stand for folders."""
        return self.list()

    def versions(self, prefix: str = "") -> Sequence[Version] | None:
        """Return all versions of the objects with keys that start with `prefix`, objects that are
        deleted among them; None if the bucket keeps none. Raises StorageError."""
        return None

    def delete_version(self, version: Version) -> None:
        """Delete one of `versions` permanently. Raises ObjectError, also for one that is locked."""
        raise NotImplementedError  # Only buckets that keep versions are asked.


class View(Bucket):
    """A bucket that hands each request to another one.

    A subclass overrides `_at` to choose the bucket and the key of a request, or `_do` to make the
    request, for example again after a failure.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.name, self._bucket = bucket.name, bucket

    def _at(self, key: str, *, write: bool = False) -> tuple[Bucket, str]:
        """Return the bucket that has an object, and its key there. Raises ObjectError."""
        return self._bucket, key

    def _do(self, request: Callable[[], _Value]) -> _Value:
        return request()

    def check_key(self, key: str) -> None:
        bucket, inner = self._at(key)
        bucket.check_key(inner)

    def path(self, key: str) -> Path | None:
        bucket, inner = self._at(key)
        return bucket.path(inner)

    def skipped(self) -> Mapping[str, Sequence[str]]:
        return self._bucket.skipped()

    def unreadable(self) -> Mapping[str, str]:
        return self._bucket.unreadable()

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        yield from self._do(lambda: [*self._bucket.list(prefix, after)])

    def find(self, key: str) -> Entry | None:
        entry = self._request(key, lambda bucket, inner: bucket.find(inner))
        return entry and _renamed(entry, key)

    def read(self, key: str) -> bytes:
        return self._request(key, lambda bucket, inner: bucket.read(inner))

    def read_with_entry(self, key: str) -> tuple[bytes, Entry]:
        data, entry = self._request(key, lambda bucket, inner: bucket.read_with_entry(inner))
        return data, _renamed(entry, key)

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        return self._request(key, lambda bucket, inner: bucket.read_part(inner, start, count, of))

    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        return self._request(key, lambda to, inner: to.write(inner, data, content_type), write=True)

    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        return self._request(key, lambda to, inner: to.write_if(inner, data, etag), write=True)

    def delete(self, key: str) -> None:
        self._request(key, lambda bucket, inner: bucket.delete(inner), write=True)

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        self._request(key, lambda bucket, inner: bucket.download(inner, path, progress))

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        self._request(key, lambda to, inner: to.upload(path, inner, progress), write=True)

    def _request(
        self, key: str, request: Callable[[Bucket, str], _Value], *, write: bool = False
    ) -> _Value:
        bucket, inner = self._at(key, write=write)
        return self._do(lambda: request(bucket, inner))


def _renamed(entry: Entry, key: str) -> Entry:
    # A folder computes an ETag, by reading the file, when it is used.
    return entry if entry.key == key else Entry(key, entry.size, entry.etag, entry.modified)


def changed_while_read(where: str) -> ObjectError:
    """Return the error for an object that is no longer the same in the middle of reading it."""
    return ObjectError(f"{where} changed while it was read; try again")


def hidden(key: str) -> bool:
    """Return whether a key is hidden, such as `.DS_Store` or `a/.git/x`.

    Keys with `.` or `..` parts are not hidden: they are refused.
    """
    return any(part.startswith(".") and part not in (".", "..") for part in key.split("/"))
