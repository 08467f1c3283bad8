"""The sample pictures: drawn reproducibly at any scale, and present in the repository."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
SCALE = 0.05
TOWN = "town"  # a photo that is kept in no file
SIZES = {  # width, height
    "photos/landscape.jpg": (960, 640),
    "photos/still-life.jpg": (960, 720),
    "paintings/ink.jpg": (900, 720),
    "paintings/mosaic.jpg": (860, 860),
    "paintings/woodcut-and-brush/woodcut.jpg": (900, 720),
    "paintings/woodcut-and-brush/brush.jpg": (900, 720),
}


@pytest.fixture(scope="module")
def draw():
    """The drawing script, imported the way it runs: with its folder first on the path."""
    sys.path.insert(0, str(SAMPLES))
    try:
        yield importlib.import_module("draw")
    finally:
        sys.path.remove(str(SAMPLES))


def test_every_sample_is_drawn_by_the_script(draw):
    assert set(draw.SAMPLES) == set(SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SIZES, TOWN])
def test_drawing_has_the_size_asked_for_and_is_the_same_each_time(draw, name):
    drawing = importlib.import_module(TOWN).draw if name == TOWN else draw.SAMPLES[name]
    first, second = drawing(SCALE), drawing(SCALE)
    width, height = SIZES.get(name, (960, 640))
    assert first.shape == (round(height * SCALE), round(width * SCALE), 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    dark, bright = np.percentile(first, (2, 98))
    assert bright - dark > 120  # a flat picture would be no use as a sample


def test_encoding_keeps_below_the_limit(draw):
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    assert len(draw.encode(noise // 2 + 64)) <= draw.MOST_BYTES


@pytest.mark.parametrize("name", SIZES)
def test_committed_picture_opens_at_its_size(name):
    path = SAMPLES / name
    assert path.stat().st_size < 450_000
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
        assert picture.size == SIZES[name]
        picture.load()
