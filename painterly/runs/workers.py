"""Paints the orders of a run: some threads read ahead, each slot has one order, others store.

A single slot is worked at in the calling thread. After a signal, each saves its painting. An error
that ends one of them ends the run, and the others save theirs.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from logging import WARNING

from painterly.devices.device import Devices
from painterly.log import event
from painterly.orders.frames import FrameOrder
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.painters.failures import raise_if_fatal, reason_of
from painterly.painters.finished import Finished
from painterly.painters.painter import DeviceSlot, Ended, Painter
from painterly.painters.reading import (
    READ_AHEAD,
    ChangedError,
    Inputs,
    PhotoFiles,
    PhotoInput,
    Reader,
)
from painterly.runs.clips import Clips, Fail, Postpone, Store
from painterly.signals import POLL_S, Stop, Stopped

MAX_STORING = 6  # finished pictures that may wait to be stored; more would fill the memory
# The time for pictures that are being stored when a run ends early. A platform that takes back its
# machine gives about ten seconds.
GRACE_S = 3.0
# After an error on one device, for the others' steps and checkpoints. A device may not answer.
LAST_STEPS_S = 10.0
Fetched = PhotoFiles | PhotoInput
MakeClips = Callable[[Store, Fail, Postpone], Clips]


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        painted: The number of results.
        failures: The orders that have failed, each with the reason.
        already_stored: The number of results that another run has stored since the plan was made.
        postponed: The number of orders with a file that has changed since it was listed.
        records: The records that were written, by key.
    """

    painted: int = 0
    failures: list[tuple[PlannedOrder, str]] = field(default_factory=list)
    already_stored: int = 0
    postponed: int = 0
    records: dict[str, Record] = field(default_factory=dict)


def paint_all(
    painter: Painter,
    plan: Plan,
    loading: Future[Devices],
    set_aside: int = 0,
    clips: MakeClips | None = None,
) -> Outcome:
    """Paint the plan's orders. One that cannot be painted fails right before its first step.

    Args:
        painter: The painter.
        plan: A plan with orders.
        loading: What paints, which may be loading. Photos, paintings and weights are read in the
            meantime.
        set_aside: The bytes that painting must leave free.
        clips: Makes what steadies and writes clips, by default into the bucket of results.

    Returns:
        The outcome.

    Raises:
        DeviceError: No device can paint.
        WeightsError: The weights cannot be used.
        UnavailableError: The storage is unreachable for too long.
        Stopped: A signal has arrived; a checkpoint of each current painting is in the bucket.
    """
    stop, first = painter.stop, plan.todo[0]
    with SavingPool(painter, plan, clips) as saving, ReadAhead(plan.todo, painter.reader) as ahead:
        painter.networks.prefetch(first.style.settings, first.weights)
        devices = loading.result()
        stop.obey()
        event(f"painting on {devices}", device=str(devices))
        painter.networks.load(first.style.settings, devices.first.name, first.weights)

        painter.mark_gallery()
        used = devices.all[: len(plan.todo)]
        ahead.read_for(len(used))

        def make_room() -> None:
            ahead.wait(stop)
            saving.wait()

        def batch_left(elapsed: float, eta_s: float) -> float:
            return saving.batch_left(elapsed, eta_s, ahead.left, len(used))

        slots = [
            DeviceSlot(device, set_aside + painter.reader.set_aside, make_room, batch_left)
            for device in used
        ]
        stop.later = True
        try:
            run_side_by_side(
                [partial(_paint_orders, painter, slot, ahead, saving) for slot in slots],
                painter.end,
            )
            saving.finish()
        finally:
            stop.later = False
        return saving.outcome


def _paint_orders(
    painter: Painter, slot: DeviceSlot, ahead: "ReadAhead", saving: "SavingPool"
) -> None:
    while (item := ahead.next()) is not None:
        order, fetching = item
        painter.obey()
        saving.check()
        if not saving.wants(order):
            continue
        try:
            if isinstance(painter.stop.result_of(fetching), PhotoFiles):
                saving.wait()  # Finished pictures keep photos that may be as large.
            inputs = painter.stop.result_of(ahead.decode(order, fetching))
            finished = painter.paint(order, inputs, slot, resume=order.may_resume)
        except ChangedError as error:
            order.log(f"{order.label}: {error}", level=WARNING)
            saving.postpone(order)
        except Exception as error:
            raise_if_fatal(error)
            saving.fail(order, reason_of(error))
        else:
            saving.store(order, finished)


