"""The headers of a run's photos, paintings and masks, read before the first picture is painted.
Does not import TensorFlow, which is being loaded at the same time."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

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


class InputFile(NamedTuple):
    """A file that tasks need. what: errors put it before the file's name. of_look: it is in the
    style bucket, where another file may have the key of a photo's mask."""

    what: str
    entry: Entry
    of_look: bool

    @property
    def name(self) -> str:
        """What errors call the file."""
        return f"{self.what}{self.entry.key}"

    @property
    def id(self) -> tuple[bool, str, str]:
        """Equal for the same file of two tasks. An entry would be compared by its content."""
        return self.of_look, self.what, self.entry.key


class Headers:
    """Reads the headers of all files that tasks need, each file once. Reading begins at once."""

    def __init__(self, tasks: Sequence[Task], source: Bucket, style: Bucket) -> None:
        self._pool = ThreadPoolExecutor(READERS)
        self._parsing = threading.Lock()  # One file at a time is completed in memory.
        self._source, self._style = source, style
        self._found: dict[tuple[bool, str, str], _Read] = {}
        self._confirmed: dict[tuple[bool, str, str], _Read] = {}
        for task in tasks:
            self._begin(photo_files(task))
        for look in {task.look.name: task.look for task in tasks}.values():
            self._begin(look_files(look))

    def get(self, file: InputFile, stop: Stop) -> Header | None:
        """The header of a file; None where it is not known before the file is read. Raises
        PictureError for a file that cannot be used, Stopped."""
        return _unless_refused(result_of(self._found[file.id], stop))

    def confirmed(self, file: InputFile, stop: Stop) -> Header | None:
        """As `get`, after reading the file once more: nothing checks that the first bytes arrived
        as they are. A file that cannot be used is read as a whole, which is checked."""
        if file.id not in self._confirmed:
            first = result_of(self._found[file.id], stop)
            self._confirmed[file.id] = self._pool.submit(self._confirm, first, file)
        return _unless_refused(result_of(self._confirmed[file.id], stop))

    def close(self) -> None:
        """Reads no further file."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, files: Iterable[InputFile]) -> None:
        for file in files:
            if file.id not in self._found:
                self._found[file.id] = self._pool.submit(self._read, file)

    def _bucket(self, file: InputFile) -> Bucket:
        return self._style if file.of_look else self._source

    def _read(self, file: InputFile) -> _Verdict:
        try:
            for count in STARTS:
                start = self._bucket(file).read_start(file.entry.key, count)
                with self._parsing:
                    found = read_header(start, file.name, file.entry.size)
                if found is not None:
                    return found
        except PictureError as error:
            return error
        except StorageError:  # Its turn shows whether that lasts, and names it.
            return None
        return None

    def _confirm(self, first: _Verdict, file: InputFile) -> _Verdict:
        if not isinstance(first, PictureError):
            return first if self._read(file) == first else None
        try:
            data = self._bucket(file).read(file.entry.key)
            return read_header(data, file.name, len(data))
        except PictureError as error:
            return error
        except StorageError:
            return None


def _unless_refused(found: _Verdict) -> Header | None:
    if isinstance(found, PictureError):
        raise found
    return found


def photo_files(task: Task) -> Iterator[InputFile]:
    """A task's photo, and its mask if it has one."""
    yield InputFile("", task.photo, False)
    if task.mask is not None:
        yield InputFile("mask ", task.mask, False)


def look_files(look: Look) -> Iterator[InputFile]:
    """A look's paintings, each with its mask and its region if it has them."""
    for each in look.paintings:
        yield InputFile("painting ", each.entry, True)
        for what, entry in (("mask ", each.mask), ("region ", each.region)):
            if entry is not None:
                yield InputFile(what, entry, True)
