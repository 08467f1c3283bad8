"""MEMORY_LIMIT holds for every picture that the web service opens."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image
from support import tiny
from support.pictures import flat_png, saved
from support.web_service import send, served, stored_job
from support.web_world import runner_of

from painterly.configuration import config
from painterly.devices.system_memory import LIMIT_SHARE, resident_memory
from painterly.errors import MemoryShortError
from painterly.images.picture_file import PictureFile

pytestmark = pytest.mark.slow  # The process that decodes pictures is at work.

FREE, MOST = 300_000_000, 400_000_000  # bytes that MEMORY_LIMIT leaves, and that may be taken
LARGE = 12_000  # px: decoding takes more than 1 GB
MANY = 24  # requests at once


@pytest.fixture(scope="module")
def large():
    """A grey PNG of few bytes and many pixels."""
    return flat_png(LARGE, channels=1)


@pytest.fixture
def limited(place, large):
    """The variables of a service with little memory, and a large painting in its bucket."""
    (Path(place["BUCKET_STYLE"]) / "large.png").write_bytes(large)
    return place | {"MEMORY_LIMIT": f"{int((resident_memory() + FREE) / LIMIT_SHARE)}"}


@pytest.fixture
def client(limited):
    with served(limited) as running:
        yield running


@pytest.mark.thorough
def test_the_worker_leaves_out_a_painting_that_does_not_fit(place, hand, cost, request):
    # Libraries and the network are in memory before what is free is measured.
    place["STYLES"] = "hokusai"
    assert runner_of(config.load(place), hand.web.buckets, hand.stop).prepare_next(lambda: None)
    limited = request.getfixturevalue("limited")
    painter = runner_of(config.load(limited), hand.web.buckets, hand.stop)
    prepared = []
    with cost() as spent:
        for _ in range(len(painter.catalogue.all())):
            try:
                prepared.append(painter.prepare_next(lambda: None))
            except MemoryShortError as error:
                assert str(error).startswith("painting large.png: decoding it takes 1.")
    assert spent.memory < MOST
    assert prepared.count(True) >= 2, "the others are ready"


def test_a_thumbnail_that_takes_too_much_memory_is_refused_with_the_reason(client, cost):
    for large in (False, True):
        with cost() as spent:
            answer = client.get("/api/paintings/large.png/thumbnail", params={"large": large})
        assert (answer.status_code, spent.memory < MOST) == (404, True)
        assert "GB of memory" in answer.json()["detail"]


def test_a_large_jpeg_has_its_thumbnail_in_little_memory(client, limited, cost):
    data = saved(Image.new("L", (LARGE, LARGE), 99), "JPEG", quality=30)
    (Path(limited["BUCKET_STYLE"]) / "large.jpg").write_bytes(data)
    with cost() as spent:
        answer = client.get("/api/paintings/large.jpg/thumbnail")
    assert answer.status_code == 200 and spent.memory < MOST
    assert max(Image.open(io.BytesIO(answer.content)).size) == 320


def test_a_photo_that_takes_too_much_memory_is_shown_whole(client, store, large, cost):
    service = client.service
    job = stored_job(store, photo="beach.png", size=(LARGE, LARGE))
    service.buckets.source.write(job.photo_key, large)
    service.jobs.refresh()
    with cost() as spent:
        answer = client.get(f"/api/jobs/{job.id}/photo", params={"small": True})
    assert (answer.status_code, answer.content == large) == (200, True)
    assert spent.memory < MOST


@pytest.mark.thorough
def test_masks_of_previews_have_the_limits_of_their_photos(client, cost):
    mask = flat_png(7200, channels=1)

    def ask(_):
        return httpx.post(
            f"{client.base_url}/api/preview",
            data={"request": json.dumps({"style": "monet"})},
            files={"photo": ("a.jpg", tiny.file(60, 80, 1)), "mask": ("m.png", mask)},
            timeout=60,
        )

    with cost() as spent, ThreadPoolExecutor(MANY) as pool:
        answers = [*pool.map(ask, range(MANY))]
    assert {answer.status_code for answer in answers} <= {413, 204}
    [detail] = {answer.json()["detail"] for answer in answers if answer.status_code == 413}
    assert "the mask is 7200 × 7200 pixels; the limit is 4 megapixels" in detail
    assert spent.memory < MOST


def test_the_mask_of_a_preview_is_no_larger_than_its_photo(client):
    client.service.supervisor.problem = "the worker is starting"
    previews, asked = client.service.previews, []
    real = previews.ask
    previews.ask = lambda order: asked.append(order.mask) or real(order)
    files = {"photo": ("a.jpg", tiny.file(60, 80, 1)), "mask": ("m.png", tiny.file(1200, 1600))}
    answer = client.post("/api/preview", data={"request": '{"style": "monet"}'}, files=files)
    assert answer.status_code == 204
    assert PictureFile(asked[0], "the mask").header.size == (60, 80)


def test_a_mask_that_takes_too_much_memory_is_refused(client, cost):
    with cost() as spent:
        answer = send(client, mask=flat_png(7200, channels=1))
    assert answer.status_code == 413 and "of memory" in answer.json()["detail"]
    assert spent.memory < MOST


@pytest.mark.slow
def test_masks_are_decoded_one_at_a_time(client, cost):
    mask = saved(Image.new("L", (2500, 2500), 200), "PNG")  # About 70 MB each.
    with cost() as spent, ThreadPoolExecutor(MANY) as pool:
        answers = [*pool.map(lambda _: send(client, mask=mask), range(8))]
    assert [answer.status_code for answer in answers] == [202] * 8
    assert spent.memory < MOST
