"""The end of a job after each way that its painting can end. The painter is a fake."""

import os
import signal
import threading
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from support import tiny
from support.polling import DEADLINE_S, until, until_threads_end
from support.web_service import stored_job

from painterly.configuration import config
from painterly.jobs.buckets import PHOTOS
from painterly.jobs.schemas import JobState, Preset
from painterly.jobs.worker import lease as leases
from painterly.jobs.worker import worker as workers
from painterly.jobs.worker.lease import Cancelled, JobClaimer
from painterly.jobs.worker.painting import JobPainting
from painterly.jobs.worker.process import work
from painterly.orders.record import Record
from painterly.signals import Stopped
from painterly.storage.base import DiskError, StorageError, UnavailableError, View


class Unsteady(View):
    """A bucket that calls `before` with the key of each request about an object, which may raise
    an error."""

    def __init__(self, bucket):
        super().__init__(bucket)
        self.before = lambda key, write: None

    def _at(self, key, *, write=False):
        self.before(key, write)
        return super()._at(key, write=write)

    def versions(self, prefix=""):
        return None  # It keeps none.


@pytest.fixture
def buckets(buckets):
    """The folders, of which that of the results may fail."""
    return replace(buckets, result=Unsteady(buckets.result))


@pytest.fixture
def hand(hand, monkeypatch):
    """A worker whose job waits: `hand.paint(painting)` has it painted by a function that gets what
    is called for each step."""
    monkeypatch.setattr(leases, "RENEW_S", 100)
    claims, hand.job = JobClaimer(hand.store, "this worker"), stored_job(hand.store).id

    def paint(painting):
        before = {*threading.enumerate()}
        runner = SimpleNamespace(
            paint=lambda job, on_step, _: painting(on_step), make_room=lambda: True
        )
        try:
            return hand.web.paint_next(runner, claims)
        finally:  # However the painting ends, its lease is not renewed after it.
            until(lambda: "lease" not in {each.name for each in {*threading.enumerate()} - before})

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


@pytest.mark.parametrize("start", [3.0, 600.0])
def test_the_time_left_follows_from_what_is_done_without_the_start(hand, monkeypatch, start):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(workers, "time", clock)

    def painting(on_step):
        clock.now += start
        for number in range(1, 11):
            on_step(step(number, 10))
            clock.now += 3.0
        raise KeyError

    assert hand.paint(painting)
    left = [message[2]["seconds_left"] for message in hand.said if message[0] == "step"]
    assert left == [None] * 5 + [12, 9, 6, 3, 0]


def test_the_time_left_is_said_once_it_is_known(hand, monkeypatch):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(workers, "time", clock)

    def painting(on_step):
        for number in range(1, 201):  # The first ones of a small scale take long for their work.
            clock.now += 2.0 if number < 8 else 1.0
            on_step(step(number, 200))
        raise KeyError

    assert hand.paint(painting)
    left = [message[2]["seconds_left"] for message in hand.said if message[0] == "step"]
    known = [each for each in left if each is not None]
    assert left[:8] == [None] * 8
    assert all(
        real / 1.5 < said < 1.5 * real
        for said, real in zip(known[:-1], range(len(known) - 1, 0, -1), strict=True)
    )


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


def test_a_storage_that_does_not_take_the_end_is_no_death_of_the_worker(hand, buckets):
    failures = [UnavailableError("no connection")] * (2 * leases.MOST_CRASHES)

    def away_at_first(key, write):
        if write and key.startswith("_web/done/") and failures:
            raise failures.pop()

    buckets.result.before = away_at_first
    while failures:
        with pytest.raises(UnavailableError):
            hand.paint(lambda on_step: Record(result="monet/x.jpg"))
    assert hand.paint(lambda on_step: Record(result="monet/x.jpg"))
    assert hand.store.read_ended(hand.job).state == JobState.DONE


def test_a_picture_waits_for_the_storage_at_its_last_step_but_not_for_ever(
    hand, buckets, monkeypatch
):
    clock, returns_at = [0.0], float("inf")
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def away(key, write):
        clock[0] += 50
        if clock[0] < returns_at:
            raise UnavailableError("no connection")

    def painting(on_step):
        before, buckets.result.before = buckets.result.before, away
        try:
            on_step(step(9))
        finally:
            buckets.result.before = before
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
    monkeypatch.setattr("painterly.jobs.worker.runner.JobRunner", away_at_first)
    said = []
    pipe = SimpleNamespace(
        receive=threading.Event().wait,  # The web process says nothing.
        send=lambda *message: said.append(message),
    )
    with pytest.raises(Stopped):
        work(config.load(place), pipe, "this worker", None)
    assert (away_at_first.call_count, caplog.messages) == (3, ["no connection"])
    assert said == [("outage",)] * 2


