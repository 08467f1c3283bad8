"""Small files that would take long to read, or gigabytes, without having the pixels for it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support.pictures import decode, gradient, png_chunk, saved

from painterly.errors import PictureError
from painterly.images.picture_file import PictureFile

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning:PIL"), pytest.mark.slow]

STORED = np.asarray(gradient())
LARGE = 4_000_000  # bytes of the longest files here


def repeated_scans(count):
    """A progressive JPEG whose last scan comes `count` times."""
    data = saved(gradient(), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * (count - 1) + data[-2:]


def png(before):
    data = saved(gradient(), "PNG")
    return data[:33] + before + data[33:]


def shared_values(count, length):
    """A TIFF structure of `count` tags that all have the same value."""
    value_at = 8 + 2 + 12 * count + 4
    entries = b"".join(
        struct.pack("<HHLL", 40_000 + number, 7, length, value_at) for number in range(count)
    )
    head = b"II*\0" + struct.pack("<LH", 8, count)
    return head + entries + bytes(4) + bytes(length)


def strips(count):
    """A TIFF of `count` pieces, all at the same offset."""
    tags = {256: (3, 1, 64), 257: (3, 1, 64), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    tags |= {273: (4, count, 8 + 2 + 12 * 9 + 4), 277: (3, 1, 1), 278: (3, 1, 1)}
    tags |= {279: (4, count, 8 + 2 + 12 * 9 + 4 + 4 * count)}
    directory = b"".join(struct.pack("<HHLL", tag, *entry) for tag, entry in sorted(tags.items()))
    head = b"II*\0" + struct.pack("<LH", 8, len(tags)) + directory + bytes(4)
    return head + struct.pack("<L", 8) * count + struct.pack("<L", 64) * count


def comments(count):
    """A GIF with a comment of as many blocks before its first frame."""
    data = saved(gradient(), "GIF")
    start = data.index(b"\x2c", 13 + 768)
    return data[:start] + b"!\xfe" + b"\x01x" * count + b"\0" + data[start:]


def text(length):
    """A PNG with a compressed text that expands to as many bytes."""
    return png(png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(length))))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "made",
    [
        lambda: repeated_scans(4000),
        lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * (LARGE // 4),
        lambda: png(png_chunk(b"prVt") * (LARGE // 12)),
        lambda: saved(gradient(), "PNG")[:33] + png_chunk(b"IDAT") * (LARGE // 12),
        lambda: shared_values(20_000, 1_000_000),
        lambda: strips(LARGE // 8),
        lambda: comments(LARGE // 2),
        lambda: text(700_000_000),
    ],
    ids=["scans", "segments", "chunks", "IDAT", "tags", "strips", "comments", "text"],
)
def test_a_file_of_far_too_many_parts_costs_itself_alone(made, cost):
    """It is read or refused in one line; the process that reads it is limited."""
    data = made()
    with cost() as spent:
        try:
            decode(data, "photo")
        except PictureError as refusal:
            assert str(refusal).startswith("photo: ") and "\n" not in str(refusal)
        assert np.array_equal(decode(saved(gradient(), "PNG"), "photo").pixels_int, STORED)
    assert spent.own_memory < 20 * LARGE and spent.memory < 500_000_000


@pytest.mark.thorough
def test_a_file_that_never_ends_is_given_up_by_processor_time():
    pytest.importorskip("resource")
    with pytest.raises(PictureError, match=r"^photo: takes too long to decode; export it anew as"):
        decode(png(png_chunk(b"prVt") * (20 * LARGE // 12)), "photo")


@pytest.mark.parametrize(
    "data",
    [
        repeated_scans(20),
        png(png_chunk(b"prVt", bytes(100)) * 2000),
        comments(5000),
        saved(gradient(), "TIFF", strip_size=240),
    ],
    ids=["scans", "chunks", "comments", "strips"],
)
def test_a_file_of_many_parts_is_read(data):
    seen = decode(data, "photo").pixels_int
    assert np.abs(seen.astype(int) - STORED).mean() < 6


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_exif_whose_tags_share_a_long_value_is_ignored(format_):
    data = saved(gradient(), format_, exif=shared_values(5000, 500_000))
    assert decode(data, "photo").exif is None
    PictureFile.without_position(data, "photo")


def test_an_animation_of_empty_frames_is_given_up():
    empty, out = Image.new("RGBA", (80, 60)), io.BytesIO()
    frames = [empty.copy() for _ in range(120)]
    for number, frame in enumerate(frames):
        frame.putpixel((0, 0), (number % 256, 0, 0, 0))
    empty.save(out, "PNG", save_all=True, append_images=frames)
    with pytest.raises(PictureError, match="fully transparent"):
        decode(out.getvalue(), "photo")
