"""The tasks of a run in their order, with photos and paintings that threads read and decode before
their turn: what paints never waits for the network. Without TensorFlow, which is loaded meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, TypeVar

from styletransfer.batch.inputs import LookInput, PhotoInput, read_look, read_photo
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.storage.base import Bucket

AHEAD = 4  # photos read and decoded before it is their turn
Value = TypeVar("Value")
Patiently = Callable[[Callable[[], Value]], Value]  # Pusher.patiently


class Waiting(NamedTuple):
    """A task, its number from 1, and what it is painted from, being read."""

    number: int
    task: Task
    photo: "Future[PhotoInput]"
    ingredients: "Future[LookInput]"


class Prefetcher:
    """The tasks, each taken once, by any number of threads; reading begins at once."""

    def __init__(
        self, tasks: Sequence[Task], source: Bucket, style: Bucket, patiently: Patiently
    ) -> None:
        self._source, self._style, self._patiently = source, style, patiently
        self._pool = ThreadPoolExecutor(AHEAD)
        self._count, self._rest = len(tasks), iter(enumerate(tasks, start=1))
        self._lock = threading.Lock()
        self._window: deque[Waiting] = deque()
        self._look: Look | None = None
        self._ingredients: Future[LookInput] | None = None
        self._taken = 0
        self._fill()

    def __iter__(self) -> Iterator[Waiting]:
        while (waiting := self._next()) is not None:
            yield waiting

    @property
    def left(self) -> int:
        """The number of tasks that nobody has taken yet."""
        return self._count - self._taken

    def read(self, what: Callable[[], Value]) -> "Future[Value]":
        """Another request to storage, made as patiently, by the same threads."""
        return self._pool.submit(self._patiently, what)

    def end(self) -> None:
        """Gives out no further task, and reads none."""
        with self._lock:
            self._rest = iter(())
            self._window.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> Waiting | None:
        with self._lock:
            self._fill()
            if not self._window:
                return None
            self._taken += 1
            return self._window.popleft()

    def _fill(self) -> None:
        for number, task in islice(self._rest, AHEAD - len(self._window)):
            if task.look is not self._look:
                self._look = task.look
                self._ingredients = self._pool.submit(self._read_look, task.look)
            photo = self._pool.submit(self._read_photo, task)
            self._window.append(Waiting(number, task, photo, self._ingredients))

    def _read_photo(self, task: Task) -> PhotoInput:
        return read_photo(task.photo, task.mask, self._reader(self._source))

    def _read_look(self, look: Look) -> LookInput:
        return read_look(look, self._reader(self._style))

    def _reader(self, bucket: Bucket) -> Callable[[str], bytes]:
        return lambda key: self._patiently(lambda: bucket.read(key))
