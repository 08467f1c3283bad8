"""A bucket that outlasts an outage."""

import threading

import pytest

from painterly.storage import retry
from painterly.storage.base import BadKeyError, UnavailableError
from painterly.storage.folder import FolderBucket
from painterly.storage.retry import RetryingBucket


class Failing(FolderBucket):
    """A folder whose next requests fail."""

    def __init__(self, folder, failures, kind=UnavailableError):
        super().__init__(folder, "./out", new=True)
        self.failures, self.kind, self.requests = failures, kind, 0

    def _fail(self):
        self.requests += 1
        if self.requests <= self.failures:
            raise self.kind("the service is unavailable")

    def read(self, key):
        self._fail()
        return super().read(key)

    def list(self, prefix="", after=""):
        yield from super().list(prefix)
        self._fail()


def test_an_objects_error_and_any_once_the_run_is_leaving_is_not_tried_twice(tmp_path):
    leaving = threading.Event()
    for kind in (BadKeyError, UnavailableError):
        bucket = Failing(tmp_path, 99, kind)
        with pytest.raises(kind):
            RetryingBucket(bucket, leaving).read("a.jpg")
        assert bucket.requests == 1
        leaving.set()


def test_leaving_ends_a_pause_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "PAUSES_S", (3600, 3600))
    bucket, leaving, ended = Failing(tmp_path, 99), threading.Event(), threading.Event()

    def read():
        with pytest.raises(UnavailableError):
            RetryingBucket(bucket, leaving).read("a.jpg")
        ended.set()

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    leaving.set()
    assert ended.wait(20)


def test_a_listing_that_breaks_off_is_listed_anew_and_names_each_object_once(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "PAUSES_S", (0.01,))
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    retrying = RetryingBucket(Failing(tmp_path, 1), threading.Event())
    assert [entry.key for entry in retrying.list()] == ["a.jpg", "b.jpg"]


def test_attempts_that_take_minutes_each_are_not_made_for_an_hour(tmp_path, monkeypatch):
    bucket = Failing(tmp_path, 99)
    monkeypatch.setattr(retry, "PAUSES_S", [0.01] * 9)
    monkeypatch.setattr(retry.time, "monotonic", lambda: 361 * bucket.requests)
    with pytest.raises(UnavailableError, match="unavailable; given up after 6 min 01 s"):
        RetryingBucket(bucket, threading.Event()).read("a.jpg")
    assert bucket.requests == 2
