"""Clips as jobs of the web service."""

import io
import time
from dataclasses import replace

import pytest
from PIL import Image
from support import clips, tiny
from support.gallery import results_of
from support.web_service import send

from painterly.jobs import requests
from painterly.jobs.leftovers import delete_leftovers
from painterly.jobs.schemas import Preset
from painterly.jobs.worker.lease import Cancelled
from painterly.settings import clips as settings_of_clips
from painterly.signals import Stopped

# A process decodes the clips, and a service paints them.
pytestmark = [pytest.mark.slow, pytest.mark.thorough]

COUNT = 6
INSTANT = {"style": "monet", "preset": "instant", "settings": {"size": 64}}
CLIP = {"name": "My walk.MOV"}


@pytest.fixture(scope="module")
def walk(film):
    """A clip with sound."""
    return film.read_bytes()


@pytest.fixture
def place(place):
    """The place with the built-in network, which instant pictures need."""
    return {**place, "VGG_WEIGHTS": "builtin"}


def kept(buckets):
    """The names of what is kept of clips that are not done."""
    return sorted(each.key.rpartition("/")[2] for each in buckets.unfinished.list())


def test_a_clip_is_ordered_painted_shown_and_fetched_as_photos_are(
    web, worker, buckets, walk, tmp_path
):
    answer = send(web, INSTANT, walk, **CLIP)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["photo"], job["frames"], job["duration"]) == ("My walk.MOV", COUNT, 0.25)
    assert job["media_type"] is None
    first = Image.open(io.BytesIO(web.get(job["links"]["photo"]).content))
    assert first.size == (96, 64)
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert (done["state"], done["step"], done["steps"]) == ("done", COUNT, COUNT), done
    assert (done["width"], done["height"], done["media_type"]) == (64, 43, "video/mp4")
    steps = [message[2]["step"] for message in worker.said if message[0] == "step"]
    assert steps[-1] == COUNT and steps == sorted(steps)

    result = web.get(f"{done['links']['result']}?download=1")
    assert result.headers["content-type"] == "video/mp4"
    assert 'filename="My walk - monet.mp4"' in result.headers["content-disposition"]
    (path := tmp_path / "painted.mp4").write_bytes(result.content)
    sizes, times, sounds = clips.facts(path)
    assert (sizes, len(times), sounds) == ({(64, 42)}, COUNT, ["aac"])
    part = web.get(done["links"]["result"], headers={"range": "bytes=0-99"})
    assert part.status_code == 206 and part.content == result.content[:100]
    assert part.headers["content-type"] == "video/mp4"
    small = Image.open(io.BytesIO(web.get(f"{done['links']['result']}?small=1").content))
    assert small.size == (64, 43), "its first frame"
    assert len(results_of(web.get("/gallery/").text)) == 1
    played = web.get(f"/gallery/monet/{job['id']}/My-walk.mp4", headers={"range": "bytes=9-"})
    assert played.content == result.content[9:]
    assert kept(buckets) == [], "all frames are deleted"


def test_a_clip_is_sent_once_and_painted_again(web, worker, walk):
    sent = web.post("/api/photos", files={"photo": ("walk.mp4", walk)}).json()
    assert (sent["frames"], sent["duration"]) == (COUNT, 0.25)
    picture = web.get(f"/api/photos/{sent['id']}")
    assert picture.headers["content-type"] == "image/jpeg"
    job = web.post("/api/jobs", json={**INSTANT, "again": sent["id"]}).json()
    assert web.delete(f"/api/photos/{sent['id']}").status_code == 204
    again = web.post("/api/jobs", json={**INSTANT, "again": job["id"]}).json()
    assert again["frames"] == COUNT and again["id"] != job["id"]
    assert worker.paint() and worker.paint()
    web.service.jobs.refresh()
    results = [web.get(f"/api/jobs/{each['id']}/result").content for each in (job, again)]
    assert results[0] == results[1]
    stored = [each.key for each in web.service.buckets.source.list()]
    files = [key for key in stored if not key.endswith((job["id"], again["id"]))]
    assert sorted(key.partition("/")[2] for key in files) == ["walk.jpg", "walk.mp4"]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_clip_continues_after_its_last_frame(
    how, web, worker, buckets, walk, monkeypatch, tmp_path
):
    whole = send(web, INSTANT, walk, **CLIP).json()
    assert worker.paint()
    job = send(web, INSTANT, walk, **CLIP).json()

    def end(step):
        if step.iteration >= 3:
            if how == "stopped":
                worker.stop.signum = 15
                time.sleep(1)  # Or a slow machine joins the clip before it notices.
            else:
                raise SystemExit

    ending = Stopped if how == "stopped" else SystemExit
    own = worker.runner.paint
    with monkeypatch.context() as patch:
        patch.setattr(
            worker.runner, "paint", lambda job, on_step, check: own(job, lambda s: end(s), check)
        )
        with pytest.raises(ending):
            worker.paint()
    worker.stop.signum = None
    assert "000002.png" in kept(buckets)
    if how == "killed":
        monkeypatch.setattr("painterly.jobs.worker.lease.LEASE_S", 0)
    said = len(worker.said)
    assert worker.paint()
    steps = [each[2]["step"] for each in worker.said[said:] if each[0] == "step"]
    assert steps[0] > 3 and steps[-1] == COUNT, "without the frames that were done"
    web.service.jobs.refresh()
    results = [web.get(f"/api/jobs/{each['id']}/result").content for each in (whole, job)]
    assert results[0] == results[1]
    assert kept(buckets) == []


