"""The end of a run, as its result bucket describes it."""

import re
from pathlib import Path

import pytest
from support.folder_batches import run

from painterly.errors import WeightsError
from painterly.runs import workers
from painterly.settings.bucket_layout import ENDED
from painterly.signals import Stopped

FILE = Path("out", ENDED)


def ending() -> str:
    """Return what the file says after the time."""
    line, run_line = FILE.read_text().splitlines()
    assert re.fullmatch("Run [0-9a-f]{32}", run_line)
    time, _, summary = line.partition(" UTC: ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", time)
    return summary


def test_a_run_without_photos_says_so(folders, stand_in):
    for photo in Path("photos").rglob("*.*"):
        photo.unlink()
    assert run(folders) == 0
    assert ending() == "Nothing to paint: there are no photos, or no paintings."


def test_a_run_that_fails_says_why_and_one_that_is_stopped_has_no_ending(
    folders, stand_in, monkeypatch
):
    with pytest.raises(WeightsError) as caught:
        run(folders, VGG_WEIGHTS="./nowhere.h5")
    assert ending() == f"FAILED: {caught.value}"

    def stopped(*_):
        assert not FILE.exists()
        raise Stopped(15)

    monkeypatch.setattr(workers, "paint_all", stopped)
    with pytest.raises(Stopped):
        run(folders)
    assert not FILE.exists()


def test_a_part_of_a_run_leaves_the_ending_of_the_whole_one(folders, stand_in):
    assert run(folders) == 0
    before = FILE.read_text()
    for name, value in (("PHOTO", "beach.jpg"), ("STYLE", "monet"), ("SHARD", "0/2")):
        assert run(folders, **{name: value}) == run(folders, DRY_RUN="1") == 0
        assert FILE.read_text() == before


def test_an_ending_that_cannot_be_stored_costs_no_painting(folders, stand_in, capsys):
    FILE.mkdir(parents=True)
    assert run(folders) == 0
    assert "the end of the run could not be recorded: " in capsys.readouterr().out
    assert Path("out/monet/beach.jpg").exists()
