"""The index of all jobs, and its estimates."""

import json
import time
from dataclasses import replace

import pytest
from support.web_service import step_news, stored_job

from painterly.jobs import index as job_index
from painterly.jobs.buckets import delete_versions
from painterly.jobs.estimates import Estimates, in_order
from painterly.jobs.index import JobIndex, merged
from painterly.jobs.schemas import JobState, Preset
from painterly.jobs.store import JobStore, id_at, keys_of_job
from painterly.orders.record import Record, write_record
from painterly.storage import open_bucket

QUEUED, PAINTING, DONE = JobState.QUEUED, JobState.PAINTING, JobState.DONE


@pytest.fixture
def index(store):
    return JobIndex(store)


def shown(index):
    """The states of all jobs by their ids."""
    return {job.id: job.state for job in index.all()}


def took(seconds, device="a GPU"):
    """The record of a picture that took so long."""
    return Record(result="monet/x.jpg", seconds=seconds, device=device)


def test_a_job_that_this_instance_has_not_read_yet_is_known_at_once(index, store, monkeypatch):
    queued, ended, ending = stored_job(store), stored_job(store), stored_job(store)
    assert store.end(ended.changed(state=JobState.DONE))
    assert index.stored(queued.id).state == JobState.QUEUED
    assert index.stored(ended.id).state == JobState.DONE
    assert index.stored("0" * 20) is None
    assert shown(index) == {queued.id: JobState.QUEUED}
    read = store.read

    def read_late(*which):
        store.end(ending.changed(state=JobState.DONE))
        return read(*which)

    monkeypatch.setattr(store, "read", read_late)
    assert index.stored(ending.id).state == JobState.DONE, "it ends while it is asked for"


def test_only_a_job_that_is_done_has_a_new_result(index, store):
    for state in (JobState.CANCELLED, JobState.FAILED, JobState.DONE):
        assert store.end(stored_job(store).changed(state=state))
    index.refresh()
    assert len(shown(index)) == 3 and index.done == 1


def test_after_a_failure_the_ended_jobs_are_read_with_the_next_look(index, store, monkeypatch):
    ended = stored_job(store)
    assert store.end(ended.changed(state=JobState.DONE))
    with monkeypatch.context() as patches:
        patches.setattr(store, "ended", lambda *_: iter([1 / 0]))
        with pytest.raises(ZeroDivisionError):
            index.refresh()
    index.refresh()
    assert shown(index) == {ended.id: JobState.DONE}


@pytest.fixture
def ended_long_ago(moto):
    """A bucket with jobs that have ended on ten days, in a service with small pages."""
    bucket = open_bucket(moto.new_bucket(), replace(moto.account, region="with-few-in-a-page"))
    bucket.client.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=3)
    )
    store = JobStore(bucket)
    for day in range(10):
        ended = stored_job(store, f"{id_at(1e9 + 86_400 * day)}{day:09x}")
        assert store.end(ended.changed(state=JobState.DONE))
    return bucket


def test_what_has_ended_long_ago_is_listed_once(ended_long_ago, monkeypatch, cost):
    monkeypatch.setattr(job_index, "ENDED_S", 0.0)
    monkeypatch.setattr(job_index, "MAX_ENDED", 3)
    store = JobStore(ended_long_ago)
    index, newest = JobIndex(store), stored_job(store, f"{id_at(1e9 + 86_400 * 9.5)}{0:09x}")
    index.refresh()
    store.end(newest.changed(state=JobState.DONE))
    late = stored_job(store, f"{id_at(1e9 + 86_400 * 9 - 1800)}{0:09x}")
    store.end(late.changed(state=JobState.DONE))  # Never seen in the queue.
    with cost() as spent:
        index.refresh()
    listings = [each for each in spent.requests if "list-type" in each and "done" in each]
    assert len(listings) <= 2
    assert {newest.id, late.id} <= shown(index).keys()
    assert len(shown(index)) == 3


