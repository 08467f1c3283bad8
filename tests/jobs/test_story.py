"""Stories as jobs: one photo in six styles, as `--story` paints it."""

import io

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.fuzzing import drawn
from support.gallery import results_of
from support.web_service import send

from painterly.images import story
from painterly.jobs.worker import runner
from painterly.settings import clips
from painterly.settings.kindness import KIND_TO, Subject

STORY = {"sheet": "en", "story": True}


@pytest.fixture
def place(place):
    """The place with all ready styles, and the built-in network, which instant pictures need."""
    return {**place, "VGG_WEIGHTS": "builtin", "STYLES": "all", "STYLE_SIZE": "32"}


@pytest.mark.thorough
@pytest.mark.parametrize("has_ffmpeg", drawn([False, True]))
def test_a_story_is_ordered_painted_shown_and_fetched_as_other_pictures_are(
    web, worker, monkeypatch, has_ffmpeg
):
    if has_ffmpeg and not clips.ffmpeg():
        pytest.skip("needs ffmpeg: pip install imageio-ffmpeg")
    monkeypatch.setattr(runner, "ffmpeg", lambda: "ffmpeg" if has_ffmpeg else "")
    monkeypatch.setattr("painterly.painters.story.subject_of", lambda _: Subject.NIGHT)
    answer = send(web, STORY)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["sheet"], job["story"], job["style"], job["frames"]) == ("en", True, "story", None)
    assert worker.paint()
    web.service.jobs.refresh()
    done = web.get(job["links"]["self"]).json()
    assert (done["state"], done["step"], done["steps"]) == ("done", 6, 6), done["error"]
    assert (done["width"], done["height"]) == (1080, 1920)
    kind = "video/mp4" if has_ffmpeg else "image/webp"
    result = web.get(job["links"]["self"] + "/result")
    assert done["media_type"] == result.headers["content-type"] == kind
    if not has_ffmpeg:
        assert Image.open(io.BytesIO(result.content)).n_frames == 7 * story.WIPE
    small = Image.open(io.BytesIO(web.get(job["links"]["self"] + "/result?small=1").content))
    assert small.size == (720, 1280)
    line = np.asarray(small.convert("RGB")).astype(int)[640, 360]
    assert np.abs(line - story.LINE).max() < 60, "the line is in its middle"
    (shown,) = results_of(web.get("/gallery/").text)
    assert shown["style"] == "story"
    (record,) = web.service.results.chosen([job["id"]])
    assert set(KIND_TO[Subject.NIGHT]) < {*record.styles}, "the kindest are among them"
    assert len(record.styles) == story.MOST_PAINTINGS


def test_a_cancel_ends_a_story_also_while_it_is_written(web, worker, monkeypatch):
    monkeypatch.setattr(runner, "ffmpeg", lambda: "")
    job, real = send(web, STORY).json(), story.webp_of
    monkeypatch.setattr("painterly.jobs.worker.painting.kindest", lambda styles, _: styles[:1])

    def cancelled(pictures, check_stop):
        worker.desk.lease.cancel()
        return real(pictures, check_stop)

    with monkeypatch.context() as patch:
        patch.setattr(story, "webp_of", cancelled)
        assert worker.paint()
    web.service.jobs.refresh()
    assert web.get(job["links"]["self"]).json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"story": True}, "a story has a language"),
        ({**STORY, "style": "monet"}, "leave out `style`"),
        ({**STORY, "settings": {"size": 64}}, "no setting 'size'"),
    ],
)
def test_a_story_is_ordered_as_a_sheet_is(web, wrong, said):
    refused = send(web, wrong, tiny.file(60, 80, 1))
    assert refused.status_code == 422 and said in refused.json()["detail"]
