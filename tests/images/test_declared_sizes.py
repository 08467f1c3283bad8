"""Files whose parts take far more memory than their headers say: they cost who asks nothing."""

import struct
import zlib

import pytest
from PIL import Image
from support.pictures import decode, flat_png, gradient, reduced_jpeg, saved

from painterly.errors import PictureError
from painterly.images.header import MAX_PIXELS
from painterly.images.picture_file import PictureFile

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning:PIL"), pytest.mark.slow]

MOST = 50_000_000  # bytes of memory, of who asks
# The process that decodes may take a picture of the most pixels that are read, with alpha.
MOST_OF_ALL = 4 * MAX_PIXELS + 2 * MOST


def gif(*frames, screen=(64, 64), between=b""):
    """A GIF of frames, each of (width, height, disposal, index), all transparent if that is 1."""
    out = b"GIF89a" + struct.pack("<2H3B", *screen, 0x80, 0, 0) + b"\xff\0\0\0\0\xff"
    for width, height, disposal, index in frames:
        out += b"!\xf9\4" + struct.pack("<BHB", disposal << 2 | 1, 0, 1) + b"\0"
        out += b"," + struct.pack("<4HB", 0, 0, width, height, 0)
        out += picture_data(index, min(width * height, 6000)) + between
    return out + b";"


def picture_data(index, count):
    """LZW codes of `count` pixels: a clearing code before every two, so all have 3 bits."""
    codes = [code for _ in range(count // 2) for code in (4, index, index)] + [5]
    bits = sum(code << 3 * number for number, code in enumerate(codes))
    data = bits.to_bytes(len(codes) * 3 // 8 + 1, "little")
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"\2" + b"".join(bytes([len(each)]) + each for each in blocks) + b"\0"


def webp(width, height):
    body = struct.pack("<4sLL", b"VP8X", 10, 16)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    still = saved(gradient(), "WEBP")
    return (
        still[:4] + struct.pack("<L", 4 + len(body) + len(still) - 12) + b"WEBP" + body + still[12:]
    )


def patched(format_, size, image=None, **options):
    """A HEIC or AVIF that declares another size than its picture has."""
    data = bytearray(saved(image or gradient(), format_, **options))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">2L", *size)
    return bytes(data)


def tile(side):
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 322: side, 323: side, 324: 200, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries).ljust(220, b"\0")


def jpeg(side, **options):
    data = bytearray(saved(gradient(), "JPEG", **options))
    at = data.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">2H", side, side)
    return bytes(data)


def strip(side, compression):
    tags = {256: side, 257: side, 258: 8, 259: compression, 262: 2, 273: 200, 277: 3, 279: 20}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    packed = zlib.compress(bytes(100))
    return (struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries).ljust(200, b"\0") + packed


def lossless_webp(side, noise=0):
    """A WebP of a few bytes for any number of pixels, or of the bytes of a smaller one's noise."""
    image = Image.effect_noise((noise, noise), 100) if noise else Image.new("L", (64, 64))
    data = bytearray(saved(image.convert("RGB"), "WEBP", lossless=True))
    struct.pack_into("<L", data, 21, (side - 1) | (side - 1) << 14)
    return bytes(data)


read_and_reduced = pytest.mark.parametrize(
    "read", [decode, lambda data, name: reduced_jpeg(data, name, 32)], ids=["read", "reduced"]
)


@read_and_reduced
@pytest.mark.parametrize(
    ("data", "said"),
    [
        *((gif((65_535, 65_535, disposal, 0)), "has 4294 megapixels") for disposal in (1, 2, 3)),
        (gif((64, 20_000, 1, 0), screen=(65_535, 64)), "has 1310 megapixels; at most 200 are read"),
        (gif((64, 64, 1, 1), (60_000, 60_000, 2, 0)), "has 3600 megapixels"),
        (webp(16_384, 16_384), "has 268 megapixels"),
        (patched("HEIF", (20_000, 20_000)), "damaged"),
        (patched("AVIF", (20_000, 20_000)), "damaged"),
        (patched("AVIF", (14_000, 14_000)), "has 196 megapixels in .* kB"),
        (tile(60_000), "needs more memory"),
        (jpeg(14_000), "has 196 megapixels in"),
        (jpeg(14_000, progressive=True), "has 196 megapixels in"),
        (jpeg(14_000)[:-2], "has 196 megapixels in"),
        (strip(14_000, 5), "damaged"),
        (strip(14_000, 8), "damaged"),
        (flat_png(5000, missing=5000), "damaged"),
        (lossless_webp(14_000), "196 megapixels in 0.0 kB, so next to nothing is seen in it"),
        (lossless_webp(14_000, 700), "damaged"),
    ],
    ids=[
        *("GIF", "GIF disposed", "GIF restored", "GIF both", "second frame"),
        *("WebP", "HEIC", "AVIF", "enlarged AVIF", "tile"),
        *("JPEG", "progressive", "without end", "LZW", "Deflate", "PNG"),
        *("flat WebP", "damaged WebP"),
    ],
)
def test_a_file_that_would_take_far_more_than_it_has_takes_nothing_of_who_asks(
    data, said, read, cost
):
    with cost() as spent, pytest.raises(PictureError, match=f"^photo: .*{said}"):
        read(data, "photo")
    assert spent.own_memory < MOST and spent.memory < MOST_OF_ALL


@pytest.fixture(scope="module")
def larger_heic():
    """A HEIC of 48 megapixels that declares 40 × 30 pixels. It takes seconds to encode."""
    flat = Image.new("RGB", (8000, 6000), "olive")
    return patched("HEIF", (40, 30), flat, enc_params={"preset": "ultrafast"})


@pytest.mark.thorough
@read_and_reduced
def test_a_heic_far_larger_than_it_declares_takes_nothing_of_who_asks(larger_heic, read, cost):
    with (
        cost() as spent,
        pytest.raises(PictureError, match=r"^photo: .*needs more memory than 0\.4 GB"),
    ):
        read(larger_heic, "photo")
    assert spent.own_memory < MOST and spent.memory < MOST_OF_ALL


def test_a_frame_larger_than_its_screen_is_read_whole():
    data = gif((80, 64, 1, 0), screen=(16, 16))
    assert PictureFile(data, "photo").header.size == decode(data).size == (64, 80)


def test_the_memory_of_an_avif_is_estimated_for_10_bits():
    # In full colour, its stream and its pixels took 14 bytes a pixel.
    data = saved(gradient(800, 600), "AVIF")
    assert PictureFile(data, "photo").header.bytes_to_decode > 14 * 800 * 600 + 20_000_000


def test_a_stream_of_another_size_than_its_file_declares_is_damaged():
    data = patched("HEIF", (40, 30))
    with pytest.raises(PictureError, match="damaged"):
        decode(data, "photo")