class ReadAhead:
    """The orders of a run. Each is handed out once, in turn; a few are read in advance, until the
    `with` block ends."""

    def __init__(self, orders: Sequence[PlannedOrder], reader: Reader) -> None:
        self._reader = reader
        self._rest, self._total = deque(orders), len(orders)
        self._ahead: deque[tuple[PlannedOrder, Future[Fetched]]] = deque()
        self._depth, self._lock = READ_AHEAD, threading.Lock()
        self._pool = ThreadPoolExecutor(32)
        with self._lock:
            self._fill()

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading orders."""
        with self._lock:
            self._rest.clear()
            self._ahead.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read_for(self, slots: int) -> None:
        """Read as many orders ahead as this number of slots needs."""
        with self._lock:
            self._depth = self._reader.read_for(slots)
            self._fill()

    @property
    def left(self) -> int:
        """The number of orders that no slot has taken yet."""
        return len(self._rest) + len(self._ahead)

    def next(self) -> tuple[PlannedOrder, Future[Fetched]] | None:
        """Return the next order and its files, or None if none is left."""
        with self._lock:
            if not self._ahead:
                return None
            order, fetching = self._ahead.popleft()
            number = self._total - self.left
            self._fill()
        return replace(order, place=f"{number}/{self._total} "), fetching

    def decode(self, order: PlannedOrder, fetching: Future[Fetched]) -> Future[Inputs]:
        """Begin to make an order's inputs from its files."""
        return self._pool.submit(lambda: self._reader.decode(order, fetching.result()))

    def wait(self, stop: Stop) -> None:
        """Wait until reading ahead has ended: nothing else is decoded then before the next order.
        Raises Stopped."""
        with self._lock:
            reading = {fetching for _, fetching in self._ahead}
        while reading:
            stop.obey()
            _, reading = wait(reading, timeout=POLL_S)

    def _fill(self) -> None:
        while self._rest and len(self._ahead) < self._depth:
            order = self._rest.popleft()
            self._ahead.append((order, self._pool.submit(self._reader.fetch, order)))


