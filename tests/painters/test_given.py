"""Pictures that programs hold, as files."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from support.pictures import saved

from painterly.errors import PictureError
from painterly.images.picture import Picture
from painterly.images.picture_file import UNLIMITED, PictureFile
from painterly.painters.library import file_of

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
