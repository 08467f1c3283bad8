"""Headers read from the first bytes of a picture file."""

import struct

import numpy as np
import pytest
from PIL import Image
from support.pictures import saved

from painterly.images.decode import decode
from painterly.images.opening import bytes_to_decode, read_header

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
    assert header == read_header(data, "name", len(data)) and len(data) > START
    turns = turned and kind != "HEIF"  # It says in its own way how it is shown.
    assert header.size == decode(data, "name").size == ((160, 96) if turns else (96, 160))
    assert header.bytes_to_decode == bytes_to_decode(data)


def test_a_size_that_the_first_bytes_lack_is_not_known():
    behind_a_preview = saved(
        Image.fromarray(PIXELS), "JPEG", comment=b"x" * 9000, icc_profile=b"y" * 9000
    )
    compressed = saved(Image.fromarray(PIXELS), "TIFF", compression="tiff_lzw")
    for data in (behind_a_preview, compressed):
        assert read_header(data[:START], "name", len(data)) is None
        assert read_header(data, "name", len(data)).size == (96, 160)


def test_a_tile_larger_than_its_picture_counts():
    """A TIFF of 1 MB with 64 × 64 pixels can hold a tile that takes 1.2 GB."""
    side, tile = 64, 20_000
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 322: tile, 323: tile, 324: 200, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries
    assert bytes_to_decode(data.ljust(220, b"\0")) > 3 * tile**2
