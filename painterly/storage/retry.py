"""Ways to continue if the storage fails: a bucket that retries, and errors that are only logged."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from logging import WARNING
from typing import TypeVar

from painterly.errors import StorageError
from painterly.log import event
from painterly.storage.base import Bucket, UnavailableError, View
from painterly.words.wording import duration

# Pauses before each further attempt, after boto3's own retries: five minutes in all.
PAUSES_S = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
MAX_OUTAGE_S = sum(PAUSES_S)
_Value = TypeVar("_Value")


class RetryingBucket(View):
    """A view that repeats each request that fails with UnavailableError, after each of PAUSES_S.

    It stops after MAX_OUTAGE_S, since a service that never answers takes minutes for each attempt,
    and once `leaving` is set, because the process is about to end. The progress of a transfer
    includes its failed attempts.
    """

    def __init__(self, bucket: Bucket, leaving: threading.Event) -> None:
        super().__init__(bucket)
        self._leaving = leaving

    def _do(self, request: Callable[[], _Value]) -> _Value:
        failed_at: float | None = None
        pauses = iter(PAUSES_S)
        while True:
            try:
                return request()
            except UnavailableError as error:
                if self._leaving.is_set():
                    raise
                failed_at = failed_at or time.monotonic()
                outage_s, pause_s = time.monotonic() - failed_at, next(pauses, None)
                if pause_s is None or outage_s > MAX_OUTAGE_S:
                    raise type(error)(f"{error}; given up after {duration(outage_s)}") from error
                event(f"{error}; retrying in {pause_s} s", level=WARNING)
                self._leaving.wait(pause_s)


@contextlib.contextmanager
def outlasting_outages(bucket: Bucket) -> Iterator[Bucket]:
    """Yield the bucket as a RetryingBucket, until the block ends."""
    leaving = threading.Event()
    try:
        yield RetryingBucket(bucket, leaving)
    finally:
        leaving.set()  # Threads of the block may still wait.


@contextlib.contextmanager
def logged_storage_errors(what: str) -> Iterator[None]:
    """Log a StorageError of the block as a warning that begins with `what`, and continue."""
    try:
        yield
    except StorageError as error:
        event(f"{what}: {error}", level=WARNING)