def test_previews_are_deleted_with_the_end_and_a_storage_that_takes_none_is_named_once(
    hand, buckets, monkeypatch, caplog
):
    monkeypatch.setattr(workers, "PREVIEW_EVERY_S", 0.0)
    key, tries = f"_web/previews/{hand.job}.jpg", []

    def away_for_the_first_three(requested, write):
        if write and requested == key and len(tries) < 3:
            tries.append(1)
            raise UnavailableError("no connection")

    def painting(on_step):
        buckets.result.before = away_for_the_first_three
        until(lambda: on_step(step(1)) or buckets.result.find(key), every_s=0.001)
        return Record(result="monet/x.jpg")

    assert hand.paint(painting)
    assert len(tries) == 3 and caplog.messages == ["no preview: no connection"]
    until(lambda: buckets.result.find(key) is None, every_s=0.001)


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
def test_an_idle_worker_measures_how_long_pictures_take_but_jobs_come_first(
    hand, monkeypatch, caplog, works
):
    monkeypatch.setattr(workers, "STORAGE_PAUSE_S", 0.0)
    monkeypatch.setattr(workers, "LOOK_EVERY_S", 100.0)
    claims = JobClaimer(hand.store, "this worker")
    happened, away = [], [StorageError("no connection")]

    def claim_next():
        happened.append("look")
        if away:
            raise away.pop()
        return claims.claim_next()

    def paint(job, on_step, _):
        happened.append("paint")
        return Record(result="monet/x.jpg")

    def seconds_per_work(preset, _):
        if preset == Preset.INSTANT:
            return 1e-6
        happened.append("measure")
        if happened.count("measure") == 1:  # The storage has the weights.
            raise UnavailableError("no connection")
        hand.stop.signum = signal.SIGTERM
        if not works:
            raise ValueError("no weights")
        return 0.25

    runner = SimpleNamespace(
        paint=paint,
        seconds_per_work=seconds_per_work,
        prepare_next=lambda _: False,
        make_room=lambda: True,
        load=lambda: "a device",
    )
    with pytest.raises(Stopped):
        hand.web.serve(runner, SimpleNamespace(claim_next=claim_next))
    assert happened == ["look", "look", "paint", "look", "measure", "look", "measure"]
    assert [said[1:] for said in hand.said if said[0] == "speed"] == [
        (Preset.INSTANT, 1e-6, "a device"),
        *([(Preset.FINE, 0.25, "a device")] * works),
    ]
    assert caplog.messages.count("no connection") == 1


def test_a_cancel_ends_a_job_within_a_step(worker, monkeypatch):
    from painterly.engine.instant.instant import InstantTransfer

    steps, unheeded = InstantTransfer.steps, []

    def cancelled(painting, resume, check_stop):
        def check():
            worker.desk.lease.cancel()
            check_stop()
            unheeded.append("it went on")

        return steps(painting, resume, check)

    monkeypatch.setattr(InstantTransfer, "steps", cancelled)
    job = stored_job(worker.web.store, preset=Preset.INSTANT)
    worker.web.buckets.result.write(f"{PHOTOS}/{job.photo_key}", tiny.file(60, 80, 1))
    assert worker.paint()
    assert worker.web.store.read_ended(job.id).state is JobState.CANCELLED and not unheeded


@pytest.mark.thorough
def test_a_cancel_ends_a_job_whose_photo_takes_long_to_read_and_the_next_one_begins(
    worker, monkeypatch
):
    from painterly.painters import reading

    begun, end, real = threading.Event(), threading.Event(), reading.decode_photo

    def decode_photo(files, *others):
        if not begun.is_set():
            begun.set()
            end.wait()
        return real(files, *others)

    monkeypatch.setattr(reading, "decode_photo", decode_photo)
    slow, other = (stored_job(worker.web.store) for _ in range(2))
    for job in (slow, other):
        worker.web.buckets.result.write(f"{PHOTOS}/{job.photo_key}", tiny.file(60, 80, 1))

    def cancel():
        begun.wait()
        worker.desk.lease.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    try:
        assert worker.paint()
        assert worker.web.store.read_ended(slow.id).state is JobState.CANCELLED
        assert worker.paint()
        assert worker.web.store.read_ended(other.id).state is JobState.DONE
    finally:
        end.set()


def test_of_jobs_that_are_cancelled_as_they_are_read_two_are_in_memory():
    begun, may_end = [], threading.Event()
    job = SimpleNamespace(painter=Mock(), check=Mock(side_effect=Cancelled))

    def read():
        begun.append("a large photo")
        assert may_end.wait(DEADLINE_S)

    for _ in range(5):
        with pytest.raises(Cancelled):
            JobPainting._read(job, read)
    until(lambda: len(begun) == 2)
    may_end.set()
    until_threads_end("reading")
    assert len(begun) == 2
    assert JobPainting._read(SimpleNamespace(painter=Mock(), check=Mock()), lambda: 5) == 5
