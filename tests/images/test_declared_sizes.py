"""Small files that declare large sizes in their parts: refused before anything is allocated."""

import struct
import zlib

import pytest
from PIL import Image
from support.pictures import decode, flat_png, gradient, reduced_jpeg, saved

from painterly.errors import PictureError
from painterly.images.opening import content_of
from painterly.images.picture_file import PictureFile

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

TOO_MANY = r"^photo: is \d+ × \d+ pixels; at most 200 megapixels"
MOST = 400_000_000  # bytes of memory


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


def patched(format_, found, size):
    """A HEIC or AVIF whose first box of a kind declares another size."""
    data = bytearray(saved(gradient(), format_))
    at = data.index(found) + 8
    data[at : at + 8] = struct.pack(">2L", *size)
    return bytes(data)


def tile(side):
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 322: side, 323: side, 324: 200, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries).ljust(220, b"\0")


@pytest.mark.parametrize("read", [PictureFile, PictureFile.without_position, decode])
@pytest.mark.parametrize(
    "data",
    [
        *(gif((65_535, 65_535, disposal, 0)) for disposal in (1, 2, 3)),
        gif((64, 20_000, 1, 0), screen=(65_535, 64)),
        webp(16_384, 16_384),
        patched("HEIF", b"ispe", (20_000, 20_000)),
        patched("AVIF", b"ispe", (20_000, 20_000)),
        tile(20_000),
    ],
    ids=["GIF", "GIF disposed", "GIF restored", "GIF both", "WebP", "HEIC", "AVIF", "TIFF"],
)
def test_a_large_size_of_a_part_is_refused_before_it_is_allocated(data, read, cost):
    with cost() as spent, pytest.raises(PictureError, match=TOO_MANY):
        read(data, "photo")
    assert spent.memory < MOST


@pytest.mark.parametrize("between", [b"", b"\0\0"])
@pytest.mark.parametrize("disposal", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_frame_beyond_the_picture_is_not_read(frames, disposal, between, cost):
    empty = [(64, 64, 1, 1)] * frames
    data = gif(*empty, (20_000, 20_000, disposal, 0), (20_000, 20_000, 1, 0), between=between)
    for read in (decode, lambda data, name: reduced_jpeg(data, name, 32)):
        with cost() as spent, pytest.raises(PictureError, match="fully transparent"):
            read(data, "photo")
        assert spent.memory < MOST
    shown = decode(gif(*empty, (64, 64, disposal, 0), (20_000, 20_000, 1, 0)), "photo")
    assert (shown.pixels_int == (255, 0, 0)).all(), "the first frame that shows something"


def test_a_frame_larger_than_its_screen_is_read_whole():
    data = gif((80, 64, 1, 0), screen=(16, 16))
    assert PictureFile(data, "photo").header.size == decode(data).size == (64, 80)


def test_an_avif_that_declares_far_more_than_it_has_is_refused_before_it_is_decoded(cost):
    with cost() as spent, pytest.raises(PictureError, match="damaged"):
        decode(patched("AVIF", b"ispe", (14_000, 14_000)), "photo")
    assert spent.memory < MOST


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


def lossless_webp(side):
    """A WebP of a few bytes for any number of pixels."""
    data = bytearray(saved(Image.new("RGB", (64, 64)), "WEBP", lossless=True))
    struct.pack_into("<L", data, 21, (side - 1) | (side - 1) << 14)
    return bytes(data)


def taller_png(height):
    """A PNG of 64 × 64 pixels that says it is higher."""
    data = bytearray(saved(Image.new("L", (64, 64)), "PNG"))
    struct.pack_into(">L", data, 20, height)
    struct.pack_into(">L", data, 29, zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("read", [decode, lambda data, name: reduced_jpeg(data, name, 32)])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (jpeg(14_000), "damaged"),
        (jpeg(14_000, progressive=True), "damaged"),
        (jpeg(14_000)[:-2], "damaged"),
        (strip(14_000, 5), r"one piece of 588 MB in a file of 0.0 MB\); save it in strips"),
        (strip(14_000, 8), "one piece of 588 MB"),
        (flat_png(11_000, missing=5000), "damaged"),
        (taller_png(12_800), "damaged"),
        (lossless_webp(14_000), "196 megapixels in 0.0 kB, so next to nothing is seen in it"),
    ],
    ids=["JPEG", "progressive", "without end", "LZW", "Deflate", "PNG", "higher PNG", "WebP"],
)
def test_data_that_cannot_hold_the_pixels_are_refused_before_these_are_allocated(
    data, said, read, cost
):
    with cost() as spent, pytest.raises(PictureError, match=f"^photo: .*{said}"):
        read(data, "photo")
    assert spent.memory < MOST


def test_the_memory_of_an_avif_is_estimated_for_10_bits():
    # In full colour, its stream and its pixels took 14 bytes a pixel.
    data = saved(gradient(800, 600), "AVIF")
    assert PictureFile(data, "photo").header.bytes_to_decode > 14 * 800 * 600 + 20_000_000


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_the_smallest_jpeg_of_a_large_picture_is_no_damaged_one(options):
    data = saved(Image.new("RGB", (5000, 4008)), "JPEG", quality=1, optimize=True, **options)
    assert not content_of(data).is_short


def test_a_stream_of_another_size_than_its_file_declares_is_damaged():
    data = patched("HEIF", b"ispe", (40, 30))
    with pytest.raises(PictureError, match="damaged"):
        decode(data, "photo")
