"""Rescaling of painted pictures to the photo's size, against Pillow, NumPy and the photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.pictures import psnr

from styletransfer.images import upscale
from styletransfer.images.upscale import rescale
from styletransfer.settings import FIELDS

METHODS = FIELDS["rescale_method"].metadata["choices"]
PHOTO = Path(__file__).parents[2] / "samples" / "photos" / "landscape.jpg"


@pytest.fixture(scope="module")
def photo():
    with Image.open(PHOTO) as image:
        return np.asarray(image.resize((600, 400)), np.float32) / 255


@pytest.fixture(scope="module")
def small(photo):
    """The photo at a third of its size, averaged."""
    return photo[:399].reshape(133, 3, 200, 3, 3).mean(axis=(1, 3))


def noise(height, width):
    return np.random.default_rng(8).random((height, width, 3), dtype=np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_gets_the_photos_shape_and_stays_within_0_and_1(method):
    image = np.round(noise(20, 31))
    for height, width in [(45, 64), (20, 31), (11, 13)]:
        out = rescale(image, noise(height, width), method)
        assert out.shape == (height, width, 3) and out.dtype == np.float32
        assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_at_the_photos_size_stays_as_it_is(method):
    image = noise(20, 31)
    np.testing.assert_array_equal(rescale(image, noise(20, 31), method), image)


@pytest.mark.parametrize("method", ["lanczos", "bicubic", "bilinear", "nearest"])
def test_a_filter_is_pillows_but_for_8_bits(method, small):
    eight_bits = np.rint(small * 255).astype(np.uint8)
    resampling = Image.Resampling[method.upper()]
    expected = np.asarray(Image.fromarray(eight_bits).resize((410, 290), resampling)) / 255
    out = rescale(eight_bits / np.float32(255), noise(290, 410), method)
    assert np.abs(out - expected).max() < 1.5 / 255  # Pillow rounds twice there.
    assert method == "nearest" or len(np.unique(out)) > 10_000


def test_guided_adds_the_photos_edges_in_the_paintings_colours(photo, small):
    colours = np.array([[0.6, 0, 0.3], [-0.2, 0.5, 0], [0, 0.3, -0.6]], np.float32)
    painted, expected = (picture @ colours + (0.3, 0.1, 0.6) for picture in (small, photo[:399]))
    gained = psnr(rescale(painted.astype(np.float32), photo[:399], "guided"), expected)
    assert gained > psnr(rescale(painted.astype(np.float32), photo[:399], "bicubic"), expected) + 6


def test_guided_keeps_strokes_that_the_photo_does_not_have():
    strokes, flat = noise(40, 60), np.full((120, 180, 3), 0.4, np.float32)
    guided = rescale(strokes, flat, "guided")
    np.testing.assert_allclose(guided, rescale(strokes, flat, "lanczos"), atol=1e-5)


def test_guided_adds_nothing_of_the_photo_where_nothing_is_painted(photo):
    plain = np.full((133, 200, 3), 0.7, np.float32)
    np.testing.assert_allclose(rescale(plain, photo, "guided"), 0.7, atol=1e-5)


def test_bands_leave_no_seams(photo, small, monkeypatch):
    whole = rescale(small, photo, "guided")
    monkeypatch.setattr(upscale, "_BAND", 7)
    np.testing.assert_allclose(rescale(small, photo, "guided"), whole, atol=1e-5)