class SavingPool:
    """Stores the pictures of any number of slots in its own threads, and counts them, until the
    `with` block ends."""

    def __init__(self, painter: Painter, plan: Plan, clips: MakeClips | None = None) -> None:
        """Args:
        painter, plan, clips: As in `paint_all`.
        """
        self.outcome = Outcome()
        self._ended, self._seconds = 0, 0.0  # painted orders, and the time that they took
        self._last = Record()
        self._painter, self._stop = painter, painter.stop
        # A run of a part of the pictures stores the gallery's pictures, and leaves its page alone.
        self._page = painter.gallery if painter.config.makes_page else None
        self._slots, self._pool = threading.Semaphore(MAX_STORING), ThreadPoolExecutor(MAX_STORING)
        self._lock = threading.Lock()  # never held over a request
        self._running: set[Future[object]] = set()
        make = clips or partial(Clips, painter, plan)
        self._clips = make(self._store, self._fail, self.postpone)

    def __enter__(self) -> "SavingPool":
        return self

    def __exit__(self, *_: object) -> None:
        """Give up requests that wait for a bucket, and end the threads, after GRACE_S seconds at
        most for pictures that are being stored."""
        self._painter.leave()
        self._clips.close()
        wait(self._copy_of_running(), timeout=GRACE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def store(self, order: PlannedOrder, finished: Finished) -> None:
        """Take a finished picture as soon as a slot is free. Raises UnavailableError, Stopped."""
        self._submit(self._store, order, finished)

    def fail(self, order: PlannedOrder, reason: str) -> None:
        """Take a failure as soon as a slot is free. Raises UnavailableError, Stopped."""
        self._submit(self._fail, order, reason)

    def wants(self, order: PlannedOrder) -> bool:
        """Return whether an order is still needed: not that of a frame if its clip has failed."""
        return not isinstance(order, FrameOrder) or self._clips.wants(order)

    def postpone(self, order: PlannedOrder) -> None:
        """Count an order that another round of a watch paints."""
        if isinstance(order, FrameOrder):
            self._clips.take(order, None)
            return
        with self._lock:
            self.outcome.postponed += 1

    def add(self, order: PlannedOrder, record: Record, already_stored: bool = False) -> None:
        """Take the record of an order that has ended. A clip takes those of its frames; all others
        are counted, and shown on the gallery's page if this run writes it.

        Args:
            order: The order.
            record: Its record.
            already_stored: Whether another run has stored its result.
        """
        if record.error is None:
            with self._lock:
                self._ended, self._seconds = self._ended + 1, self._seconds + (record.seconds or 0)
        if isinstance(order, FrameOrder):
            self._clips.take(order, record)
            return
        with self._lock:
            self.outcome.records[order.record_key] = self._last = record.sharing(self._last)
            if record.error is not None:
                self.outcome.failures.append((order, record.error))
            elif already_stored:
                self.outcome.already_stored += 1
            else:
                self.outcome.painted += 1
        if self._page:
            self._page.add_record(record)

    def batch_left(self, elapsed: float, eta_s: float, orders: int, slots: int) -> float:
        """Estimate the seconds left for the batch from the mean time of its pictures so far.

        Args:
            elapsed: The seconds that a slot has spent on its picture.
            eta_s: The seconds that its picture will still take.
            orders: The number of orders that no slot has taken yet.
            slots: The number of slots.
        """
        with self._lock:
            count, seconds = self._ended, self._seconds
        mean = seconds / count if count else elapsed + eta_s
        return eta_s + orders * mean / slots

    def check(self) -> None:
        """Raise UnavailableError if the storage was unreachable for too long."""
        with self._lock:
            ended = {job for job in self._running if job.done()}
            self._running -= ended
        for job in ended:
            job.result()
        self._clips.check()

    def wait(self) -> None:
        """Wait until everything is stored. Raises UnavailableError, Stopped."""
        while running := self._copy_of_running():
            self._stop.obey()
            wait(running, timeout=POLL_S)
            self.check()

    def finish(self) -> None:
        """Wait until everything is stored, and publish the gallery. Raises UnavailableError,
        Stopped."""
        self.wait()
        self._clips.wait(self._stop)
        if self._page:
            self._page.publish()
        else:
            self._painter.mark_gallery()  # Again: a whole run may have removed the mark since.

    def _copy_of_running(self) -> set[Future[object]]:
        with self._lock:
            return {*self._running}

    def _submit(self, job: Callable[..., object], *arguments: object) -> None:
        while not self._slots.acquire(timeout=POLL_S):
            self.check()
            self._stop.obey()
        begun = self._pool.submit(job, *arguments)
        begun.add_done_callback(lambda _: self._slots.release())
        with self._lock:
            self._running.add(begun)

    def _store(self, order: PlannedOrder, finished: Finished) -> bool:
        is_stored = False
        try:
            self.add(order, self._painter.store(order, finished))
            is_stored = True
        except Exception as error:
            raise_if_fatal(error)
            self._fail(order, reason_of(error))
        if self._page:
            self._page.publish_if_due()
        return is_stored

    def _fail(self, order: PlannedOrder, reason: str) -> None:
        self.add(order, self._painter.fail(order, reason))


def run_side_by_side(jobs: Sequence[Callable[[], None]], end: Callable[[], None]) -> None:
    """Run a single job in this thread, or several in a thread each.

    Args:
        jobs: The jobs.
        end: Asks them to save what they paint, and to end.

    Raises:
        Stopped: All have ended after a signal.
        BaseException: The error that ends one of them. The others are asked to end, and are waited
            for, but no longer than LAST_STEPS_S.
    """
    if len(jobs) == 1:
        jobs[0]()
        return
    pool = ThreadPoolExecutor(len(jobs))
    running = {pool.submit(job) for job in jobs}
    stops: list[BaseException] = []
    cause, until = None, math.inf
    try:
        while running and time.monotonic() < until:
            # For a short time only: Python handles a signal between this thread's own steps.
            done, running = wait(running, timeout=POLL_S, return_when=FIRST_EXCEPTION)
            for error in filter(None, (job.exception() for job in done)):
                if isinstance(error, Stopped | Ended):
                    stops.append(error)
                elif cause is None:
                    cause, until = error, time.monotonic() + LAST_STEPS_S
                    end()
        if cause or stops:
            raise cause or stops[0]
    finally:
        pool.shutdown(wait=False)
