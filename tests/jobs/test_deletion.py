"""Jobs that are deleted: hidden at once, and soon gone from the bucket."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from support.bucket_kinds import EACH_KIND, KINDS, keys, placed
from support.gallery import published, record
from support.pictures import saved
from support.polling import until, until_threads_end
from support.web_service import DRAFT, send, served, stored_job

from painterly.errors import StorageError
from painterly.jobs import deletion, photo_files
from painterly.jobs.buckets import PHOTOS
from painterly.jobs.deletion import Deletions
from painterly.jobs.index import JobIndex
from painterly.jobs.schemas import JobState
from painterly.jobs.store import PREVIEWS
from painterly.settings.bucket_layout import PAGE, RECORDS_READ, UNPUBLISHED
from painterly.storage.base import ObjectError, UnavailableError, Version
from painterly.storage.folder import FolderBucket


@pytest.fixture(params=EACH_KIND)
def place(request, place):
    """The configuration of `support.web_world`, with each kind of result bucket."""
    return placed(request, place)


@pytest.fixture
def engine(stand_in):
    """Painting takes no time."""


@pytest.fixture
def held(monkeypatch):
    """Nothing is carried out in the background until `held.undo()`."""
    with monkeypatch.context() as patches:
        patches.setattr(Deletions, "watch", lambda *_: None)
        yield patches


def carry_out(service):
    """Let a service see the deletions, and wait until it has carried them out."""
    for _ in range(2):  # It may have begun by itself, before the latest one.
        service.jobs.refresh()
        until_threads_end("deletions")
    service.jobs.refresh()


def shown(client):
    return {job["id"] for job in client.get("/api/jobs").json()["jobs"]}


@pytest.mark.slow
def test_a_deleted_job_is_hidden_at_once_and_leaves_nothing(web, worker, buckets, held):
    mask = saved(Image.linear_gradient("L"), "PNG")
    asked = {**DRAFT, "settings": {"timelapse": True}}
    job = send(web, asked, mask=mask, **{"Idempotency-Key": "once"}).json()["id"]
    other = web.post("/api/jobs", json={**asked, "again": job}).json()["id"]
    assert worker.paint() and worker.paint()
    web.service.jobs.refresh()
    # A thread of the worker deletes the preview after the job's end.
    before = {each for each in keys(buckets) if not each.startswith(f"{PREVIEWS}/")}
    key = web.service.jobs.stored(job).result
    assert sum(job in each for each in before) >= 9 and web.get(f"/gallery/{key}").is_success
    answer = web.delete(f"/api/jobs/{job}")
    assert (answer.status_code, answer.json()) == (202, {"jobs": [job]})
    assert shown(web) == {other}
    for address in (f"/api/jobs/{job}", f"/api/jobs/{job}/photo", f"/gallery/{key}"):
        assert web.get(address).status_code == 404, address
    assert job not in web.get("/gallery/").text and other in web.get("/gallery/").text
    assert web.post("/api/jobs", json={**DRAFT, "again": job}).status_code == 404
    assert send(web, asked, mask=mask, **{"Idempotency-Key": "once"}).status_code == 409
    held.undo()
    carry_out(web.service)
    left = keys(buckets)
    files = {f"{PHOTOS}/{job}/{each}" for each in ("beach.jpg", "beach.mask.png")}
    needed = files | {f"{each}.{other}" for each in files}
    assert {each for each in left if job in each} == needed, "what the other job needs"
    gone = {each for each in before - left if job not in each}
    assert [each.split("/")[1] for each in gone] == ["requests"]
    assert shown(web) == {other} and web.get(f"/api/jobs/{other}/photo").is_success
    assert web.get(f"/api/jobs/{other}/mask").is_success
    assert web.delete(f"/api/jobs/{job}").status_code == 404
    web.delete(f"/api/jobs/{other}")
    carry_out(web.service)
    assert not [each for each in keys(buckets) if job in each or other in each]


@pytest.mark.slow
@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_no_empty_folder_is_left_of_a_job_or_of_a_photo(web, worker, place):
    mask = saved(Image.linear_gradient("L"), "PNG")
    job = send(web, DRAFT, mask=mask).json()["id"]
    photo = web.post(f"/api/jobs/{job}/photo").json()["id"]
    assert worker.paint()
    out, named = Path(place["BUCKET_RESULT"]), (job, photo)
    assert len([path for path in out.rglob("*") if path.name in named]) > 3
    web.service.jobs.refresh()
    assert web.delete(f"/api/jobs/{job}").is_success
    assert web.delete(f"/api/photos/{photo}").is_success
    carry_out(web.service)
    assert not [path for path in out.rglob("*") if path.name in named]
    assert (out / "_web" / "photos").is_dir(), "others may be about to write there"


def test_many_jobs_are_deleted_by_one_request(web, store, held):
    jobs = [send(web).json()["id"] for _ in range(3)]
    web.delete(f"/api/jobs/{jobs[2]}")
    answer = web.delete("/api/jobs", params={"id": jobs})
    assert answer.status_code == 202
    assert {*answer.json()["jobs"]} == {*jobs}, "what another page has deleted is gone, too"
    assert shown(web) == set()
    assert web.delete("/api/jobs").status_code == web.delete("/api/jobs?id=no").status_code == 422


def test_a_photo_is_deleted_with_all_jobs_that_have_it_and_no_other(web, store, held):
    one, alike = (saved(Image.new("RGB", (60, 80), each), "PNG") for each in ((9, 9, 9), (8, 8, 8)))
    assert len(one) == len(alike)
    first = send(web, photo=one).json()["id"]
    again = web.post("/api/jobs", json={**DRAFT, "again": first}).json()["id"]
    other = send(web, photo=alike)
    answer = web.delete(f"/api/jobs/{again}?photo=true").json()
    assert {*answer["jobs"]} == {first, again}
    assert shown(web) == {other.json()["id"]}
    states = {store.read_ended(each).state for each in answer["jobs"]}
    assert states == {JobState.CANCELLED}, "those that waited are painted no more"


def test_a_photo_is_stored_once_and_deleted_with_the_last_that_needs_it(web, buckets):
    mask = saved(Image.linear_gradient("L"), "PNG")
    job = send(web, mask=mask).json()["id"]
    kept = web.post(f"/api/jobs/{job}/photo")
    assert kept.status_code == 201 and kept.json()["photo"] == "beach.jpg"
    photo = kept.json()["id"]
    assert web.post(f"/api/jobs/{job}/cancel").is_success
    web.delete(f"/api/jobs/{job}")
    carry_out(web.service)
    files = {key for key in keys(buckets) if job in key}
    assert files == {f"{PHOTOS}/{job}/beach.jpg{use}" for use in ("", f".{photo}")}, "no mask"
    assert web.post(f"/api/jobs/{job}/photo").status_code == 404
    again = web.post("/api/jobs", json={**DRAFT, "again": photo})
    assert again.status_code == 202 and again.json()["photo"] == "beach.jpg"
    assert web.delete(f"/api/photos/{photo}").status_code == 204
    assert not [key for key in keys(buckets) if photo in key]
    last = again.json()["id"]
    assert web.get(f"/api/jobs/{last}/photo").is_success
    web.delete(f"/api/jobs/{last}")
    carry_out(web.service)
    assert not [key for key in keys(buckets) if job in key or last in key]


def test_another_instance_hides_it_and_one_that_starts_later_carries_it_out(
    web, place, buckets, store
):
    job, kept = (send(web).json()["id"] for _ in range(2))
    for each in (job, kept):
        store.end(store.read(each)[0].changed(state=JobState.DONE))
    web.service.deletions.close()  # It is killed before it has begun.
    with served(place) as other:
        other.service.deletions.close()
        other.service.jobs.refresh()
        assert shown(other) == {job, kept}
        web.delete(f"/api/jobs/{job}")
        other.service.jobs.refresh()
        assert shown(other) == {kept} and other.get(f"/api/jobs/{job}").status_code == 404
    with served(place) as later:
        until(lambda: not [key for key in keys(buckets) if job in key])
        later.service.jobs.refresh()
        assert shown(later) == {kept}
    web.service.jobs.refresh()
    assert shown(web) == {kept} and web.get(f"/api/jobs/{job}").status_code == 404


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
@pytest.mark.parametrize("at", range(24))
def test_a_deletion_that_is_killed_anywhere_is_carried_out_by_the_next_process(
    at, web, buckets, store, held, monkeypatch
):
    """Or was complete."""
    job = send(web).json()["id"]
    again = web.post("/api/jobs", json={**DRAFT, "again": job}).json()["id"]
    for each in (job, again):
        store.end(store.read(each)[0].changed(state=JobState.FAILED))
        buckets.result.write(f"monet/{each}/beach.jpg", b"painted")
        buckets.result.write(f"{PREVIEWS}/{each}.jpg", b"half painted")
        store.delete(each)
    calls, real = [], deletion.delete_versions

    def killed(bucket, *prefixes):
        for prefix in prefixes:
            calls.append(prefix)
            if len(calls) > at:
                raise StorageError("killed")
            real(bucket, prefix)

    index = JobIndex(store)
    with monkeypatch.context() as patches:
        for module in (deletion, photo_files):
            patches.setattr(module, "delete_versions", killed)
        with suppress(StorageError):
            Deletions(buckets, store, index, index.cancel).carry_out(store.queue().deleted)
    web.service.jobs.refresh()
    assert not shown(web), "whatever was deleted, it stays hidden"
    held.undo()
    until(
        lambda: (
            web.service.jobs.refresh() or not [k for k in keys(buckets) if job in k or again in k]
        )
    )


@pytest.mark.parametrize("place", KINDS[:2], indirect=True)
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_waiting_job_whose_deletion_was_only_noted_needs_no_worker_and_is_painted_no_more(
    web, store, buckets, is_cancelled
):
    """The process that noted it was killed before it cancelled the job, or before the job ended;
    and the worker paints for hours."""
    job = send(web).json()["id"]
    store.delete(job)
    if is_cancelled:
        waiting, etag = store.read(job)
        assert store.replace(waiting.changed(cancel=True, state=JobState.CANCELLED), etag)
    until(lambda: web.service.jobs.refresh() or not [k for k in keys(buckets) if job in k])


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_a_job_that_cannot_be_deleted_holds_up_no_other(web, store, buckets, monkeypatch, caplog):
    stuck, free = (send(web).json()["id"] for _ in range(2))
    for each in (stuck, free):
        store.end(store.read(each)[0].changed(state=JobState.FAILED))
    real = deletion.delete_parts

    def refused(buckets, job):
        if job.id == stuck:
            raise ObjectError("its photo is locked")
        real(buckets, job)

    with monkeypatch.context() as patches:
        patches.setattr(deletion, "delete_parts", refused)
        for each in (stuck, free):
            store.delete(each)
        until(lambda: web.service.jobs.refresh() or not [k for k in keys(buckets) if free in k])
        assert store.queue().deleted == {stuck} and "its photo is locked" in caplog.text
    until(lambda: web.service.jobs.refresh() or not [k for k in keys(buckets) if stuck in k])


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_what_is_noted_is_answered_as_deleted_though_it_is_cancelled_later(
    web, store, buckets, monkeypatch
):
    job = send(web).json()["id"]

    def silent(job_id):
        raise UnavailableError("the storage is silent")

    with monkeypatch.context() as patches:
        patches.setattr(web.service.jobs, "cancel", silent)
        assert web.delete(f"/api/jobs/{job}").status_code == 202
    until(lambda: web.service.jobs.refresh() or not [k for k in keys(buckets) if job in k])


@pytest.mark.parametrize("place", KINDS[:2], indirect=True)
def test_a_job_that_is_painted_is_cancelled_first(web, store, buckets):
    job = stored_job(store)
    buckets.source.write(job.photo_key, b"photo")
    web.service.jobs.refresh()
    painted = job.changed(state=JobState.PAINTING, owner="a worker")
    etag = store.replace(painted, store.read(job.id)[1])
    assert etag and web.delete(f"/api/jobs/{job.id}").status_code == 202
    web.service.supervisor.send.assert_called_with("cancel", job.id)
    assert store.read(job.id)[0].cancel and not shown(web)
    carry_out(web.service)
    assert buckets.source.find(job.photo_key), "its worker still reads it"
    store.end(store.read(job.id)[0].changed(state=JobState.CANCELLED))
    carry_out(web.service)
    assert not [key for key in keys(buckets) if job.id in key]


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_a_cancelled_job_is_there_for_an_hour_and_then_leaves_nothing(
    web, place, buckets, monkeypatch
):
    cancelled, other = (send(web).json()["id"] for _ in range(2))
    assert web.post(f"/api/jobs/{cancelled}/cancel").json()["state"] == "cancelled"
    web.service.deletions.close()
    with served(place) as later:  # After a restart.

        def left():
            later.service.jobs.refresh()
            return [each for each in keys(buckets) if cancelled in each]

        assert left() and later.get(f"/api/jobs/{cancelled}").json()["state"] == "cancelled"
        monkeypatch.setattr(deletion, "CANCELLED_S", -1.0)
        until(lambda: not left())
        assert shown(later) == {other}


def test_pages_that_listen_hear_of_it(web):
    job = send(web).json()["id"]
    index = web.service.jobs
    seen = index.version
    web.delete(f"/api/jobs/{job}")
    changes = index.changes(seen, apart=True)
    assert changes.deleted == [job] and not changes.jobs
    assert index.changes().deleted == [] and not index.changes().jobs, "news for no new page"


def test_the_ids_of_deleted_jobs_do_not_fill_the_memory(store, monkeypatch):
    monkeypatch.setattr("painterly.jobs.index.MAX_DELETED", 3)
    index, ids = JobIndex(store), [f"{number:020x}" for number in range(9)]
    for each in ids:
        index.hide(each)
    assert index.deleted() == {*ids[-3:]}


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_the_page_that_a_batch_has_written_loses_it_too(web, place, store, buckets):
    job = send(web).json()["id"]
    store.end(store.read(job)[0].changed(state=JobState.DONE))
    given = [record("mine.jpg", "monet"), record(f"{job}/beach.jpg", "monet")]
    published(Path(place["BUCKET_RESULT"]), given)
    assert job.encode() in buckets.result.read("index.html")
    buckets.result.write(RECORDS_READ, b"the records that a run has read")
    web.delete(f"/api/jobs/{job}")
    carry_out(web.service)
    page = buckets.result.read("index.html")
    assert job.encode() not in page and b"mine.jpg" in page
    assert not buckets.result.find(RECORDS_READ)


def test_older_versions_of_that_page_go_as_well_and_no_others(tmp_path):
    """They show the small pictures of the job."""
    deleted, job = [], "0" * 20

    class Versioned(FolderBucket):
        def versions(self, prefix=""):
            kinds = ((PAGE, "old", False), (PAGE, "new", True), (f"{PAGE}.txt", "other", False))
            return [Version(key, number, 1, is_now, False) for key, number, is_now in kinds]

        def delete_version(self, version):
            deleted.append(version.number)

    published(tmp_path, [record(f"{job}/beach.jpg", "monet")])
    deletion.renew_page(Versioned(tmp_path), [job])
    assert deleted == ["old"]


def test_a_batch_that_stores_results_meanwhile_writes_that_page_again(tmp_path, monkeypatch):
    """It finds that it is not the only one."""
    job, marked = "0" * 20, []
    bucket = published(tmp_path, [record(f"{job}/beach.jpg", "monet")])
    real = deletion.Gallery.publish
    monkeypatch.setattr(
        deletion.Gallery,
        "publish",
        lambda gallery: marked.append(bucket.find(UNPUBLISHED)) or real(gallery),
    )
    deletion.renew_page(bucket, [job])
    assert marked != [None] and bucket.find(UNPUBLISHED) is None


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_deletions_are_carried_out_one_listing_at_a_time(buckets, store, monkeypatch):
    index, begun, may_end = JobIndex(store), [], threading.Event()
    deletions = Deletions(buckets, store, index, index.cancel)
    monkeypatch.setattr(deletions, "carry_out", lambda due: begun.append(due) or may_end.wait(60))
    for _ in range(3):
        deletions.watch({"0" * 20})
    may_end.set()
    until_threads_end("deletions")
    assert len(begun) == 1
    deletions.close()
    deletions.watch({"0" * 20})
    until_threads_end("deletions")
    assert len(begun) == 1
    monkeypatch.undo()
    store.delete("0" * 20)
    deletions.carry_out(store.queue().deleted)
    assert store.queue().deleted, "a service that ends begins no deletion"


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_leftovers_go_every_quarter_of_an_hour_however_busy_the_worker_is(web, store, buckets):
    """It is always painting, and the photo of a page that was closed waits for no pause."""
    painted = stored_job(store).changed(state=JobState.PAINTING, owner="a busy worker")
    assert store.replace(painted, store.read(painted.id)[1])
    leftover = f"{'0' * 20}/beach.jpg"
    deletions, clock = web.service.deletions, time.monotonic()
    for _ in range(2):
        buckets.source.write(leftover, b"of a page that was closed long ago")
        deletions.clean_at = time.monotonic()
        until(lambda: web.service.jobs.refresh() or not buckets.source.find(leftover))
        assert 0 < deletions.clean_at - clock < deletion.CLEAN_EVERY_S + 60


@pytest.mark.parametrize("place", KINDS[:1], indirect=True)
def test_only_who_may_enter_deletes(locked, store):
    job = stored_job(store)
    address = f"/api/jobs/{job.id}"
    assert locked.delete(address).status_code == 401
    foreign = {"origin": "https://elsewhere.example"}
    assert locked.delete(address, headers=foreign).status_code == 403
    assert not store.queue().deleted
