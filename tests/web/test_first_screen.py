"""The pictures of the page that has no photo yet: the sample portrait in each ready style."""

import io

import numpy as np
from PIL import Image

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
