"""What someone who may send photos costs the others: bytes on the disk, memory, and time."""

import io
import os
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import bombs, clips, tiny
from support.pictures import saved
from support.polling import until_threads_end
from support.web_service import send, served

from painterly.configuration.web_options import WebOptions
from painterly.images.picture_file import PictureFile
from painterly.jobs import deletion, kept_photos
from painterly.jobs import upload as uploads
from painterly.jobs.deletion import Deletions
from painterly.jobs.schemas import JobState
from painterly.jobs.upload import checked_mask
from painterly.jobs.worker import process
from painterly.settings import limits
from painterly.web import service as services
from painterly.web.api import job_form
from painterly.web.service import MAX_CLIPS, MAX_LARGE

pytestmark = pytest.mark.slow  # Processes decode what is sent.


def stored(place):
    """The bytes of all that is stored."""
    return sum(path.stat().st_size for path in Path(place["BUCKET_RESULT"]).rglob("*.*"))


def post(web, data, name="walk.mov"):
    return web.post("/api/photos", files={"photo": (name, data)})


@pytest.fixture
def clip_bytes(tmp_path):
    """The file of a short clip with sound."""
    return clips.write(tmp_path / "walk.mp4", 2, sound="aac").read_bytes()


@pytest.mark.parametrize(("count", "length"), [(2300, 200_000), (100_000, 1000)])
def test_a_clip_that_names_its_bytes_again_and_again_leaves_none(count, length, web, place, cost):
    bomb = bombs.repeated(count, length)
    with cost() as spent:
        answer = post(web, bomb)
    assert answer.status_code == 422
    assert "its parts take many times its size; export it anew as mp4" in answer.json()["detail"]
    assert stored(place) == 0 and spent.own_memory < 100_000_000


def test_a_bomb_of_few_pictures_is_taken(web, place):
    data = bombs.repeated(1, 20_000)
    assert post(web, data).json()["frames"] == 1


@pytest.mark.parametrize(("height", "width"), [(2000, 3000), (3000, 400)])
def test_a_clip_and_its_frame_take_no_more_than_twice_its_bytes(height, width, web, place, cost):
    noise = np.random.default_rng(1).integers(0, 255, (height // 20, width // 20, 3), np.uint8)
    picture = np.asarray(Image.fromarray(noise).resize((width, height)))
    path = Path(place["BUCKET_RESULT"]).with_name("film.mp4")
    data = clips.write(path, [picture] * 3, options=("-crf", "40")).read_bytes()
    with cost() as spent:
        sent = post(web, data)
    assert sent.status_code == 201, sent.text
    assert stored(place) <= 2 * len(data) + 45_000  # With a JSON.
    assert spent.own_memory < 60_000_000, "not its frame, nor the clip"
    photo = web.get(f"/api/photos/{sent.json()['id']}")
    assert Image.open(io.BytesIO(photo.content)).format == "JPEG"
    job = web.post("/api/jobs", json={"again": sent.json()["id"], "style": "monet"}).json()
    assert web.service.jobs.stored(job["id"]).size == (height, width)


@pytest.mark.thorough
def test_a_mask_takes_no_more_than_twice_its_bytes():
    noise = Image.effect_noise((4000, 3000), 90)
    data = saved(noise, "WEBP", quality=1)
    mask = checked_mask(data, WebOptions("127.0.0.1", 8000), None)
    assert len(mask) <= max(2 * len(data), 1_000_000) < 10_000_000
    assert min(PictureFile(mask, "mask").header.size) > 500


@pytest.fixture
def slow_clip(monkeypatch):
    """A clip that is read until it is let go."""
    entered, may_end = threading.Semaphore(0), threading.Event()
    real = uploads.sent

    def slow(*about):
        entered.release()
        assert may_end.wait(60)
        return real(*about)

    monkeypatch.setattr(uploads, "sent", slow)
    yield SimpleNamespace(entered=entered, let_go=may_end.set)
    may_end.set()


def in_thread(function, *arguments):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function(*arguments)))
    thread.start()

    def answer():
        thread.join()
        return answers[0]

    return answer


def test_a_clip_that_takes_long_keeps_no_photo_waiting(web, clip_bytes, slow_clip, monkeypatch):
    asked = in_thread(post, web, clip_bytes)
    assert slow_clip.entered.acquire(timeout=60)
    assert send(web, mask=saved(Image.linear_gradient("L"), "PNG")).status_code == 202
    assert post(web, tiny.file(60, 80, 1), "beach.jpg").status_code == 201
    monkeypatch.setattr(web.service.clips, "most", 3)
    late = post(web, clip_bytes)
    assert (late.status_code, late.headers["retry-after"]) == (429, "10")
    assert MAX_CLIPS < services.MAX_UPLOADS
    slow_clip.let_go()
    assert asked().status_code == 201


def test_large_photos_keep_no_small_one_waiting(web, monkeypatch):
    entered, may_end, real = threading.Semaphore(0), threading.Event(), job_form.checked_upload

    def slow(name, data, options):
        if len(data) > services.SMALL:
            entered.release()
            assert may_end.wait(60)
        return real(name, data, options)

    monkeypatch.setattr(job_form, "checked_upload", slow)
    small, large = tiny.file(60, 80, 1), tiny.file(60, 80, 1) + bytes(services.SMALL)
    asked = [in_thread(post, web, large, "a.jpg") for _ in range(MAX_LARGE + 2)]
    for _ in range(MAX_LARGE):
        assert entered.acquire(timeout=60)
    assert post(web, small, "a.jpg").status_code == 201
    may_end.set()
    assert [each().status_code for each in asked] == [201] * len(asked)


