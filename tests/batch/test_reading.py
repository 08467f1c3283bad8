"""The inputs of a painting: pictures and masks, as they are read from buckets."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from support import tiny
from support.folder_batches import grey_file
from support.pictures import saved

from styletransfer.batch.reading import read_photo, read_style
from styletransfer.batch.styles import Painting, Style
from styletransfer.errors import PictureError
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry


def entry(key):
    return Entry(key, 1, "")


def read_one(files, settings, mask=None):
    """Reads a style of the painting `a.png`."""
    style = Style("one", (Painting(entry("a.png"), 1.0, mask and entry(mask)),), settings)
    return read_style(style, files.__getitem__)


def test_a_paintings_border_does_not_count_unless_it_has_a_mask():
    painting = Image.open(io.BytesIO(tiny.file(60, 80, kind="PNG")))
    framed = ImageOps.expand(painting, 12, "white")
    files = {"a.png": saved(framed, "PNG"), "a.mask.png": grey_file(np.ones((20, 20), bool))}

    def size(*how):
        return read_one(files, *how).paintings[0].shape[:2]

    assert size(Settings()) == (44, 64) and size(Settings(size=32)) == (22, 32)
    assert size(Settings(), "a.mask.png") == size(Settings.inetwork()) == (84, 104)


def cut_out(height=20, width=40):
    """A PNG with an opaque left half."""
    alpha = np.where(np.arange(width) < width // 2, 255, 0).astype(np.uint8)
    pixels = np.full((height, width, 4), 99, np.uint8)
    pixels[..., 3] = alpha
    return saved(Image.fromarray(pixels), "PNG")


def test_transparent_parts_of_a_painting_do_not_count():
    files = {"a.png": cut_out(), "a.mask.png": grey_file(np.arange(20)[:, None].repeat(40, 1) < 10)}
    left = np.arange(40)[None].repeat(20, 0) < 20
    np.testing.assert_array_equal(read_one(files, Settings()).masks[0], left)
    small = read_one(files, Settings(size=32))
    assert small.masks[0].shape == small.paintings[0].shape[:2] == (16, 32)
    masked = read_one(files, Settings(), "a.mask.png")
    np.testing.assert_array_equal(masked.masks[0], left & (np.arange(20)[:, None] < 10))
    assert read_one(files, Settings.inetwork()).masks == [None]


def test_a_photo_is_painted_where_it_is_seen():
    files = {"a.png": cut_out(), "m.png": grey_file(np.arange(20)[:, None].repeat(40, 1) < 10)}
    left = np.arange(40)[None].repeat(20, 0) < 20
    photo = read_photo(entry("a.png"), None, files.__getitem__)
    np.testing.assert_array_equal(photo.content_mask(Settings(), "a.png"), left)
    assert photo.content_mask(Settings.inetwork(), "a.png") is None
    masked = read_photo(entry("a.png"), entry("m.png"), files.__getitem__)
    upper = np.arange(20)[:, None] < 10
    np.testing.assert_array_equal(masked.content_mask(Settings(), "a.png"), left & upper)


def test_a_photo_with_soft_or_hardly_any_transparency_is_painted_everywhere():
    soft = np.full((40, 40, 4), 99, np.uint8)
    soft[..., 3] = np.linspace(10, 255, 40)
    corner = np.full((40, 40, 4), 255, np.uint8)
    corner[:3, :3, 3] = 0
    for pixels in (soft, corner):
        files = {"a.png": saved(Image.fromarray(pixels), "PNG")}
        photo = read_photo(entry("a.png"), None, files.__getitem__)
        assert photo.picture.alpha is not None
        assert photo.content_mask(Settings(), "a.png") is None


def test_a_mask_that_shows_only_transparent_parts_of_a_painting_is_named():
    files = {"a.png": cut_out(), "m.png": grey_file(np.arange(40)[None].repeat(20, 0) >= 20)}
    with pytest.raises(PictureError, match=r"painting a.png: its mask shows only transparent"):
        read_one(files, Settings(), "m.png")
