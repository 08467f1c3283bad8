"""What happens behind the painting: results, records, checkpoints and the gallery are pushed by
threads.

A result is pushed before its record, so a record always has its result; whatever is killed in
between is painted again under the same key.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import ERROR, WARNING
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from styletransfer.batch import records
from styletransfer.batch.checkpoints import Snapshot
from styletransfer.batch.plan import UNPUBLISHED, Plan, Task
from styletransfer.errors import (
    ConfigError,
    MemoryShortError,
    PictureError,
    StorageError,
    StyleTransferError,
    WeightsError,
)
from styletransfer.gallery.publisher import Gallery
from styletransfer.images import decode, encode
from styletransfer.log import event, printable
from styletransfer.signals import Stop
from styletransfer.storage.base import BadKeyError, Bucket, ObjectError, UnavailableError

BEHIND = 6  # results that may wait to be pushed; more would fill the memory
PUBLISH_EVERY_S = 30.0
# How long a request outlasts a service that is away, after boto3's own retries: two minutes.
PAUSES_S = (1, 2, 4, 8, 15, 30, 60)
POLL_S = 0.2
# After a signal: a platform that takes its machine back gives it some ten seconds.
CHECKPOINT_S, ARRIVE_S = 4.0, 3.0
# These fail one picture, and the others go on; an unavailable bucket ends the run.
PICTURE_FAILURES = (PictureError, MemoryShortError, ConfigError, WeightsError, ObjectError)
Value = TypeVar("Value")


@dataclass
class Outcome:
    """What became of a run: seconds of painting by look, and a line for each failure."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[tuple[Task, str]] = field(default_factory=list)

    @property
    def painted(self) -> int:
        return sum(map(len, self.seconds.values()))


@dataclass(frozen=True)
class FinishedPicture:
    """A painting on its way to the bucket; its record still lacks the result's key."""

    task: Task
    label: str
    photo: decode.Picture
    paintings: list[np.ndarray]
    image: np.ndarray
    record: dict[str, Any]
    seconds: float


