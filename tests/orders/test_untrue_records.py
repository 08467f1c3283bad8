"""Records that do not tell the truth about their results."""

import json
from pathlib import Path

import pytest
from support.batch_results import ONE, RECORD, RESULT, edited, painted
from support.folder_batches import run

from painterly.orders.record import PictureRef, Record, stored_by


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
    folders, stand_in, capsys, spoil
):
    run(folders, **ONE)
    before = RESULT.read_bytes()
    spoil()
    assert painted(capsys, folders, **ONE) == 1
    assert RESULT.read_bytes() == before
    assert painted(capsys, folders, **ONE) == 0


def test_the_result_of_a_damaged_record_is_painted_again(folders, stand_in, capsys):
    run(folders, **ONE)
    before = RESULT.read_bytes()
    RECORD.write_bytes(RECORD.read_bytes()[:-9])
    assert painted(capsys, folders, **ONE) == 1
    assert RESULT.read_bytes() == before
    assert painted(capsys, folders, **ONE) == 0


def test_a_record_of_an_earlier_version_is_believed_but_for_an_empty_result(
    folders, stand_in, capsys
):
    run(folders, **ONE)
    record = json.loads(RECORD.read_text())
    del record["result_etag"], record["result_size"]
    RECORD.write_text(json.dumps(record))
    assert painted(capsys, folders, **ONE) == 0
    RESULT.write_bytes(b"")
    assert painted(capsys, folders, **ONE) == 1


def test_a_record_that_names_somebody_elses_key_deletes_nothing(folders, stand_in, capsys):
    run(folders, STYLE="monet")
    mine = Path("out/monet/mine.jpg")
    for other in ("monet/mine.jpg", "monet/trip/old town é.png", "index.html", "../photos/x.jpg"):
        mine.write_bytes(b"mine")
        made = [{"key": other, "etag": "e3b0"}, {"key": "monet/mine.png", "etag": "e3b0"}]
        edited(result=other, result_etag=None, result_size=None, made=made)
        before = Path("out/monet/trip/old town é.png").read_bytes()
        RESULT.unlink()
        assert painted(capsys, folders, STYLE="monet", OUTPUT_QUALITY="94") in (1, 2)
        run(folders, STYLE="monet")
        assert mine.read_bytes() == b"mine"
        assert Path("out/monet/trip/old town é.png").read_bytes() == before


def test_a_record_of_another_photo_says_nothing_of_this_one():
    record = Record(photo="a.jpg", style="monet", made=(PictureRef("monet/a.png", "e"),))
    assert stored_by(record, "a.jpg", "monet") == {"monet/a.png": ["e"]}
    assert stored_by(record, "b.jpg", "monet") == stored_by(record, "a.jpg", "klimt") == {}
