"""Stores results and records by threads, while painting goes on.

The pictures of the gallery come first, then the record, complete, then the result: a picture is
done if the object is what its record says. Whatever is killed in between is painted and stored
under the same key by the next run.
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
from styletransfer.batch.ownership import Ownership
from styletransfer.batch.plan import Task
from styletransfer.batch.records import write_record
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.images import decode, encode
from styletransfer.images.output import OutputFormat
from styletransfer.log import duration, event, printable
from styletransfer.record import Record
from styletransfer.signals import POLL_S, Stop
from styletransfer.storage.base import BadKeyError, Bucket, ObjectError
from styletransfer.storage.files import new_md5

QUEUE = 6  # results that may wait to be stored; more would fill the memory


@dataclass
class Outcome:
    """What became of a run: seconds of painting by look, the reason of each failure, and tasks
    whose results another run has stored meanwhile."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[tuple[Task, str]] = field(default_factory=list)
    found: list[Task] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def painted(self) -> int:
        return sum(map(len, self.seconds.values()))

    def add_painted(self, task: Task, seconds: float) -> None:
        """A task's result and record are stored."""
        with self._lock:
            self.seconds.setdefault(task.look.name, []).append(seconds)

    def add_failure(self, task: Task, reason: str) -> None:
        """A task has failed; its record follows."""
        with self._lock:
            self.failures.append((task, reason))

    def add_found(self, task: Task) -> None:
        """Another run has stored a task's result meanwhile."""
        with self._lock:
            self.found.append(task)

    def add_end(self, task: Task) -> None:
        """Nothing more is stored or deleted for a task, which was painted or has failed."""


@dataclass(frozen=True)
class FinishedPicture:
    """A finished painting to be stored.

    key: of its result. paintings: of the look, in its order. image: float32 [H, W, 3], sRGB 0…1.
    record: complete but for what is known when the result is stored. seconds: that painting took.
    """

    task: Task
    key: str
    label: str
    photo: decode.Picture
    paintings: list[np.ndarray]
    image: np.ndarray
    record: Record
    seconds: float


class Uploader:
    """Stores what any number of workers of one run hand over. `finish` or `close` come last."""

    def __init__(
        self,
        result: Bucket,
        output: OutputFormat,
        ownership: Ownership,
        gallery: Gallery,
        checkpoints: CheckpointStore,
        outcome: Outcome,
    ) -> None:
        self._result, self._output, self._ownership = result, output, ownership
        self._gallery, self._checkpoints = gallery, checkpoints
        # Guards the uploads under way; never held over a request.
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(QUEUE)
        self._pool = ThreadPoolExecutor(QUEUE)
        self._uploads: list[Future[None]] = []
        self.outcome = outcome

    def upload(self, finished: FinishedPicture, stop: Stop) -> None:
        """Takes a finished painting, as soon as there is a free slot. Raises UnavailableError,
        Stopped."""
        while not self._slots.acquire(timeout=POLL_S):
            self.check()
            stop.obey()
        self._begin(self._upload, finished)

    def fail(self, task: Task, label: str, error: StyleTransferError) -> None:
        """Logs a failure, and stores it in the record, which keeps what it knew before."""
        self._log_failure(task, label, str(error))
        self._begin(self._record_failure, task, label, error)

    def add_recorded_failure(self, task: Task, reason: str) -> None:
        """Logs a failure whose record another process has stored."""
        self._log_failure(task, str(task), reason)

    def check(self) -> None:
        """Raises UnavailableError if the storage stayed away for too long."""
        with self._lock:
            ended = {each for each in self._uploads if each.done()}
            self._uploads = [each for each in self._uploads if each not in ended]
        for each in ended:
            each.result()

    def result_key(self, task: Task, photo: decode.Picture) -> str:
        """The key that the task's result will have. Raises PictureError where somebody else's
        object is in its place."""
        return self._ownership.choose(task, self._output.extension(photo.format))

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
            key = finished.key
            _, data = encode.encode_result(self._output, finished.photo, finished.image)
            record = replace(
                finished.record,
                result=key,
                result_etag=str(new_md5(data).hexdigest()),
                result_size=len(data),
                finished=_now(),
            )
            self._add_to_gallery(
                record, finished
            )  # Before the record: nobody would add them later.
            before = self._ownership.record(task, record)
            etag = self._result.write(key, data)
            if etag != record.result_etag:  # As in a bucket that encrypts with a KMS key.
                self._ownership.record(task, replace(record, result_etag=etag))
            self.outcome.add_painted(task, finished.seconds)
            seconds = round(finished.seconds, 1)
            width, height = record.width, record.height
            event(
                f"{finished.label}: done, {printable(key)} ({duration(seconds)})",
                event="done",
                photo=task.photo.key,
                look=task.look.name,
                result=key,
                width=width,
                height=height,
                seconds=seconds,
            )
            self._delete_outdated(task, before, key)
            self.outcome.add_end(task)
        except Exception as error:
            failure = picture_failure(error)
            self._log_failure(task, finished.label, str(failure))
            self._record_failure(task, finished.label, failure)
        finally:
            self._slots.release()
        self._gallery.publish_if_due()

    def _add_to_gallery(self, record: Record, finished: FinishedPicture) -> None:
        keys = [each.entry.key for each in finished.task.look.paintings]
        paintings = dict(zip(keys, finished.paintings, strict=True))
        self._gallery.add(record, finished.photo.pixels_int, finished.image, paintings)

    def _delete_outdated(self, task: Task, before: Record, key: str) -> None:
        """Deletes what the result replaces: the task's checkpoint, and an earlier result under
        another extension. before: what the record said until now."""
        try:
            for each in self._ownership.outdated(task, before, key):
                self._result.delete(each)
                event(f"{printable(key)} replaces {printable(each)}, which is deleted", result=key)
            self._checkpoints.delete(task)
        except ObjectError as error:  # The result and its record are stored all the same.
            event(str(error), level=WARNING, photo=task.photo.key, look=task.look.name)

    def _log_failure(self, task: Task, label: str, reason: str) -> None:
        event(
            f"{label}: FAILED: {reason}",
            level=ERROR,
            event="failed",
            photo=task.photo.key,
            look=task.look.name,
        )
        self.outcome.add_failure(task, reason)

    def _record_failure(self, task: Task, label: str, error: StyleTransferError) -> None:
        record = replace(self._ownership.latest(task), error=str(error), tried=_now())
        try:
            write_record(self._result, task.record_key, record)
        except BadKeyError as refused:  # As long as the result's key, which may be why that failed.
            event(f"{label}: no record: {refused}", level=WARNING, photo=task.photo.key)
        self._gallery.add_record(record)
        self.outcome.add_end(task)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
