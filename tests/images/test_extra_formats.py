"""JPEG XL and cameras' raw files, by the extra `formats`."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.pictures import decode, gradient, reduced_jpeg, saved, see_through

from painterly.configuration.web_options import WebOptions
from painterly.errors import PictureError
from painterly.images.files import boxes, extra_formats
from painterly.images.picture_file import UNLIMITED, PictureFile, read_header
from painterly.jobs.schemas import ApiError
from painterly.jobs.upload import checked_upload

pytest.importorskip("pillow_jxl", reason="./start.sh setup --dev installs it")
pytest.importorskip("rawpy", reason="./start.sh setup --dev installs it")


def jxl(size=(80, 60), **options):
    return saved(gradient(*size), "JXL", lossless=True, **options)


def dng(linear, orientation=1):
    """A DNG with a Bayer pattern, from linear sRGB [H, W, 3] of even height and width."""
    mosaic = linear[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = linear[::2, ::2, 0], linear[1::2, 1::2, 2]
    # X, Y, Z → the camera's values, in ten-thousandths: the camera sees linear sRGB.
    camera = [32_405, -15_371, -4985, -9693, 18_760, 416, 556, -2040, 10_572]
    ones = (1, 1, 1, 1, 1, 1)
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        np.rint(mosaic * 65_535).astype(np.uint16),
        photometric="cfa",
        metadata=None,
        extratags=[
            (271, "s", 0, "Painterly", True),
            (272, "s", 0, "Pinhole", True),
            (274, "H", 1, orientation, True),
            (33421, "H", 2, (2, 2), True),
            (33422, "B", 4, (0, 1, 1, 2), True),
            (50706, "B", 4, (1, 4, 0, 0), True),
            (50708, "s", 0, "Painterly Pinhole", True),
            (50717, "I", 1, 65_535, True),
            (50721, "2i", 9, tuple(part for each in camera for part in (each, 10_000)), True),
            (50728, "2I", 3, ones, True),
            (50778, "H", 1, 21, True),
        ],
    )
    return out.getvalue()


def sky():
    """A smooth picture, sRGB 0…1 [200, 300, 3], and its linear light."""
    y, x = np.mgrid[:200, :300] / 300
    srgb = 0.2 + 0.75 * np.stack([x, y + 0.3, 1 - x], -1)
    return srgb, np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("size", [(80, 60), (64, 64), (1000, 20), (256, 512), (160, 90)])
@pytest.mark.parametrize("in_boxes", [False, True])
def test_a_jpeg_xl_is_read_and_its_size_is_in_its_first_bytes(size, in_boxes):
    data = jxl(size, use_container=in_boxes)
    picture = decode(data, "photo.jxl")
    assert picture.format == "JXL"
    assert np.array_equal(picture.pixels_int, np.asarray(gradient(*size)))
    assert read_header(data[:100], "photo.jxl", len(data)).size == picture.size
    assert PictureFile(data, "photo").header.bytes_to_decode > 16 * size[0] * size[1]


def test_the_alpha_of_a_jpeg_xl_is_kept():
    picture = decode(saved(see_through(), "JXL", lossless=True), "logo.jxl")
    assert np.array_equal(picture.alpha_int, np.asarray(see_through().getchannel("A")))


@pytest.mark.parametrize("read", [PictureFile, PictureFile.without_position])
def test_a_jpeg_xl_is_turned_by_its_codestream_alone(read):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = read(jxl(exif=exif.tobytes()), "photo")
    assert file.decode(UNLIMITED).size == file.header.size == (60, 80)
    assert file.reduced(64, UNLIMITED).size == (64, 48)


def test_a_jpeg_in_a_jpeg_xl_is_turned_as_it_says(tmp_path):
    exif, path = Image.Exif(), tmp_path / "photo.jpg"
    exif[0x0112] = 6
    gradient().save(path, exif=exif)
    with Image.open(path) as image:
        file = PictureFile(saved(image, "JXL", lossless_jpeg=True), "photo")
    assert file.decode(UNLIMITED).size == file.header.size == (80, 60)


def test_a_jpeg_xl_of_gigapixels_is_refused_before_it_is_decoded():
    # div8 0; the height 1 + 30 bits; ratio 1:1.
    bits = 0b1111 | (40_000 - 1) << 3 | 1 << 33
    data = b"\xff\x0a" + (bits & ~1).to_bytes(6, "little") + bytes(100)
    with pytest.raises(PictureError, match="has 1600 megapixels; at most 200 are read"):
        decode(data, "bomb.jxl")


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_raw_photo_is_developed_in_16_bits_and_upright(orientation):
    _, linear = sky()
    data = dng(linear, orientation)
    picture = decode(data, "IMG_1.dng")
    if orientation == 6:
        linear = np.rot90(linear, -1)
    assert picture.format == "RAW" and picture.pixels_int.dtype == np.uint16
    seen = ((picture.pixels + 0.055) / 1.055) ** 2.4
    gain = (seen / linear)[8:-8, 8:-8][linear.max(-1)[8:-8, 8:-8] < 0.6]
    assert 1 <= gain.mean() < 1.3 and gain.std() < 0.03  # LibRaw brightens by the brightest.
    assert read_header(data, "IMG_1.dng", len(data)).size == picture.size == linear.shape[:2]
    assert len(reduced_jpeg(data, "IMG_1.dng", 64)) > 500


def test_a_cut_jpeg_xl_is_refused():
    for data in (jxl((600, 300)), jxl(use_container=True)):
        with pytest.raises(PictureError, match="photo: is damaged"):
            decode(data[:-1], "photo")


def test_a_damaged_file_is_refused_by_name():
    for data in (jxl()[:60], dng(sky()[1])[:20_000]):
        with pytest.raises(PictureError, match=r"photo: .*export it"):
            decode(data, "photo")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (jxl(), "a JPEG XL picture"),
        (jxl(use_container=True), "a JPEG XL picture"),
        (dng(sky()[1]), "a camera's raw file"),
        (b"\0\0\0\x18ftypcrx " + bytes(100), "a camera's raw file"),
        (b"FUJIFILMCCD-RAW " + bytes(100), "a camera's raw file"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "a camera's raw file"),
    ],
)
def test_without_the_extra_its_formats_are_named_with_what_installs_it(
    data, kind, monkeypatch, in_place
):
    monkeypatch.setattr(extra_formats, "find_spec", lambda name: None)
    with pytest.raises(PictureError) as refusal:
        decode(data, "photo")
    assert f"photo: is {kind}; export it as JPEG or PNG, or install" in str(refusal.value)
    assert "setup --formats" in str(refusal.value)


def test_a_tiff_whose_first_pixel_spells_cr_is_not_a_raw_file(monkeypatch, in_place):
    monkeypatch.setattr(extra_formats, "find_spec", lambda name: None)
    pixels = np.full((32, 40), 0x5243, "<u2")  # CR, in the file's order
    tags = {256: (3, 1, 40), 257: (3, 1, 32), 258: (3, 1, 16), 259: (3, 1, 1), 262: (3, 1, 1)}
    tags |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (3, 1, 32), 279: (4, 1, pixels.nbytes)}
    directory = b"".join(struct.pack("<HHLL", tag, *entry) for tag, entry in tags.items())
    directory = struct.pack("<H", len(tags)) + directory + bytes(4)
    data = b"II*\0" + struct.pack("<L", 8 + pixels.nbytes) + pixels.tobytes() + directory
    assert (decode(data, "photo").pixels_int == 0x5243).all()


# A red, a green and a blue picture of 64 × 64 pixels, 0.1 s each.
ANIMATION = bytes.fromhex(
    "ff0a4f040308282e0908029209000064004b188b1500d41f6330f62f10010020417e012001fd724d"
    "14140802920900006c004b188b1500d41f638c7163fc0b44000030a45f00488098a5b09601080292"
    "050060004b188b1500d41b638c7163dc0b440000309ac5887e229901"
)


@pytest.mark.parametrize("in_boxes", [False, True])
def test_an_animated_jpeg_xl_is_refused_by_name(in_boxes):
    data = ANIMATION
    if in_boxes:
        parts = (ANIMATION[:20], 0), (ANIMATION[20:], 1 | 1 << 31)
        data = boxes.JXL_STARTS[1] + struct.pack(">L4s", 20, b"ftyp") + b"jxl \0\0\0\0jxl "
        for part, number in parts:
            data += struct.pack(">L4sL", 12 + len(part), b"jxlp", number) + part
    for read in (decode, lambda data, name: read_header(data[:200], name, len(data))):
        with pytest.raises(PictureError, match="photo: is an animated JPEG XL"):
            read(data, "photo")


def test_visitors_are_not_told_what_to_install(monkeypatch, in_place):
    monkeypatch.setattr(extra_formats, "find_spec", lambda name: None)
    with pytest.raises(ApiError) as refusal:
        checked_upload("photo.jxl", jxl(), WebOptions("127.0.0.1", 8000))
    assert str(refusal.value) == "photo.jxl: is a JPEG XL picture; export it as JPEG or PNG"
