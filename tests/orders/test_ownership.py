"""The owners of keys in the result bucket: a run overwrites and deletes only its own results.
Photos and styles whose results would have one key, and names that cannot be used."""

import json
import os
from pathlib import Path

import pytest
from support import tiny
from support.batch_results import failures, painted, results, s3_batch
from support.folder_batches import run

from painterly.images.output import OutputFormat
from painterly.orders.order import result_names
from painterly.storage.folder import FolderBucket

# --- keys that meet -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        (None, {"beach.jpg": "beach.jpg", "scan.tiff": "scan.png", "a.b.jpeg": "a.b.jpg"}),
        # As S3 has them, where `trip//a.png` and `trip/a.png` are two objects.
        (None, {"trip//a.png": "trip/a.png"}),
        ("png", {"trip//a.png": "trip//a.png.png", "trip/a.jpg": "trip/a.jpg.png"}),
        ("png", {"./b.png": "./b.png.png", "b.webp": "b.webp.png"}),
    ],
)
def test_photos_have_the_keys_they_always_had(form, keys):
    assert result_names(keys, OutputFormat(form)) == keys


@pytest.mark.parametrize("form", [None, "png", "same"])
def test_no_two_results_of_a_style_share_a_key(form):
    """Tried with photos that can meet: short names with all endings, two deep, in folders."""
    ends = [".png", ".jpg", ".webp"]
    names = [f"c{one}{two}" for one in ends for two in ["", *ends]]
    photos = [f"{folder}{name}" for folder in ("", "b/", "b/c.png/") for name in names]
    assert len({*result_names(photos, OutputFormat(form)).values()}) == len(photos)


@pytest.fixture(params=[("beach.jpg", "BEACH.jpg"), ("caf\u00e9.jpg", "cafe\u0301.jpg")])
def one_name(request, folders, monkeypatch):
    """Two photos with names that the disk of the results takes for one, as it takes either for the
    one that it has."""
    names = request.param

    def spelled(bucket, key):
        name = key.rpartition("/")[2]
        others = {key.replace(name, name.replace(*pair)) for pair in (names, names[::-1])}
        there = [each for each in (key, *others) if (bucket.folder / each).exists()]
        return there[0] if there and bucket.name == "./out" else key

    def on_that_disk(method):
        return lambda bucket, key, *rest: method(bucket, spelled(bucket, key), *rest)

    for name in ("_entry", "_path_to_write", "read_with_entry"):
        monkeypatch.setattr(FolderBucket, name, on_that_disk(getattr(FolderBucket, name)))
    Path("photos/beach.jpg").unlink()
    for seed, name in enumerate(names):
        Path("photos", name).write_bytes(tiny.file(60, 80, seed))
    return names


@pytest.mark.slow
def test_of_two_photos_with_one_name_on_a_disk_one_fails_and_nothing_of_the_other_is_lost(
    folders, one_name, stand_in, capsys
):
    pictures = (["_gallery", "results", "monet"], ["_gallery", "photos"])

    def stored():
        ours = (
            Path("out", *each, name)
            for each in (["monet"], ["_records", "monet"], *pictures)
            for name in (
                *one_name,
                *(f"{name}{end}" for name in one_name for end in (".json", ".jpg")),
            )
        )
        return {path: path.read_bytes() for path in ours if path.exists()}

    assert run(folders, STYLE="monet") == 1
    [failed] = failures(capsys)
    first = stored()
    result, record, *of_gallery = first
    assert len(of_gallery) == 2
    painted = json.loads(first[record])["photo"]
    assert {painted, failed.split()[1]} == {*one_name} and result.name == painted
    assert f"monet/{failed.split()[1]} in ./out is not the result in this photo's record" in failed
    assert run(folders, STYLE="monet") == 1
    assert failures(capsys) == [failed] and stored() == first


# --- names and files that cannot be used ----------------------------------------------------


@pytest.mark.parametrize("what", ["photo", "mask"])
def test_a_file_that_vanishes_between_listing_and_hashing_fails_alone(
    folders, stand_in, capsys, monkeypatch, what
):
    gone = Path("photos/gone.jpg")
    gone.write_bytes(tiny.file(60, 80, 3))
    if what == "mask":
        gone = Path("photos/gone.mask.png")
        gone.write_bytes(tiny.file(60, 80, 3))
    whole = FolderBucket.list

    def listing(bucket, *where):
        found = [*whole(bucket, *where)]
        if bucket.name == "./photos":
            gone.unlink()
        return iter(found)

    monkeypatch.setattr(FolderBucket, "list", listing)
    assert run(folders, STYLE="monet") == 1
    [failed] = failures(capsys)
    assert failed == f"FAILED: gone.jpg in monet: {gone.absolute()} does not exist"
    assert results() == {"monet/beach.jpg", "monet/trip/old town é.png"}


def test_the_page_shows_a_refused_picture_also_if_all_others_are_done(folders, stand_in):
    assert run(folders) == 0
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9))
    for style in ("both", "monet"):
        Path("out", style, "new.jpg").write_bytes(b"mine")
    assert run(folders) == 1
    page = Path("out/index.html")
    assert "new.jpg in ./out is not the result in this photo" in page.read_text()
    os.utime(page, (0, 0))
    assert run(folders) == 1
    assert page.stat().st_mtime == 0, "nothing has changed"


@pytest.mark.slow
def test_results_stored_in_parts_or_overwritten_are_recognised_on_s3(moto, stand_in, capsys):
    bucket, environment = s3_batch(moto)
    client, at = moto.client, {"Bucket": bucket.name, "Key": "monet/a.png"}
    assert painted(capsys, environment) == 1
    body = bucket.read("monet/a.png")
    upload = client.create_multipart_upload(**at)["UploadId"]
    part = client.upload_part(**at, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert painted(capsys, environment) == 0  # the same bytes, copied in parts
    for other in (body[:-1] + b"x", b""):
        bucket.write("monet/a.png", other)
        assert painted(capsys, environment) == 1
    bucket.delete("_records/monet/a.png.json")
    assert run(environment) == 1
    assert bucket.read("monet/a.png") == body
