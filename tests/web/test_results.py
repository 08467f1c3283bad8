"""What the gallery of the web service shows: records whose pictures are there."""

from styletransfer.gallery.thumbnails import picture_key, thumbnail_key
from styletransfer.record import Record
from styletransfer.storage.folder import FolderBucket
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
    record(bucket, "old.jpg", finished="2026-01-01T00:00:00+00:00")
    record(bucket, "new.jpg", finished="2026-02-01T00:00:00+00:00")
    bucket.write("_records/monet/failed.jpg.json", Record(photo="failed.jpg").to_bytes())
    bucket.write("_records/monet/torn.jpg.json", b"{")
    small, photo = thumbnail_key("results", "monet/new.jpg"), picture_key("photos", "new.jpg")
    for key in (small, photo):
        bucket.write(key, b"small")
    new, old = Results(bucket).all()
    assert (new.result, new.thumbnail, new.original) == ("monet/new.jpg", small, photo)
    assert (old.result, old.thumbnail, old.original) == ("monet/old.jpg", None, None)
    results = Results(bucket)
    assert results.get(old.id).record.photo == "old.jpg" and results.get("0" * 20) is None
    bucket.delete("monet/new.jpg")
    bucket.delete("_records/monet/old.jpg.json")
    results._found.forget()
    assert results.all() == []
    record(bucket, "new.jpg", error="torn")
    results._found.forget()
    assert [each.record.error for each in results.all()] == ["torn"]
