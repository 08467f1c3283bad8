"""The inputs of a painting: pictures that programs hold, and pictures and masks from buckets."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from support import tiny
from support.folder_batches import grey_file
from support.pictures import saved

from painterly.errors import PictureError
from painterly.images.output import OutputFormat
from painterly.images.picture import Picture
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.orders.order import Order
from painterly.orders.styles import Painting, Style
from painterly.painters.library import file_of
from painterly.painters.reading import PaintingFiles, PhotoFiles, Reader, decode_photo, decode_style
from painterly.settings.settings import Settings
from painterly.storage.folder import FolderBucket
from painterly.vgg.sources import source_for

ROWS, COLUMNS = np.mgrid[:60, :80]
RAMP = ((ROWS + 2 * COLUMNS) % 256).astype(np.uint8)
COLOURS = Image.fromarray(np.dstack([RAMP, RAMP[::-1], 255 - RAMP]))
GREY = Image.fromarray(RAMP)
HALF = Image.fromarray(np.dstack([np.asarray(COLOURS), np.full_like(RAMP, 128)]))


def read(picture) -> Picture:
    return PictureFile(file_of(picture, "the photo"), "the photo").decode(UNLIMITED)


def difference(picture, expected) -> float:
    pixels = np.asarray(expected.convert("RGB"), float)
    return float(np.abs(read(picture).pixels_int - pixels).max())


@pytest.mark.parametrize("mode", ["RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"])
def test_colours_are_those_of_every_mode(mode):
    to_lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    if mode == "LAB":
        picture = ImageCms.profileToProfile(COLOURS, *to_lab, outputMode="LAB")
    else:
        picture = COLOURS.convert(mode)
    assert np.abs(read(picture).pixels_int - np.asarray(COLOURS, float)).mean() < 2


def test_greys_of_more_than_8_bits_have_the_contrast_of_8():
    for values in (
        RAMP.astype(np.int32) * 257,
        RAMP.astype(np.int32),
        RAMP.astype(np.uint16) * 257,
        (RAMP / 255).astype(np.float32),
        RAMP.astype(np.float32),
    ):
        assert difference(Image.fromarray(values), GREY) <= 1
    assert difference(GREY.convert("1"), GREY.convert("1")) == 0


def test_palettes_and_alpha_are_kept():
    assert difference(COLOURS.quantize(64), COLOURS.quantize(64)) == 0
    for mode in ("RGBA", "RGBa", "LA", "La"):
        picture = HALF.convert("LA") if mode.startswith("L") else HALF
        alpha = read(picture.convert(mode)).alpha_int
        assert alpha is not None and set(np.unique(alpha)) == {128}
    clear = COLOURS.quantize(64)
    clear.info["transparency"] = int(np.asarray(clear)[0, 0])
    alpha = read(clear).alpha_int
    assert alpha is not None and alpha[0, 0] == 0 and alpha.max() == 255


def test_a_profile_the_resolution_and_the_orientation_are_kept():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(
        io.BytesIO(saved(COLOURS, "PNG", icc_profile=profile, dpi=(300, 300), exif=exif))
    )
    picture = read(turned)
    assert picture.size == (80, 60) and picture.dpi == pytest.approx((300, 300), abs=0.1)
    assert PictureFile(file_of(turned, ""), "").data.count(b"iCCP") == 1


def test_a_picture_that_pillow_cannot_load_is_refused_in_one_line():
    cut = Image.open(io.BytesIO(saved(COLOURS, "JPEG")[:900]))
    with pytest.raises(PictureError, match=r"^the photo: is damaged or incomplete"):
        file_of(cut, "the photo")


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
