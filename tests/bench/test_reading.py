"""The inputs of a painting: pictures and masks, as they are read from buckets."""

import gc
import io
import weakref
from collections import Counter
from concurrent.futures import wait

import numpy as np
import pytest
from PIL import Image, ImageOps
from support import tiny
from support.folder_batches import grey_file
from support.pictures import saved

from painterly.bench.reading import (
    PaintingFiles,
    PhotoFiles,
    Reader,
    decode_photo,
    decode_style,
)
from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.orders.order import PlannedOrder
from painterly.orders.styles import Painting, Style
from painterly.runs.workers import ReadAhead
from painterly.settings.settings import Settings
from painterly.signals import Stop
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import WeightsSource


def style_of_one(files, settings, mask=None):
    """Decode a style of the painting `a.png`."""
    painting = PictureFile(files["a.png"], "painting a.png")
    mask = mask and PictureFile(files[mask], mask)
    return decode_style([PaintingFiles(painting, 1.0, mask)], settings, UNLIMITED)


def photo_of(files, mask=None, original=False):
    """Decode the photo `a.png`."""
    mask = mask and PictureFile(files[mask], mask)
    photo = PhotoFiles(PictureFile(files["a.png"], "a.png"), mask)
    return decode_photo(photo, UNLIMITED, original)


def test_a_paintings_border_does_not_count_unless_it_has_a_mask():
    painting = Image.open(io.BytesIO(tiny.file(60, 80, kind="PNG")))
    framed = ImageOps.expand(painting, 12, "white")
    files = {"a.png": saved(framed, "PNG"), "a.mask.png": grey_file(np.ones((20, 20), bool))}

    def size(*how):
        return style_of_one(files, *how).paintings[0].shape[:2]

    assert size(Settings()) == (44, 64) and size(Settings(size=32)) == (22, 32)
    assert size(Settings(), "a.mask.png") == size(Settings.inetwork()) == (84, 104)


def cut_out(height=20, width=40):
    """A PNG with an opaque left half."""
    alpha = np.where(np.arange(width) < width // 2, 255, 0).astype(np.uint8)
    pixels = np.full((height, width, 4), 99, np.uint8)
    pixels[..., 3] = alpha
    return saved(Image.fromarray(pixels), "PNG")


LEFT = np.arange(40)[None].repeat(20, 0) < 20
UPPER = np.arange(20)[:, None].repeat(40, 1) < 10
HALVES = {"a.png": cut_out(), "upper.png": grey_file(UPPER), "right.png": grey_file(~LEFT)}


def test_transparent_parts_of_a_painting_do_not_count():
    np.testing.assert_array_equal(style_of_one(HALVES, Settings()).masks[0], LEFT)
    small = style_of_one(HALVES, Settings(size=32))
    assert small.masks[0].shape == small.paintings[0].shape[:2] == (16, 32)
    masked = style_of_one(HALVES, Settings(), "upper.png")
    np.testing.assert_array_equal(masked.masks[0], LEFT & UPPER)
    assert style_of_one(HALVES, Settings.inetwork()).masks == [None]
    with pytest.raises(PictureError, match=r"painting a.png: its mask shows only transparent"):
        style_of_one(HALVES, Settings(), "right.png")


def test_a_photo_is_painted_where_it_is_seen():
    for mask, where in ((None, LEFT), ("upper.png", LEFT & UPPER)):
        np.testing.assert_array_equal(photo_of(HALVES, mask).mask, where)
    assert photo_of(HALVES, original=True).mask is None
    with pytest.raises(PictureError, match=r"^a.png: its mask shows only transparent"):
        photo_of(HALVES, "right.png")


def test_a_photo_with_soft_or_hardly_any_transparency_is_painted_everywhere():
    soft = np.full((40, 40, 4), 99, np.uint8)
    soft[..., 3] = np.linspace(10, 255, 40)
    corner = np.full((40, 40, 4), 255, np.uint8)
    corner[:3, :3, 3] = 0
    for pixels in (soft, corner):
        photo = photo_of({"a.png": saved(Image.fromarray(pixels), "PNG")})
        assert photo.picture.alpha is not None and photo.mask is None


# --- styles that are held -------------------------------------------------------------------------

STYLES = 20


class CountingBucket(FolderBucket):
    """A folder that counts how often each file is read."""

    def __init__(self, path):
        super().__init__(path)
        self.reads = Counter()

    def read(self, key):
        self.reads[key] += 1
        return super().read(key)


@pytest.fixture
def paintings(tmp_path):
    """A bucket with a photo and the paintings of STYLES styles."""
    bucket = CountingBucket(tmp_path)
    bucket.write("beach.jpg", tiny.file(40, 60, 1))
    for number in range(STYLES):
        bucket.write(f"p{number}.png", tiny.file(60, 60, number, "PNG"))
    return bucket


def orders(bucket):
    """Return the orders of one photo in each of the styles."""
    entries = {each.key: each for each in bucket.list()}
    for number in range(STYLES):
        painting = Painting(entries[f"p{number}.png"], 1.0)
        style = Style(f"p{number}", (painting,), Settings(size=64))
        yield PlannedOrder(
            entries["beach.jpg"],
            None,
            style,
            WeightsSource("builtin", "md5:a"),
            OutputFormat(None),
            result=f"{style.name}/beach.jpg",
        )


@pytest.mark.parametrize("easels", [1, 8])
def test_several_easels_read_each_painting_once(paintings, easels):
    reader = Reader(paintings, paintings, None)
    with ReadAhead([*orders(paintings)], reader) as ahead:
        ahead.read_for(easels)
        while taken := [each for each in (ahead.next() for _ in range(easels)) if each]:
            wait([fetching for _, fetching in taken])
            ahead.wait(Stop())  # Others have been read by then.
            for order, fetching in taken:
                ahead.decode(order, fetching).result()
    read = {key: count for key, count in paintings.reads.items() if key.startswith("p")}
    assert read == {f"p{number}.png": 1 for number in range(STYLES)}


def test_styles_are_held_as_far_as_there_is_memory_for_reading_ahead(paintings):
    reader, decoded = Reader(paintings, paintings, None), []
    reader.most_styles, reader.ahead_bytes = STYLES, 150_000
    for order in orders(paintings):
        inputs = reader.decode(order, reader.fetch(order))
        decoded.append(weakref.ref(inputs.style.paintings[0]))
    painting = inputs.style.paintings[0].nbytes
    del inputs
    gc.collect()
    held = [each() is not None for each in decoded]
    assert held == sorted(held), "the latest"
    assert painting < sum(held) * painting <= reader.ahead_bytes