@pytest.fixture
def proxied(place):
    """A client of a service that believes what it says of its address."""
    with served({**place, "WEB_PROXIES": "1"}) as client:
        yield client


def test_many_masks_take_the_turn_of_small_pictures_once(web, monkeypatch):
    inside, counts, real = [], [], job_form.checked_mask

    def counted(*about):
        inside.append(1)
        counts.append(len(inside))
        try:
            return real(*about)
        finally:
            inside.pop()

    monkeypatch.setattr(job_form, "checked_mask", counted)
    mask = saved(Image.linear_gradient("L"), "PNG")
    asked = [in_thread(lambda: send(web, mask=mask)) for _ in range(6)]
    assert [each().status_code for each in asked] == [202] * 6 and max(counts) == 1


def test_photos_that_nobody_orders_have_a_bound(proxied, place, monkeypatch):
    photo, web = tiny.file(60, 80, 1), proxied
    photos = web.service.orders.photos
    monkeypatch.setattr(photos, "most_bytes", 9 * len(photo))
    job = send(web, photo=photo).json()
    copies = [web.post(f"/api/jobs/{job['id']}/photo") for _ in range(5)]
    assert [each.status_code for each in copies] == [201] * 3 + [429] * 2
    assert "many photos are kept that nobody has ordered" in copies[-1].json()["detail"]
    assert post(web, photo).status_code == 429 and stored(place) < len(photo) + 5000
    web.headers["X-Forwarded-For"] = "10.0.0.9"
    other = post(web, photo)
    del web.headers["X-Forwarded-For"]
    assert other.status_code == 201, "others have a part of the room"
    web.delete(f"/api/photos/{other.json()['id']}")
    assert send(web, photo=photo).status_code == 202, "orders have the queue's bound"
    assert web.delete(f"/api/photos/{copies[0].json()['id']}").status_code == 204
    assert post(web, photo).status_code == 201
    monkeypatch.setattr(photos, "most_bytes", 100 * len(photo))
    monkeypatch.setattr(kept_photos, "MOST_KEPT", 9)
    assert post(web, photo).status_code == 429
    monkeypatch.setattr(kept_photos, "GONE_S", -1.0)  # They are deleted by then.
    assert post(web, photo).status_code == 201


def test_nothing_is_taken_while_the_disk_is_nearly_full(web, place, clip_bytes, monkeypatch):
    job = send(web).json()
    before = stored(place)
    usage = namedtuple("usage", ("total", "used", "free"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**11, 10**11, 999_000_000))
    answers = [
        send(web),
        post(web, clip_bytes),
        web.post(f"/api/jobs/{job['id']}/photo"),
        web.post("/api/jobs", json={"style": "monet", "again": job["id"]}),
        web.post("/api/paintings", files={"file": ("a.jpg", tiny.file(60, 60, 9))}),
    ]
    assert [each.status_code for each in answers] == [503] * 5
    assert "nearly full" in answers[0].json()["detail"] and stored(place) == before
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2 * 10**9, 0, 200_000_000))
    assert send(web).status_code == 202, "a small disk"


def test_of_many_jobs_that_are_not_painted_the_latest_stay(web, store, monkeypatch):
    monkeypatch.setattr(Deletions, "watch", lambda *_: None)
    jobs = [send(web).json()["id"] for _ in range(5)]
    for job in jobs[:3]:
        assert web.post(f"/api/jobs/{job}/cancel").is_success
    failed, _ = store.read(jobs[3])
    store.end(failed.changed(state=JobState.FAILED, finished=failed.created))
    web.service.jobs.refresh()
    monkeypatch.undo()
    monkeypatch.setattr(deletion, "MOST_UNPAINTED", 2)
    for _ in range(3):
        web.service.jobs.refresh()
        until_threads_end("deletions")
    shown = {each["id"] for each in web.get("/api/jobs").json()["jobs"]}
    assert shown == {*jobs[2:]}


def test_an_order_of_few_bytes_reads_and_stores_no_photo_clip_or_mask(web, place, clip_bytes, cost):
    clip = post(web, clip_bytes + clips_free(20_000_000)).json()["id"]
    job = send(web, photo=tiny.file(1200, 1600), mask=tiny.file(1200, 1600)).json()["id"]
    before = stored(place)
    with cost() as spent:
        for again in (clip, job, job):
            request = {"again": again, "style": "monet", "preset": "instant"}
            assert web.post("/api/jobs", json=request).status_code == 202
        assert web.post(f"/api/jobs/{job}/photo").status_code == 201
    assert spent.own_memory < 15_000_000 and stored(place) - before < 10_000


@pytest.mark.skipif(sys.platform == "win32", reason="there is no niceness")
def test_a_program_that_reads_a_clip_goes_behind_those_that_paint():
    asked = [sys.executable, "-c", "import os; print(os.nice(0))"]
    there = subprocess.check_output(limits.limited(asked, 9, 10**9, 10**6))
    assert int(there) > min(os.nice(0) + process.NICENESS, 18)


def test_a_request_that_is_too_long_is_not_collected(web, cost):
    parts = (b" " * 100_000 for _ in range(300))
    with cost() as spent:
        answer = web.post("/api/jobs", content=parts, headers=JSON)
    assert answer.status_code == 413 and spent.own_memory < 10_000_000


JSON = {"content-type": "application/json"}


def clips_free(count):
    """A box of media data that no table names."""
    return bombs.box(b"mdat", bytes(count - 8))
