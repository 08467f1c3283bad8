"""Whose the keys in the result bucket are: what may be overwritten, and what may be deleted."""

import itertools
import json
import os
from pathlib import Path

import pytest
from support import tiny
from support.folder_batches import QUICK, keys, run

from styletransfer.batch import uploader as uploader_module
from styletransfer.batch.records import is_content, stored_by
from styletransfer.batch.result_keys import ResultKeys, could_be_result, neighbours
from styletransfer.images.output import OutputFormat
from styletransfer.record import PictureRef, Record
from styletransfer.storage.base import Entry
from styletransfer.storage.folder import FolderBucket

ONE = {"PHOTO": "beach.jpg", "LOOK": "monet"}
RECORD = Path("out/_records/monet/beach.jpg.json")
RESULT = Path("out/monet/beach.jpg")


def results():
    return {key for key in keys() if not key.startswith("_")}


def edited(**changes):
    RECORD.write_text(json.dumps(json.loads(RECORD.read_text()) | changes))


def painted(capsys, environment, **changes):
    """How many pictures a run paints; that it ends well."""
    capsys.readouterr()
    assert run(environment, **changes) == 0
    return capsys.readouterr().out.count(": done, ")


# --- keys that meet -------------------------------------------------------------------------


def planned(photos, looks=("monet",), **output):
    form = OutputFormat(output.get("format"))
    found = ResultKeys(photos, looks, form)
    pairs = itertools.product(looks, photos)
    return {
        (look, photo): next(found.candidates(look, photo, form.extension_by_name(photo)))
        for look, photo in pairs
    }


def test_ordinary_photos_have_the_keys_they_always_had():
    photos = ["beach.jpg", "trip/old town é.png", "scan.tiff", "a.b.jpeg"]
    assert [*planned(photos).values()] == [
        "monet/beach.jpg",
        "monet/trip/old town é.png",
        "monet/scan.png",
        "monet/a.b.jpg",
    ]


@pytest.mark.parametrize("form", [None, "png", "same"])
@pytest.mark.parametrize("looks", [("a",), ("a", "a/b"), ("a", "a/b", "a/b/c.png")], ids=len)
def test_no_two_results_share_a_key(form, looks):
    """Of the photos that can meet: short names with all endings, two deep, in folders."""
    ends = [".png", ".jpg", ".webp"]
    names = [f"c{one}{two}" for one in ends for two in ["", *ends]]
    photos = [f"{folder}{name}" for folder in ("", "b/", "b/c.png/") for name in names]
    found = ResultKeys(photos, looks, OutputFormat(form))
    pairs = [pair for pair in itertools.product(looks, photos) if not found.rivals(*pair)]
    assert len(pairs) >= len(photos)
    taken = {}
    for content in ("png", "jpg", "webp"):
        for pair in pairs:
            key = next(found.candidates(*pair, content))
            assert taken.setdefault(key, pair) == pair
            assert could_be_result(key, *pair)


def test_a_run_of_one_photo_lists_those_elsewhere_that_it_can_meet():
    assert neighbours("c.jpg", ["a", "a/b", "z"]) == {"b/c.jpg"}
    assert neighbours("b/c.jpg", ["a", "a/b"]) == {"b/b/c.jpg", "c.jpg"}
    assert neighbours("c.jpg", ["a", "b", "a b"]) == set()


