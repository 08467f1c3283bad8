"""Colours that a file declares without an ICC profile, against formulas written here."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from support.pictures import decode, gradient, png_chunk, reduced_jpeg, saved

from painterly.images.colours import icc

# x and y of red, green and blue (ITU-T H.273, and Adobe RGB's specification); white is D65.
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
WHITE_XY = (0.3127, 0.3290)


def matrix(primaries):
    """Linear R, G, B → X, Y, Z, for columns."""
    xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    x, y = WHITE_XY
    return xyz * np.linalg.solve(xyz, (x / y, 1, (1 - x - y) / y))


def srgb(linear, primaries):
    """Linear light in other primaries → sRGB, clipped."""
    light = (linear @ (np.linalg.inv(matrix(SRGB_XY)) @ matrix(primaries)).T).clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def soft():
    """Colours that stay within sRGB, uint8."""
    return np.rint(np.asarray(gradient()) * 0.4 + 0.3 * 255).astype(np.uint8)


def with_chunks(data, *chunks):
    """A PNG with chunks after its header."""
    return data[:33] + b"".join(png_chunk(*each) for each in chunks) + data[33:]


def is_plain(data):
    assert np.array_equal(decode(data, "photo").pixels_int, soft())


# EXIF


def adobe_exif(order, index=b"R03\0", space=0xFFFF):
    """EXIF as cameras write it: ColorSpace, and a directory with the interoperability index."""
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    parts = [start, struct.pack(f"{order}L", 8)]
    parts.append(struct.pack(f"{order}HHHLLL", 1, 0x8769, 4, 1, 26, 0))
    colour = struct.pack(f"{order}HHLHH", 0xA001, 3, 1, space, 0)
    parts.append(struct.pack(f"{order}H", 2) + colour)
    parts.append(struct.pack(f"{order}HHLLL", 0xA005, 4, 1, 56, 0))
    parts.append(struct.pack(f"{order}HHHL", 1, 1, 2, 4) + index + bytes(4))
    return b"Exif\0\0" + b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_adobe_rgb_by_exif_alone_is_converted(format_, order):
    image = Image.fromarray(soft())
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = saved(image, format_, exif=adobe_exif(order), **options.get(format_, {}))
    wanted = srgb((np.asarray(image) / 255) ** (563 / 256), ADOBE_XY)
    seen = decode(data, "photo").pixels
    assert np.abs(seen - wanted).mean() * 255 < (1.5 if format_ == "JPEG" else 0.6)
    small = Image.open(io.BytesIO(reduced_jpeg(data, "photo", 80, 100)))
    assert np.abs(np.asarray(small) / 255 - wanted).mean() * 255 < 3
    assert decode(data, "photo").profile is not None, "its result is in Adobe RGB as well"


def test_other_exif_does_not_make_a_photo_adobe_rgb():
    for index, space in ((b"R98\0", 0xFFFF), (b"R03\0", 1)):
        is_plain(saved(Image.fromarray(soft()), "PNG", exif=adobe_exif("<", index, space)))


def test_a_profile_goes_before_exif():
    data = saved(Image.fromarray(soft()), "PNG", exif=adobe_exif("<"), icc_profile=icc.SRGB)
    assert np.abs(decode(data, "photo").pixels_int.astype(int) - soft()).max() <= 1


def test_a_chunk_for_srgb_goes_before_exif():
    data = saved(Image.fromarray(soft()), "PNG", exif=adobe_exif("<"))
    is_plain(with_chunks(data, (b"sRGB", b"\0")))


# HDR, which is read as if it were not


def cicp(transfer):
    return with_chunks(saved(Image.fromarray(soft()), "PNG"), (b"cICP", bytes([9, transfer, 0, 1])))


def heic(transfer):
    """A HEIC of 10 bits in colours of Rec. 2020."""
    deep = (soft().astype("<u2") << 8).tobytes()
    file, out = pillow_heif.from_bytes("RGB;16", (80, 60), deep), io.BytesIO()
    colours = {"color_primaries": 9, "transfer_characteristics": transfer}
    file.save(out, quality=-1, chroma=444, matrix_coefficients=9, full_range_flag=1, **colours)
    return out.getvalue()


def avif(transfer):
    data = saved(Image.fromarray(soft()), "AVIF", quality=100, subsampling="4:4:4")
    place = data.index(b"nclx") + 4
    return data[:place] + struct.pack(">HH", 9, transfer) + data[place + 4 :]


@pytest.mark.parametrize("made", [cicp, heic, avif])
@pytest.mark.parametrize("transfer", [13, 16, 18], ids=["SDR", "PQ", "HLG"])
def test_a_line_says_if_a_picture_is_hdr_which_is_read_as_it_is(made, transfer, caplog):
    picture = decode(made(transfer), "photo")
    assert np.abs(picture.pixels_int.astype(int) - soft()).mean() < 3
    told = "photo: is HDR, and read as if it were not: its colours may look flat" in caplog.text
    assert told == (transfer != 13)
