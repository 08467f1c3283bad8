"""The sample pictures: the program draws the ones in the repository."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
SCALE = 0.1
SIZES = {  # width, height
    "photos/landscape.jpg": (960, 640),
    "photos/still-life.jpg": (960, 720),
    "paintings/ink.jpg": (900, 720),
    "paintings/mosaic.jpg": (860, 860),
    "paintings/woodcut-and-brush/woodcut.jpg": (900, 720),
    "paintings/woodcut-and-brush/brush.jpg": (900, 720),
}
PAINTINGS = [name for name in SIZES if name.startswith("paintings/")]


@pytest.fixture(scope="module")
def draw():
    """The drawing script, imported the way it runs: with its folder first on the path."""
    sys.path.insert(0, str(SAMPLES))
    try:
        yield importlib.import_module("draw")
    finally:
        sys.path.remove(str(SAMPLES))


def forms(picture: Image.Image) -> np.ndarray:
    """Return a picture's large forms: the mean colours of a grid of 6 × 8 fields."""
    return np.asarray(picture.resize((8, 6), Image.Resampling.BOX), float)


def test_the_repository_has_the_pictures_that_the_program_draws(draw):
    names = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.jpg")}
    assert names == set(SIZES) and set(draw.SAMPLES) == set(PAINTINGS)


@pytest.mark.parametrize("name", SIZES)
def test_a_picture_opens_at_its_size_and_is_small(name):
    assert (SAMPLES / name).stat().st_size < 450_000
    with Image.open(SAMPLES / name) as picture:
        assert (picture.format, picture.size) == ("JPEG", SIZES[name])
        picture.load()


@pytest.mark.slow
@pytest.mark.parametrize("name", PAINTINGS)
def test_the_program_draws_the_picture_that_is_committed(draw, name):
    drawn = draw.SAMPLES[name](SCALE)
    width, height = SIZES[name]
    assert drawn.dtype == np.uint8
    assert drawn.shape == (round(height * SCALE), round(width * SCALE), 3)
    with Image.open(SAMPLES / name) as committed:
        difference = np.abs(forms(Image.fromarray(drawn)) - forms(committed.convert("RGB")))
    assert difference.mean() < 15  # it is above 25 for any two of the samples
