"""What the gallery of the web service shows: records whose pictures are there."""

from support import tiny
from support.web_service import stored_job

from styletransfer.gallery.thumbnails import picture_key, thumbnail_key
from styletransfer.record import Record
from styletransfer.storage.folder import FolderBucket
from styletransfer.web.job_store import JobStore
from styletransfer.web.results import Results


def record(bucket, photo, **about):
    """Stores a record of a photo in the look `monet`, and its result."""
    result = f"monet/{photo}"
    bucket.write(result, b"painted")
    found = Record(photo=photo, look="monet", result=result, **about)
    bucket.write(f"_records/{result}.json", found.to_bytes())


def test_results_are_shown_newest_first_with_what_there_is_of_them_and_only_while_they_are_there(
    tmp_path,
):
    bucket = FolderBucket(tmp_path)
    record(bucket, "a.jpg", finished="2026-01-01T00:00:00+00:00")
    record(bucket, "b.jpg", finished="2026-02-01T00:00:00+00:00")
    bucket.write("_records/monet/failed.jpg.json", Record(photo="failed.jpg").to_bytes())
    bucket.write("_records/monet/torn.jpg.json", b"{")
    small, photo = thumbnail_key("results", "monet/b.jpg"), picture_key("photos", "b.jpg")
    for key in (small, photo):
        bucket.write(key, b"small")
    new, old = Results(bucket).all()
    assert (new.result, new.thumbnail, new.original) == ("monet/b.jpg", small, photo)
    assert (old.result, old.thumbnail, old.original) == ("monet/a.jpg", None, None)
    record(bucket, "c.jpg")  # As an older program stored it, without a time.
    assert [each.record.photo for each in Results(bucket).all()] == ["b.jpg", "a.jpg", "c.jpg"]
    bucket.delete("_records/monet/c.jpg.json")
    results = Results(bucket)
    assert results.get(old.id).record.photo == "a.jpg" and results.get("0" * 20) is None
    bucket.delete("monet/b.jpg")
    bucket.delete("_records/monet/a.jpg.json")
    results._found.invalidate()
    assert results.all() == []
    record(bucket, "b.jpg", error="torn")
    results._found.invalidate()
    assert [each.record.error for each in results.all()] == ["torn"]


def test_a_record_that_is_deleted_while_all_are_read_is_left_out(tmp_path, monkeypatch):
    bucket = FolderBucket(tmp_path)
    for photo in ("a.jpg", "b.jpg"):
        record(bucket, photo)
    listed = [entry for entry in bucket.list() if entry.etag]
    unread = [*bucket.list()]
    bucket.delete("_records/monet/a.jpg.json")
    for entries in (listed, unread):
        monkeypatch.setattr(bucket, "list", lambda entries=entries: entries)
        assert [each.record.photo for each in Results(bucket).all()] == ["b.jpg"]


def test_only_records_that_have_changed_are_read_again(tmp_path, monkeypatch):
    bucket = FolderBucket(tmp_path)
    for photo in ("a.jpg", "b.jpg"):
        record(bucket, photo)
    results, read, reads = Results(bucket), bucket.read, []
    monkeypatch.setattr(bucket, "read", lambda key: reads.append(key) or read(key))
    for _ in range(2):
        results._found.invalidate()
        assert len(results.all()) == 2
    assert sorted(reads) == ["_records/monet/a.jpg.json", "_records/monet/b.jpg.json"]
    record(bucket, "b.jpg", error="torn")
    results._found.invalidate()
    results.all()
    assert reads[2:] == ["_records/monet/b.jpg.json"]


def test_the_gallery_gives_what_is_there_by_the_page_and_says_what_is_not(web):
    bucket = web.service.buckets.result
    job = stored_job(JobStore(bucket)).id  # Of beach.jpg.
    for day, photo in enumerate(("plain.jpg", f"{job}/picture.jpg"), start=1):
        record(bucket, photo, finished=f"2026-01-0{day}T00:00:00+00:00")
    bucket.write(f"monet/{job}/picture.jpg", tiny.file(60, 80, 1))
    first = web.get("/api/gallery?per_page=1").json()
    second = web.get(first["next"]).json()
    assert [each["photo"] for each in first["items"] + second["items"]] == [
        *("picture.jpg", "plain.jpg")
    ]
    assert (first["items"][0]["job"], second["items"][0]["job"], second["next"]) == (
        job,
        None,
        None,
    )
    assert web.get("/api/gallery").json()["items"] == first["items"] + second["items"]

    good, plain = first["items"][0]["result"], second["items"][0]["result"]
    saved = web.get(f"{good}?download=1")
    assert saved.content == tiny.file(60, 80, 1)
    assert 'filename="beach - monet.jpg"' in saved.headers["content-disposition"]
    assert "content-disposition" not in web.get(good).headers
    assert web.get(f"{good}?small=1").headers["content-type"] == "image/jpeg"
    assert (
        'filename="plain - monet.jpg"'
        in web.get(f"{plain}?download=1").headers["content-disposition"]
    )
    gone = [
        f"{plain}?small=1",
        good.replace("result", "original"),
        f"/api/gallery/{20 * '0'}/result",
    ]
    bucket.delete(f"monet/{job}/picture.jpg")
    for address in (*gone, good):
        answer = web.get(address)
        assert (answer.status_code, "there is no such picture" in answer.text) == (404, True)