def test_ended_jobs_are_not_listed_with_each_look(index, store, monkeypatch):
    listed, real = [], store.ended
    monkeypatch.setattr(store, "ended", lambda *after: listed.append(after) or real(*after))
    for _ in range(3):
        index.refresh()
    assert len(listed) == 1


def test_a_job_that_has_ended_stays_so_whatever_is_read_late(index, store):
    job = stored_job(store)
    etag = store.read(job.id)[1]
    index.add(job.changed(state=JobState.DONE), "")
    index.add(job, etag)
    assert shown(index) == {job.id: JobState.DONE}


def test_what_another_instance_ends_or_deletes_is_seen_with_the_next_look(index, store, buckets):
    ended, deleted, cancelled = (stored_job(store) for _ in range(3))
    index.refresh()
    store.end(ended.changed(state=JobState.DONE))
    buckets.result.delete(f"_web/queue/{deleted.id}.json")
    etag = store.read(cancelled.id)[1]
    # Its worker, or the instance that cancels it, has not got further yet.
    store.replace(cancelled.changed(state=JobState.CANCELLED), etag)
    index.refresh()
    assert shown(index) == {ended.id: JobState.DONE, cancelled.id: JobState.CANCELLED}
    assert index.counts() == (0, 0)
    assert {job.place for job in index.all()} == {None}


def test_what_is_cancelled_here_is_shown_so_at_once(index, store):
    waiting, painted = stored_job(store), stored_job(store, state=PAINTING, owner="worker")
    index.refresh()
    ended, asked = index.cancel(waiting.id), index.cancel(painted.id)
    assert (ended.state, asked.state, asked.cancel) == (JobState.CANCELLED, PAINTING, True)
    assert ended.finished and not asked.finished and store.read(painted.id)[0].cancel
    assert shown(index) == {waiting.id: JobState.CANCELLED, painted.id: PAINTING}
    assert index.counts() == (0, 1) and index.cancel("0" * 20) is None
    store.end(asked.changed(state=DONE))
    assert index.cancel(painted.id) is None and shown(index)[painted.id] == DONE


def test_a_finished_job_shows_what_the_record_of_its_result_says(index, store, buckets):
    """Version 11 copied parts of it into the job."""
    job = stored_job(store)
    done = json.loads(job.changed(state=JobState.DONE).to_bytes())
    done |= {"result": "monet/another.jpg", "network": "another", "width": 1, "seconds": 9.0}
    buckets.result.write(f"_web/done/{job.id}.json", json.dumps(done).encode())
    store.leave_queue(job.id)
    record = Record(result=f"monet/{job.id}/beach.jpg", network="VGG", width=80, height=60)
    write_record(buckets.result, f"_records/monet/{job.id}/beach.jpg.json", record)
    index.refresh()
    (view,) = index.all()
    assert (view.network, view.width, view.height) == ("VGG", 80, 60) and view.links.result
    assert index.stored(job.id).result == record.result
    assert "VGG" not in index.stored(job.id).to_bytes().decode()


def test_only_the_latest_of_the_ended_jobs_are_kept_in_memory(index, store, monkeypatch):
    monkeypatch.setattr(job_index, "MAX_ENDED", 2)
    made = [stored_job(store, f"{number:020x}") for number in range(5)]
    for job in made[:4]:
        store.end(job.changed(state=JobState.DONE))
    index.refresh()
    assert [job.id for job in index.all()] == [made[4].id, made[3].id, made[2].id]
    store.end(made[4].changed(state=JobState.DONE))
    index.refresh()
    assert [job.id for job in index.all()] == [made[4].id, made[3].id]
    assert index._changed_in.keys() == {made[3].id, made[4].id}
    assert index.stored(made[0].id).state == JobState.DONE


