"""Files that cannot be decoded are refused in one line that names them."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile, TiffImagePlugin
from PIL.ExifTags import Base
from support.pictures import FORMATS, decode, decode_mask, gradient, plain, png16, saved

from painterly.errors import MemoryShortError, PictureError
from painterly.images.header import MIN_SIDE

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def refusal(data, name="beach.jpg"):
    with pytest.raises(PictureError) as caught:
        decode(data, name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and text.count("\n") == 0
    assert not any(noise in text for noise in ("Error", "<", "0x", "Traceback", "b'"))
    return text


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        *((each, {}) for each in (*FORMATS, "AVIF", "GIF", "BMP")),
        ("JPEG", {"progressive": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_a_truncated_picture_is_refused_by_name(format_, options):
    data = saved(gradient(), format_, **options)
    for share in (0.1, 0.5, 0.9):
        assert "damaged or incomplete" in refusal(data[: int(len(data) * share)])


def test_an_empty_file_is_called_so():
    assert "is empty (0 bytes); send it again" in refusal(b"")


def test_a_decompression_bomb_is_refused_from_its_header(recwarn):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = bytearray(saved(gradient(), "PNG"))
    data[16:29] = header
    data[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    text = refusal(bytes(data), "bomb.png")
    assert "has 3600 megapixels; at most 200 are read; make it smaller" in text
    for width in (15000, 21000):
        data[16:24] = struct.pack(">II", width, 14000)
        data[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + data[16:29]))
        assert f"has {14 * width // 1000} megapixels" in refusal(bytes(data), "bomb.png")
    # Files that other tests left unclosed may be collected here, with a warning.
    assert not [each for each in recwarn if each.category is not ResourceWarning]


@pytest.mark.parametrize("size", [(1, 800), (800, 1), (MIN_SIDE - 1, 400)])
def test_a_picture_too_thin_to_paint_is_refused_naming_the_smallest_side(size):
    text = refusal(saved(Image.new("RGB", size), "PNG"))
    assert f"{size[0]} × {size[1]}" in text and "16 pixels" in text
    smallest = decode(saved(plain("red", side=MIN_SIDE), "PNG"), "dot.png")
    assert smallest.size == (MIN_SIDE, MIN_SIDE)


@pytest.mark.parametrize("others", ["pages", "directories"])
def test_a_raw_photo_of_which_only_the_preview_can_be_read_is_refused(others):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[Base.NewSubfileType] = 1
    preview = gradient(80, 60)
    assert decode(saved(preview, "TIFF", tiffinfo=tags), "alone.tiff").size == (60, 80)
    options = {"save_all": True, "append_images": [gradient(800, 600)]}
    if others == "directories":
        tags[Base.SubIFDs], options = 8, {}
    text = refusal(saved(preview, "TIFF", tiffinfo=tags, **options), "photo.dng")
    assert "is not a picture that can be read; save it as JPEG or PNG" in text


def marked(*mark):
    """A 16-bit PNG, grey or in colour, that marks one colour as transparent."""
    values = np.full((32, 32, len(mark)), 60_000)
    chunk = b"tRNS", struct.pack(f">{len(mark)}H", *mark)
    return png16(values.squeeze(), [chunk], colour_type=0 if len(mark) == 1 else 2)


def tiff_of(kind, channels=3):
    """A TIFF of colours of a NumPy type."""
    out = io.BytesIO()
    tifffile.imwrite(out, np.zeros((32, 32, channels), kind), photometric="rgb")
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.new("I", (32, 32)), "TIFF"),
        saved(Image.new("F", (32, 32)), "TIFF"),
        *(tiff_of(kind) for kind in ("f2", "f4", "f8", "u4", "i2")),
        tiff_of("u1", 7),
        marked(777),
        marked(100, 777, 40_000),
        marked(0, 0, 0),
    ],
    ids=[
        *("32 bits", "floats", "f2", "f4", "f8", "u4", "i2", "spectral"),
        *("transparent grey", "transparent colour", "transparent black"),
    ],
)
def test_a_depth_that_is_not_read_is_refused(data):
    assert "is not a picture that can be read; save it as JPEG or PNG" in refusal(data)


def test_a_fully_transparent_picture_is_refused():
    assert "transparent" in refusal(saved(plain((9, 9, 9, 0), "RGBA"), "PNG"))


@pytest.mark.parametrize(
    "error", [OSError, SyntaxError, EOFError, struct.error, RuntimeError, MemoryError]
)
def test_whatever_the_libraries_raise_is_one_refusal(monkeypatch, in_place, error):
    def fail(*_):
        raise error("<noise> at 0x7f\n  File x")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    said = refusal(saved(gradient(), "BMP"))
    assert ("needs more memory" if error is MemoryError else "damaged") in said


def test_a_name_with_a_newline_is_written_in_one_line_as_in_the_log():
    with pytest.raises(PictureError) as caught:
        decode(b"", "my\nbeach\u2028\x1b.jpg")
    assert str(caught.value).startswith(r"my\nbeach\u2028\x1b.jpg: is empty")


@pytest.mark.parametrize("read", [decode, decode_mask])
def test_a_picture_that_would_not_fit_into_the_memory_is_refused_from_its_header(read):
    data = saved(plain((9, 9, 9, 9), "RGBA", 3000), "PNG")
    tracemalloc.start()
    with pytest.raises(
        MemoryShortError, match=r"^a\.png: decoding it takes 0.2 GB of memory, and 99"
    ):
        read(data, "a.png", 99_000_000)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
