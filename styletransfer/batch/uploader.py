"""Stores results and records by threads, while painting goes on.

A result is stored before its record, so a record always has its result. Whatever is killed in
between is painted and stored under the same key by the next run.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from logging import ERROR, WARNING

import numpy as np

from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.plan import Plan, Task
from styletransfer.batch.records import write_record
from styletransfer.batch.waiting import POLL_S
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.images import decode, encode
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.signals import Stop
from styletransfer.storage.base import BadKeyError, Bucket, ObjectError

QUEUE = 6  # results that may wait to be stored; more would fill the memory


@dataclass
class Outcome:
    """What became of a run: seconds of painting by look, and the reason of each failure."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[tuple[Task, str]] = field(default_factory=list)

    @property
    def painted(self) -> int:
        return sum(map(len, self.seconds.values()))


@dataclass(frozen=True)
class FinishedPicture:
    """A finished painting to be stored.

    paintings: of the look, in its order. image: float32 [H, W, 3], sRGB 0…1. record: complete but
    for the result's key and date. seconds: that painting took.
    """

    task: Task
    label: str
    photo: decode.Picture
    paintings: list[np.ndarray]
    image: np.ndarray
    record: Record
    seconds: float


class Uploader:
    """Stores what any number of workers of one run hand over. `finish` or `close` come last."""

    def __init__(
        self, result: Bucket, plan: Plan, gallery: Gallery, checkpoints: CheckpointStore
    ) -> None:
        self._result, self._plan = result, plan
        self._gallery, self._checkpoints = gallery, checkpoints
        output = plan.output
        self._planned = {
            task.result_key(output.extension_by_name(task.photo.key), output): task
            for task in plan.todo
        }
        self._taken = {record.result for record in plan.done}
        # Guards the outcome, the keys taken and the uploads under way; never held over a request.
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(QUEUE)
        self._pool = ThreadPoolExecutor(QUEUE)
        self._uploads: list[Future[None]] = []
        self.outcome = Outcome()

    def upload(self, finished: FinishedPicture, stop: Stop) -> None:
        """Takes a finished painting, as soon as there is a free slot. Raises UnavailableError,
        Stopped."""
        while not self._slots.acquire(timeout=POLL_S):
            self.check()
            stop.obey()
        self._begin(self._upload, finished)

    def fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        """Logs a failure and stores it in the record, which keeps what it knew before."""
        self._begin(self._fail, task, label, error)

    def check(self) -> None:
        """Raises UnavailableError if the storage stayed away for too long."""
        with self._lock:
            ended = [each for each in self._uploads if each.done()]
            self._uploads = [each for each in self._uploads if each not in ended]
        for each in ended:
            each.result()

    def drain(self, stop: Stop) -> None:
        """Waits until everything is stored. Raises UnavailableError, Stopped."""
        while self._uploads:
            stop.obey()
            wait(self._uploads, timeout=POLL_S)
            self.check()

    def finish(self, stop: Stop) -> Outcome:
        """Waits until everything is stored, and publishes the gallery. Raises UnavailableError,
        Stopped."""
        self.drain(stop)
        self._gallery.publish()
        return self.outcome

    def close(self, grace_s: float = 0.0) -> None:
        """Ends the threads; uploads under way have `grace_s` seconds to finish."""
        wait(self._uploads, timeout=grace_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, job: Callable[..., None], *arguments: object) -> None:
        upload = self._pool.submit(job, *arguments)
        with self._lock:
            self._uploads.append(upload)

    def _upload(self, finished: FinishedPicture) -> None:
        task = finished.task
        try:
            extension, data = encode.encode_result(
                self._plan.output, finished.photo, finished.image
            )
            key = task.result_key(extension, self._plan.output)
            record = replace(finished.record, result=key, finished=_now())
            self._result.write(key, data)
            self._add_to_gallery(record, finished)  # Before the record: a result with one is done.
            write_record(self._result, task.record_key, record)
            with self._lock:
                self.outcome.seconds.setdefault(task.look.name, []).append(finished.seconds)
                self._taken.add(key)
            seconds = round(finished.seconds, 1)
            event(f"{finished.label}: done, {printable(key)}", result=key, seconds=seconds)
            self._delete_outdated(task)
        except Exception as error:
            self._fail(task, finished.label, picture_failure(error))
        finally:
            self._slots.release()
        self._gallery.publish_if_due()

    def _add_to_gallery(self, record: Record, finished: FinishedPicture) -> None:
        keys = [each.entry.key for each in finished.task.look.paintings]
        paintings = dict(zip(keys, finished.paintings, strict=True))
        self._gallery.add(record, finished.photo.pixels_int, finished.image, paintings)

    def _delete_outdated(self, task: Task) -> None:
        """Deletes what the result replaces: the task's checkpoint, and an earlier result under
        another extension."""
        try:
            replaced = self._replaced_key(task)
            if replaced is not None:
                self._result.delete(replaced)
            self._checkpoints.delete(task)
        except ObjectError as error:  # The result and its record are stored all the same.
            event(str(error), level=WARNING, photo=task.photo.key, look=task.look.name)

    def _replaced_key(self, task: Task) -> str | None:
        """The key of the task's earlier result, if nobody else uses that key."""
        key = task.previous_record.result if task.previous_record else None
        # A partial run cannot know whose that key is by now.
        if key is None or self._plan.partial:
            return None
        with self._lock:
            taken = key in self._taken
        # Another task may be about to paint under that key, or have stored its result already.
        return None if taken or self._planned.get(key, task) is not task else key

    def _fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        event(f"{label}: {error}", level=ERROR, photo=task.photo.key, look=task.look.name)
        with self._lock:
            self.outcome.failures.append((task, str(error)))
        record = replace(
            task.previous_record or Record(),
            photo=task.photo.key,
            look=task.look.name,
            error=str(error),
            tried=_now(),
        )
        try:
            write_record(self._result, task.record_key, record)
        except BadKeyError as refused:  # As long as the result's key, which may be why that failed.
            event(f"{label}: no record: {refused}", level=WARNING, photo=task.photo.key)
        self._gallery.add_failure(record)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