def test_what_the_worker_says_counts_more_than_an_older_version_in_the_bucket(index, store):
    job = stored_job(store, state=JobState.PAINTING, owner="worker")
    index.refresh()
    index.progress(job.id, **step_news(7, 2.0))
    stored, etag = store.read(job.id)
    etag = store.replace(stored.changed(step=5, steps=9, seconds_left=4.0), etag)
    index.refresh()
    (view,) = index.all()
    assert (view.step, view.steps, view.fraction, view.seconds_left) == (7, 9, 0.5, 2.0)
    store.replace(stored.changed(step=5, revision=9, state=JobState.QUEUED), etag)
    index.refresh()  # It was given back, and will continue from its checkpoint.
    (view,) = index.all()
    assert (view.state, view.step, view.place) == (JobState.QUEUED, 5, 1)


@pytest.mark.parametrize(
    ("known", "read", "shown"),
    [
        (None, (QUEUED, 0, 0), (QUEUED, 0)),
        ((PAINTING, 7, 1), (PAINTING, 9, 2), (PAINTING, 9)),
        ((PAINTING, 7, 1), (PAINTING, 5, 2), (PAINTING, 7)),
        ((PAINTING, 7, 1), (QUEUED, 5, 1), (PAINTING, 7)),
        ((PAINTING, 7, 1), (QUEUED, 5, 2), (QUEUED, 5)),
        ((PAINTING, 7, 1), (DONE, 5, 2), (DONE, 5)),
        ((QUEUED, 0, 1), (PAINTING, 0, 2), (PAINTING, 0)),
    ],
    ids=[
        *("new", "a later step", "an older step", "read before it began"),
        *("given back", "ended", "begun elsewhere"),
    ],
)
def test_a_version_that_was_read_is_merged_with_what_the_worker_has_said(known, read, shown, store):
    job = stored_job(store)

    def version(of):
        return of and job.model_copy(
            update=dict(zip(("state", "step", "revision"), of, strict=True))
        )

    now = merged(version(known), version(read))
    assert (now.state, now.step) == shown


def test_a_renewal_alone_is_no_news_and_a_job_that_ended_between_two_polls_is(index, store):
    version = index.changes().version
    job, other = stored_job(store), stored_job(store)
    store.end(other.changed(state=JobState.DONE))  # By another instance.
    index.refresh()
    version, news, *_ = index.changes(version)
    assert [each.id for each in news] == [job.id, other.id]
    stored, etag = store.read(job.id)
    store.replace(stored.changed(), etag)
    index.refresh()
    assert index.changes(version).jobs == []


def test_who_waits_reads_the_time_of_all_before_and_of_the_own_picture(index, store):
    done = {"state": JobState.DONE, "painted": took(10), "work": 100.0, "finished": "2026"}
    first, second = stored_job(store, work=200.0), stored_job(store, work=300.0)
    index.refresh()
    assert (index.seconds_left(), {job.seconds_left for job in index.all()}) == (None, {None})
    index.add(first.model_copy(update={"id": "0" * 20, **done}), "")
    waits = {job.id: job.seconds_left for job in index.all()}
    assert (waits[first.id], waits[second.id], waits["0" * 20]) == (20, 50, None)
    assert index.seconds_left() == 50
    index.progress(first.id, **step_news(1, 4.0))
    waits = {job.id: job.seconds_left for job in index.all()}
    assert (waits[first.id], waits[second.id]) == (4, 34)
    index.progress(first.id, **step_news(1, None))
    assert {job.id: job.seconds_left for job in index.all()}[second.id] == 40, "half is done"


def test_a_quicker_preset_never_seems_to_take_longer():
    slow = {Preset.INSTANT: 15.0, Preset.DRAFT: 10.0, Preset.FINE: 12.0, Preset.PRINT: None}
    ordered = in_order(slow)
    assert ordered[Preset.INSTANT] < ordered[Preset.DRAFT] < ordered[Preset.FINE] == 12
    usual = slow | {Preset.INSTANT: 3.0, Preset.FINE: 40.0}
    assert in_order(usual) == usual
    assert in_order(slow | {Preset.FINE: None})[Preset.DRAFT] == 10


