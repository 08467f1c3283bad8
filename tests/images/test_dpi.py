"""The resolution of results, read by other code than wrote it."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.pictures import decode, gradient, saved

from painterly.images.encode import encode
from painterly.images.output import OutputFormat
from painterly.settings.settings import Settings

X, Y, UNIT, ORIENTATION = 0x011A, 0x011B, 0x0128, 0x0112
EXTENSIONS = ("jpg", "png", "webp", "tiff")
SHADES = np.random.default_rng(0).random((30, 40, 3), np.float32)


def exif(across=None, down=None, unit=None, **others):
    block = Image.Exif()
    tags = {X: across, Y: down, UNIT: unit, ORIENTATION: others.get("orientation")}
    for tag, value in tags.items():
        if value is not None:
            block[tag] = value
    return block.tobytes()


def jfif(data):
    """The density in the first segment of a JPEG, and its unit."""
    assert data[2:4] == b"\xff\xe0" and data[6:11] == b"JFIF\0"
    return struct.unpack(">BHH", data[13:18])


def phys(data):
    """The pixels per unit of a PNG, or None."""
    at = data.find(b"pHYs")
    return None if at < 0 else struct.unpack(">LLB", data[at + 4 : at + 13])


def in_exif(data):
    tags = Image.open(io.BytesIO(data)).getexif()
    return tags.get(X), tags.get(Y), tags.get(UNIT)


def tiff_tags(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages[0].tags
        values = (tags[X].value, tags[Y].value) if X in tags else ((0, 1), (0, 1))
        return *(one / other for one, other in values), int(tags[UNIT].value) if X in tags else 0


def printed_at(data, extension):
    """The dots per inch of a result, across and down; None without."""
    if extension == "jpg":
        unit, *density = jfif(data)
        return tuple(density) if unit == 1 else None
    if extension == "png":
        found = phys(data)
        return found and tuple(round(0.0254 * each, 1) for each in found[:2])
    across, down, unit = tiff_tags(data) if extension == "tiff" else in_exif(data)
    return (float(across), float(down)) if unit == 2 else None


def tiff(**options):
    file = io.BytesIO()
    tifffile.imwrite(file, np.asarray(gradient()), photometric="rgb", **options)
    return file.getvalue()


PHOTOS = {
    "JPEG, by JFIF": lambda: saved(gradient(), "JPEG", dpi=(300, 300)),
    "JPEG, by EXIF": lambda: saved(gradient(), "JPEG", exif=exif(300, 300, 2)),
    "JPEG, whose EXIF says other": lambda: saved(
        gradient(), "JPEG", dpi=(300, 300), exif=exif(72, 72, 2)
    ),
    "PNG": lambda: saved(gradient(), "PNG", dpi=(300, 300)),
    "TIFF": lambda: tiff(resolution=(300, 300), resolutionunit="inch"),
    "TIFF in centimetres, high byte first": lambda: tiff(
        resolution=((30000, 254), (30000, 254)), resolutionunit="centimeter", byteorder=">"
    ),
    "TIFF of 16 bits": lambda: tiff16(),
    "WebP": lambda: saved(gradient(), "WEBP", exif=exif(300, 300, 2)),
    "HEIC": lambda: saved(gradient(), "HEIF", exif=exif(300, 300, 2)),
    "BMP": lambda: saved(gradient(), "BMP", dpi=(300, 300)),
}


def tiff16():
    file = io.BytesIO()
    values = np.asarray(gradient(), np.uint16) * 257
    tifffile.imwrite(file, values, photometric="rgb", resolution=(300, 300), resolutionunit="inch")
    return file.getvalue()


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("kind", PHOTOS)
def test_a_result_is_printed_at_the_resolution_of_its_photo(kind, extension):
    picture = decode(PHOTOS[kind](), "photo")
    for depth in (8, 16) if extension == "tiff" else (8,):
        data = encode(SHADES, OutputFormat(extension, depth=depth), picture)
        assert printed_at(data, extension) == (300, 300)
        assert in_exif(data) in ((300, 300, 2), (None, None, None))
        assert decode(data, "result").dpi == (300, 300)


NONE = {
    "JPEG": lambda: saved(gradient(), "JPEG"),
    "JPEG with EXIF": lambda: saved(gradient(), "JPEG", exif=exif(orientation=1)),
    "JPEG with proportions": lambda: saved(gradient(), "JPEG", exif=exif(300, 300, 1)),
    "PNG": lambda: saved(gradient(), "PNG"),
    "TIFF": lambda: saved(gradient(), "TIFF"),
    "TIFF without a unit": lambda: tiff(),
    "GIF": lambda: saved(gradient(), "GIF"),
}


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("kind", NONE)
def test_a_result_of_a_photo_without_resolution_has_none(kind, extension):
    data = encode(SHADES, OutputFormat(extension), decode(NONE[kind](), "photo"))
    assert printed_at(data, extension) is None


@pytest.mark.parametrize("block", [exif(0, 0, 2), exif(300), exif(300, 300, 7), exif(1e9, 1e9, 2)])
def test_a_resolution_of_nonsense_is_none(block):
    picture = decode(saved(gradient(), "JPEG", exif=block), "photo")
    assert picture.dpi is None
    assert jfif(encode(SHADES, OutputFormat("jpg"), picture))[0] == 0


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_resolution_that_differs_across_and_down_turns_with_the_photo(extension):
    block = exif(200, 100, 2, orientation=6)
    picture = decode(saved(gradient(), "JPEG", dpi=(200, 100), exif=block), "photo")
    data = encode(SHADES, OutputFormat(extension), picture)
    assert printed_at(data, extension) == (100, 200)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_dpi_that_are_given_replace_the_photos(extension):
    for photo in (PHOTOS["JPEG, by EXIF"](), PHOTOS["PNG"](), NONE["JPEG"]()):
        picture = decode(photo, "photo").printed(Settings(dpi=240))
        assert picture.size == (60, 80)
        data = encode(SHADES, OutputFormat(extension), picture)
        assert printed_at(data, extension) == (240, 240)


def test_on_paper_a_picture_is_cropped_with_its_alpha():
    image = gradient().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((80, 60)).rotate(90))
    picture = decode(saved(image, "PNG"), "photo")
    shown = picture.printed(Settings(paper="20x20cm"))
    assert shown.size == (60, 60) and shown.dpi == (300, 300)
    assert np.array_equal(shown.pixels_int, picture.pixels_int[:, 10:70])
    assert np.array_equal(shown.alpha_int, picture.alpha_int[:, 10:70])