def test_a_png_called_jpg_and_a_photo_with_its_results_name_are_both_painted_once(
    folders, small_vgg, capsys
):
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 8, "PNG"))
    Path("photos/beach.jpg.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    Path("photos/beach.webp").write_bytes(tiny.file(60, 80, 6, "WEBP"))
    asked = {"LOOK": "monet", "OUTPUT_FORMAT": "same"}
    assert painted(capsys, folders, **asked) == 4
    assert len(results()) == 4 and "monet/beach.jpg.png" in results()
    assert painted(capsys, folders, **asked) == 0
    for photo in ("beach.jpg", "beach.jpg.png", "beach.webp"):
        assert painted(capsys, folders, **asked, PHOTO=photo) == 0


def test_three_names_that_meet_as_png_are_painted_once_also_one_by_one(folders, small_vgg, capsys):
    photos = {"c.png": "PNG", "c.webp": "WEBP", "c.webp.png": "PNG"}
    for seed, (name, kind) in enumerate(photos.items()):
        Path("photos", name).write_bytes(tiny.file(60, 80, seed, kind))
    for photo in reversed(photos):
        assert painted(capsys, folders, LOOK="monet", PHOTO=photo) == 1
    expected = {"monet/c.png.png", "monet/c.webp.png", "monet/c.webp.png.png"}
    assert results() == expected
    assert painted(capsys, folders, LOOK="monet") == 2  # the two photos of other names
    assert results() >= expected


def test_a_photo_and_a_look_that_meet_another_are_refused_by_name(folders, small_vgg, capsys):
    """The photo `b/c.jpg` in the look `a`, and `c.jpg` in `a/b`."""
    Path("photos/b").mkdir()
    Path("photos/b/c.jpg").write_bytes(tiny.file(60, 80, 1))
    Path("photos/c.jpg").write_bytes(tiny.file(60, 80, 2))
    Path("paintings/looks.toml").write_text(
        "[a]\npaintings = ['monet.jpg']\n['a/b']\npaintings = ['both/a.jpg']\n"
    )
    assert run(folders) == 1
    out = capsys.readouterr().out
    failed = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed == [
        "FAILED: b/c.jpg in a: its result would have the key of c.jpg in a/b; rename one of the "
        "photos or looks",
        "FAILED: c.jpg in a/b: its result would have the key of b/c.jpg in a; rename one of the "
        "photos or looks",
    ]
    assert {"a/c.jpg", "a/b/b/c.jpg", "a/beach.jpg"} <= results() and "a/b/c.jpg" not in results()
    assert run(folders, PHOTO="c.jpg", LOOK="a/b") == run(folders, PHOTO="b/c.jpg") == 1
    assert run(folders, PHOTO="c.jpg", LOOK="a") == 0


# --- objects of others ----------------------------------------------------------------------


def test_a_file_of_somebody_else_in_a_results_place_is_left_alone(folders, small_vgg, capsys):
    RESULT.parent.mkdir(parents=True)
    RESULT.write_bytes(b"mine")
    for _ in range(2):
        assert run(folders, LOOK="monet") == 1
        lines = capsys.readouterr().out.splitlines()
        assert not [s for s in lines if "beach.jpg in monet" in s and "of memory" in s], "painted"
        [failed] = [s for s in lines if s.startswith("FAILED: ")]
        assert failed == (
            "FAILED: beach.jpg in monet: monet/beach.jpg in ./out has no record of this program, "
            "so it may be somebody else's and is left as it is; move it away, or delete it"
        )
        assert RESULT.read_bytes() == b"mine"
    assert "monet/trip/old town é.png" in results()
    RESULT.unlink()
    assert painted(capsys, folders, LOOK="monet") == 1


def test_a_file_that_appears_while_the_photo_is_painted_is_left_alone(
    folders, small_vgg, monkeypatch
):
    whole = uploader_module.encode.encode_result

    def meanwhile(*arguments):
        RESULT.parent.mkdir(parents=True)
        RESULT.write_bytes(b"mine")
        return whole(*arguments)

    monkeypatch.setattr(uploader_module.encode, "encode_result", meanwhile)
    assert run(folders, **ONE) == 1
    assert RESULT.read_bytes() == b"mine"


@pytest.mark.parametrize("at", ["_records/", "monet/"])
def test_a_result_of_a_run_that_was_killed_around_it_is_our_own(
    folders, small_vgg, capsys, monkeypatch, at
):
    class KilledError(BaseException):
        """What no handler of errors catches."""

    whole = FolderBucket.write

    def killed(bucket, key, *rest):
        stored = whole(bucket, key, *rest)
        if key.startswith(at):
            raise KilledError
        return stored

    monkeypatch.setattr(FolderBucket, "write", killed)
    with pytest.raises(KilledError):
        run(folders, **ONE)
    assert RESULT.exists() == (at != "_records/")
    monkeypatch.setattr(FolderBucket, "write", whole)
    assert painted(capsys, folders, **ONE, OUTPUT_QUALITY="60") == 1
    assert json.loads(RECORD.read_text())["result"] == "monet/beach.jpg"


def test_formats_may_change_there_and_back_also_in_runs_of_one_photo(folders, small_vgg, capsys):
    """A run of one photo does not delete earlier results; a whole one does."""
    for form in ("jpg", "webp", "jpg", "png"):
        assert painted(capsys, folders, **ONE, OUTPUT_FORMAT=form) == 1
    assert results() == {"monet/beach.jpg", "monet/beach.png", "monet/beach.webp"}
    assert painted(capsys, folders, LOOK="monet", OUTPUT_FORMAT="webp") == 2
    assert painted(capsys, folders, OUTPUT_FORMAT="tiff") == 4
    assert {key for key in results() if "beach" in key} == {"monet/beach.tiff", "both/beach.tiff"}


def test_a_result_that_somebody_edited_stays_when_the_format_changes(folders, small_vgg):
    run(folders, OUTPUT_FORMAT="png")
    edited = Path("out/monet/beach.png")
    edited.write_bytes(b"by hand")
    run(folders, OUTPUT_FORMAT="jpg")
    assert edited.read_bytes() == b"by hand"
    assert not Path("out/both/beach.png").exists() and Path("out/monet/beach.jpg").exists()


def test_a_photo_that_replaces_one_of_its_name_keeps_the_old_ones_result(
    folders, small_vgg, capsys
):
    assert painted(capsys, folders, **ONE, OUTPUT_FORMAT="png") == 1
    Path("photos/beach.jpg").rename("photos/beach.webp")
    before = Path("out/monet/beach.png").read_bytes()
    asked = {"LOOK": "monet", "PHOTO": "beach.webp", "OUTPUT_FORMAT": "png"}
    assert painted(capsys, folders, **asked) == 1
    assert Path("out/monet/beach.png").read_bytes() == before
    assert "monet/beach.webp.png" in results()


def test_what_another_run_stores_meanwhile_in_another_format_stays_known(
    folders, small_vgg, capsys, monkeypatch
):
    """A run with other settings begins and ends while this one encodes its result."""
    whole = uploader_module.encode.encode_result

    def meanwhile(*arguments):
        monkeypatch.setattr(uploader_module.encode, "encode_result", whole)
        assert run(folders, **ONE, OUTPUT_FORMAT="webp") == 0
        return whole(*arguments)

    monkeypatch.setattr(uploader_module.encode, "encode_result", meanwhile)
    assert run(folders, **ONE) == 0
    assert results() == {"monet/beach.jpg", "monet/beach.webp"}
    for form in ("webp", "jpg"):
        assert painted(capsys, folders, **ONE, OUTPUT_FORMAT=form) == 1


def test_another_runs_result_that_appears_during_the_check_is_no_strangers(
    folders, small_vgg, monkeypatch
):
    whole = FolderBucket.find

    def meanwhile(bucket, key):
        if key == "monet/beach.jpg":
            monkeypatch.setattr(FolderBucket, "find", whole)
            assert run(folders, **ONE, STYLE_SEED="3") == 0
        return whole(bucket, key)

    monkeypatch.setattr(FolderBucket, "find", meanwhile)
    assert run(folders, **ONE) == 0


# --- records that do not tell the truth -----------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: RESULT.write_bytes(b""),
        lambda: RESULT.write_bytes(RESULT.read_bytes()[:-1]),
        lambda: RESULT.write_bytes(RESULT.read_bytes()[:-1] + b"x"),
        lambda: edited(result_etag="0" * 32),
        lambda: edited(result_size=7),
    ],
    ids=["empty", "cut", "another of its size", "record's ETag", "record's size"],
)
def test_a_result_that_is_not_what_its_record_says_is_painted_anew(
    folders, small_vgg, capsys, spoil
):
    run(folders, **ONE)
    before = RESULT.read_bytes()
    spoil()
    assert painted(capsys, folders, **ONE) == 1
    assert RESULT.read_bytes() == before
    assert painted(capsys, folders, **ONE) == 0