def test_a_cancelled_clip_leaves_nothing(web, worker, buckets, walk, monkeypatch):
    job = send(web, INSTANT, walk, **CLIP).json()

    def cancel(step):
        if step.iteration >= 2:
            raise Cancelled

    own = worker.runner.paint
    monkeypatch.setattr(worker.runner, "paint", lambda job, _, check: own(job, cancel, check))
    assert worker.paint()
    web.service.jobs.refresh()
    assert web.get(job["links"]["self"]).json()["state"] == "cancelled"
    assert kept(buckets) != []
    delete_leftovers(buckets)
    assert kept(buckets) == []


def test_a_deleted_clip_leaves_nothing(web, worker, buckets, walk):
    job = send(web, INSTANT, walk, **CLIP).json()
    assert worker.paint()
    web.service.jobs.refresh()
    assert web.delete(job["links"]["self"]).status_code == 202
    web.service.deletions.carry_out(worker.web.store.queue().deleted)
    every = [*buckets.source.list(), *buckets.result.list()]
    assert not [each.key for each in every if job["id"] in each.key]


def test_a_clip_with_a_frame_that_cannot_be_painted_fails_at_once(web, worker, walk, monkeypatch):
    job = send(web, INSTANT, walk, **CLIP).json()

    def fail(self, order, inputs, *_, **__):
        raise ValueError("no paint is left")

    monkeypatch.setattr("painterly.painters.painter.Painter.paint", fail)
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert done["state"] == "failed" and "no paint is left" in done["error"]
    assert "/" not in done["error"].partition("(")[0], "no key is shown"


def test_what_a_clip_cannot_have_is_refused_in_one_line(web, walk, tmp_path, monkeypatch):
    def refusal(request, data=walk):
        answer = send(web, request, data, **CLIP)
        assert answer.status_code == 422
        return answer.json()["detail"]

    assert "photos" in refusal({"sheet": "en"})
    assert "photos" in refusal({**INSTANT, "settings": {"paper": "A4"}})
    film = send(web, {**INSTANT, "settings": {"size": 64, "timelapse": True}}, walk, **CLIP).json()
    assert film["settings"] == {"size": 64}, "it has none"
    cut = refusal(INSTANT, walk[:300])
    assert cut.startswith("My walk.MOV") and "export it anew" in cut
    with monkeypatch.context() as patch:
        patch.setattr(web.service, "options", replace(web.service.options, max_pixels=2_000_000))
        large = clips.write(tmp_path / "large.mp4", [clips.picture(0, 1200, 1800)] * 2)
        assert "at most 2 are read" in refusal(INSTANT, large.read_bytes())
    web.service.jobs.estimates.set_measured(Preset.INSTANT, 1e-4, "the CPU")
    monkeypatch.setattr(requests, "LONGEST_CLIP_S", 1e-6)
    assert "shorter" in refusal(INSTANT)
    painted = web.post("/api/paint", files={"photo": ("walk.mp4", walk)}, data={"style": "monet"})
    assert painted.status_code in (422, 503)


def test_an_estimate_is_of_all_frames(web, walk):
    web.service.jobs.estimates.set_measured(Preset.INSTANT, 1.0, "the CPU")
    seconds = []
    for name, data in (("photo.png", tiny.file(64, 96, 1, "PNG")), ("walk.mp4", walk)):
        sent = web.post("/api/photos", files={"photo": (name, data)}).json()
        asked = {"again": sent["id"], "size": 64}
        seconds.append(web.get("/api/estimate", params=asked).json()["instant"])
    assert seconds[1] == pytest.approx(COUNT * seconds[0], rel=0.01)


def test_without_the_libraries_a_clip_is_refused_and_the_log_says_what_is_missing(
    web, walk, monkeypatch, capsys
):
    monkeypatch.setattr(settings_of_clips, "can_be_painted", lambda: False)
    answer = send(web, INSTANT, walk, **CLIP)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "My walk.MOV: is a clip, and this server does not take clips"
    assert ".mp4" not in web.get("/").text
