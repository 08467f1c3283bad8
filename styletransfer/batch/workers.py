"""Paints the tasks of a run: threads read ahead, one for each place paints, others store.

One painter paints in the calling thread; of several, each has a thread. After a signal, each saves
its painting; an error that ends one of them ends the run.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Fetched, Inputs, Reader
from styletransfer.batch.storing import FinishedPicture, Storer
from styletransfer.batch.waiting import result_of
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event
from styletransfer.signals import POLL_S, Stop, Stopped
from styletransfer.storage.retry import RetryingBucket

if TYPE_CHECKING:
    from styletransfer.batch.painting import Painter
    from styletransfer.devices.tensorflow import Devices

MAX_STORING = 6  # finished pictures that may wait to be stored; more would fill the memory
# For what is being stored when a run ends early: a platform that takes its machine back gives it
# some ten seconds.
GRACE_S = 3.0


@dataclass
class Outcome:
    """What became of a run: seconds of painting by look, the reason of each failure, and tasks
    whose results another run has stored meanwhile."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[tuple[Task, str]] = field(default_factory=list)
    found: list[Task] = field(default_factory=list)

    @property
    def painted(self) -> int:
        return sum(map(len, self.seconds.values()))

    def add_painted(self, task: Task, seconds: float) -> None:
        """A task's result and record are stored."""
        self.seconds.setdefault(task.look.name, []).append(seconds)


def paint_all(run: RunContext, gallery: Gallery, devices: "Callable[[], Devices]") -> Outcome:
    """Paints the plan's tasks; what became of them. What cannot be painted fails in its turn,
    before its first step. devices: waits until TensorFlow is loaded; photos, paintings and weights
    are read meanwhile.

    Raises DeviceError, WeightsError; UnavailableError if the storage stays away; Stopped after a
    signal, with a checkpoint of each current painting in the result bucket.
    """
    leaving = threading.Event()
    source, style, result = (
        RetryingBucket(each, leaving)
        for each in (run.buckets.source, run.buckets.style, run.buckets.result)
    )
    todo = run.plan.todo
    checkpoints = CheckpointStore(run.buckets.result, result, run.plan.checkpoints)
    storer = Storer(result, run.plan.output, run.plan.partial, gallery, checkpoints)
    line = _Line(todo, Reader(source, style, run.config.memory_limit), storer)
    stores = Stores(storer, gallery, run.stop, Outcome(failures=[*run.plan.refused]))
    try:
        run.networks.prefetch(todo[0].look.settings)
        found = devices()
        run.stop.obey()
        event(f"painting on {found}", device=str(found))
        first = found.first.name
        run.networks.load(todo[0].look.settings, first)

        from styletransfer.batch.painting import Painter
        from styletransfer.batch.places import device_share
        from styletransfer.engine.memory_available import MemoryBudget

        gallery.begin()
        with found.first.scope():
            workers, share = device_share(
                run.config.workers_per_device,
                todo,
                [device.name for device in found.all],
                MemoryBudget(run.config.memory_limit),
                lambda settings: run.networks.load(settings, first),
            )
        if workers > 1:
            event(f"{workers} pictures at a time on each device")
        places = [device for _ in range(workers) for device in found.all][: len(todo)]
        painters = [Painter(device, run, checkpoints, share) for device in places]
        left = TimeLeft(len(painters))
        line.begin(len(painters))
        run.stop.later = True
        run_side_by_side([partial(_paint_tasks, each, line, stores, left) for each in painters])
        stores.drain()
        gallery.publish()
        return stores.outcome
    finally:
        run.stop.later = False
        line.close()
        leaving.set()
        stores.close()
        checkpoints.close()


def _paint_tasks(painter: "Painter", line: "_Line", stores: "Stores", left: "TimeLeft") -> None:
    """Paints until no task is left. What fails, fails alone. Raises UnavailableError if the storage
    stays away, Stopped."""
    from styletransfer.batch.painting import Surroundings

    def make_room() -> None:
        line.wait(stores.stop)
        stores.drain()

    beside = Surroundings(
        set_aside=line.set_aside,
        make_room=make_room,
        batch_left=lambda elapsed, eta_s: left.of_batch(painter, elapsed, eta_s, line.left),
    )
    while (item := line.next()) is not None:
        stores.stop.obey()
        stores.check()
        try:
            inputs, key = result_of(item.ready(), stores.stop)
            finished = painter.paint(item.task, key, item.label, inputs, beside)
        except Exception as error:
            stores.fail(item.task, item.label, picture_failure(error))
            left.end(painter)
        else:
            stores.store(finished)
            left.end(painter, finished.seconds)
            del inputs, finished


class _Item(NamedTuple):
    """A task in its turn, and what makes its inputs and its result's key ready."""

    task: Task
    label: str
    ready: Callable[[], "Future[tuple[Inputs, str]]"]


