"""Rare kinds of pictures: shown as other programs show them, or refused in one line."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.pictures import decode, gradient, png_chunk, reduced_jpeg, saved

from painterly.errors import PictureError
from painterly.images.picture_file import PictureFile

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def bmp(bits=24, compression=0, masks=(), alpha=False):
    """A BMP of 32 × 32 white pixels, of version 5."""
    fields = struct.pack("<LllHHLLllLL", 124, 32, 32, 1, bits, compression, 0, 0, 0, 0, 0)
    fields += struct.pack(f"<{len(masks)}L", *masks)
    pixel = b"\xff\xff\xff" + b"\0" * alpha if bits > 8 else b"\xff"
    pixels = pixel * 32 * 32
    return (
        b"BM" + struct.pack("<LLL", 138 + len(pixels), 0, 138) + fields.ljust(124, b"\0") + pixels
    )


def short_bmp():
    """A BMP of OS/2, version 2, with the 16 bytes of its header that are needed."""
    return b"BM" + struct.pack("<LLLLllHH", 1054, 0, 30, 16, 32, 32, 1, 8) + bytes(1024)


def tiff(compression):
    return with_tag(259, 5, compression)


def with_tag(tag, stored, value):
    """A TIFF with another value in a tag."""
    data = bytearray(saved(gradient(), "TIFF", compression="tiff_lzw"))
    at = data.index(struct.pack("<HHLL", tag, 3, 1, stored))
    data[at + 8 : at + 12] = struct.pack("<L", value)
    return bytes(data)


def planes(photometric, channels, dtype="u1", **options):
    """A TIFF of channels one after another."""
    out, pixels = io.BytesIO(), np.full((channels, 32, 32), 99, dtype)
    tifffile.imwrite(
        out, pixels, photometric=photometric, planarconfig="separate", metadata=None, **options
    )
    return out.getvalue()


def avif_with_matrix(matrix):
    data = saved(gradient(), "AVIF")
    at = data.index(b"nclx") + 8
    return data[:at] + struct.pack(">H", matrix) + data[at + 2 :]


def rewritten(data, iprp):
    """An AVIF with another box of properties; the places of its items follow."""
    start, meta = data.index(b"iprp") - 4, data.index(b"meta") - 4
    end = start + struct.unpack_from(">L", data, start)[0]
    out, by = bytearray(data), len(iprp) - (end - start)
    table = data.index(b"iloc") + 4  # Version 0, and one extent of 4 and 4 bytes for each item.
    for item in range(struct.unpack_from(">H", data, table + 6)[0]):
        place = table + 8 + 14 * item + 6
        out[place : place + 4] = struct.pack(">L", struct.unpack_from(">L", data, place)[0] + by)
    out[meta : meta + 4] = struct.pack(">L", struct.unpack_from(">L", data, meta)[0] + by)
    return bytes(out[:start] + iprp + out[end:])


def box_of(data, kind):
    """The body of the first box of a kind."""
    at = data.index(kind) - 4
    return data[at + 8 : at + struct.unpack_from(">L", data, at)[0]]


def boxed(kind, body):
    return struct.pack(">L4s", 8 + len(body), kind) + body


def cropped_avif():
    """An AVIF that shows 40 × 20 of its pixels, 10 to the left of the middle and 5 above it."""
    data = saved(gradient(), "AVIF")
    clap = boxed(b"clap", struct.pack(">8l", 40, 1, 20, 1, -10, 1, -5, 1))
    owned, table = box_of(data, b"ipco"), bytearray(box_of(data, b"ipma"))
    count, at = 1, 0
    while at < len(owned):
        count, at = count + 1, at + struct.unpack_from(">L", owned, at)[0]
    table[10] += 1
    table.append(0x80 | count)
    properties = boxed(b"ipco", owned + clap) + boxed(b"ipma", bytes(table))
    return rewritten(data, boxed(b"iprp", properties))


PNG = saved(gradient(), "PNG")
RARE = {
    "bit fields": bmp(32, 3, (255 << 3, 255 << 11, 255 << 19, 0)),
    "2 bits": bmp(2),
    "BMP of OS/2": short_bmp(),
    "BMP without its file header": saved(gradient(), "BMP")[14:],
    "TIFF in JPEG 2000": tiff(34712),
    "TIFF of an unknown compression": tiff(61234),
    "Lab in planes": planes("cielab", 3),
    "compressed Lab in planes": planes("cielab", 3, compression="zlib"),
    "grey and alpha in planes": planes("minisblack", 2, extrasamples=[2]),
    "CMYK of 16 bits in planes": planes("separated", 4, "u2"),
    "16 bits in planes": planes("rgb", 3, "u2"),
    "BigTIFF of Motorola": planes("rgb", 3, bigtiff=True, byteorder=">"),
    "AVIF of constant luminance": avif_with_matrix(10),
    "cropped AVIF": cropped_avif(),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n",
    "video": b"\0\0\0\x20ftypisom\0\0\2\0",
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60),
    "raw": b"FUJIFILMCCD-RAW" + bytes(60),
    "text": b"Dear diary, today I went to the beach.\n",
    "zeros": bytes(100),
}


@pytest.mark.parametrize("data", RARE.values(), ids=RARE)
@pytest.mark.parametrize("read", [decode, lambda data, name: reduced_jpeg(data, name, 32)])
def test_what_is_no_picture_that_can_be_read_is_refused_with_what_is(data, read, capfd):
    said = "photo: is not a picture that can be read; save it as JPEG or PNG"
    with pytest.raises(PictureError, match=f"^{said}$"):
        read(data, "photo")
    assert capfd.readouterr().err == "", "libraries write no lines of their own"


DAMAGED = saved(gradient(), "TIFF", compression="tiff_lzw")


@pytest.mark.parametrize(
    "data",
    [DAMAGED[:200] + bytes(200) + DAMAGED[400:], DAMAGED[:-20], tiff(50001)],
    ids=["data", "directory", "WebP in it"],
)
def test_a_damaged_tiff_is_called_damaged_and_leaves_no_lines_of_a_library(data, capfd, caplog):
    with pytest.raises(PictureError, match="damaged"):
        decode(data, "photo")
    assert capfd.readouterr().err == caplog.text == ""


def test_a_bmp_with_an_unset_alpha_is_seen_in_small_as_well():
    data = bmp(32, 3, (255 << 16, 255 << 8, 255, 255 << 24), alpha=True)
    small = Image.open(io.BytesIO(reduced_jpeg(data, "photo", 32)))
    assert decode(data).alpha_int is None and np.asarray(small).min() > 250


def test_orientation_in_a_text_of_an_older_name_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    text = f"Raw profile type APP1\0\napp1\n{len(block):8}\n{block.hex()}\n".encode()
    data = PNG[:33] + png_chunk(b"tEXt", text) + PNG[33:]
    assert decode(data).size == PictureFile(data, "photo").header.size == (80, 60)


def test_an_avif_that_names_its_brand_after_a_general_one_is_read():
    data = saved(gradient(), "AVIF")
    general = data[:8] + b"mif1" + data[12:]
    assert np.array_equal(decode(general).pixels_int, decode(data).pixels_int)
    assert PictureFile(general, "photo").format == "AVIF"
