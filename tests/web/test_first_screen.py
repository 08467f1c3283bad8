"""The page that has no photo yet: a portrait in each ready style, and what its form offers."""

import io
import json
import re
from html import unescape

import numpy as np
from PIL import Image
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


def test_the_form_knows_what_the_service_takes_and_offers(place):
    variables = {"WEB_MAX_MEGABYTES": "7", "STYLE_STRENGTH": "0.6", "STYLES": "none"}
    with served(place | variables) as web:
        form = web.get("/").text
    about = re.search(r'<form class="page"([^>]*)>', form)[1]
    about = {name: unescape(text) for name, text in re.findall(r'data-([\w-]+)="(.*?)"', about)}
    settings = {"preserve_color": False, "faces": 1, "strength": 0.6, "stroke_size": 1}
    assert json.loads(about.pop("defaults")) == settings | {"timelapse": False}
    sample = {"style": "boccioni", "name": "Boccioni"}
    sample |= {"photo": "/static/samples/portrait.webp", "painted": "/static/samples/stage.webp"}
    assert json.loads(about.pop("sample")) == sample
    pictures = ".avif,.bmp,.gif,.heic,.heif,.hif,.jfif,.jpeg,.jpg,.png,.tif,.tiff,.webp"
    assert {*pictures.split(",")} <= {*about.pop("accept").split(",")}, "and clips with ffmpeg"
    assert f'multiple accept="image/*,{pictures}"' in form, "paintings"
    kinds = "JPG, PNG, HEIC, WEBP, TIFF"
    assert about == {"upload-bytes": "7000000", "blended": "8", "kinds": kinds}
    named = '<option value="(.*?)" data-mm="(.*?)" data-px="(.*?)" data-dpi="(.*?)">(.*?)<'
    assert re.findall(named, form) == [
        ("A4", "210.0 297.0", "2480 3508", "300", "A4"),
        ("A3", "297.0 420.0", "3508 4961", "300", "A3"),
        ("A2", "420.0 594.0", "3605 5098", "218", "A2"),
        ("letter", "215.9 279.4", "2550 3300", "300", "Letter"),
        ("30x40cm", "300.0 400.0", "3543 4724", "300", "30 × 40 cm"),
        ("10x15cm", "100.0 150.0", "1181 1772", "300", "10 × 15 cm"),
    ]
    presets = [("instant", ""), ("draft", ""), ("fine", "checked")]
    assert re.findall(r'name="preset" value="(\w+)" (\w*)', form) == presets
    assert "fine-command" not in form, "TensorFlow is there"
