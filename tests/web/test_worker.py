"""The end of a job after each way that its painting can end. The painter is a fake."""

import os
import signal
import threading
from types import SimpleNamespace
from unittest.mock import DEFAULT, Mock

import numpy as np
import pytest
from support.polling import until
from support.web_service import stored_job

from styletransfer import config
from styletransfer.record import Record
from styletransfer.signals import Stopped
from styletransfer.storage.base import DiskError, StorageError, UnavailableError
from styletransfer.web import lease as leases
from styletransfer.web import worker as workers
from styletransfer.web.lease import JobClaimer
from styletransfer.web.schemas import JobState
from styletransfer.web.worker import WebWorker


@pytest.fixture
def hand(hand, monkeypatch):
    """A worker whose job waits: `hand.paint(painting)` has it painted by a function that gets what
    is called for each step."""
    monkeypatch.setattr(leases, "RENEW_S", 100)
    claims, hand.job = JobClaimer(hand.store, "this worker"), stored_job(hand.store).id

    def paint(painting):
        runner = SimpleNamespace(paint=lambda job, on_step: painting(on_step))
        try:
            return hand.web.paint_next(runner, claims, "a device")
        finally:  # However the painting ends, its lease is not renewed after it.
            until(
                lambda: "lease" not in {each.name for each in threading.enumerate()}, every_s=0.001
            )

    hand.paint = paint
    return hand


def step(number, total=9):
    image = np.zeros((16, 16, 3), np.float32)
    return SimpleNamespace(
        iteration=number, total=total, fraction=number / total, eta_s=1.0, image=image
    )


def failing(error):
    def painting(on_step):
        on_step(step(1))
        raise error

    return painting


def test_the_web_process_cancels_the_job_that_is_painted_and_no_other(hand):
    steps = []

    def painting(on_step):
        hand.hears(("cancel", "another"), ("look",))
        on_step(step(1))
        steps.append(1)
        hand.hears(("cancel", hand.job))
        on_step(step(2))

    hand.hears(("cancel", hand.job))  # Too early: nothing is painted yet.
    assert hand.paint(painting)
    assert (len(steps), hand.store.read_ended(hand.job).state) == (1, JobState.CANCELLED)
    # Each time, the end of the web process ended this one.
    assert hand.ended == [(os.getpid(), signal.SIGTERM)] * 3


@pytest.mark.parametrize("error", [Stopped(signal.SIGTERM), UnavailableError("no connection")])
def test_a_job_is_given_back_where_its_worker_or_the_storage_stops(hand, error):
    with pytest.raises(type(error)):
        hand.paint(failing(error))
    job, _ = hand.store.read(hand.job)
    assert (job.state, job.owner, job.step) == (JobState.QUEUED, None, 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DiskError("no space left on device"), "no space left on device"),
        (KeyError("x"), "unexpected KeyError: 'x' (LOG_LEVEL=debug logs where)"),
    ],
)
def test_what_fails_says_why(hand, error, reason):
    assert hand.paint(failing(error))
    failed = hand.store.read_ended(hand.job)
    assert (failed.state, failed.error) == (JobState.FAILED, reason)


def test_after_a_memory_that_was_exhausted_another_worker_goes_on(hand):
    with pytest.raises(MemoryError):
        hand.paint(failing(MemoryError()))
    assert "not enough memory; try a smaller size" in hand.store.read_ended(hand.job).error


def test_a_storage_that_does_not_take_the_end_is_no_death_of_the_worker(hand, monkeypatch):
    failures = [UnavailableError("no connection")] * (2 * leases.MOST_CRASHES)
    away_at_first = Mock(wraps=hand.store.end, side_effect=[*failures, DEFAULT])
    monkeypatch.setattr(hand.store, "end", away_at_first)
    for _ in failures:
        with pytest.raises(UnavailableError):
            hand.paint(lambda on_step: Record(result="monet/x.jpg"))
    assert hand.paint(lambda on_step: Record(result="monet/x.jpg"))
    assert hand.store.read_ended(hand.job).state == JobState.DONE


