"""The tasks of a run in their order, their photos and paintings read and decoded by threads before
their turn, so that a worker rarely waits for the network. Does not import TensorFlow, which is
being loaded at the same time."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from styletransfer.batch.inputs import LookInput, PhotoInput, read_look, read_photo
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import MemoryShare, PrefetchMemory
from styletransfer.storage.base import Bucket

_Input = TypeVar("_Input", PhotoInput, LookInput)
DEPTH = 4  # photos read and decoded before their turn


class PrefetchedTask(NamedTuple):
    """A task, its number from 1, how many there are (None: not known), and its inputs, which are
    being read."""

    number: int
    total: int | None
    task: Task
    photo: "Future[PhotoInput]"
    look: "Future[LookInput]"
    shares: tuple[MemoryShare, MemoryShare]

    @property
    def label(self) -> str:
        """What the log calls the task."""
        return f"{self.task} ({self.number} of {self.total})" if self.total else str(self.task)


class Prefetcher:
    """Hands out each task once, to any number of threads. Reading begins at once."""

    def __init__(
        self,
        tasks: Sequence[Task],
        source: Bucket,
        style: Bucket,
        memory: PrefetchMemory,
        more: bool = False,
    ) -> None:
        """memory: what is decoded before its turn takes no more than there is. more: other tasks
        follow, until `close`."""
        self._source, self._style, self._memory = source, style, memory
        self._pool = ThreadPoolExecutor(DEPTH)
        self._count, self._more = len(tasks), more
        self._total = None if more else len(tasks)
        self._rest = deque(enumerate(tasks, start=1))
        self._changed = threading.Condition()
        self._window: deque[PrefetchedTask] = deque()
        self._look: Look | None = None
        self._look_input: Future[LookInput] | None = None
        self._look_share: MemoryShare | None = None
        self._taken = 0
        self._fill()

    def __iter__(self) -> Iterator[PrefetchedTask]:
        while (prefetched := self._take()) is not None:
            yield prefetched

    def add(self, task: Task) -> None:
        """One more task, after all others; none after `close`."""
        with self._changed:
            if not self._more:
                return
            self._count += 1
            self._rest.append((self._count, task))
            self._fill()
            self._changed.notify()

    def leave_out(self, tasks: Iterable[Task]) -> None:
        """Hands out none of these tasks, and reads nothing for them that is not being decoded yet.
        To be called before the first task is handed out."""
        with self._changed:
            left_out = {id(task) for task in tasks}
            reading = {share for each in self._window for share in each.shares}
            self._window = deque(each for each in self._window if id(each.task) not in left_out)
            self._rest = deque(each for each in self._rest if id(each[1]) not in left_out)
            self._count = self._taken + len(self._window) + len(self._rest)
            needed = {share for each in self._window for share in each.shares}
            if self._look_share and any(task.look == self._look for _, task in self._rest):
                needed.add(self._look_share)
            # What waits for memory holds a thread, which the other tasks need.
            for share in reading - needed:
                self._memory.give_up(share)

    @property
    def left(self) -> int:
        """The number of tasks that nobody has taken yet."""
        return self._count - self._taken

    def close(self) -> None:
        """Hands out no further task, and reads none."""
        with self._changed:
            self._more = False
            self._rest.clear()
            self._window.clear()
            self._changed.notify_all()
        self._memory.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> PrefetchedTask | None:
        with self._changed:
            self._fill()
            self._changed.wait_for(lambda: self._window or not self._more)
            if not self._window:
                return None
            self._taken += 1
            prefetched = self._window.popleft()
        for share in prefetched.shares:
            self._memory.begin_turn(share)
        return prefetched

    def _fill(self) -> None:
        while self._rest and len(self._window) < DEPTH:
            number, task = self._rest.popleft()
            look, look_share = self._read_look(task.look)
            share = self._memory.share()
            admit = partial(self._memory.admit, share)
            read = partial(read_photo, task.photo, task.mask, self._source.read_listed, admit)
            photo = self._pool.submit(self._kept, read, share)
            self._window.append(
                PrefetchedTask(number, self._total, task, photo, look, (look_share, share))
            )

    def _read_look(self, look: Look) -> "tuple[Future[LookInput], MemoryShare]":
        """A look's paintings; tasks are in the order of their looks, so each is read once."""
        if self._look_input is None or self._look_share is None or look != self._look:
            self._look, self._look_share = look, self._memory.share()
            admit = partial(self._memory.admit, self._look_share)
            read = partial(read_look, look, self._style.read_listed, admit)
            self._look_input = self._pool.submit(self._kept, read, self._look_share)
        return self._look_input, self._look_share

    def _kept(self, read: Callable[[], _Input], share: MemoryShare) -> _Input:
        """What `read` gives, whose bytes the share then takes; none if it fails."""
        size = 0
        try:
            found = read()
            size = found.bytes
            return found
        finally:
            self._memory.keep(share, size)
