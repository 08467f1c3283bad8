"""The `Bucket` interface: objects under keys."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from styletransfer.errors import StorageError

Progress = Callable[[int], None]


class UnavailableError(StorageError):
    """The whole bucket fails: no connection, wrong credentials, no such bucket."""


class NoBucketError(UnavailableError):
    """There is no such bucket or folder."""


class ObjectError(StorageError):
    """One object fails: it is missing, refused or damaged. Others may succeed."""


class BadKeyError(ObjectError):
    """The store refuses the key itself, for example because it is too long."""


@dataclass(frozen=True)
class Entry:
    """An object as a listing tells it: key, size in bytes, ETag without its quotes.

    The ETag is the content's MD5 in hex, except (on S3) for what was uploaded in parts, where it
    ends in `-N`, and for what Amazon encrypts with KMS.
    """

    key: str
    size: int
    etag: str


class Bucket(ABC):
    """Objects under keys. Safe to share between threads.

    Methods that take a key raise ObjectError where that object fails and UnavailableError where the
    whole bucket does; the others raise StorageError. Each message is one line that names the bucket
    and the way out.
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


def hidden(key: str) -> bool:
    """Whether a key is hidden, as `.DS_Store` or `a/.git/x`; `.` and `..` are not, but hostile."""
    return any(part.startswith(".") and part not in (".", "..") for part in key.split("/"))
