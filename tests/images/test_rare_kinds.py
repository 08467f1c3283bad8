"""Rare kinds of pictures: shown as other programs show them, or refused as rare, not as damaged."""

import io
import re
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


APPLE = saved(gradient(), "PNG")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bmp(32, 3, (255 << 3, 255 << 11, 255 << 19, 0)), "a BMP of a rare kind (32 bits a pixel"),
        (bmp(2), "a BMP of a rare kind (2 bits a pixel"),
        (tiff(50001), "a TIFF of a rare kind (WebP)"),
        (tiff(34712), "a TIFF of a rare kind (JPEG 2000)"),
        (tiff(61234), "a TIFF of a rare kind (compression 61234)"),
        (planes("cielab", 3), "a TIFF of a rare kind (3 channels one after another, LAB)"),
        (planes("cielab", 3, compression="zlib"), "3 channels one after another, LAB"),
        (planes("minisblack", 2, extrasamples=[2]), "2 channels one after another, LA"),
        (planes("minisblack", 2, extrasamples=[2], compression="zlib"), "one after another, LA"),
        (planes("separated", 4, "u2"), "4 channels one after another, CMYK"),
        (planes("rgb", 3, bigtiff=True, byteorder=">"), "(BigTIFF in the byte order of Motorola)"),
        (short_bmp(), "a BMP of a rare kind (8 bits a pixel"),
        (APPLE[:8] + png_chunk(b"CgBI", bytes(4)) + APPLE[8:], "a PNG of Apple's own kind"),
        *((avif_with_matrix(each), f"a rare kind (matrix {each} of H.273") for each in (10, 13)),
    ],
    ids=[
        *("bit fields", "2 bits", "WebP", "JPEG 2000", "unknown", "Lab", "Lab compressed"),
        *(
            "grey and alpha",
            "grey and alpha compressed",
            "CMYK of 16 bits",
            "BigTIFF",
            "OS/2",
            "CgBI",
            "10",
            "13",
        ),
    ],
)
@pytest.mark.parametrize("read", [decode, lambda data, name: reduced_jpeg(data, name, 32)])
def test_a_rare_kind_is_named_with_what_is_read(data, said, read, capfd):
    with pytest.raises(PictureError) as refusal:
        read(data, "photo")
    assert said in str(refusal.value) and re.search("save it|export it", str(refusal.value))
    assert capfd.readouterr().err == "", "libraries write no lines of their own"


DAMAGED = saved(gradient(), "TIFF", compression="tiff_lzw")


@pytest.mark.parametrize(
    "data",
    [DAMAGED[:200] + bytes(200) + DAMAGED[400:], with_tag(277, 3, 65_535), with_tag(257, 60, 0)],
    ids=["data", "channels", "height"],
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
    data = APPLE[:33] + png_chunk(b"tEXt", text) + APPLE[33:]
    assert decode(data).size == PictureFile(data, "photo").header.size == (80, 60)


# AVIF


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


def test_an_avif_that_names_its_brand_after_a_general_one_is_read():
    data = saved(gradient(), "AVIF")
    general = data[:8] + b"mif1" + data[12:]
    assert np.array_equal(decode(general).pixels_int, decode(data).pixels_int)
    assert PictureFile(general, "photo").format == "AVIF"


@pytest.mark.parametrize("payload", [b"odd bytes!", b"II*\0\x08\0\0\0\0\0"])
def test_exif_that_libavif_refuses_is_left_out(payload, caplog):
    exif = Image.Exif()
    exif[0x010F] = "A camera of some length"
    data = saved(gradient(), "AVIF", exif=exif)
    at = data.index(b"MM\0*" if b"MM\0*" in data else b"II*\0") - 4
    damaged = data[:at] + payload + data[at + len(payload) :]
    whole = decode(data, "photo").pixels_int
    assert np.array_equal(decode(damaged, "photo").pixels_int, whole)
    assert "photo: without a damaged part (Exif)" in caplog.text
    assert np.array_equal(decode(data, "photo").pixels_int, whole) and decode(data).exif


def test_a_table_of_properties_for_each_item_is_read_as_one():
    image = gradient()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image, "AVIF")
    table = box_of(data, b"ipma")[8:]
    first = 3 + table[2]
    tables = (boxed(b"ipma", bytes(7) + b"\1" + part) for part in (table[:first], table[first:]))
    properties = boxed(b"ipco", box_of(data, b"ipco"))
    split = rewritten(data, boxed(b"iprp", properties + b"".join(tables)))
    picture = decode(split, "photo")
    assert np.array_equal(picture.alpha_int, decode(data).alpha_int)
    assert np.array_equal(picture.pixels_int, decode(data).pixels_int)


@pytest.mark.parametrize("turned", [False, True])
def test_the_crop_of_an_avif_is_applied(turned):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(gradient(), "AVIF", quality=100, **({"exif": exif} if turned else {}))
    whole = decode(data).pixels
    # 40 × 20 pixels, 10 to the left of the middle, and 5 above it.
    clap = boxed(b"clap", struct.pack(">8l", 40, 1, 20, 1, -10, 1, -5, 1))
    owned, table = box_of(data, b"ipco"), bytearray(box_of(data, b"ipma"))
    count, at = 1, 0
    while at < len(owned):
        count, at = count + 1, at + struct.unpack_from(">L", owned, at)[0]
    table[10] += 1
    table.append(0x80 | count)
    properties = boxed(b"ipco", owned + clap) + boxed(b"ipma", bytes(table))
    cropped = rewritten(data, boxed(b"iprp", properties))
    picture = decode(cropped, "photo")
    part = np.rot90(whole, 1)[15:35, 10:50] if turned else whole[15:35, 10:50]
    part = np.rot90(part, -1) if turned else part
    assert picture.size == PictureFile(cropped, "photo").header.size == part.shape[:2]
    assert np.abs(picture.pixels - part).max() < 0.02
