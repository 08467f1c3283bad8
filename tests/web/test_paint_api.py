"""POST /api/paint: a photo in, a picture out, for programs that wait for it."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.pictures import saved
from support.scenarios import same_as_stored
from support.web_service import served

from painterly.jobs.schemas import Preset

MONET = {"style": "monet", "size": "48"}
TOKEN = "a long password"


def photo(data=None, name="beach.jpg"):
    return {"photo": (name, tiny.file(60, 80, 7) if data is None else data)}


def test_a_photo_comes_back_as_a_painting_with_its_metadata_but_without_its_location(painting):
    picture = Image.open(io.BytesIO(tiny.file(60, 80, 7)))
    exif = Image.Exif()
    exif[0x010E] = "the beach"
    exif.get_ifd(0x8825)[1] = "N"
    data = io.BytesIO()
    picture.save(data, "JPEG", exif=exif)
    answer = painting.post("/api/paint", data=MONET, files=photo(data.getvalue()))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    painted = Image.open(io.BytesIO(answer.content))
    assert painted.size == (48, 36) and painted.getexif()[0x010E] == "the beach"
    assert not painted.getexif().get_ifd(0x8825) and painted.info["icc_profile"]
    before = np.float32(picture.convert("RGB").resize(painted.size))
    assert np.abs(np.float32(painted) - before).mean() > 5
    assert painting.get("/api/jobs").json() == {"jobs": []}


def test_a_painting_can_be_sent_and_the_format_chosen(painting):
    files = photo() | {"painting": ("waves.png", tiny.file(50, 50, 9, "PNG"))}
    asked = {"size": "48", "format": "png"}
    answer = painting.post("/api/paint", data=asked, files=files)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (48, 36)


@pytest.mark.slow
def test_what_the_page_puts_first_can_be_sent_as_well(painting):
    def painted(**asked):
        files = photo() | {name: asked.pop(name) for name in ("mask",) if name in asked}
        answer = painting.post("/api/paint", data={**MONET, "format": "png", **asked}, files=files)
        assert answer.status_code == 200, answer.text
        return np.float32(Image.open(io.BytesIO(answer.content)))

    before = Image.open(io.BytesIO(tiny.file(60, 80, 7))).convert("RGB").resize((48, 36))
    left = Image.new("L", (48, 36))
    left.paste(255, (0, 0, 24, 36))
    usual, grey = painted(), np.float32(before.convert("L"))
    far = [
        np.abs(picture - np.float32(before)).mean() for picture in (painted(strength="0"), usual)
    ]
    assert far[0] < far[1]
    coloured = painted(preserve_color="true")
    assert np.abs(coloured - usual).mean() > 1 and np.abs(coloured.mean(-1) - grey).mean() < 60
    assert np.abs(painted(stroke_size="3") - usual).mean() > 1
    painted(faces="0")
    part = np.abs(painted(mask=("mask.png", saved(left, "PNG"))) - np.float32(before))
    assert part[:, :16].mean() > 2 * part[:, -16:].mean()
    for name in ("strength", "stroke_size", "preserve_color", "faces"):
        wrong = painting.post("/api/paint", data={**MONET, name: "nine"}, files=photo())
        assert wrong.status_code == 422 and wrong.json()["detail"].startswith(f"{name} is 'nine'")


@pytest.mark.parametrize(
    ("asked", "files", "status"),
    [
        ({"style": "nobody"}, photo(), 422),
        (MONET, photo() | {"mask": ("mask.png", b"<html>")}, 422),
        ({**MONET, "size": "2049"}, photo(), 422),
        ({**MONET, "size": "full"}, photo(), 422),
        ({**MONET, "size": "large"}, photo(), 422),
        ({**MONET, "format": "gif"}, photo(), 422),
        (MONET, photo() | {"painting": ("waves.jpg", tiny.file(50, 50, 9))}, 422),
        ({}, photo(), 422),
        (MONET, photo(b"<html>"), 422),
        ({}, photo() | {"painting": ("waves.jpg", b"<html>")}, 422),
        (MONET, {"other": ("x", b"x")}, 422),
        (MONET, {}, 415),
    ],
)
def test_what_cannot_be_painted_is_refused(painting, asked, files, status):
    answer = painting.post("/api/paint", data=asked, files=files)
    assert answer.status_code == status and answer.json()["detail"]


def test_a_refusal_names_what_was_meant_and_the_limit_of_this_request(painting):
    for asked, said in (
        ({**MONET, "size": "99999"}, "size is '99999'; expected a whole number from 32 to 2048"),
        ({"style": "monte"}, "there is no style 'monte'; did you mean monet?"),
        ({"style": "qqq"}, "GET /api/styles lists them"),
    ):
        answer = painting.post("/api/paint", data=asked, files=photo())
        assert answer.status_code == 422 and said in answer.json()["detail"], answer.text


def test_while_the_service_paints_something_else_it_says_when_to_try_again(painting):
    painting.busy = True
    answer = painting.post("/api/paint", data=MONET, files=photo())
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0


def test_a_worker_that_is_still_loading_paints_already(painting):
    painting.service.supervisor.problem = "the worker is starting"
    assert painting.get("/readyz").status_code == 503
    assert painting.post("/api/paint", data=MONET, files=photo()).status_code == 200


@pytest.mark.slow
def test_a_picture_needs_a_login_and_keeps_the_limits_of_uploads(place):
    limits = {"WEB_PASSWORD": TOKEN, "WEB_MAX_MEGABYTES": "1", "WEB_MAX_MEGAPIXELS": "1"}
    with served({**place, **limits}) as client:
        client.service.jobs.problem = None
        assert client.post("/api/paint", data=MONET, files=photo()).status_code == 401
        own = {"authorization": f"Bearer {TOKEN}"}
        for data in (bytes(1_000_001), tiny.file(1001, 1000, 1)):
            answer = client.post("/api/paint", data=MONET, files=photo(data), headers=own)
            assert answer.status_code == 413


def test_a_plain_form_posts_what_the_page_without_javascript_asks_for(painting):
    page = painting.get("/plain", headers={"Accept-Language": "fr"})
    assert page.status_code == 200 and "D’après quel maître" in page.text
    styles = re.findall(r'name="style" value="([^"]+)"', page.text)
    assert {"monet", "both"} <= set(styles)
    assert re.findall(r'<option value="(\d+)"', page.text) == ["1024", "1600", "2048"]
    sent = {"data": {"style": styles[0], "size": "48"}, "files": photo()}
    browser = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    answer = painting.post("/api/paint", **sent, headers=browser)
    assert Image.open(io.BytesIO(answer.content)).size == (48, 36)
    assert "attachment" not in answer.headers.get("content-disposition", ""), "it is shown"
    painting.busy = True
    busy = painting.post("/api/paint", **sent, headers=browser)
    assert busy.status_code == 503 and int(busy.headers["retry-after"]) > 0
    assert "The server is not ready yet" in busy.text and 'href="/plain"' in busy.text


def test_what_each_picture_takes_is_said_once_that_is_known(web):
    kept = web.post("/api/photos", files=photo()).json()["id"]
    asked = ("", "?size=1024", "?size=2048", f"?size=64&again={kept}")
    known = [web.get("/api/estimate").json()]
    for preset in (Preset.INSTANT, Preset.FINE):
        web.service.jobs.estimates.set_measured(preset, 1e-6, "the CPU")
    known += [web.get(f"/api/estimate{each}").json() for each in asked]
    same_as_stored(known, Path(__file__).with_name("estimates.json"))
    assert web.get("/api/estimate?size=99999").status_code == 422
    assert "2048\u00a0px, about " in web.get("/plain").text
