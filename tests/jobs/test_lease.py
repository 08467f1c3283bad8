"""A job belongs to one worker, until it is done or the worker has died."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from support.polling import until
from support.web_service import stored_job

from painterly.errors import StorageError
from painterly.jobs.index import JobIndex
from painterly.jobs.schemas import JobState
from painterly.jobs.store import JobStore
from painterly.jobs.worker import lease as leases
from painterly.jobs.worker.lease import Cancelled, JobClaimer, LeaseLost
from painterly.storage.base import ObjectError
from painterly.storage.folder import FolderBucket


def test_workers_that_ask_at_once_get_different_jobs_oldest_first(store):
    ids = sorted(stored_job(store).id for _ in range(4))
    start = threading.Barrier(8)

    def ask(number):
        claims = JobClaimer(store, f"worker {number}")
        start.wait()
        return claims.claim_next()

    with ThreadPoolExecutor(8) as pool:
        found = [lease.job.id for lease in pool.map(ask, range(8)) if lease]
    assert len(set(found)) == len(found), "two workers have the same job"
    rest = [JobClaimer(store, f"late {number}").claim_next() for number in range(5)]
    assert sorted([*found, *(lease.job.id for lease in rest if lease)]) == ids


def test_a_job_whose_worker_is_gone_is_taken_over_and_one_that_is_renewed_is_not(
    store, monkeypatch
):
    monkeypatch.setattr(leases, "LEASE_S", 0.15)
    stored_job(store)
    first, second = JobClaimer(store, "first"), JobClaimer(store, "second")
    held = first.claim_next()
    held.update(step=3)
    held.renew()
    for _ in range(5):  # Each of these finds another version than the one before.
        assert second.claim_next() is None
        held.renew()
    taken = until(second.claim_next)
    assert (taken.job.owner, taken.job.step) == ("second", 3)
    with pytest.raises(LeaseLost):
        held.confirm()
    held.end(state=JobState.DONE)  # Too late for the queue, but the job has ended.
    with pytest.raises(LeaseLost):
        taken.confirm()
    assert not store.end(taken.job.changed(state=JobState.FAILED)), "a job ends once"
    assert store.read_ended(taken.job.id).state == JobState.DONE
    assert second.claim_next() is None


@pytest.fixture
def looked_at(store, monkeypatch):
    """The time, which a test moves on, a held lease, and a second worker that has seen it."""
    now = [0.0]
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: now[0]))
    stored_job(store)
    held, second = JobClaimer(store, "first").claim_next(), JobClaimer(store, "second")
    assert second.claim_next() is None
    return now, held, second


def test_a_worker_that_cannot_renew_as_the_storage_is_away_keeps_its_job(
    store, looked_at, monkeypatch
):
    (now, held, second), queued = looked_at, store.queued  # A lease is lost after 20 s.

    def slow():
        now[0] += 12
        return queued()

    monkeypatch.setattr(store, "queued", Mock(side_effect=StorageError("no connection")))
    with pytest.raises(StorageError):
        second.claim_next()
    now[0] += 22
    for looks in (queued, slow, queued):
        monkeypatch.setattr(store, "queued", looks)
        assert second.claim_next() is None, f"taken though nobody could renew: {looks}"
        if looks is queued:
            now[0] += 10
    held.confirm()


def test_a_worker_that_misses_some_renewals_keeps_its_job(looked_at):
    now, held, second = looked_at
    now[0] += leases.LEASE_S - 1
    assert second.claim_next() is None
    held.confirm()
    assert second.claim_next() is None  # It has another version now.
    now[0] += leases.LEASE_S
    assert second.claim_next().job.owner == "second"


def test_a_job_that_is_renewed_between_a_look_at_the_queue_and_the_claim_keeps_its_worker(
    store, looked_at, monkeypatch
):
    (now, held, second), queued = looked_at, store.queued
    now[0] += leases.LEASE_S + 1

    def renewed_since():
        listed = [*queued()]
        held.renew()
        return listed

    with monkeypatch.context() as patch:
        patch.setattr(store, "queued", renewed_since)
        assert second.claim_next() is None
    held.confirm()


def test_a_job_that_was_given_back_is_free_at_once_and_did_not_crash(store, monkeypatch):
    job = stored_job(store).id
    held = JobClaimer(store, "first").claim_next()
    began = held.job.started
    held.update(step=7)
    held.give_back()
    monkeypatch.setattr(leases, "now", lambda: "later")
    taken = JobClaimer(store, "second").claim_next()
    assert (taken.job.step, taken.job.crashes, taken.job.started) == (7, 0, began)
    # Also if it has been cancelled since.
    now, etag = store.read(job)
    assert store.replace(now.changed(cancel=True), etag)
    taken.give_back()
    assert JobClaimer(store, "third").claim_next() is None
    ended = store.read_ended(job)
    assert (ended.state, ended.crashes, ended.finished) == (JobState.CANCELLED, 0, "later")


def test_a_job_that_kills_its_worker_again_and_again_fails(store):
    job, gone = stored_job(store).id, None
    for number in range(leases.MOST_CRASHES):
        assert JobClaimer(store, f"{number}", gone).claim_next()
        gone = f"{number}"
    assert JobClaimer(store, "last", gone).claim_next() is None
    assert "the worker died 5 times" in store.read_ended(job).error


def test_a_job_that_gets_on_before_each_death_of_its_worker_does_not_fail(store, monkeypatch):
    monkeypatch.setattr(leases, "RENEW_S", 100)
    job, gone, others = stored_job(store).id, None, set(threading.enumerate())
    for number in range(2 * leases.MOST_CRASHES):
        held = JobClaimer(store, f"{number}", gone).claim_next()
        held.keep()
        held.update(step=10 * number + 1)  # Is stored at once, not with the next renewal.
        until(lambda step=10 * number + 1: store.read(job)[0].step == step, every_s=0.005)
        held.update(step=10 * number + 2)
        held.stop_renewing()
        held.renew()  # As its thread would, which was about to.
        assert store.read(job)[0].step == 10 * number + 1
        gone = f"{number}"
    assert JobClaimer(store, "last", gone).claim_next().job.crashes == 1
    until(lambda: set(threading.enumerate()) <= others)  # The renewals have ended.


def test_painting_does_not_wait_for_a_storage_that_does_not_answer(store, monkeypatch):
    stored_job(store)
    lease, replace = JobClaimer(store, "worker").claim_next(), store.replace
    asked, answered, failures = threading.Event(), threading.Event(), iter([True] * 3)

    def hang(*version):
        asked.set()
        answered.wait()
        if next(failures, False):
            raise StorageError("no space is left")
        return replace(*version)

    monkeypatch.setattr(store, "replace", hang)
    monkeypatch.setattr(leases, "RENEW_S", 0.001)
    lease.keep()
    assert asked.wait(60)
    painting = threading.Thread(target=lease.update, kwargs={"step": 7}, daemon=True)
    painting.start()
    painting.join(60)
    waits = painting.is_alive()
    answered.set()
    assert not waits, "a step waits for the storage"
    until(lambda: store.read(lease.job.id)[0].step == 7)  # The newer step is not forgotten.
    lease.stop_renewing()


def test_a_job_that_is_written_while_it_is_read_is_still_there_and_not_overwritten(
    store, buckets, monkeypatch
):
    job, bucket = stored_job(store).id, buckets.result
    lease, read = JobClaimer(store, "worker").claim_next(), bucket.read_with_entry

    def read_early(key):
        found = read(key)
        lease.renew()
        return found

    monkeypatch.setattr(bucket, "read_with_entry", read_early)
    found, etag = store.read(job)
    assert store.replace(found.changed(cancel=True), etag) is None
    lease.confirm()
    faults = iter([lease.renew])

    def read_late(key):  # A body that was damaged is fetched again, and may have changed since.
        for change in faults:
            change()
            raise ObjectError(f"{key} changed while it was read; try again")
        return read(key)

    monkeypatch.setattr(bucket, "read_with_entry", read_late)
    assert JobIndex(store).cancel(job).cancel
    with pytest.raises(Cancelled):
        lease.confirm()


def test_a_worker_that_takes_its_own_job_again_has_not_died(store):
    stored_job(store)
    for _ in range(2):
        lease = JobClaimer(store, "worker").claim_next()
    assert lease.job.crashes == 0


def test_news_are_stored_together_with_earlier_ones(store):
    job = stored_job(store)
    lease = JobClaimer(store, "worker").claim_next()
    lease.update(step=3)
    lease.update(seconds_left=5.0)
    lease.renew()
    stored = store.read(job.id)[0]
    assert (stored.step, stored.seconds_left) == (3, 5.0)


def test_the_trial_of_a_storage_leaves_nothing_in_it(store, buckets):
    assert store.unfit() == "" and not [*buckets.result.list()]


def test_what_is_no_job_is_passed_over(store, buckets):
    for place in ("queue", "done"):
        buckets.result.write(f"_web/{place}/{'0' * 20}.json", b"{")
    assert store.read("0" * 20) is None and store.read_ended("0" * 20) is None
    job = stored_job(store).id
    assert JobClaimer(store, "first").claim_next().job.id == job


def test_what_a_killed_worker_left_of_an_ended_job_is_cleared_away(store):
    job = stored_job(store).id
    held = JobClaimer(store, "first").claim_next()
    version = store.read(job)[0]
    held.end(state=JobState.DONE)
    store.create(version.changed())  # As if it had been killed before it deleted this.
    assert JobClaimer(store, "second", dead_owner="first").claim_next() is None
    assert not dict(store.queued())
    assert store.read_ended(job).state == JobState.DONE


def test_a_disk_without_locks_is_named_to_the_owner(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refused)
    assert JobStore(FolderBucket(tmp_path / "out", "./out", new=True)).unfit() == (
        "the disk of ./out cannot lock files, which the web service needs for its jobs; choose a "
        "folder on another disk"
    )
