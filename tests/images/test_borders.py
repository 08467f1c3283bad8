"""Borders of paintings: what of a scan or a print is paper, and what is the painting."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from support import tiny

from painterly.images.borders import without_border

HEIGHT, WIDTH = 400, 560
PAINTING = Image.fromarray((tiny.picture(HEIGHT, WIDTH) * 200 + 10).astype(np.uint8))


def bordered(widths, colour="white", quality=85):
    """The painting as a JPEG with borders, of (left, top, right, bottom) px, as an array."""
    out = io.BytesIO()
    ImageOps.expand(PAINTING, widths, colour).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def near(found, least=0.95):
    """Whether a cut left the painting: nothing of a border, and little less than all."""
    height, width = found.shape[:2]
    return least * HEIGHT <= height <= HEIGHT and least * WIDTH <= width <= WIDTH


@pytest.mark.parametrize("colour", ["white", "black", (243, 236, 219)])
@pytest.mark.parametrize("quality", [50, 95])
def test_a_border_of_one_colour_is_cut_off_on_all_sides_or_two_opposite_ones(colour, quality):
    found = without_border(bordered((20, 12, 14, 30), colour, quality))
    assert near(found)
    far = np.abs(found - np.array(Image.new("RGB", (1, 1), colour))).max(-1)
    for edge in (found[0], found[-1], found[:, 0], found[:, -1]):
        assert abs(edge.mean() - found.mean()) < 60
    assert far.mean() > 40
    for widths in ((0, 20, 0, 20), (30, 0, 30, 0)):
        assert near(without_border(bordered(widths, colour, quality)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_border_is_found_in_16_bits_and_in_floats(dtype):
    pixels = bordered((20, 20, 20, 20), quality=95)
    deep = pixels / np.float32(255) if dtype is np.float32 else pixels.astype(dtype) * 257
    for each in (deep, pixels):
        assert without_border(each).shape == (HEIGHT - 15, WIDTH - 15, 3), "without blurred edges"


def test_specks_of_a_scan_are_part_of_its_border():
    pixels = bordered((20, 20, 20, 20)).copy()
    pixels[5, 60:62] = pixels[-9, 100] = pixels[40, 7] = 0
    assert near(without_border(pixels))


DRAWING = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
DRAWING[90:300, 140:150] = DRAWING[140:150, 90:430] = DRAWING[260:330, 330:360] = 20
SPOT = np.full((64, 48, 3), 200, np.uint8)
SPOT[6:10, 6:10] = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
WHOLE = {
    "a painting without a border": np.asarray(PAINTING),
    "a drawing on white paper": DRAWING,
    "a sky": bordered((0, 30, 0, 0)),
    "a beach": bordered((0, 0, 0, 30)),
    "a wall": bordered((30, 0, 0, 0)),
    "one colour": np.full((16, 16, 3), 200, np.uint8),
    "a small middle": SPOT,
}


@pytest.mark.parametrize("pixels", WHOLE.values(), ids=WHOLE)
def test_what_has_no_border_stays_as_it_is(pixels):
    assert without_border(pixels) is pixels


@pytest.mark.slow
def test_a_large_scan_is_cut_as_a_small_one():
    small = Image.fromarray(bordered((20, 20, 20, 20)))
    found = without_border(np.asarray(small.resize((6000, 4400), Image.Resampling.BICUBIC)))
    assert near(found[::10, ::10])
