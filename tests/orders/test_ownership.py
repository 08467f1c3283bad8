"""The owners of keys in the result bucket: a run overwrites and deletes only its own results."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from support import tiny
from support.batch_results import (
    ONE,
    RECORD,
    RESULT,
    edited,
    failures,
    painted,
    results,
    s3_batch,
)
from support.folder_batches import RESULTS, run

from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.images import encode
from painterly.storage.base import ObjectError
from painterly.storage.folder import FolderBucket


def test_a_file_of_somebody_else_in_a_results_place_is_left_alone(folders, stand_in, capsys):
    RESULT.parent.mkdir(parents=True)
    RESULT.write_bytes(b"mine")
    for _ in range(2):
        assert run(folders, STYLE="monet") == 1
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
    assert painted(capsys, folders, STYLE="monet") == 1


def test_the_page_shows_a_refused_picture_also_if_all_others_are_done(folders, stand_in):
    assert run(folders) == 0
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9))
    for style in ("both", "monet"):
        Path("out", style, "new.jpg").write_bytes(b"mine")
    assert run(folders) == 1
    page = Path("out/index.html")
    assert "new.jpg in ./out has no record of this program" in page.read_text()
    os.utime(page, (0, 0))
    assert run(folders) == 1
    assert page.stat().st_mtime == 0, "nothing has changed"


def test_a_file_that_appears_while_the_photo_is_painted_is_left_alone(
    folders, stand_in, monkeypatch
):
    whole = encode.encode

    def meanwhile(*arguments):
        RESULT.parent.mkdir(parents=True)
        RESULT.write_bytes(b"mine")
        return whole(*arguments)

    monkeypatch.setattr(encode, "encode", meanwhile)
    assert run(folders, **ONE) == 1
    assert RESULT.read_bytes() == b"mine"


@pytest.mark.parametrize("at", ["_records/", "monet/"])
def test_a_result_of_a_run_that_was_killed_around_it_is_our_own(
    folders, stand_in, capsys, monkeypatch, at
):
    class KilledError(BaseException):
        """An exception that no handler catches."""

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


def test_formats_may_change_there_and_back_also_in_runs_of_one_photo(folders, stand_in, capsys):
    """A run of one photo does not delete earlier results; a whole one does."""
    for form in ("jpg", "webp", "jpg", "png"):
        assert painted(capsys, folders, **ONE, OUTPUT_FORMAT=form) == 1
    assert results() == {"monet/beach.jpg", "monet/beach.png", "monet/beach.webp"}
    assert painted(capsys, folders, STYLE="monet", OUTPUT_FORMAT="webp") == 2
    assert painted(capsys, folders, OUTPUT_FORMAT="tiff") == 4
    assert {key for key in results() if "beach" in key} == {"monet/beach.tiff", "both/beach.tiff"}


def test_a_result_that_somebody_edited_stays_when_the_format_changes(folders, stand_in):
    run(folders, OUTPUT_FORMAT="png")
    edited = Path("out/monet/beach.png")
    edited.write_bytes(b"by hand")
    run(folders, OUTPUT_FORMAT="jpg")
    assert edited.read_bytes() == b"by hand"
    assert not Path("out/both/beach.png").exists() and Path("out/monet/beach.jpg").exists()


def test_a_record_that_cannot_be_read_does_not_hide_whose_result_a_key_has(
    folders, stand_in, capsys, monkeypatch
):
    assert painted(capsys, folders, **ONE, OUTPUT_FORMAT="png") == 1
    Path("photos/beach.jpg").rename("photos/beach.webp")
    before, whole = Path("out/monet/beach.png").read_bytes(), FolderBucket.read
    Path("out/_records/monet/beach.gif.json").write_text("{}")

    def read(bucket, key):
        if key.endswith("beach.gif.json"):
            raise ObjectError(f"{key} is refused")
        return whole(bucket, key)

    monkeypatch.setattr(FolderBucket, "read", read)
    asked = {"STYLE": "monet", "PHOTO": "beach.webp", "OUTPUT_FORMAT": "png"}
    loaded = config.load(folders | asked)
    assert paint_batch(replace(loaded, gallery=False)) == 0  # A gallery reads all records.
    assert Path("out/monet/beach.png").read_bytes() == before
    assert "monet/beach.webp.png" in results()


def test_a_result_that_is_painted_again_with_the_same_bytes_stays(folders, stand_in, capsys):
    run(folders)
    before = RESULT.read_bytes()
    edited(fingerprint="of other inputs", result_size=1)
    assert painted(capsys, folders) == 1
    assert RESULT.read_bytes() == before


def test_an_old_record_that_names_the_result_of_another_photo_deletes_nothing(
    folders, stand_in, capsys
):
    """Records of earlier versions had no ETags, so any content may be the photo's."""
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 9, "PNG"))
    assert painted(capsys, folders) == 6
    other = Path("out/monet/beach.png")
    before = other.read_bytes()
    unknown = {"result_etag": None, "result_size": None, "made": None}
    others = {"fingerprint": "of another photo", "photo_etag": "of another photo"}
    edited(result="monet/beach.png", **others, **unknown)
    RESULT.unlink()
    assert painted(capsys, folders) == 1
    assert other.read_bytes() == before and RESULT.exists()