class _Line:
    """The tasks in their order, each handed out once; a few are read before their turn."""

    def __init__(self, tasks: Sequence[Task], reader: Reader, storer: Storer) -> None:
        self._reader, self._storer = reader, storer
        self._rest, self._total = deque(enumerate(tasks, start=1)), len(tasks)
        self._ahead: deque[tuple[int, Task, Future[Fetched]]] = deque()
        self._depth, self._lock = 2, threading.Lock()
        self._pool = ThreadPoolExecutor(32)
        with self._lock:
            self._fill()

    def begin(self, painters: int) -> None:
        """Reads as many tasks ahead as so many painters need."""
        with self._lock:
            self._depth = 1 + painters
            self._fill()

    @property
    def left(self) -> int:
        """The number of tasks that nobody has taken yet."""
        return len(self._rest) + len(self._ahead)

    def next(self) -> _Item | None:
        """The next task; None if none is left."""
        with self._lock:
            if not self._ahead:
                return None
            number, task, fetching = self._ahead.popleft()
            self._fill()
        return _Item(
            task,
            f"{task} ({number} of {self._total})",
            lambda: self._pool.submit(self._ready, task, fetching),
        )

    def set_aside(self) -> int:
        """Bytes that reading ahead may still take: painting has to leave them alone."""
        with self._lock:
            read = [each for _, _, each in self._ahead if each.done() and not each.exception()]
            most = (self._depth + 1) * self._reader.ahead_bytes  # with the paintings of a look
        return max(0, most - sum(each.result().bytes for each in read))

    def wait(self, stop: Stop) -> None:
        """Waits until what is read ahead is there: nothing else is decoded then before the next
        task. Raises Stopped."""
        with self._lock:
            reading = {each for _, _, each in self._ahead}
        while reading:
            stop.obey()
            _, reading = wait(reading, timeout=POLL_S)

    def close(self) -> None:
        """Reads no further task."""
        with self._lock:
            self._rest.clear()
            self._ahead.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fill(self) -> None:
        while self._rest and len(self._ahead) < self._depth:
            number, task = self._rest.popleft()
            self._ahead.append((number, task, self._pool.submit(self._reader.fetch, task)))

    def _ready(self, task: Task, fetching: "Future[Fetched]") -> tuple[Inputs, str]:
        inputs = self._reader.decode(task, fetching.result())
        return inputs, self._storer.result_key(task, inputs.photo.picture)


class Stores:
    """Stores what any number of painters hand over, in threads of its own, and counts."""

    def __init__(self, storer: Storer, gallery: Gallery, stop: Stop, outcome: Outcome) -> None:
        self.stop, self.outcome = stop, outcome
        self._storer, self._gallery = storer, gallery
        self._slots, self._pool = threading.Semaphore(MAX_STORING), ThreadPoolExecutor(MAX_STORING)
        self._lock = threading.Lock()  # never held over a request
        self._under_way: set[Future[None]] = set()

    def store(self, finished: FinishedPicture) -> None:
        """Takes a finished picture, as soon as there is a free slot. Raises UnavailableError,
        Stopped."""
        self._begin(self._store, finished)

    def fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        """Takes a failure, likewise."""
        self._begin(self._fail, task, label, error)

    def check(self) -> None:
        """Raises UnavailableError if the storage stayed away for too long."""
        with self._lock:
            ended = {each for each in self._under_way if each.done()}
            self._under_way -= ended
        for each in ended:
            each.result()

    def drain(self) -> None:
        """Waits until everything is stored. Raises UnavailableError, Stopped."""
        while under_way := self._those_under_way():
            self.stop.obey()
            wait(under_way, timeout=POLL_S)
            self.check()

    def close(self) -> None:
        """Ends the threads; what is being stored has GRACE_S seconds to finish."""
        wait(self._those_under_way(), timeout=GRACE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _those_under_way(self) -> "set[Future[None]]":
        with self._lock:
            return {*self._under_way}

    def _begin(self, job: Callable[..., None], *arguments: object) -> None:
        while not self._slots.acquire(timeout=POLL_S):
            self.check()
            self.stop.obey()
        begun = self._pool.submit(job, *arguments)
        begun.add_done_callback(lambda _: self._slots.release())
        with self._lock:
            self._under_way.add(begun)

    def _store(self, finished: FinishedPicture) -> None:
        try:
            self._storer.store(finished)
        except Exception as error:
            self._fail(finished.task, finished.label, picture_failure(error))
        else:
            with self._lock:
                self.outcome.add_painted(finished.task, finished.seconds)
        self._gallery.publish_if_due()

    def _fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        with self._lock:
            self.outcome.failures.append((task, str(error)))
        self._storer.fail(task, label, error)


class TimeLeft:
    """How long the rest of a batch takes, if coming tasks take as long as those so far."""

    def __init__(self, painters: int) -> None:
        self._painters = painters
        self._seconds, self._count = 0.0, 0  # of finished pictures
        self._remaining: dict[object, float] = {}  # of the picture that each painter is at
        self._lock = threading.Lock()

    def of_batch(self, painter: object, elapsed: float, eta_s: float, tasks: int) -> float:
        """Seconds left, as seen by a painter that has painted for `elapsed` seconds and has `eta_s`
        to go, while nobody has taken so many tasks yet."""
        with self._lock:
            self._remaining[painter] = eta_s
            remaining = [*self._remaining.values()]
            mean = self._seconds / self._count if self._count else elapsed + eta_s
        return max((sum(remaining) + tasks * mean) / self._painters, *remaining)

    def end(self, painter: object, seconds: float | None = None) -> None:
        """A painter's picture has failed, or is painted, in so many seconds."""
        with self._lock:
            self._remaining.pop(painter, None)
            if seconds is not None:
                self._seconds, self._count = self._seconds + seconds, self._count + 1


def run_side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Runs one job here, several in a thread each, and raises the error that ends one of them:
    Stopped when all have ended, since each has a painting to save, any other at once."""
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
