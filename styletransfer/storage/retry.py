"""A bucket that outlasts an outage of its service."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from logging import WARNING
from pathlib import Path
from typing import TypeVar

from styletransfer.log import duration, event
from styletransfer.storage.base import Bucket, Entry, Progress, UnavailableError, UnfinishedUpload
from styletransfer.storage.file_names import Fold

# Pauses before each further attempt, after boto3's own retries: five minutes in all.
PAUSES_S = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
LONGEST_OUTAGE_S = sum(PAUSES_S)
_Value = TypeVar("_Value")


class RetryingBucket(Bucket):
    """Wraps a bucket: a request that fails with UnavailableError is made again after each of
    PAUSES_S, unless LONGEST_OUTAGE_S have passed since: a service that never answers takes minutes
    for each attempt. Once `leaving` is set, it is not: the process is about to end."""

    def __init__(self, bucket: Bucket, leaving: threading.Event) -> None:
        self.name = bucket.name
        self._bucket, self._leaving = bucket, leaving
        self.waits_for = ""  # the error of a request that is to be made again

    def list(self, prefix: str = "") -> Iterator[Entry]:
        yield from self._retry(lambda: [*self._bucket.list(prefix)])

    def list_but_for(self, left_out: str) -> Iterator[Entry]:
        yield from self._retry(lambda: [*self._bucket.list_but_for(left_out)])

    def everything(self) -> Iterator[Entry]:
        yield from self._retry(lambda: [*self._bucket.everything()])

    def find(self, key: str) -> Entry | None:
        return self._retry(lambda: self._bucket.find(key))

    def read(self, key: str) -> bytes:
        return self._retry(lambda: self._bucket.read(key))

    def read_start(self, key: str, count: int) -> bytes:
        return self._retry(lambda: self._bucket.read_start(key, count))

    def read_listed(self, entry: Entry) -> bytes:
        return self._retry(lambda: self._bucket.read_listed(entry))

    def write(self, key: str, data: bytes, content_type: str | None = None) -> str:
        return self._retry(lambda: self._bucket.write(key, data, content_type))

    def write_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        return self._retry(lambda: self._bucket.write_if(key, data, etag))

    def delete(self, key: str) -> None:
        self._retry(lambda: self._bucket.delete(key))

    def download(self, key: str, path: Path, progress: Progress | None = None) -> None:
        self._transfer(lambda count: self._bucket.download(key, path, count), progress)

    def upload(self, path: Path, key: str, progress: Progress | None = None) -> None:
        self._transfer(lambda count: self._bucket.upload(path, key, count), progress)

    def exists(self) -> bool:
        return self._retry(self._bucket.exists)

    def create(self) -> bool:
        return self._retry(self._bucket.create)

    def clock_skew(self) -> float:
        return self._retry(self._bucket.clock_skew)

    def unfinished_uploads(self, prefix: str = "") -> Sequence[UnfinishedUpload]:
        return self._retry(lambda: self._bucket.unfinished_uploads(prefix))

    def abort_upload(self, upload: UnfinishedUpload) -> None:
        self._retry(lambda: self._bucket.abort_upload(upload))

    def check_key(self, key: str) -> None:
        self._bucket.check_key(key)

    def left_out(self) -> Mapping[str, Sequence[str]]:
        return self._bucket.left_out()

    def folding(self, keys: Iterable[str]) -> Fold:
        return self._bucket.folding(keys)

    def _retry(self, request: Callable[[], _Value]) -> _Value:
        try:
            return self._attempts(request)
        finally:
            self.waits_for = ""

    def _attempts(self, request: Callable[[], _Value]) -> _Value:
        failed_at: float | None = None
        pauses = iter(PAUSES_S)
        while True:
            try:
                return request()
            except UnavailableError as error:
                self.waits_for = str(error)
                if self._leaving.is_set():
                    raise
                failed_at = failed_at or time.monotonic()
                away_s, pause_s = time.monotonic() - failed_at, next(pauses, None)
                if pause_s is None or away_s > LONGEST_OUTAGE_S:
                    raise type(error)(f"{error}; given up after {duration(away_s)}") from error
                event(f"{error}; retrying in {pause_s} s", level=WARNING)
                self._leaving.wait(pause_s)

    def _transfer(
        self, transfer: Callable[[Progress | None], None], progress: Progress | None
    ) -> None:
        if progress is None:
            self._retry(lambda: transfer(None))
            return
        report, reported, lock = progress, 0, threading.Lock()

        def count(size: int) -> None:
            nonlocal reported
            with lock:  # Parts of a file arrive on several threads.
                reported += size
            report(size)

        def attempt() -> None:
            nonlocal reported
            if reported:  # A failed attempt's bytes do not count.
                report(-reported)
                reported = 0
            transfer(count)

        self._retry(attempt)
