"""A grey photo in grey paintings stays grey."""

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.painted import as_before

from painterly import Settings, stylize

SMALL = {"size": 48, "iterations": 2}
RECIPES = {
    "default": SMALL,
    "moments": {**SMALL, "recipe": "moments"},
    "inetwork": {**SMALL, "recipe": "inetwork", "init_image": "noise"},
    "instant": {"preset": "instant", "size": 48},
}


def grey(seed, dtype=np.uint8):
    """A grey picture [60, 80, 3] of a type of integers."""
    values = tiny.picture(60, 80, seed)[..., :1] * np.iinfo(dtype).max
    return np.rint(values).astype(dtype).repeat(3, 2)


def painted(photo, paintings, recipe, **settings):
    vgg = None if recipe == "instant" else tiny.network()
    chosen = Settings().replaced({**RECIPES[recipe], **settings})
    *_, last = stylize(photo, paintings, chosen, vgg)
    return last.image


@pytest.mark.parametrize(
    "recipe",
    [
        each if each == "instant" else pytest.param(each, marks=pytest.mark.thorough)
        for each in RECIPES
    ],
)
def test_a_grey_photo_in_grey_paintings_is_grey(recipe):
    image = painted(grey(1), [grey(2), grey(3)], recipe)
    assert image.shape == (36, 48, 3) and np.ptp(image, axis=-1).max() == 0
    assert image.std() > 0.003
    as_before(f"grey_{recipe}", image)


@pytest.mark.parametrize("recipe", ["default", "instant"])
@pytest.mark.parametrize("change", ["deep", "preserve", "noise of a JPEG"])
def test_greys_of_any_kind_stay_grey(recipe, change):
    photo, settings = grey(1), {}
    if change == "deep":
        photo = grey(1, np.uint16)
    elif change == "preserve":
        settings = {"preserve_color": True}
    else:
        noise = np.random.default_rng(0).integers(-1, 2, photo.shape)
        photo = np.uint8(np.clip(photo.astype(int) + noise, 0, 255))
    assert np.ptp(painted(photo, [grey(2)], recipe, **settings), axis=-1).max() == 0


@pytest.mark.parametrize("recipe", [pytest.param("default", marks=pytest.mark.thorough), "instant"])
def test_colours_of_paintings_are_seen(recipe):
    colourful = np.rint(tiny.picture(60, 80, 4) * 255).astype(np.uint8)
    sepia = np.asarray(Image.fromarray(grey(1)).convert("L"))[..., None] * np.array([1, 0.9, 0.7])
    for paintings in ([grey(2), colourful], [np.uint8(sepia)]):
        image = painted(grey(1), paintings, recipe, iterations=20)
        assert np.ptp(image, axis=-1).max() > 0.01