def test_a_record_names_no_content_that_is_gone(folders, stand_in):
    """However often a photo is painted, its record does not grow."""
    for seed in range(3):
        run(folders, **ONE, STYLE_SEED=str(seed))
    assert len(json.loads(RECORD.read_text())["made"]) == 1


def test_a_photo_that_replaces_one_of_its_name_keeps_the_old_ones_result(folders, stand_in, capsys):
    assert painted(capsys, folders, **ONE, OUTPUT_FORMAT="png") == 1
    Path("photos/beach.jpg").rename("photos/beach.webp")
    before = Path("out/monet/beach.png").read_bytes()
    asked = {"STYLE": "monet", "PHOTO": "beach.webp", "OUTPUT_FORMAT": "png"}
    assert painted(capsys, folders, **asked) == 1
    assert Path("out/monet/beach.png").read_bytes() == before
    assert "monet/beach.webp.png" in results()


def named_by_content(key):
    """Rename the result of `beach.jpg` as earlier versions named that of a PNG called so."""
    old = Path("out", key)
    RESULT.rename(old)
    edited(result=key)
    return old


def test_a_result_that_an_earlier_version_named_by_content_stays_until_it_is_painted_again(
    folders, stand_in, capsys
):
    assert painted(capsys, folders) == 4
    old = named_by_content("monet/beach.jpg.png")
    assert painted(capsys, folders) == 0 and old.exists()
    assert painted(capsys, folders, **ONE, STYLE_SEED="3") == 1
    assert RESULT.exists() and old.exists()  # A whole run deletes it.
    assert painted(capsys, folders, STYLE_SEED="4") == 4
    assert results() == RESULTS


def test_a_photo_whose_result_would_replace_one_that_was_named_by_content_has_another_name(
    folders, stand_in, capsys
):
    assert painted(capsys, folders) == 4
    old = named_by_content("monet/beach.jpg.png")
    before = old.read_bytes()
    Path("photos/beach.jpg.png").write_bytes(tiny.file(60, 80, 9, "PNG"))
    assert painted(capsys, folders) == 2
    assert old.read_bytes() == before
    assert results() == RESULTS - {"monet/beach.jpg"} | {
        *("monet/beach.jpg.png", "monet/beach.jpg.png.png", "both/beach.jpg.png"),
    }
    assert painted(capsys, folders) == 0
    for seed in ("3", "4"):  # The first makes room for the second.
        assert painted(capsys, folders, STYLE_SEED=seed) == 6
    assert results() == RESULTS | {"monet/beach.jpg.png", "both/beach.jpg.png"}


def test_a_photo_is_refused_if_others_have_both_names_of_its_result(folders, stand_in, capsys):
    asked = {"STYLE": "monet", "OUTPUT_FORMAT": "png"}
    run(folders, **asked)
    Path("photos/beach.jpg").unlink()  # Its result stays.
    Path("photos/beach.webp").write_bytes(tiny.file(60, 80, 6, "WEBP"))
    Path("photos/beach.webp.jpg").write_bytes(tiny.file(60, 80, 7))
    before = Path("out/monet/beach.png").read_bytes()
    for _ in range(2):
        assert run(folders, **asked) == 1
        assert failures(capsys) == [
            "FAILED: beach.webp in monet: monet/beach.png in ./out is the result of another photo, "
            "which stays; rename the photo"
        ]
    assert Path("out/monet/beach.png").read_bytes() == before
    assert "monet/beach.webp.png" in results()


def test_what_another_run_stores_meanwhile_in_another_format_stays_known(
    folders, stand_in, capsys, monkeypatch
):
    """A run with other settings begins and ends while this one encodes its result."""
    whole = encode.encode

    def meanwhile(*arguments):
        monkeypatch.setattr(encode, "encode", whole)
        assert run(folders, **ONE, OUTPUT_FORMAT="webp") == 0
        return whole(*arguments)

    monkeypatch.setattr(encode, "encode", meanwhile)
    assert run(folders, **ONE) == 0
    assert results() == {"monet/beach.jpg", "monet/beach.webp"}
    for form in ("webp", "jpg"):
        assert painted(capsys, folders, **ONE, OUTPUT_FORMAT=form) == 1


def test_another_runs_result_that_appears_during_the_check_is_no_strangers(
    folders, stand_in, monkeypatch
):
    whole = FolderBucket.find

    def meanwhile(bucket, key):
        if key == "monet/beach.jpg":
            monkeypatch.setattr(FolderBucket, "find", whole)
            assert run(folders, **ONE, STYLE_SEED="3") == 0
        return whole(bucket, key)

    monkeypatch.setattr(FolderBucket, "find", meanwhile)
    assert run(folders, **ONE) == 0


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
