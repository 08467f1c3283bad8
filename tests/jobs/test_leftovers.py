"""Leftovers of killed processes are deleted, and nothing else."""

import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from PIL import Image
from support.bucket_kinds import KINDS, keys, placed
from support.pictures import saved
from support.web_service import send, stored_job

from painterly.jobs import leftovers
from painterly.jobs import store as job_store
from painterly.jobs.buckets import PHOTOS, UNFINISHED, delete_versions
from painterly.jobs.index import JobIndex
from painterly.jobs.leftovers import delete_leftovers
from painterly.jobs.schemas import JobState
from painterly.jobs.store import DAY_S, PREVIEWS, new_id
from painterly.storage.base import (
    BucketRefusedError,
    ObjectError,
    StorageError,
    UnfinishedUpload,
    Version,
)
from painterly.storage.folder import FolderBucket

OLD = "0123456789a"  # How ids began in 2009.


def test_only_what_belonged_to_a_job_that_is_gone_is_deleted(buckets, store):
    waiting, ended, gone = (f"{OLD}{digit * 9}" for digit in "abc")
    young = new_id()  # Its photo is stored, and its job will be in a moment.
    stored_job(store, waiting)
    assert store.end(stored_job(store, ended).changed(state=JobState.DONE))
    for job in (waiting, ended, gone, young):
        buckets.source.write(f"{job}/beach.jpg", b"x")
        buckets.source.write(f"{job}/beach.mask.png", b"x")
    for job in (waiting, ended, gone):
        buckets.unfinished.write(f"_checkpoints/monet/{job}/beach.jpg.npz", b"x")
        buckets.result.write(f"{PREVIEWS}/{job}.jpg", b"x")
    for bucket, key in (
        (buckets.source, "mine.jpg"),
        (buckets.source, f"holiday/{gone}.jpg"),
        (buckets.unfinished, "_checkpoints/monet/mine.npz"),
        (buckets.result, f"{PREVIEWS}/mine.jpg"),
    ):
        bucket.write(key, b"mine")
    before = {entry.key for entry in buckets.result.list()}
    delete_leftovers(buckets)
    assert before - {entry.key for entry in buckets.result.list()} == {
        *(f"{PREVIEWS}/{job}.jpg" for job in (ended, gone)),
        *(f"{UNFINISHED}/_checkpoints/monet/{job}/beach.jpg.npz" for job in (ended, gone)),
        f"{PHOTOS}/{gone}/beach.jpg",
        f"{PHOTOS}/{gone}/beach.mask.png",
    }


def test_a_file_that_a_job_needs_outlasts_who_has_stored_it(buckets, store):
    gone, waiting, killed = (f"{OLD}{digit * 9}" for digit in "abc")
    stored_job(store, waiting)
    photo, mask = f"{gone}/beach.jpg", f"{gone}/beach.mask.png"
    for key in (photo, f"{photo}.{waiting}", f"{photo}.{killed}", mask, f"{mask}.{killed}"):
        buckets.source.write(key, b"x")
    delete_leftovers(buckets)
    assert {each.key for each in buckets.source.list()} == {photo, f"{photo}.{waiting}"}
    store.leave_queue(waiting)
    delete_leftovers(buckets)
    assert not [*buckets.source.list()]


@pytest.fixture
def place(request, place):
    """The configuration of `support.web_world`, also with a bucket that keeps versions."""
    return placed(request, place)


@pytest.mark.parametrize("place", [KINDS[0], KINDS[2]], indirect=True)
def test_ended_jobs_are_deleted_with_all_they_left_once_they_are_old_enough(
    web, buckets, store, monkeypatch, cost
):
    """Not their results, which are the user's."""
    now, ids = time.time(), {}
    mask = saved(Image.linear_gradient("L"), "PNG")
    for name, age in (("old", 90), ("new", 3)):
        clock = SimpleNamespace(time=lambda age=age: now - DAY_S * age)
        monkeypatch.setattr(job_store, "time", clock)
        job = ids[name] = send(web, mask=mask, **{"Idempotency-Key": name}).json()["id"]
        assert store.end(store.read(job)[0].changed(state=JobState.DONE))
        buckets.result.write(f"monet/{job}/beach.jpg", b"painted")
    monkeypatch.setattr(job_store, "time", SimpleNamespace(time=lambda: now))
    before = keys(buckets)
    delete_leftovers(buckets, 91)
    assert keys(buckets) == before
    index = JobIndex(store, keep_days=30)
    index.refresh()
    assert [job.id for job in index.all()] == [ids["new"]], "the page forgets it at once"
    with cost() as spent:
        delete_leftovers(buckets, 30)
    asked = [each for each in spent.requests if "versions" in each and "photos" in each]
    assert len(asked) <= 1, "not once for the photo and once for its mask"
    gone = before - keys(buckets)
    (remembered,) = (key for key in gone if key.startswith("_web/requests/"))
    of_job = {key for key in before if ids["old"] in key}
    result = f"monet/{ids['old']}/beach.jpg"
    assert len(of_job) >= 4 and gone == of_job - {result} | {remembered}


def test_uploads_are_aborted_an_hour_after_they_began_where_that_is_allowed(
    buckets, store, monkeypatch, caplog
):
    aborted = []
    begun = [UnfinishedUpload("old", "1", 1000.0), UnfinishedUpload("young", "2", 3000.0)]
    monkeypatch.setattr(buckets.unfinished, "unfinished_uploads", lambda: begun)
    monkeypatch.setattr(buckets.unfinished, "abort_upload", lambda each: aborted.append(each.key))
    monkeypatch.setattr(leftovers, "time", SimpleNamespace(time=lambda: 6000.0))
    delete_leftovers(buckets)
    assert aborted == ["old"]
    refused = Mock(side_effect=StorageError("AccessDenied"))
    monkeypatch.setattr(buckets.unfinished, "unfinished_uploads", refused)
    delete_leftovers(buckets)
    assert caplog.messages == ["unfinished uploads may be left: AccessDenied"]


def test_versions_that_may_not_be_listed_are_asked_for_once_and_objects_go(tmp_path):
    asked = []

    class Refusing(FolderBucket):
        def versions(self, prefix=""):
            asked.append(prefix)
            raise BucketRefusedError("versions may not be listed")

    bucket = Refusing(tmp_path)
    for key in ("a/1", "b/1", "c/1"):
        bucket.write(key, b"x")
    delete_versions(bucket, "a/", "b/")
    assert asked == ["a/"] and [each.key for each in bucket.list()] == ["c/1"]


def test_a_version_that_is_locked_keeps_nothing_else(tmp_path):
    class Locked(FolderBucket):
        def versions(self, prefix=""):
            return [Version("a/1", "old", 1, False, False)]

        def delete_version(self, version):
            raise ObjectError("a/1 is locked")

    bucket = Locked(tmp_path)
    bucket.write("a/1", b"x")
    delete_versions(bucket, "a/")
    assert not [*bucket.list()]
