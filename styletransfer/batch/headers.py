"""The headers of a run's photos, paintings and masks, read before the first picture is painted.
Does not import TensorFlow, which is being loaded at the same time."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.waiting import result_of
from styletransfer.errors import PictureError, StorageError
from styletransfer.images.header import Header, read_header
from styletransfer.signals import Stop
from styletransfer.storage.base import Bucket, Entry

# Bytes of a file's start. The first suffice for most pictures; a camera may put previews before the
# size. What is not in the second is left to the picture's turn.
STARTS = (32 << 10, 512 << 10)
READERS = 16  # threads: each waits for the network, not for the processor

_Verdict = Header | PictureError | None
_Read = Future[_Verdict]


class Headers:
    """Reads the headers of all files that tasks need, each file once. Reading begins at once."""

    def __init__(self, tasks: Sequence[Task], source: Bucket, style: Bucket) -> None:
        self._pool = ThreadPoolExecutor(READERS)
        self._parsing = threading.Lock()  # One file at a time is completed in memory.
        self._found: dict[tuple[str, str], _Read] = {}
        self._confirmed: dict[tuple[str, str], _Read] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        for task in tasks:
            for what, entry in photo_files(task):
                self._begin(what, entry, source)
        for look in {task.look.name: task.look for task in tasks}.values():
            for what, entry in look_files(look):
                self._begin(what, entry, style)

    def get(self, what: str, entry: Entry, stop: Stop) -> Header | None:
        """The header of a file that `photo_files` or `look_files` named; None where it is not known
        before the file is read. Raises PictureError for a file that cannot be used, Stopped."""
        return _unless_refused(result_of(self._found[what, entry.key], stop))

    def confirmed(self, what: str, entry: Entry, stop: Stop) -> Header | None:
        """As `get`, after reading the file once more: nothing checks that the first bytes arrived
        as they are. A file that cannot be used is read as a whole, which is checked."""
        key = what, entry.key
        if key not in self._confirmed:
            first = result_of(self._found[key], stop)
            self._confirmed[key] = self._pool.submit(self._confirm, first, what, entry)
        return _unless_refused(result_of(self._confirmed[key], stop))

    def close(self) -> None:
        """Reads no further file."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, what: str, entry: Entry, bucket: Bucket) -> None:
        if (what, entry.key) not in self._found:
            self._buckets[what, entry.key] = bucket
            self._found[what, entry.key] = self._pool.submit(self._read, what, entry)

    def _read(self, what: str, entry: Entry) -> _Verdict:
        bucket = self._buckets[what, entry.key]
        try:
            for count in STARTS:
                start = bucket.read_start(entry.key, count)
                with self._parsing:
                    found = read_header(start, f"{what}{entry.key}", entry.size)
                if found is not None:
                    return found
        except PictureError as error:
            return error
        except StorageError:  # Its turn shows whether that lasts, and names it.
            return None
        return None

    def _confirm(self, first: _Verdict, what: str, entry: Entry) -> _Verdict:
        if not isinstance(first, PictureError):
            return first if self._read(what, entry) == first else None
        try:
            data = self._buckets[what, entry.key].read(entry.key)
            return read_header(data, f"{what}{entry.key}", len(data))
        except PictureError as error:
            return error
        except StorageError:
            return None


def _unless_refused(found: _Verdict) -> Header | None:
    if isinstance(found, PictureError):
        raise found
    return found


def photo_files(task: Task) -> Iterator[tuple[str, Entry]]:
    """The files of a task's photo, each after what errors put before its name."""
    yield "", task.photo
    if task.mask is not None:
        yield "mask ", task.mask


def look_files(look: Look) -> Iterator[tuple[str, Entry]]:
    """The files of a look's paintings, as `photo_files`."""
    for each in look.paintings:
        yield "painting ", each.entry
        for what, entry in (("mask ", each.mask), ("region ", each.region)):
            if entry is not None:
                yield what, entry
