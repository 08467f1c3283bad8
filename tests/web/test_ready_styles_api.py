"""The ready styles in the web service: named in the request's language, and painted like others."""

import pytest
from support import tiny
from support.faces import PHOTO
from support.web_service import send, served

from painterly.settings.kindness import KIND_TO, Subject


def listed(web, language="en"):
    answer = web.get("/api/styles", headers={"Accept-Language": language})
    return {style["name"]: style for style in answer.json()}


def test_styles_have_titles_in_the_language_that_was_asked_for(place):
    with served(place | {"STYLES": "hokusai,piranesi,mosaic"}) as web:
        in_english, in_german = listed(web), listed(web, "de-AT")
        assert list(in_english) == ["both", "monet", "hokusai", "piranesi", "mosaic"]
        hokusai = in_german["hokusai"]
        assert (hokusai["title"], hokusai["medium"]) == ("Die große Welle", "Farbholzschnitt")
        assert in_english["piranesi"]["year"] == "c. 1750"
        assert in_german["piranesi"]["year"] == "um 1750"
        web.cookies.set("painterly_language", "fr")
        assert listed(web)["hokusai"]["title"] == "La Grande Vague"


def test_a_style_of_the_bucket_takes_the_place_of_a_ready_one(place):
    with served(place | {"STYLES": "monet,klimt"}) as web:
        styles = listed(web)
        assert list(styles) == ["both", "monet", "klimt"]
        assert styles["monet"]["paintings"] == [{"name": "monet.jpg", "share": 1.0}]


def test_a_style_is_found_by_what_people_call_it(place):
    van_goghs = "van-gogh-starry-night,van-gogh-wheat-field"
    with served(place | {"STYLES": f"hokusai,{van_goghs}"}) as web:
        for called, style in (
            ("HOKUSAI", "hokusai"),
            ("the great wave", "hokusai"),
            ("starry night", "van-gogh-starry-night"),
            ("Monet", "monet"),
        ):
            job = send(web, {"style": called, "preset": "instant"})
            assert job.status_code == 202, job.text
            assert job.json()["style"] == style
        web.service.jobs.problem = None  # As with a worker.
        photo = {"photo": ("beach.jpg", tiny.file(60, 80, 1))}
        refused = web.post("/api/paint", data={"style": "van gogh"}, files=photo)
        both = "may be van-gogh-starry-night or van-gogh-wheat-field; name one of them"
        assert refused.status_code == 422 and both in refused.json()["detail"]


@pytest.fixture
def only_ready(place):
    """The variables of `place` without its paintings, with two ready styles."""
    place["STYLES"] = "hokusai,klimt"
    del place["BUCKET_STYLE"]


def test_ready_styles_are_painted_alone_and_blended(only_ready, web, worker):
    blend = {"_ready/hokusai.jpg": 70, "_ready/klimt.jpg": 30}
    requests = {"style": "hokusai"}, {"paintings": blend}
    jobs = [send(web, request | {"preset": "instant"}).json() for request in requests]
    assert [job["style"] for job in jobs] == ["hokusai", "hokusai+klimt"]
    for job in jobs:
        assert worker.paint()
        web.service.jobs.refresh()
        assert web.get(job["links"]["self"]).json()["state"] == "done"
    refused = send(web, {"paintings": {"_ready/hokusia.jpg": 1}}).json()["detail"]
    assert "no painting '_ready/hokusia.jpg'; did you mean '_ready/hokusai.jpg'?" in refused


def test_a_photo_is_asked_what_it_shows_and_which_styles_are_kind_to_that(place):
    portrait = PHOTO.read_bytes()
    first, second, *_ = KIND_TO[Subject.FACES]
    with served(place | {"STYLES": f"{second},signac,{first}"}) as web:

        def suited(data, name="photo.jpg"):
            return web.post("/api/styles/suited", files={"photo": (name, data)})

        assert suited(portrait).json() == {"subject": "faces", "styles": [first, second]}
        assert suited(tiny.file(60, 80, 1)).json() == {"subject": None, "styles": []}
        assert suited(b"no picture").status_code == 422
        assert suited(bytes(3_000_000)).status_code == 413
        assert web.post("/api/styles/suited", files={"other": portrait}).status_code == 422
        cut = suited(portrait[: len(portrait) // 2])
        assert cut.status_code == 422 and "photo.jpg" in cut.json()["detail"]
