"""A bucket that outlasts an outage."""

import threading

import pytest

from styletransfer.storage import retry
from styletransfer.storage.base import BadKeyError, UnavailableError
from styletransfer.storage.folder import FolderBucket
from styletransfer.storage.retry import MAX_OUTAGE_S, PAUSES_S, RetryingBucket


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

    def list(self, prefix=""):
        yield from super().list(prefix)
        self._fail()


@pytest.fixture
def pauses(monkeypatch):
    """Sets the pauses before further attempts, in seconds."""

    def set_to(*seconds):
        monkeypatch.setattr(retry, "PAUSES_S", seconds)

    return set_to


@pytest.fixture
def leaving():
    return threading.Event()


def test_a_request_is_made_until_the_service_is_back(tmp_path, leaving, pauses, caplog):
    pauses(0.01, 0.02, 0.04)
    (tmp_path / "a.jpg").write_bytes(b"a")
    caplog.set_level("INFO", "styletransfer")
    bucket = Failing(tmp_path, 2)
    retrying = RetryingBucket(bucket, leaving)
    assert retrying.name == "./out"
    assert retrying.read("a.jpg") == b"a"
    assert bucket.requests == 3
    assert caplog.messages == [
        "the service is unavailable; retrying in 0.01 s",
        "the service is unavailable; retrying in 0.02 s",
    ]


def test_an_objects_error_and_any_once_the_run_is_leaving_is_not_tried_twice(tmp_path, leaving):
    for kind in (BadKeyError, UnavailableError):
        bucket = Failing(tmp_path, 99, kind)
        with pytest.raises(kind):
            RetryingBucket(bucket, leaving).read("a.jpg")
        assert bucket.requests == 1
        leaving.set()


def test_leaving_ends_a_pause_at_once(tmp_path, leaving, pauses):
    pauses(3600, 3600)
    bucket = Failing(tmp_path, 99)
    ended = threading.Event()

    def read():
        with pytest.raises(UnavailableError):
            RetryingBucket(bucket, leaving).read("a.jpg")
        ended.set()

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    leaving.set()
    assert ended.wait(20)


def test_a_listing_that_breaks_off_is_listed_anew_and_names_each_object_once(
    tmp_path, leaving, pauses
):
    pauses(0.01)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    retrying = RetryingBucket(Failing(tmp_path, 1), leaving)
    assert [entry.key for entry in retrying.list()] == ["a.jpg", "b.jpg"]


def test_an_outage_of_five_minutes_is_outlasted():
    assert sum(PAUSES_S) == MAX_OUTAGE_S == 300


def test_attempts_that_take_minutes_each_are_not_made_for_an_hour(
    tmp_path, leaving, pauses, monkeypatch
):
    pauses(*[0.01] * 9)
    clock = [0.0]
    monkeypatch.setattr(retry.time, "monotonic", lambda: clock[0])
    bucket = Failing(tmp_path, 99)
    whole = bucket._fail

    def fail():
        clock[0] += 361
        whole()

    bucket._fail = fail
    with pytest.raises(UnavailableError, match="unavailable; given up after 6 min 01 s"):
        RetryingBucket(bucket, leaving).read("a.jpg")
    assert bucket.requests == 2
