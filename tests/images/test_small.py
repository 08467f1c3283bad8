"""Small pictures to look at."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from support.gallery import RED, flat

from painterly.images import arrays
from painterly.images.small import jpeg_of

pytestmark = pytest.mark.slow  # The pictures are large.


def test_a_preview_shows_a_large_picture_and_enlarges_no_small_one():
    waves = np.sin(np.linspace(0, 9, 1203 * 1801 * 3)).reshape(1203, 1801, 3) / 3 + 0.5
    integers = np.rint(255 * waves).astype(np.uint8)
    wanted = arrays.resize(waves, 134, 200)
    for given in (waves.astype(np.float32), integers):
        seen = Image.open(io.BytesIO(jpeg_of(given, 200)))
        assert seen.size == (200, 134)
        assert np.abs(np.asarray(seen) / 255 - wanted).mean() < 0.01
    assert Image.open(io.BytesIO(jpeg_of(flat(RED, 30, 60), 200))).size == (60, 30)


def test_a_preview_never_copies_a_large_photo_in_floats():
    photo = np.zeros((3000, 4000, 3), np.uint8)
    tracemalloc.start()
    jpeg_of(photo, 1600)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * photo.nbytes  # Floats would be four times as large.


@pytest.mark.parametrize("height", [90, 20])
def test_an_upright_picture_and_a_broad_one_are_resampled_as_by_pillow(height):
    grey = np.random.default_rng(0).random((height, 40), np.float32)
    wanted = Image.fromarray(grey).resize((20, height // 2), Image.Resampling.BICUBIC)
    found = arrays.resample(grey[..., None], height // 2, 20, Image.Resampling.BICUBIC)
    np.testing.assert_allclose(found[..., 0], wanted, atol=1e-6)
