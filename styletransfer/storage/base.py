"""The `Bucket` interface: objects under keys."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from styletransfer.errors import StorageError
from styletransfer.storage.file_names import Fold

LONGEST_KEY = 1024  # bytes of UTF-8, in every S3
Progress = Callable[[int], None]


class UnavailableError(StorageError):
    """The whole bucket fails: no connection, wrong credentials, no such bucket."""


class NoBucketError(UnavailableError):
    """There is no such bucket or folder."""


class ObjectError(StorageError):
    """One object fails: it is missing, refused or damaged. Others may succeed."""


class DiskError(ObjectError):
    """A file cannot be written because its disk is full or read-only: others would fail as well."""


class BadKeyError(ObjectError):
    """The store refuses the key itself, for example because it is too long."""


@dataclass(frozen=True)
class Entry:
    """An object in a listing: key, size in bytes, ETag without quotes.

    The ETag is the content's MD5 in hex. Exceptions on S3: that of a multipart upload ends in `-N`;
    that of an object that Amazon encrypts with KMS is something else.
    """

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload in parts that was begun and not ended: stored and billed, but not listed as an
    object. `begun` is in seconds since 1970, by the store's clock."""

    key: str
    number: str
    begun: float


class Bucket(ABC):
    """Objects under keys. Thread-safe.

    Methods that take a key raise ObjectError where that object fails and UnavailableError where the
    whole bucket does; the others raise StorageError. Each message is one line that names the bucket
    and the way out.
    """

    name: str  # For messages: `photos/prefix`, `./folder`.

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The objects whose keys start with `prefix`, sorted by key.

        Leaves out keys ending in `/`, which stand for folders, and hidden files in a folder.
        """

    @abstractmethod
    def find(self, key: str) -> Entry | None:
        """The entry of one key, or None if it does not exist."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The content of an object, checked against its MD5 if the ETag is one."""

    @abstractmethod
    def read_start(self, key: str, count: int) -> bytes:
        """The first `count` bytes of an object, or all of a shorter one; not checked."""

    def read_listed(self, entry: Entry) -> bytes:
        """As `read`, of an object as it was listed: in one request where there are many."""
        return self.read(entry.key)

    @abstractmethod
    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        """Stores an object, whole or not at all; its ETag. The default type depends on the
        extension."""

    @abstractmethod
    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Stores an object in place of the one with an ETag, or, for None, of none; its ETag. None
        where another is in its place: of several that try at once, one succeeds.

        No two writers may store the same bytes: content that is there already counts as stored,
        since an answer may be lost after the object was stored.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Deletes an object. Deleting one that does not exist is not an error."""

    @abstractmethod
    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """Downloads an object into a file, whole or not at all. Creates missing folders.

        `progress` gets the number of bytes since its last call, from any thread; a negative number
        if they have to be downloaded again.
        """

    @abstractmethod
    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        """Uploads a file, whole or not at all; `progress` as in `download`."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether the bucket exists. Raises StorageError if access is refused."""

    @abstractmethod
    def create(self) -> bool:
        """Creates the bucket; False if it exists already. Only call it when a user asks for it."""

    @abstractmethod
    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        """The uploads under keys that start with `prefix` that are under way, or whose process was
        killed."""

    @abstractmethod
    def abort_upload(self, upload: UnfinishedUpload) -> None:
        """Aborts an unfinished upload. One that has ended meanwhile is not an error."""

    def list_but_for(self, left_out: str) -> Iterator[Entry]:
        """As `list`, without the objects whose keys start with `left_out`."""
        return (entry for entry in self.list() if not entry.key.startswith(left_out))

    def everything(self) -> Iterator[Entry]:
        """As `list`, with the objects that stand for folders."""
        return self.list()

    def check_key(self, key: str) -> None:
        """Raises BadKeyError for a key that no object here can have, as far as that is known
        without asking a service."""
        if len(key.encode()) > LONGEST_KEY:
            raise BadKeyError(
                f"the key would be too long for {self.name}: 1,024 bytes at most; "
                "choose shorter names"
            )

    def folding(self, keys: Iterable[str]) -> Fold:
        """A function that maps those of the keys that would be one object to the same text. It is
        `str` where all differ, as on S3, which does not read them."""
        return str

    def left_out(self) -> Mapping[str, Sequence[str]]:
        """What a user may expect in a folder's listing and is not there, sorted, by the reason:
        links that lead out of it, to a folder or nowhere, and files that iCloud has taken away. It
        is that of the last whole listing, if there was one."""
        return {}

    def clock_skew(self) -> float:
        """How many seconds this machine's clock is fast, compared with the store's."""
        return 0.0


def hidden(key: str) -> bool:
    """Whether a key is hidden, such as `.DS_Store` or `a/.git/x`. Keys with `.` or `..` parts are
    not hidden: they are refused."""
    return any(part.startswith(".") and part not in (".", "..") for part in key.split("/"))
