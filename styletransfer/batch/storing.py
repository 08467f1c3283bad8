"""Stores a finished picture: pictures of the gallery, then the complete record, then the result.

A picture is done if the object is what its record says. After a kill in between, the next run
paints the picture again and stores it under the same key.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from logging import ERROR, WARNING

import numpy as np

from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import Buckets
from styletransfer.batch.ownership import Ownership
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import Reader
from styletransfer.batch.records import write_record
from styletransfer.config import Config
from styletransfer.errors import MemoryShortError, StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.images import decode, encode
from styletransfer.log import duration, event, printable
from styletransfer.record import Record
from styletransfer.storage.base import BadKeyError, Bucket, ObjectError
from styletransfer.storage.files import new_md5
from styletransfer.storage.retry import RetryingBucket


@dataclass(frozen=True)
class FinishedPicture:
    """A finished painting to be stored.

    Attributes:
        key: The key of its result.
        paintings: The paintings of the style, in its order.
        image: float32 [H, W, 3], sRGB 0…1.
        record: The record, without the fields that describe the stored result.
        seconds: The time that painting took.
    """

    task: Task
    key: str
    photo: decode.Picture
    paintings: list[np.ndarray]
    image: np.ndarray
    record: Record
    seconds: float


class StorageSession:
    """A process's access to the buckets while it paints. Requests outlast outages, and threads run,
    until `close`."""

    def __init__(self, buckets: Buckets, config: Config, unfinished: Bucket | None = None) -> None:
        """Prepares the access.

        Args:
            buckets: The buckets.
            config: The run's configuration.
            unfinished: The bucket of checkpoints; by default, that of results.
        """
        self.leaving = threading.Event()
        self.source, self.style, self.result = (
            RetryingBucket(each, self.leaving)
            for each in (buckets.source, buckets.style, buckets.result)
        )
        self.reader = Reader(self.source, self.style, config.memory_limit)
        retrying = RetryingBucket(unfinished, self.leaving) if unfinished else self.result
        self.checkpoints = CheckpointStore(unfinished or buckets.result, retrying)
        self._config = config

    def storer(self, gallery: Gallery) -> "Storer":
        """Returns what stores into the result bucket and the gallery."""
        return Storer(self.result, self._config, gallery, self.checkpoints)

    def close(self) -> None:
        """Gives up requests that wait for a bucket, and ends the threads."""
        self.leaving.set()
        self.checkpoints.close()


class Storer:
    """Stores results and failures under keys of the tasks. Thread-safe."""

    def __init__(
        self, result: Bucket, config: Config, gallery: Gallery, checkpoints: CheckpointStore
    ) -> None:
        self._result, self._output = result, config.output
        self._ownership = Ownership(result, config.partial)
        self._gallery, self._checkpoints = gallery, checkpoints

    def result_key(self, task: Task, photo: decode.Picture) -> str:
        """Returns the key of the task's result. Raises PictureError if a foreign object is in its
        place, StorageError."""
        return self._ownership.choose(task, self._output.extension(photo.format))

    def is_done(self, task: Task, is_current: Callable[[Record], bool]) -> bool:
        """Whether the task's result has been stored since the plan was made; see Ownership."""
        return self._ownership.is_done(task, is_current)

    def store(self, finished: FinishedPicture) -> None:
        """Stores a picture, and deletes what it replaces: the task's checkpoint, and an earlier
        result under another extension. Raises the errors that fail the picture or end the run."""
        task, key = finished.task, finished.key
        try:
            _, data = encode.encode_result(self._output, finished.photo, finished.image)
        except MemoryError:
            raise MemoryShortError(
                f"{task.photo.key}: there is too little memory to encode its result; make it "
                "smaller"
            ) from None
        record = replace(
            finished.record,
            result=key,
            result_etag=str(new_md5(data).hexdigest()),
            result_size=len(data),
            finished=_now(),
        )
        # Before the record: the next run would not add them.
        names = [each.entry.key for each in task.style.paintings]
        paintings = dict(zip(names, finished.paintings, strict=True))
        self._gallery.add(record, finished.photo.pixels_int, finished.image, paintings)
        before = self._ownership.record(task, record)
        etag = self._result.write(key, data)
        if etag != record.result_etag:  # As in a bucket that encrypts with a KMS key.
            self._ownership.record(task, replace(record, result_etag=etag))
        seconds = round(finished.seconds, 1)
        task.log(
            f"{task.label}: done, {printable(key)} ({duration(seconds)})",
            event="done",
            result=key,
            width=record.width,
            height=record.height,
            seconds=seconds,
        )
        try:
            for each in self._ownership.outdated(task, before, key):
                self._result.delete(each)
                event(f"{printable(key)} replaces {printable(each)}, which is deleted", result=key)
            self._checkpoints.delete(task)
        except ObjectError as error:  # The result and its record are stored.
            task.log(str(error), level=WARNING)

    def fail(self, task: Task, error: StyleTransferError) -> None:
        """Logs a failure, and adds it to the task's record. Raises StorageError."""
        task.log(f"{task.label}: FAILED: {error}", level=ERROR, event="failed")
        record = replace(self._ownership.latest(task), error=str(error), tried=_now())
        try:
            write_record(self._result, task.record_key, record)
        except BadKeyError as refused:  # As long as the result's key, which may be why that failed.
            task.log(f"{task.label}: no record: {refused}", level=WARNING)
        self._gallery.add_record(record)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
