"""The owners of keys in the result bucket: a run overwrites and deletes only its own results."""

import json
import os
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
from support.folder_batches import run

from painterly.images import encode
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
            "FAILED: beach.jpg in monet: monet/beach.jpg in ./out is not the result in this "
            "photo's record; move it away, or rename the photo"
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
    assert "new.jpg in ./out is not the result in this photo" in page.read_text()
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


def test_results_in_another_format_stay_beside_the_new_ones(folders, stand_in, capsys):
    for form in ("jpg", "webp", "tiff"):
        assert painted(capsys, folders, OUTPUT_FORMAT=form) == 4
        assert painted(capsys, folders, OUTPUT_FORMAT=form) == 0
    ends = ("jpg", "webp", "tiff")
    assert {key for key in results() if "monet/beach" in key} == {f"monet/beach.{e}" for e in ends}
    before = Path("out/monet/beach.webp").read_bytes()
    assert run(folders, **ONE, OUTPUT_FORMAT="webp") == 1
    [failed] = failures(capsys)
    assert "monet/beach.webp in ./out is not the result in this photo's record" in failed
    assert Path("out/monet/beach.webp").read_bytes() == before
    Path("out/monet/beach.webp").unlink()
    assert painted(capsys, folders, **ONE, OUTPUT_FORMAT="webp") == 1


def test_a_result_that_is_painted_again_with_the_same_bytes_stays(folders, stand_in, capsys):
    run(folders)
    before = RESULT.read_bytes()
    edited(fingerprint="of other inputs", result_size=1)
    assert painted(capsys, folders) == 1
    assert RESULT.read_bytes() == before


def test_a_photo_that_replaces_one_of_its_name_leaves_the_old_ones_result(
    folders, stand_in, capsys
):
    asked = {"STYLE": "monet", "OUTPUT_FORMAT": "png"}
    assert painted(capsys, folders, **asked) == 2
    Path("photos/beach.jpg").rename("photos/beach.webp")
    before = Path("out/monet/beach.png").read_bytes()
    for photo in ("", "beach.webp"):
        assert run(folders, **asked, PHOTO=photo) == 1
        [failed] = failures(capsys)
        assert "monet/beach.png in ./out is not the result in this photo's record" in failed
    assert Path("out/monet/beach.png").read_bytes() == before


def test_a_result_stays_done_when_a_photo_of_its_name_joins_it(folders, stand_in, capsys):
    """Both have their extension in the key from then on."""
    asked = {"STYLE": "monet", "OUTPUT_FORMAT": "png"}
    assert painted(capsys, folders, **asked) == 2
    Path("photos/beach.webp").write_bytes(tiny.file(60, 80, 6, "WEBP"))
    assert painted(capsys, folders, **asked) == 1
    assert {"monet/beach.png", "monet/beach.webp.png"} <= results()
    assert painted(capsys, folders, **asked, STYLE_SEED="3") == 3
    assert {"monet/beach.png", "monet/beach.jpg.png", "monet/beach.webp.png"} <= results()
    assert painted(capsys, folders, **asked, STYLE_SEED="3") == 0


def test_what_another_run_stores_meanwhile_in_another_format_stays(
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
    assert painted(capsys, folders, **ONE) == 0


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
