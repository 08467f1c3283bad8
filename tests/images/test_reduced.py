"""Small pictures for the web service's pages, as `decode` sees them; masks; errors of JPEGs."""

import io

import numpy as np
import pytest
from PIL import Image
from support.pictures import (
    FORMATS,
    P3,
    decode,
    gradient,
    plain,
    reduced_jpeg,
    rgb_profile,
    saved,
    see_through,
)

from painterly.errors import MemoryShortError, PictureError
from painterly.images.arrays import resize


def shown(data, longer=80):
    image = Image.open(io.BytesIO(reduced_jpeg(data, "photo", longer, quality=95)))
    assert image.format == "JPEG" and max(image.size) <= longer
    return np.asarray(image.convert("RGB"), np.float32) / 255


GREY = np.tile(np.linspace(0, 1, 80), (60, 1))


@pytest.mark.parametrize(
    "picture",
    [
        saved(Image.fromarray((GREY * 65535).astype(np.uint16)), "PNG"),
        saved(Image.fromarray((GREY * 65535).astype(np.uint16)), "TIFF"),
        saved(gradient().convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        saved(gradient().convert("L"), "PNG"),
        saved(gradient().convert("CMYK"), "JPEG", quality=95),
        saved(gradient(), "PNG", icc_profile=rgb_profile(P3)),
    ],
    ids=["16 bits", "16-bit TIFF", "palette", "grey", "CMYK", "P3"],
)
def test_a_small_picture_looks_like_the_painted_one(picture):
    assert np.abs(shown(picture) - decode(picture, "photo").pixels).mean() < 0.02


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_small_picture_is_upright(format_, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(gradient(), format_, exif=exif)
    assert np.abs(shown(data) - decode(data, "photo").pixels).mean() < 0.03


@pytest.mark.parametrize("profile", [None, rgb_profile(P3)])
def test_what_is_transparent_is_white(profile):
    found = shown(saved(see_through(), "PNG", icc_profile=profile))
    opaque = shown(saved(gradient(), "PNG", icc_profile=profile))
    assert found[:, 0].min() > 0.95
    assert np.abs(found[:, -1] - opaque[:, -1]).mean() < 0.02


def test_hidden_colours_leave_no_fringe():
    image = plain((255, 255, 255, 255), "RGBA", 64)
    image.paste((0, 0, 0, 0), (0, 0, 31, 64))
    assert shown(saved(image, "PNG"), 16).min() > 0.97


def test_a_small_picture_is_never_larger_than_the_file():
    assert shown(saved(plain((9, 9, 9)), "PNG"), 500).shape == (32, 32, 3)


def test_what_cannot_be_reduced_is_named():
    with pytest.raises(PictureError, match=r"^odd\.jpg: is damaged or incomplete"):
        reduced_jpeg(saved(gradient(), "JPEG")[:200], "odd.jpg", 80)


def test_a_mask_is_resized_without_ringing():
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    out = resize(mask, 24, 24)
    assert out.shape == (24, 24) and out.dtype == np.float32
    assert (out[:, :10] == 0).all() and (out[:, 14:] == 1).all()


@pytest.mark.slow
def test_a_small_picture_of_a_jpeg_takes_little_memory_unless_all_coefficients_are_held():
    large = Image.new("L", (12_000, 12_000), 99)
    plain_file, progressive = (saved(large, "JPEG", progressive=how) for how in (False, True))
    assert reduced_jpeg(plain_file, "photo", 320, available=60_000_000)
    with pytest.raises(MemoryShortError, match=r"^photo: .* 1\.5 GB of memory"):
        reduced_jpeg(progressive, "photo", 320, available=60_000_000)