def test_a_record_of_an_earlier_version_is_believed_but_for_an_empty_result(
    folders, small_vgg, capsys
):
    run(folders, **ONE)
    record = json.loads(RECORD.read_text())
    del record["result_etag"], record["result_size"]
    RECORD.write_text(json.dumps(record))
    assert painted(capsys, folders, **ONE) == 0
    RESULT.write_bytes(b"")
    assert painted(capsys, folders, **ONE) == 1


def test_a_record_that_names_somebody_elses_key_deletes_nothing(folders, small_vgg, capsys):
    run(folders, LOOK="monet")
    mine = Path("out/monet/mine.jpg")
    for other in ("monet/mine.jpg", "monet/trip/old town é.png", "index.html", "../photos/x.jpg"):
        mine.write_bytes(b"mine")
        made = [{"key": other, "etag": "e3b0"}, {"key": "monet/mine.png", "etag": "e3b0"}]
        edited(result=other, result_etag=None, result_size=None, made=made)
        before = Path("out/monet/trip/old town é.png").read_bytes()
        RESULT.unlink()
        assert painted(capsys, folders, LOOK="monet", OUTPUT_QUALITY="94") in (1, 2)
        run(folders, LOOK="monet")
        assert mine.read_bytes() == b"mine"
        assert Path("out/monet/trip/old town é.png").read_bytes() == before


def test_two_records_of_earlier_versions_that_name_one_result_are_both_painted_anew(
    folders, small_vgg, capsys
):
    Path("photos/beach.webp").write_bytes(tiny.file(60, 80, 6, "WEBP"))
    run(folders, LOOK="monet", OUTPUT_FORMAT="png")
    for name in ("beach.jpg", "beach.webp"):
        path = Path(f"out/_records/monet/{name}.json")
        record = json.loads(path.read_text()) | {"result": "monet/beach.png"}
        del record["result_etag"], record["result_size"]
        path.write_text(json.dumps(record))
    Path("out/monet/beach.jpg.png").rename("out/monet/beach.png")
    Path("out/monet/beach.webp.png").unlink()
    assert painted(capsys, folders, LOOK="monet", OUTPUT_FORMAT="png") == 2
    assert painted(capsys, folders, LOOK="monet", OUTPUT_FORMAT="png") == 0


