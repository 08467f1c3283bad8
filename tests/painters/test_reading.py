"""The inputs of a painting: pictures and masks, as they are read from buckets."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from support import tiny
from support.folder_batches import grey_file
from support.pictures import saved

from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.orders.order import Order
from painterly.orders.styles import Painting, Style
from painterly.painters.reading import PaintingFiles, PhotoFiles, Reader, decode_photo, decode_style
from painterly.settings.settings import Settings
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import source_for


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


def test_each_painting_is_read_once_though_several_devices_have_orders_in_other_styles(
    folders, monkeypatch
):
    """One photo in eight styles, painted by four slots, which read five orders ahead."""
    reads = []
    source, styles = FolderBucket(Path("photos")), FolderBucket(Path("paintings"))
    for number in range(8):
        styles.write(f"{number}.jpg", tiny.file(50, 50, number))
    real = FolderBucket.read
    monkeypatch.setattr(FolderBucket, "read", lambda at, key: reads.append(key) or real(at, key))
    photo, settings = source.find("beach.jpg"), Settings(preset="instant")
    orders = [
        Order(
            photo,
            None,
            Style(str(number), (Painting(styles.find(f"{number}.jpg"), 1.0),), settings),
            source_for(settings, None),
            OutputFormat(None),
        )
        for number in range(8)
    ]
    reader = Reader(source, styles, None)
    ahead = reader.read_for(4)
    fetched = [reader.fetch(order) for order in orders[:ahead]]
    for number, order in enumerate(orders):
        assert reader.decode(order, fetched[number]).style.shares == [1.0]
        fetched += [reader.fetch(each) for each in orders[ahead + number : ahead + number + 1]]
    assert sorted(key for key in reads if key != "beach.jpg") == [f"{n}.jpg" for n in range(8)]