class Pusher:
    """One run's pushing, for any number of threads that paint; `finish` and `leave` come last."""

    def __init__(self, result: Bucket, plan: Plan) -> None:
        self._result, self._plan, output = result, plan, plan.output
        # A part of a batch has none: runs beside it would overwrite each other's page.
        self._gallery = None if plan.partial else Gallery(result, plan.done)
        self._published = perf_counter()
        self._taken = {record["result"] for record in plan.done}
        self._planned = {
            task.result_key(output.extension_by_name(task.photo.key), output): task
            for task in plan.todo
        }
        # For the outcome, the keys taken and the pushes under way; never over a request.
        self._lock = threading.Lock()
        self._publishing = threading.Lock()
        self._room = threading.Semaphore(BEHIND)
        self._leaving = threading.Event()
        self._pool = ThreadPoolExecutor(BEHIND)
        self._pushes: list[Future[None]] = []
        self.outcome = Outcome()

    def begin(self) -> None:
        """Marks the gallery as behind, until it is published."""
        if self._gallery is None:
            return
        told = b"The gallery lacks the newest results.\n"
        try:
            self._result.write(UNPUBLISHED, told, "text/plain")
        except StorageError as error:
            event(f"the gallery could not be written: {error}", level=WARNING)

    def push(self, done: FinishedPicture, saves: "list[Future[None]]", stop: Stop) -> None:
        """Takes a result, once there is room for it. saves: of checkpoints of the same task.
        Raises UnavailableError, Stopped."""
        while not self._room.acquire(timeout=POLL_S):
            self.check()
            stop.obey()
        self._begin(self._push, done, saves)

    def fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        """Tells of a failure, in the log and in the record, which keeps what it knew before."""
        self._begin(self._fail, task, label, error)

    def save(self, task: Task, state: dict[str, np.ndarray]) -> "list[Future[None]]":
        """Stores a checkpoint, while others go on, from a file of its own that is written first;
        what cannot be stored is told in the log."""
        try:
            snapshot = Snapshot(task.fingerprint, state)
        except StorageError as error:
            event(f"no checkpoint: {error}", level=WARNING, photo=task.photo.key)
            return []
        return [self._pool.submit(self._save, task, snapshot)]

    def save_last(
        self, task: Task, state: dict[str, np.ndarray], saves: "list[Future[None]]"
    ) -> None:
        """Stores a checkpoint after a signal, and waits for it, but not for long. saves: earlier
        ones, of which one that is still under way must not land after this one."""
        wait(saves, timeout=CHECKPOINT_S / 2)
        wait(self.save(task, state), timeout=CHECKPOINT_S)

    def check(self) -> None:
        """Raises UnavailableError where a push has given up."""
        with self._lock:
            over = [each for each in self._pushes if each.done()]
            self._pushes = [each for each in self._pushes if each not in over]
        for each in over:
            each.result()

    def finish(self, stop: Stop) -> Outcome:
        """Waits until all is pushed; the outcome. Raises UnavailableError, Stopped."""
        while self._pushes:
            stop.obey()
            wait(self._pushes, timeout=POLL_S)
            self.check()
        if self._gallery is not None:
            with self._publishing:
                publish(self._gallery, self._result)
        return self.outcome

    def leave(self, *, arrive: bool) -> None:
        """Ends the threads; with `arrive`, as after a signal, results on their way have a little
        time to."""
        self._leaving.set()
        if arrive:
            wait(self._pushes, timeout=ARRIVE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, what: Callable[..., None], *arguments: Any) -> None:
        push = self._pool.submit(what, *arguments)
        with self._lock:
            self._pushes.append(push)

    def patiently(self, request: Callable[[], Value]) -> Value:
        """A request to storage, made again where the service is away for a while."""
        for pause in PAUSES_S:
            try:
                return request()
            except UnavailableError as error:
                if self._leaving.is_set():
                    raise
                event(f"{error}; again in {pause} s", level=WARNING)
                self._leaving.wait(pause)
        return request()

    def _push(self, done: FinishedPicture, saves: "list[Future[None]]") -> None:
        task = done.task
        try:
            extension, data = encode.encode_result(self._plan.output, done.photo, done.image)
            key = task.result_key(extension, self._plan.output)
            record = done.record | {"result": key, "finished": _now()}
            self.patiently(lambda: self._result.write(key, data))
            self._show(record, done)  # Before the record: what has one is never shown again.
            self.patiently(lambda: records.write(self._result, task.record_key, record))
            with self._lock:
                self.outcome.seconds.setdefault(task.look.name, []).append(done.seconds)
                self._taken.add(key)
            event(
                f"{done.label}: done, {printable(key)}", result=key, seconds=round(done.seconds, 1)
            )
            self._clear_up(task, saves)
        except PICTURE_FAILURES as error:
            self._fail(task, done.label, error)
        finally:
            self._room.release()
        self._publish_now_and_then()

    def _clear_up(self, task: Task, saves: "list[Future[None]]") -> None:
        """Deletes what the result has outdated: its checkpoint, and the same painting under
        another extension."""
        old = task.previous_record.get("result")
        with self._lock:
            # A part of a batch does not know whose that key is by now.
            outdated = old is not None and old not in self._taken and not self._plan.partial
        # What another task is to paint under that key may be there already, its record not yet.
        outdated = outdated and self._planned.get(old, task) is task
        wait(saves)
        try:
            if outdated:
                self.patiently(lambda: self._result.delete(old))
            if saves or task.checkpoint_key in self._plan.checkpoints:
                self.patiently(lambda: self._result.delete(task.checkpoint_key))
        except ObjectError as error:  # The result and its record are there all the same.
            event(f"{error}", level=WARNING, photo=task.photo.key, look=task.look.name)

    def _fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        event(f"{label}: {error}", level=ERROR, photo=task.photo.key, look=task.look.name)
        with self._lock:
            self.outcome.failures.append((task, str(error)))
        failure = {"photo": task.photo.key, "look": task.look.name, "error": str(error)}
        record = task.previous_record | failure | {"tried": _now()}
        try:
            self.patiently(lambda: records.write(self._result, task.record_key, record))
        except BadKeyError as problem:  # As long as the result's, which may be why that failed.
            event(f"{label}: no record: {problem}", level=WARNING, photo=task.photo.key)
        if self._gallery is not None:
            self._gallery.fail(record)

    def _save(self, task: Task, snapshot: Snapshot) -> None:
        key = task.checkpoint_key
        try:
            snapshot.save(self._result, key)
        except StorageError as error:
            event(f"checkpoint could not be saved: {error}", level=WARNING, photo=task.photo.key)
        else:
            event(f"checkpoint saved: {printable(key)}, step {snapshot.iteration}")

    def _show(self, record: dict[str, Any], done: FinishedPicture) -> None:
        """A gallery that cannot be written is no reason to fail a painting."""
        if self._gallery is None:
            return
        keys = [each.entry.key for each in done.task.look.paintings]
        paintings = dict(zip(keys, done.paintings, strict=True))
        try:
            self._gallery.add(record, done.photo.pixels_int, done.image, paintings)
        except StorageError as error:
            event(f"the gallery could not be written: {error}", level=WARNING)

    def _publish_now_and_then(self) -> None:
        if self._gallery is None:
            return
        if perf_counter() - self._published > PUBLISH_EVERY_S and self._publishing.acquire(False):
            try:
                self._gallery.publish()
            except StorageError as error:
                event(f"the gallery could not be written: {error}", level=WARNING)
            finally:
                self._published = perf_counter()
                self._publishing.release()


def publish(gallery: Gallery, result: Bucket) -> None:
    """Writes the page, and takes away the mark that it is behind. Where that fails, it is told;
    the mark stays, and the next run publishes."""
    try:
        gallery.publish()
        result.delete(UNPUBLISHED)
    except StorageError as error:
        event(f"the gallery could not be written: {error}", level=WARNING)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