def test_a_picture_waits_for_the_storage_at_its_last_step_but_not_for_ever(hand, monkeypatch):
    replace, clock, returns_at = hand.store.replace, [0.0], float("inf")
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def away(*what):
        clock[0] += 50
        if clock[0] < returns_at:
            raise UnavailableError("no connection")
        return replace(*what)

    def painting(on_step):
        monkeypatch.setattr(hand.store, "replace", away)
        try:
            on_step(step(9))
        finally:
            monkeypatch.setattr(hand.store, "replace", replace)
        return Record(result="monet/x.jpg")

    monkeypatch.setattr(workers, "STORAGE_PAUSE_S", 100.0)
    threading.Timer(0.01, lambda: setattr(hand.stop, "signum", signal.SIGTERM)).start()
    with pytest.raises(Stopped):
        hand.paint(painting)
    hand.stop.signum = None
    monkeypatch.setattr(workers, "STORAGE_PAUSE_S", 0.0)
    clock[0] = 0.0
    with pytest.raises(UnavailableError):
        hand.paint(painting)
    assert 300 < clock[0] <= 350, "five minutes, as in a batch"
    clock[0], returns_at = 0.0, 200.0
    assert hand.paint(painting)
    assert hand.store.read_ended(hand.job).state == JobState.DONE


def test_a_worker_that_starts_while_the_storage_is_away_waits_for_it(place, monkeypatch, caplog):
    monkeypatch.setattr(workers, "STORAGE_PAUSE_S", 0.0)
    monkeypatch.setattr(os, "nice", lambda _: None)
    answers = [UnavailableError("no connection")] * 2 + [Stopped(signal.SIGTERM)]
    away_at_first = Mock(side_effect=answers)
    monkeypatch.setattr(workers, "JobRunner", away_at_first)
    monkeypatch.setattr(WebWorker, "listen", lambda *_: None)
    with pytest.raises(Stopped):
        workers.work(config.load(place), SimpleNamespace(), "this worker", None)
    assert (away_at_first.call_count, caplog.messages) == (3, ["no connection"])


def test_previews_are_deleted_with_the_end_and_a_storage_that_takes_none_is_named_once(
    hand, monkeypatch, caplog
):
    monkeypatch.setattr(workers, "PREVIEW_EVERY_S", 0.0)
    bucket, tries = hand.web.buckets.result, []
    write, key = bucket.write, f"_web/previews/{hand.job}.jpg"

    def write_but_for_previews(key, *what):
        if "previews" not in key:
            return write(key, *what)
        tries.append(1)
        raise UnavailableError("no connection")

    def painting(on_step):
        with monkeypatch.context() as patch:
            patch.setattr(bucket, "write", write_but_for_previews)
            until(lambda: on_step(step(1)) or len(tries) == 3, every_s=0.001)
        until(lambda: on_step(step(2)) or bucket.find(key), every_s=0.001)
        return Record(result="monet/x.jpg")

    assert hand.paint(painting)
    assert caplog.messages == ["no preview: no connection"]
    until(lambda: bucket.find(key) is None, every_s=0.001)


def test_a_job_that_another_worker_has_by_now_is_left_to_it(hand, caplog):
    def painting(on_step):
        job, etag = hand.store.read(hand.job)
        hand.store.replace(job.changed(owner="another"), etag)
        on_step(step(9))  # The last one, before the result is stored.

    assert hand.paint(painting)
    assert hand.store.read(hand.job)[0].owner == "another"
    assert hand.store.read_ended(hand.job) is None
    assert caplog.messages == [f"job {hand.job} was taken over by another worker"]


@pytest.mark.parametrize("works", [True, False])
def test_an_idle_worker_measures_how_long_pictures_take_and_clears_away_but_jobs_come_first(
    hand, monkeypatch, caplog, works
):
    monkeypatch.setattr(workers, "STORAGE_PAUSE_S", 0.0)
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 100.0)
    happened = []

    def paint_next(*_):
        happened.append("look")
        if len(happened) == 1:
            raise StorageError("no connection")
        return len(happened) == 2

    def seconds_per_work():
        happened.append("measure")
        if happened.count("measure") == 1:  # The storage has the weights.
            raise UnavailableError("no connection")
        if not works:
            raise ValueError("no weights")
        return 0.25

    def clear(*_):
        happened.append("clear")
        hand.stop.signum = signal.SIGTERM
        hand.hears(("look",))  # Ends the wait for jobs of other instances.

    monkeypatch.setattr(workers, "delete_leftovers", clear)
    monkeypatch.setattr(hand.web, "paint_next", paint_next)
    no_previews = SimpleNamespace(prepare_next=lambda: False)
    runner = SimpleNamespace(seconds_per_work=seconds_per_work, previews=no_previews)
    with pytest.raises(Stopped):
        hand.web.serve(runner, None, "a device")
    looked = ["look", "look", "look", "measure", "look", "measure", "look", "clear"]
    assert happened == looked
    assert hand.said == [("speed", 0.25, "a device")] * works
    assert caplog.messages == ["no connection"]
