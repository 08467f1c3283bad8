"""Paints the tasks of a run: some threads read ahead, each painter has one, others store.

A single painter paints in the calling thread. After a signal, each saves its painting. An error
that ends one of them ends the run.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from styletransfer.batch.context import PaintingContext, RunContext
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Fetched, Inputs, Reader
from styletransfer.batch.storing import FinishedPicture, StorageSession, Storer
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event
from styletransfer.signals import POLL_S, Stop, Stopped

if TYPE_CHECKING:
    from styletransfer.batch.painting import Painter
    from styletransfer.devices.choose import Devices

READ_AHEAD = 2  # tasks that are read ahead for one painter; one more for each other painter
MAX_STORING = 6  # finished pictures that may wait to be stored; more would fill the memory
# The time for pictures that are being stored when a run ends early. A platform that takes back its
# machine gives about ten seconds.
GRACE_S = 3.0


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        painted: The number of results.
        seconds: The time that painting them took.
        failures: The failed tasks, each with the reason.
        found: The number of results that another run has stored since the plan was made.
    """

    painted: int = 0
    seconds: float = 0.0
    failures: list[tuple[Task, str]] = field(default_factory=list)
    found: int = 0

    def add_painted(self, seconds: float) -> None:
        """Counts a task with a stored result and record."""
        self.painted += 1
        self.seconds += seconds


def paint_all(run: RunContext, gallery: Gallery, devices: "Callable[[], Devices]") -> Outcome:
    """Paints the plan's tasks. A task that cannot be painted fails right before its first step.

    Args:
        run: The run.
        gallery: The gallery of its results.
        devices: Waits until TensorFlow is loaded. Photos, paintings and weights are read in the
            meantime.

    Returns:
        The outcome.

    Raises:
        DeviceError: No device can paint.
        WeightsError: The weights cannot be used.
        UnavailableError: The storage is unreachable for too long.
        Stopped: A signal has arrived; a checkpoint of each current painting is in the bucket.
    """
    session, todo = StorageSession(run.buckets, run.config), run.plan.todo
    storer = session.storer(gallery)
    line = _Line(todo, session.reader, storer)
    stores = Stores(storer, gallery, run)
    try:
        run.networks.prefetch(todo[0].style.settings)
        found = devices()
        run.stop.obey()
        event(f"painting on {found}", device=str(found))
        first = found.first.name
        run.networks.load(todo[0].style.settings, first)

        from styletransfer.batch.painting import Painter
        from styletransfer.devices.memory import MemoryBudget

        gallery.begin()
        workers, share = min(run.config.painters, math.ceil(len(todo) / len(found.all))), None
        if workers > 1:
            with found.first.scope():
                share = MemoryBudget(run.config.memory_limit).bytes // workers
            event(f"{workers} pictures at a time on each device")
        places = [device for _ in range(workers) for device in found.all][: len(todo)]
        line.begin(len(places))

        def make_room() -> None:
            line.wait(run.stop)
            stores.drain()

        def batch_left(elapsed: float, eta_s: float) -> float:
            return stores.batch_left(elapsed, eta_s, line.left, len(places))

        context = PaintingContext(
            config=run.config,
            networks=run.networks,
            stop=run.stop,
            checkpoints=session.checkpoints,
            share=share,
            set_aside=line.set_aside,
            make_room=make_room,
            batch_left=batch_left,
        )
        painters = [Painter(device, context) for device in places]
        run.stop.later = True
        run_side_by_side([partial(_paint_tasks, each, line, stores) for each in painters])
        stores.drain()
        gallery.publish()
        return stores.outcome
    finally:
        run.stop.later = False
        line.close()
        session.leaving.set()
        stores.close()
        session.close()


def _paint_tasks(painter: "Painter", line: "_Line", stores: "Stores") -> None:
    """Paints until no task is left. Raises UnavailableError if the storage is unreachable for too
    long, Stopped."""
    while (item := line.next()) is not None:
        task, fetching = item
        stores.stop.obey()
        stores.check()
        try:
            if stores.stop.result_of(fetching).photo is None:
                stores.drain()  # Finished pictures keep photos that may be as large.
            inputs, key = stores.stop.result_of(line.prepare(task, fetching))
            finished = painter.paint(task, key, inputs)
        except Exception as error:
            stores.fail(task, picture_failure(error))
        else:
            stores.store(finished)
            del inputs, finished


