"""Headers read from the first bytes of a picture file."""

import numpy as np
import pytest
from PIL import Image, ImageFile
from support.pictures import decode, png16, saved

from painterly.images.picture_file import PictureFile, read_header

START = 4096
PIXELS = np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8)


@pytest.mark.parametrize(
    "kind, turned",
    [
        *((kind, False) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")),
        *((kind, True) for kind in ("JPEG", "PNG", "TIFF", "HEIF", "AVIF")),
    ],
    ids=str,
)
def test_the_first_bytes_of_a_file_say_what_all_of_them_do(kind, turned):
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    data = saved(Image.fromarray(PIXELS), kind, **({"exif": on_its_side} if turned else {}))
    header = read_header(data[:START], "name", len(data))
    assert len(data) > START
    turns = turned and kind != "HEIF"  # It says in its own way how it is shown.
    assert header.size == decode(data, "name").size == ((160, 96) if turns else (96, 160))
    assert header == PictureFile(data, "name").header


def test_a_size_that_the_first_bytes_lack_is_not_known():
    behind_a_preview = saved(
        Image.fromarray(PIXELS), "JPEG", comment=b"x" * 9000, icc_profile=b"y" * 9000
    )
    compressed = saved(Image.fromarray(PIXELS), "TIFF", compression="tiff_lzw")
    for data in (behind_a_preview, compressed):
        assert read_header(data[:START], "name", len(data)) is None
        assert read_header(data, "name", len(data)).size == (96, 160)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"])
def test_no_pixel_is_read_before_it_is_asked_for(kind, monkeypatch, in_place):
    loaded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: loaded.append(image))
    file = PictureFile(saved(Image.fromarray(PIXELS), kind), "name")
    assert file.header.size == (96, 160) and not loaded


def test_the_memory_of_a_png_of_16_bits_is_that_of_its_values():
    values = np.zeros((40, 60, 3), np.uint16)
    data = png16(values, colour_type=2)
    assert PictureFile(data, "name").header.bytes_decoded == decode(data).pixels_int.nbytes


def test_exif_behind_the_pixels_of_a_png_counts():
    on_its_side = Image.Exif()
    on_its_side[0x0112], on_its_side[0x010F] = 6, "A camera"
    data = saved(Image.fromarray(PIXELS), "PNG", exif=on_its_side)
    at = data.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    data = data[:at] + data[end:-12] + data[at:end] + data[-12:]
    picture = decode(data)
    assert PictureFile(data, "name").header.size == picture.size == (160, 96)
    assert b"A camera" in picture.exif