def test_a_draft_says_how_long_the_others_take_on_the_same_device(store):
    done = {"state": JobState.DONE, "painted": took(5), "work": 100.0, "finished": "2026"}
    draft, estimates = stored_job(store, **done), Estimates()
    assert estimates.seconds(200, Preset.FINE) is None
    slow = draft.model_copy(update={"painted": took(900, "another device")})
    estimates.add_measurement(slow)
    # The worker's own measurement, until then.
    estimates.set_measured(Preset.FINE, 0.1, draft.painted.device)
    estimates.add_measurement(slow)  # Read from the bucket afterwards.
    assert estimates.seconds(200, Preset.FINE) == 20
    estimates.add_measurement(draft)
    assert estimates.seconds(200, Preset.FINE) == 10
    estimates.add_measurement(draft.model_copy(update={"preset": Preset.FINE, "painted": took(7)}))
    assert estimates.seconds(200, Preset.FINE) == 10, "the best of the latest"


def test_an_instant_picture_takes_no_time_of_others_nor_they_its_own(store):
    done = {"state": JobState.DONE, "painted": took(5), "work": 100.0, "finished": "2026"}
    fine, estimates = stored_job(store, preset=Preset.FINE, **done), Estimates()
    estimates.add_measurement(fine)
    assert estimates.seconds(200, Preset.INSTANT) is None
    estimates.set_measured(Preset.INSTANT, 0.1, "the CPU")
    assert estimates.seconds(200, Preset.INSTANT) == 20
    slow = took(90, "the CPU")
    changes = {"preset": Preset.INSTANT, "painted": slow, "finished": "2027"}
    estimates.add_measurement(fine.model_copy(update=changes))
    assert estimates.seconds(200, Preset.INSTANT) == 180
    assert estimates.seconds(200, Preset.FINE) == 10


def test_the_first_picture_of_a_worker_spoils_no_estimate(store):
    done = {"state": JobState.DONE, "painted": took(5), "work": 100.0, "finished": "2026"}
    first, estimates = stored_job(store, **done), Estimates()
    estimates.add_measurement(first)
    estimates.add_measurement(first.model_copy(update={"painted": took(38), "cold": True}))
    assert estimates.seconds(100, Preset.FINE) == 5


def test_what_another_instance_has_deleted_between_two_looks_is_shown_no_more(
    index, store, buckets, monkeypatch
):
    """Nothing but its absence says so."""
    waiting, ended, kept, cancelled = (stored_job(store) for _ in range(4))
    for each in (ended, kept):
        store.end(each.changed(state=JobState.DONE))
    index.refresh()
    etag = store.read(cancelled.id)[1]
    # Its instance has not got further yet.
    store.replace(cancelled.changed(state=JobState.CANCELLED), etag)
    seen = index.version
    delete_versions(buckets.result, *keys_of_job(waiting.id), *keys_of_job(ended.id))
    monkeypatch.setattr(job_index, "ENDED_S", 0.0)
    index.refresh()
    assert {*index.changes(seen).deleted} == {waiting.id, ended.id}, "pages hear of it"
    for _ in range(2):
        assert shown(index).keys() == {kept.id, cancelled.id} and index.counts() == (0, 0)
        assert {*index.deleted()} == {waiting.id, ended.id}
        index.refresh()
    assert index.stored(ended.id) is None and seen < index.version


def test_results_of_jobs_that_are_too_old_stay_whoever_deletes_these(store, monkeypatch):
    """Another instance counts WEB_KEEP_DAYS a little earlier."""
    monkeypatch.setattr(job_index, "ENDED_S", 0.0)
    index = JobIndex(store, keep_days=1)
    old = stored_job(store, f"{id_at(time.time() - 86_400 + 60)}{0:09x}")
    store.end(old.changed(state=JobState.DONE))
    index.refresh()
    assert shown(index)
    store.delete_ended([old.id])
    index.refresh()
    assert not index.deleted()


def test_a_job_that_was_deleted_while_its_request_was_sent_again_is_deleted_again(
    index, store, buckets
):
    job = stored_job(store)
    index.refresh()
    store.delete(job.id)
    index.refresh()
    delete_versions(buckets.result, *keys_of_job(job.id))
    assert index.create(job)
    assert store.queue().deleted == {job.id} and not shown(index)