class _Line:
    """The tasks in their order. Each is handed out once; a few are read in advance."""

    def __init__(self, tasks: Sequence[Task], reader: Reader, storer: Storer) -> None:
        self._reader, self._storer = reader, storer
        self._rest, self._total = deque(tasks), len(tasks)
        self._ahead: deque[tuple[Task, Future[Fetched]]] = deque()
        self._depth, self._lock = READ_AHEAD, threading.Lock()
        self._pool = ThreadPoolExecutor(32)
        with self._lock:
            self._fill()

    def begin(self, painters: int) -> None:
        """Reads as many tasks ahead as this number of painters needs."""
        with self._lock:
            self._depth = READ_AHEAD - 1 + painters
            self._fill()

    @property
    def left(self) -> int:
        """The number of tasks that no painter has taken yet."""
        return len(self._rest) + len(self._ahead)

    def next(self) -> "tuple[Task, Future[Fetched]] | None":
        """Returns the next task and its files, or None if none is left."""
        with self._lock:
            if not self._ahead:
                return None
            task, fetching = self._ahead.popleft()
            number = self._total - self.left
            self._fill()
        return replace(task, place=f" ({number} of {self._total})"), fetching

    def prepare(self, task: Task, fetching: "Future[Fetched]") -> "Future[tuple[Inputs, str]]":
        """Begins to make ready a task's inputs and its result's key."""
        return self._pool.submit(self._inputs_and_key, task, fetching)

    @property
    def set_aside(self) -> int:
        """The bytes that reading ahead may take, with a style's paintings: painting leaves them
        free."""
        return (self._depth + 1) * self._reader.ahead_bytes

    def wait(self, stop: Stop) -> None:
        """Waits until reading ahead has ended: nothing else is decoded then before the next task.
        Raises Stopped."""
        with self._lock:
            reading = {each for _, each in self._ahead}
        while reading:
            stop.obey()
            _, reading = wait(reading, timeout=POLL_S)

    def close(self) -> None:
        """Stops reading tasks."""
        with self._lock:
            self._rest.clear()
            self._ahead.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fill(self) -> None:
        while self._rest and len(self._ahead) < self._depth:
            task = self._rest.popleft()
            self._ahead.append((task, self._pool.submit(self._reader.fetch, task)))

    def _inputs_and_key(self, task: Task, fetching: "Future[Fetched]") -> tuple[Inputs, str]:
        inputs = self._reader.decode(task, fetching.result())
        return inputs, self._storer.result_key(task, inputs.photo.picture)


class Stores:
    """Stores the pictures of any number of painters in its own threads, and counts them."""

    def __init__(self, storer: Storer, gallery: Gallery, run: RunContext) -> None:
        self.stop, self.outcome = run.stop, Outcome(failures=[*run.plan.refused])
        self._storer, self._gallery = storer, gallery
        self._slots, self._pool = threading.Semaphore(MAX_STORING), ThreadPoolExecutor(MAX_STORING)
        self._lock = threading.Lock()  # never held over a request
        self._running: set[Future[None]] = set()

    def store(self, finished: FinishedPicture) -> None:
        """Takes a finished picture as soon as a slot is free. Raises UnavailableError, Stopped."""
        self._begin(self._store, finished)

    def fail(self, task: Task, error: StyleTransferError) -> None:
        """Takes a failure as soon as a slot is free. Raises UnavailableError, Stopped."""
        self._begin(self._fail, task, error)

    def batch_left(self, elapsed: float, eta_s: float, tasks: int, painters: int) -> float:
        """Estimates the seconds left for the batch from the mean time of its pictures so far.

        Args:
            elapsed: The seconds that a painter has spent on its picture.
            eta_s: The seconds that its picture will still take.
            tasks: The number of tasks that no painter has taken yet.
            painters: The number of painters.
        """
        with self._lock:
            count, seconds = self.outcome.painted, self.outcome.seconds
        mean = seconds / count if count else elapsed + eta_s
        return eta_s + tasks * mean / painters

    def check(self) -> None:
        """Raises UnavailableError if the storage was unreachable for too long."""
        with self._lock:
            ended = {each for each in self._running if each.done()}
            self._running -= ended
        for each in ended:
            each.result()

    def drain(self) -> None:
        """Waits until everything is stored. Raises UnavailableError, Stopped."""
        while running := self._copy_of_running():
            self.stop.obey()
            wait(running, timeout=POLL_S)
            self.check()

    def close(self) -> None:
        """Ends the threads, after GRACE_S seconds at most for pictures that are being stored."""
        wait(self._copy_of_running(), timeout=GRACE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _copy_of_running(self) -> "set[Future[None]]":
        with self._lock:
            return {*self._running}

    def _begin(self, job: Callable[..., None], *arguments: object) -> None:
        while not self._slots.acquire(timeout=POLL_S):
            self.check()
            self.stop.obey()
        begun = self._pool.submit(job, *arguments)
        begun.add_done_callback(lambda _: self._slots.release())
        with self._lock:
            self._running.add(begun)

    def _store(self, finished: FinishedPicture) -> None:
        try:
            self._storer.store(finished)
        except Exception as error:
            self._fail(finished.task, picture_failure(error))
        else:
            with self._lock:
                self.outcome.add_painted(finished.seconds)
        self._gallery.publish_if_due()

    def _fail(self, task: Task, error: StyleTransferError) -> None:
        with self._lock:
            self.outcome.failures.append((task, str(error)))
        self._storer.fail(task, error)


def run_side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Runs a single job in this thread, or several in a thread each. Raises the error that ends one
    of them: Stopped when all have ended, since each has a painting to save, others at once."""
    if len(jobs) == 1:
        jobs[0]()
        return
    pool = ThreadPoolExecutor(len(jobs))
    running = {pool.submit(job) for job in jobs}
    errors: list[BaseException] = []
    try:
        while running:
            # For a short time only: Python handles a signal between this thread's own steps.
            done, running = wait(running, timeout=POLL_S, return_when=FIRST_EXCEPTION)
            errors += [error for each in done if (error := each.exception())]
            stopped = all(isinstance(error, Stopped) for error in errors)
            if errors and (not stopped or not running):
                raise next((e for e in errors if not isinstance(e, Stopped)), errors[0])
    finally:
        pool.shutdown(wait=False)
