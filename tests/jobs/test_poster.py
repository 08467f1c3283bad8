"""Posters: one photo in all styles on a sheet, as a job like others."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.gallery import results_of
from support.web_service import send, served, stored_job

from painterly.cli.command import main
from painterly.images.lettering import Lettering
from painterly.jobs import posters
from painterly.jobs.schemas import Hanging, Preset
from painterly.orders.record import Record
from painterly.signals import Stopped

POSTER = {"poster": True}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small posters."""
    monkeypatch.setattr(posters, "SCREEN", (120, 192))


@pytest.fixture
def lettered(monkeypatch):
    """All lines that are drawn."""
    lines, draw = [], Lettering.draw

    def drawn(lettering, sheet, top, line, *how, **more):
        lines.append(line)
        draw(lettering, sheet, top, line, *how, **more)

    monkeypatch.setattr(Lettering, "draw", drawn)
    return lines


@pytest.fixture
def place(place):
    """The place with the built-in network, which instant pictures need, and a painting that cannot
    be read."""
    (Path(place["BUCKET_STYLE"]) / "damaged.jpg").write_text("no picture")
    return {**place, "VGG_WEIGHTS": "builtin"}


def test_a_poster_is_ordered_painted_shown_and_fetched_as_other_pictures_are(web, worker, place):
    answer = send(web, POSTER)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["poster"], job["style"], job["paintings"]) == (True, "poster", [])
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert (done["state"], done["step"], done["steps"]) == ("done", 3, 3)
    picture = Image.open(io.BytesIO(web.get(done["links"]["result"]).content))
    assert picture.size == (
        done["width"],
        done["height"],
    ) and picture.size == (192, 120)
    (shown,) = results_of(web.get("/gallery/").text)
    assert shown["style"] == "poster"
    steps = [message[2]["step"] for message in worker.said if message[0] == "step"]
    assert steps[-1] == 3

    (path,) = Path(place["BUCKET_RESULT"]).rglob("_records/poster/**/*.json")
    record = Record.from_bytes(path.read_bytes())
    assert record.styles == ("both", "monet"), "without the damaged one"
    assert record.paintings is None and record.settings["recipe"] == "instant"


def test_a_poster_is_painted_as_it_was_hung_on_the_page(web, worker):
    about = {"upright": True, "edge": True, "seed": 7, "title": "Us"}
    hung = web.get("/api/hanging", params=about).json()
    assert (hung["width"], hung["height"]) == (120, 192)
    assert {each["style"] for each in hung["pictures"]} == {"both", "monet", "damaged"}
    again = web.get("/api/hanging", params={**about, "edge": False, "seed": 8}).json()
    assert again["pictures"] != hung["pictures"]
    job = send(web, {**POSTER, "hanging": about}).json()
    assert job["hanging"] == Hanging(**about).model_dump()
    assert worker.paint()
    web.service.jobs.refresh()
    picture = Image.open(io.BytesIO(web.get(f"/api/jobs/{job['id']}/result").content))
    assert picture.size == (120, 192)
    pixels = np.asarray(picture.convert("RGB"), int)
    for each in hung["pictures"]:
        left, top, width, height = (
            round(each[side] * 1.2) for side in ("left", "top", "width", "height")
        )
        inside = pixels[top + 4 : top + height - 12, left + 4 : left + width - 4]
        assert (inside.std((0, 1)).max() < 4) == (each["style"] == "damaged"), "an empty frame"


def test_a_frame_has_the_proportions_of_the_painting_also_if_its_file_shows_a_part(place):
    (Path(place["BUCKET_STYLE"]) / "styles.toml").write_text(
        '[both]\npaintings = ["both/a.png"]\nheight_cm = 20\nwidth_cm = 25'
    )
    with served(place | {"STYLES": "seurat,monet,hartley,dulac"}) as web:
        hung = web.get("/api/hanging").json()["pictures"]
    ratios = {each["style"]: each["width"] / each["height"] for each in hung}
    assert ratios == pytest.approx(
        {
            **{"seurat": 80.9 / 65.1, "monet": 73.7 / 92.7, "hartley": 119 / 119.5, "both": 1.25},
            "dulac": 666 / 1000,  # Its size is unknown: the proportions of its file.
        }
    )


def test_plates_are_in_the_language_of_the_page_and_say_why_a_frame_is_empty(
    web, worker, place, lettered
):
    styles = Path(place["BUCKET_STYLE"]) / "styles.toml"
    styles.write_text(
        '[waves]\npaintings = ["monet.jpg"]\ntitle = {en = "The Wave", de = "Die Welle"}\n'
        '[lost]\npaintings = ["damaged.jpg"]\n'
    )
    send(web, {**POSTER, "hanging": {"language": "de"}})
    assert worker.paint()
    assert lettered.count("konnte nicht gemalt werden") == 1
    assert "Die Welle" in lettered and "The Wave" not in lettered


@pytest.mark.parametrize(
    "wrong", [{"paper": "A9"}, {"seed": -1}, {"title": "x" * 81}, {"frame": "gold"}, {"other": 1}]
)
def test_a_poster_cannot_be_hung_in_other_ways(web, wrong):
    assert send(web, {**POSTER, "hanging": wrong}).status_code == 422
    assert web.get("/api/hanging", params=wrong).status_code == 422
    assert send(web, {"style": "monet", "hanging": {}}).status_code == 422


def test_a_poster_depends_on_the_paintings_and_settings_of_all_its_styles(worker, place):
    job = stored_job(worker.web.store, poster=True, style="poster", preset=Preset.INSTANT)
    worker.web.buckets.source.write(job.photo_key, tiny.file(60, 80, 1))
    made = [worker.runner._order(job).fingerprint]
    stronger = job.model_copy(update={"settings": {"strength": 0.9}})
    made.append(worker.runner._order(stronger).fingerprint)
    (Path(place["BUCKET_STYLE"]) / "both" / "a.png").write_bytes(tiny.file(50, 40, 9, "PNG"))
    made.append(worker.runner._order(job).fingerprint)
    assert len(set(made)) == 3


def test_a_poster_cannot_be_painted_from_its_record(web, worker, place, tmp_path, capsys):
    send(web, POSTER)
    assert worker.paint()
    (path,) = Path(place["BUCKET_RESULT"]).rglob("_records/poster/**/*.json")
    assert main(["--from-record", str(path), str(tmp_path / "again")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "a sheet of 2 styles" in line and "--sheet" in line


def test_a_cancel_or_a_stop_ends_a_poster_which_is_painted_from_its_start_later(web, worker):
    job, desk = send(web, POSTER).json(), worker.runner.desk
    real, begun = desk.paint, []

    def painted(*arguments):
        begun.append(arguments)
        if len(begun) == 2:
            web.post(job["links"]["cancel"])
            worker.web._lease.cancel()
        return real(*arguments)

    desk.paint = painted
    assert worker.paint()
    assert len(begun) == 2
    web.service.jobs.refresh()
    assert web.get(job["links"]["self"]).json()["state"] == "cancelled"

    again = send(web, {**POSTER, "settings": {"strength": 0.9}}).json()
    stop = worker.runner._stop
    desk.paint = lambda *arguments: (setattr(stop, "signum", 15), real(*arguments))[1]
    with pytest.raises(Stopped):
        worker.paint()
    stop.signum, desk.paint = None, real
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
def test_a_poster_names_no_style_and_no_size(web, wrong):
    refused = send(web, {**POSTER, **wrong})
    assert refused.status_code == 422, wrong
    assert "a poster has" in refused.json()["detail"]
