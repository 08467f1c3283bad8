"""Records that do not tell the truth about their results."""

from pathlib import Path

import pytest
from support.batch_results import ONE, RECORD, RESULT, edited, painted
from support.folder_batches import run

from painterly.storage.files import new_md5


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


def test_a_record_that_names_somebody_elses_key_deletes_nothing(folders, stand_in, capsys):
    run(folders, STYLE="monet")
    mine = Path("out/monet/mine.jpg")
    for other in ("monet/mine.jpg", "monet/trip/old town é.png", "index.html", "../photos/x.jpg"):
        mine.write_bytes(b"mine")
        edited(result=other, result_etag=new_md5(b"mine").hexdigest(), result_size=4)
        before = Path("out/monet/trip/old town é.png").read_bytes()
        RESULT.unlink()
        assert painted(capsys, folders, STYLE="monet") == 1
        assert mine.read_bytes() == b"mine"
        assert Path("out/monet/trip/old town é.png").read_bytes() == before
