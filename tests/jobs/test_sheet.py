"""Sheets of all styles as jobs: one photo in all of them, as `--sheet` paints it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.gallery import results_of
from support.web_service import send, stored_job

from painterly.cli.command import main
from painterly.images import sheet
from painterly.jobs.schemas import Preset
from painterly.orders.record import Record
from painterly.painters.instant_painter import InstantPainter
from painterly.signals import Stopped

SHEET = {"sheet": "en"}


@pytest.fixture
def place(place):
    """The place with the built-in network, which instant pictures need, and a painting that cannot
    be read."""
    (Path(place["BUCKET_STYLE"]) / "damaged.jpg").write_text("no picture")
    return {**place, "VGG_WEIGHTS": "builtin"}


@pytest.fixture
def labels(monkeypatch):
    """The labels of all sheets that are drawn."""
    drawn, sheet_of = [], sheet.sheet_of

    def noted(pictures, side):
        drawn.append([label for _, label in pictures])
        return sheet_of(pictures, side)

    monkeypatch.setattr("painterly.painters.sheet.sheet_of", noted)
    return drawn


def result_of(web, job):
    """Return the result of a job."""
    web.service.jobs.refresh()
    return Image.open(io.BytesIO(web.get(job["links"]["self"] + "/result").content))


def test_a_sheet_is_ordered_painted_shown_and_fetched_as_other_pictures_are(web, worker, place):
    answer = send(web, SHEET)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["sheet"], job["style"], job["paintings"]) == ("en", "sheet", [])
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert (done["state"], done["step"], done["steps"]) == ("done", 3, 3)
    assert result_of(web, job).size == (done["width"], done["height"])
    (shown,) = results_of(web.get("/gallery/").text)
    assert shown["style"] == "sheet"
    steps = [message[2]["step"] for message in worker.said if message[0] == "step"]
    assert steps[-1] == 3

    (path,) = Path(place["BUCKET_RESULT"]).rglob("_records/sheet/**/*.json")
    record = Record.from_bytes(path.read_bytes())
    assert record.styles == ("both", "monet"), "without the damaged one"
    assert record.paintings is None and record.settings["recipe"] == "instant"


@pytest.mark.thorough
def test_it_is_the_sheet_that_the_command_paints(web, worker, place, tmp_path, monkeypatch):
    photo = tiny.file(60, 80, 1, "PNG")
    job = send(web, SHEET, photo, name="beach.png").json()
    assert worker.paint()
    (tmp_path / "beach.png").write_bytes(photo)
    monkeypatch.chdir(tmp_path)
    words = (
        "beach.png",
        place["BUCKET_STYLE"],
        "--sheet",
        "sheet.png",
        "--size",
        place["STYLE_SIZE"],
    )
    assert main(words) == 1, "one painting is damaged"
    by_command = np.asarray(Image.open("sheet.png").convert("RGB"))
    assert (np.asarray(result_of(web, job).convert("RGB")) == by_command).all()


def test_its_labels_are_in_the_language_that_was_asked_for(web, worker, place, labels):
    styles = Path(place["BUCKET_STYLE"]) / "styles.toml"
    styles.write_text(
        '[waves]\npaintings = ["monet.jpg"]\ntitle = {en = "The Wave", de = "Die Welle"}\n'
        'artist = "Katsushika Hokusai"\nyear = 1831\n'
    )
    send(web, {"sheet": "de"}, name="Strand im Mai.png")
    assert worker.paint()
    assert labels[-1] == ["Strand im Mai", "Die Welle\nHokusai, 1831"]


def test_a_sheet_depends_on_the_paintings_and_settings_of_all_its_styles(worker, place):
    job = stored_job(worker.web.store, sheet="en", style="sheet", preset=Preset.INSTANT)
    worker.web.buckets.source.write(job.photo_key, tiny.file(60, 80, 1))
    made = [worker.runner.order(job).fingerprint]
    stronger = job.model_copy(update={"settings": {"strength": 0.9}})
    made.append(worker.runner.order(stronger).fingerprint)
    (Path(place["BUCKET_STYLE"]) / "both" / "a.png").write_bytes(tiny.file(50, 40, 9, "PNG"))
    made.append(worker.runner.order(job).fingerprint)
    assert len(set(made)) == 3


def test_a_cancel_or_a_stop_ends_a_sheet_which_is_painted_from_its_start_later(
    web, worker, monkeypatch
):
    job, real, begun = send(web, SHEET).json(), InstantPainter.paint, []

    def cancelled(*arguments):
        begun.append(arguments)
        if len(begun) == 2:
            web.post(job["links"]["cancel"])
            worker.desk.lease.cancel()
        return real(*arguments)

    monkeypatch.setattr(InstantPainter, "paint", cancelled)
    assert worker.paint()
    assert len(begun) == 2
    web.service.jobs.refresh()
    assert web.get(job["links"]["self"]).json()["state"] == "cancelled"

    again = send(web, {**SHEET, "settings": {"strength": 0.9}}).json()
    stop = worker.stop
    with monkeypatch.context() as patch:
        stopped = lambda *arguments: (setattr(stop, "signum", 15), real(*arguments))[1]  # noqa: E731
        patch.setattr(InstantPainter, "paint", stopped)
        with pytest.raises(Stopped):
            worker.paint()
    stop.signum = None
    assert worker.paint()
    web.service.jobs.refresh()
    assert web.get(again["links"]["self"]).json()["state"] == "done"


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": "monet"},
        {"paintings": {"monet.jpg": 1}},
        {"settings": {"size": 64}},
        {"settings": {"paper": "A4"}},
        {"settings": {"dpi": 200}},
        {"settings": {"bleed": 3}},
        {"settings": {"timelapse": True}},
    ],
)
def test_a_sheet_names_no_style_and_no_size(web, wrong):
    refused = send(web, {**SHEET, **wrong})
    assert refused.status_code == 422, wrong
    assert "a sheet has" in refused.json()["detail"]


def test_a_sheet_is_in_a_language_that_there_is(web):
    assert send(web, {"sheet": "xx"}).status_code == 422