def test_content_is_compared_by_size_and_etags_of_one_kind():
    whole, parts, other = "a" * 32, f"{'b' * 32}-3", f"{'c' * 32}-3"
    entry = Entry("x.jpg", 7, whole)
    assert is_content(entry, 7, whole) and is_content(entry, None, None)
    assert not is_content(entry, 8, whole) and not is_content(entry, 7, "d" * 32)
    assert is_content(entry, 7, parts) and is_content(Entry("x.jpg", 7, parts), 7, whole)
    assert is_content(Entry("x.jpg", 7, parts), 7, parts)
    assert not is_content(Entry("x.jpg", 7, parts), 7, other)
    assert not is_content(Entry("x.jpg", 0, whole), 0, whole)


def test_a_record_of_another_photo_says_nothing_of_this_one():
    record = Record(photo="a.jpg", look="monet", made=(PictureRef("monet/a.png", "e"),))
    assert stored_by(record, "a.jpg", "monet") == {"monet/a.png": ["e"]}
    assert stored_by(record, "b.jpg", "monet") == stored_by(record, "a.jpg", "klimt") == {}


# --- names and files that cannot be used ----------------------------------------------------


def test_a_file_name_that_is_not_utf8_fails_alone_by_name(folders, small_vgg, capsys):
    old = os.fsencode("photos") + b"/caf\xe9.jpg"
    Path(os.fsdecode(old)).write_bytes(tiny.file(60, 80, 3))
    for _ in range(2):
        assert run(folders, LOOK="monet") == 1
        [failed] = [s for s in capsys.readouterr().out.splitlines() if s.startswith("FAILED: ")]
        assert failed == (
            "FAILED: caf\\udce9.jpg in monet: the name of the photo caf\\udce9.jpg is not UTF-8; "
            "rename the file"
        )
    assert results() == {"monet/beach.jpg", "monet/trip/old town é.png"}


@pytest.mark.parametrize("what", ["photo", "mask"])
def test_a_file_that_vanishes_between_listing_and_hashing_fails_alone(
    folders, small_vgg, capsys, monkeypatch, what
):
    gone = Path("photos/gone.jpg")
    gone.write_bytes(tiny.file(60, 80, 3))
    if what == "mask":
        gone = Path("photos/gone.mask.png")
        gone.write_bytes(tiny.file(60, 80, 3))
    whole = FolderBucket.list

    def listing(bucket, prefix=""):
        found = [*whole(bucket, prefix)]
        if bucket.name == "./photos":
            gone.unlink()
        return iter(found)

    monkeypatch.setattr(FolderBucket, "list", listing)
    assert run(folders, LOOK="monet") == 1
    [failed] = [s for s in capsys.readouterr().out.splitlines() if s.startswith("FAILED: ")]
    assert failed == f"FAILED: gone.jpg in monet: photos/{gone.name} does not exist"
    assert results() == {"monet/beach.jpg", "monet/trip/old town é.png"}


# --- two runners, and multipart ETags, on real S3 -------------------------------------------


@pytest.mark.slow
def test_results_stored_in_parts_or_overwritten_are_recognised_on_s3(moto, small_vgg, capsys):
    names = [moto.new_bucket() for _ in range(3)]
    client, [source, style, result] = moto.client, names
    client.put_object(Bucket=source, Key="a.png", Body=tiny.file(60, 80, 1, "PNG"))
    client.put_object(Bucket=style, Key="monet.jpg", Body=tiny.file(50, 50, 2))
    buckets = dict(zip(("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), names, strict=True))
    environment = QUICK | buckets | moto.environment
    assert painted(capsys, environment) == 1
    body = client.get_object(Bucket=result, Key="monet/a.png")["Body"].read()
    at = {"Bucket": result, "Key": "monet/a.png"}
    upload = client.create_multipart_upload(**at)["UploadId"]
    part = client.upload_part(**at, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert painted(capsys, environment) == 0  # the same bytes, copied in parts
    client.put_object(**at, Body=body[:-1] + b"x")
    assert painted(capsys, environment) == 1
    client.put_object(**at, Body=b"")
    assert painted(capsys, environment) == 1
    client.delete_object(Bucket=result, Key="_records/monet/a.png.json")
    assert run(environment) == 1
    assert client.get_object(**at)["Body"].read() == body
