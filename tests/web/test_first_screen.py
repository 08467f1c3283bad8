"""The page that has no photo yet: a portrait in each ready style, and what its form offers."""

import io
import re
from html import unescape
from pathlib import Path

import numpy as np
from PIL import Image
from support.scenarios import same_as_stored
from support.web_service import served

from painterly.settings import ready_styles
from painterly.web.pages import SAMPLE_COLUMNS, sample_in


def opened(web, name):
    answer = web.get(f"/static/samples/{name}.webp")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/webp"
    return Image.open(io.BytesIO(answer.content)).convert("RGB"), len(answer.content)


def test_the_first_screen_has_a_photo_that_is_compared_with_a_painting(web):
    (portrait, of_portrait), (stage, of_stage) = (
        opened(web, each) for each in ("portrait", "stage")
    )
    assert portrait.size == stage.size
    assert of_portrait + of_stage < 140_000


def test_one_picture_has_a_tile_of_each_ready_style(web):
    wall, bytes_ = opened(web, "wall")
    names = [*ready_styles.tables()]
    rows = -(-len(names) // SAMPLE_COLUMNS)
    width, height = wall.width / SAMPLE_COLUMNS, wall.height / rows
    assert (width / height, bytes_ < 160_000) == (0.8, True)
    assert sample_in("mine") is None
    colours = set()
    for name in names:
        left, top = (float(each.rstrip("%")) / 100 for each in sample_in(name).split())
        box = left * (wall.width - width), top * (wall.height - height)
        tile = np.asarray(wall.crop((*box, box[0] + width, box[1] + height)), np.float32)
        assert tile.std() > 10, "not empty"
        colours.add(tuple(tile.mean((0, 1)).round().astype(int)))
    assert len(colours) == len(names)


def test_the_form_knows_what_the_service_takes_and_offers(place, monkeypatch):
    monkeypatch.setattr("painterly.settings.clips.can_be_painted", lambda: False)  # No ffmpeg.
    variables = {"WEB_MAX_MEGABYTES": "7", "STYLE_STRENGTH": "0.6", "STYLES": "none"}
    with served(place | variables) as web:
        form = unescape(web.get("/").text)
    assert "fine-command" not in form, "TensorFlow is there"
    offered = re.findall("<(?:form|option|input) .*?>[^<\n]*", form)
    same_as_stored(offered, Path(__file__).with_name("form.json"))
