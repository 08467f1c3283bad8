"""Photos that are sent before they are ordered: previews are painted from them, and the preview on
the stage is the result of a job by preset instant."""

import io
import time
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.bucket_kinds import EACH_KIND, keys, placed
from support.web_service import served
from support.web_world import runner_of

from painterly.configuration import config
from painterly.errors import StorageError
from painterly.jobs import kept_photos
from painterly.jobs.leftovers import delete_leftovers
from painterly.jobs.schemas import JobRequest
from painterly.jobs.store import KEPT_S, id_at
from painterly.jobs.upload import Upload

MONET = {"style": "monet", "preset": "instant", "settings": {"size": 64}}


@pytest.fixture
def place(request, place):
    """The place with the built-in network, which instant pictures need."""
    return {**placed(request, place), "VGG_WEIGHTS": "builtin"}


def sent(web, name="Am Meer.jpg"):
    """Send a photo; return its id."""
    answer = web.post("/api/photos", files={"photo": (name, tiny.file(60, 80, 7))})
    assert answer.status_code == 201 and answer.json()["photo"] == name
    return answer.json()["id"]


def preview(web, worker, photo, **changes):
    order = web.service.orders.preview_of_stored(JobRequest(again=photo, **MONET | changes), None)
    return worker.runner.result(order)


def result(web, worker, photo):
    """Order a picture, let it be painted, and return its job and its file."""
    job = web.post("/api/jobs", json={"again": photo, **MONET}).json()
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert done["state"] == "done"
    return done, web.get(done["links"]["result"]).content


@pytest.mark.thorough
def test_a_preview_of_the_photo_itself_is_the_result_of_a_job_and_is_not_painted_again(
    web, worker, monkeypatch
):
    photo = sent(web)
    preview(web, worker, photo, settings={"size": 32})  # Its traces in memory change nothing.
    data = preview(web, worker, photo)
    with monkeypatch.context() as during:
        during.setattr(
            "painterly.painters.painter.Painter.paint", lambda *_, **__: pytest.fail("again")
        )
        job, stored = result(web, worker, photo)
    assert stored == data
    assert (job["photo"], job["width"], job["height"]) == ("Am Meer.jpg", 64, 48)
    worker.runner._finished.clear()
    assert result(web, worker, photo)[1] == data, "as a job that paints it"
    changed = np.float32(Image.open(io.BytesIO(data))) - np.float32(
        Image.open(io.BytesIO(tiny.file(60, 80, 7))).resize((64, 48))
    )
    assert np.abs(changed).mean() > 5


def test_a_result_that_no_browser_shows_has_a_preview_that_they_do(place, buckets, hand):
    with served(place | {"OUTPUT_FORMAT": "tiff"}) as client:
        asked = JobRequest(again=sent(client), **MONET)
        order = client.service.orders.preview_of_stored(asked, None)
    runner = runner_of(config.load(place | {"OUTPUT_FORMAT": "tiff"}), buckets, hand.stop)
    assert Image.open(io.BytesIO(runner.result(order))).format == "JPEG"
    assert order.extension == "jpg"


@pytest.mark.parametrize("place", EACH_KIND, indirect=True)
def test_a_photo_is_shown_and_deleted_or_goes_after_an_hour(web, buckets, monkeypatch):
    photo, other = sent(web), sent(web)
    assert Image.open(io.BytesIO(web.get(f"/api/photos/{photo}").content)).size == (80, 60)
    assert web.delete(f"/api/photos/{photo}").status_code == 204
    for method in (web.get, web.delete):
        assert method(f"/api/photos/{photo}").status_code == 404
    asked = {"again": photo, **MONET}
    assert web.post("/api/preview", json=asked).status_code == 404
    assert web.post("/api/preview", json=MONET).status_code == 404
    assert web.post("/api/jobs", json=asked).status_code == 404
    delete_leftovers(buckets)
    assert web.get(f"/api/photos/{other}").status_code == 200
    monkeypatch.setattr(kept_photos, "new_id", lambda: f"0123456789a{'b' * 9}")
    old = sent(web)
    delete_leftovers(buckets)
    assert web.get(f"/api/photos/{old}").status_code == 404
    left = keys(buckets)
    assert not [key for key in left if old in key or photo in key], "nor an older version"
    assert len([key for key in left if other in key]) == 2


@pytest.mark.parametrize(("age", "status"), [(KEPT_S - 20, 202), (KEPT_S + 20, 404)])
def test_no_order_uses_a_photo_that_is_about_to_be_deleted(web, buckets, monkeypatch, age, status):
    begin = id_at(time.time() - age)
    monkeypatch.setattr(kept_photos, "new_id", lambda: f"{begin}{'b' * 9}")
    photo = sent(web)
    answer = web.post("/api/jobs", json={"again": photo, **MONET})
    assert answer.status_code == status
    delete_leftovers(buckets)
    assert [key for key in keys(buckets) if key.endswith(f"{photo}/Am-Meer.jpg")], "nor is it gone"


def test_an_order_of_a_photo_that_goes_at_the_same_time_is_refused(web, monkeypatch):
    photo, real = sent(web), kept_photos.use

    def use(*needed):
        assert web.delete(f"/api/photos/{photo}").status_code == 204
        real(*needed)

    monkeypatch.setattr(kept_photos, "use", use)
    assert web.post("/api/jobs", json={"again": photo, **MONET}).status_code == 404
    assert web.get("/api/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"photo": ("beach.jpg", b"<html>")}, 422),
        ({"photo": ("beach.jpg", tiny.file(60, 80, 7)[:300])}, 422),
        ({"other": ("beach.jpg", b"x")}, 422),
    ],
)
def test_what_is_no_photo_is_refused(web, files, status):
    answer = web.post("/api/photos", files=files)
    assert answer.status_code == status and answer.json()["detail"]


def test_a_photo_is_known_once_its_file_is_there(web, buckets, monkeypatch):
    photos = web.service.orders.photos
    upload = Upload("beach.jpg", "beach.jpg", (60, 80), 5, b"photo")
    monkeypatch.setattr(photos, "write", Mock(side_effect=StorageError("killed")))
    with pytest.raises(StorageError):
        photos.keep(upload)
    assert not [*buckets.result.list("_web/kept/")]
