"""Colours that a file declares without an ICC profile, against formulas written here."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from support.pictures import SRGB as SRGB_COLUMNS
from support.pictures import (
    decode,
    gamma,
    gradient,
    png16,
    profile,
    reduced_jpeg,
    rgb_profile,
    saved,
    xyz,
)

from painterly.images.colours import icc

# x and y of red, green and blue (ITU-T H.273, and Adobe RGB's specification); white is D65.
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3_XY = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
BT2020_XY = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
WHITE_XY = (0.3127, 0.3290)
GREY = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"kTRC": gamma(1.0)})


def matrix(primaries):
    """Linear R, G, B → X, Y, Z, for columns."""
    xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    x, y = WHITE_XY
    return xyz * np.linalg.solve(xyz, (x / y, 1, (1 - x - y) / y))


def srgb(linear, primaries):
    """Linear light in other primaries → sRGB, clipped."""
    light = (linear @ (np.linalg.inv(matrix(SRGB_XY)) @ matrix(primaries)).T).clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def linear_of_srgb(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def pq(light):
    """Light in cd/m² → values of PQ (SMPTE ST 2084)."""
    power = (np.asarray(light) / 10_000) ** (2610 / 16_384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def soft():
    """Colours that stay within sRGB, 0…1."""
    return np.asarray(gradient(), np.float64) / 255 * 0.4 + 0.3


def png(values, *chunks):
    return png16(np.rint(values * 65_535), chunks, colour_type=2)


def chrm(primaries):
    values = (*WHITE_XY, *(each for pair in primaries for each in pair))
    return b"cHRM", struct.pack(">8L", *(round(each * 100_000) for each in values))


def gama(gamma):
    return b"gAMA", struct.pack(">L", round(gamma * 100_000))


def cicp(primaries, transfer):
    return b"cICP", bytes([primaries, transfer, 0, 1])


def close(data, wanted, steps=0.75):
    seen = decode(data, "photo").pixels
    assert np.abs(seen - wanted).max() * 255 < steps


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
    image = Image.fromarray(np.rint(soft() * 255).astype(np.uint8))
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = saved(image, format_, exif=adobe_exif(order), **options.get(format_, {}))
    wanted = srgb((np.asarray(image) / 255) ** (563 / 256), ADOBE_XY)
    seen = decode(data, "photo").pixels
    assert np.abs(seen - wanted).mean() * 255 < (1.5 if format_ == "JPEG" else 0.6)
    small = Image.open(io.BytesIO(reduced_jpeg(data, "photo", 80, 100)))
    assert np.abs(np.asarray(small) / 255 - wanted).mean() * 255 < 3
    assert decode(data, "photo").profile is not None, "its result is in Adobe RGB as well"


def test_other_exif_does_not_make_a_photo_adobe_rgb():
    stored = np.rint(soft() * 255)
    for index, space in ((b"R98\0", 0xFFFF), (b"R03\0", 1)):
        data = saved(Image.fromarray(np.uint8(stored)), "PNG", exif=adobe_exif("<", index, space))
        close(data, stored / 255, 0.1)


def test_a_profile_goes_before_exif():
    stored = np.rint(soft() * 255)
    image = Image.fromarray(stored.astype(np.uint8))
    close(saved(image, "PNG", exif=adobe_exif("<"), icc_profile=icc.SRGB), stored / 255, 1.1)


# PNG


def test_a_chunk_for_srgb_goes_before_exif():
    exif = adobe_exif("<").removeprefix(b"Exif\0\0")
    close(png(soft(), (b"sRGB", b"\0"), (b"eXIf", exif)), soft(), 0.01)


def test_cicp_that_specifies_nothing_leaves_it_to_the_profile():
    linear = b"x\0\0" + zlib.compress(rgb_profile(SRGB_COLUMNS, power=1.0))
    data = png(soft(), cicp(2, 2), (b"iCCP", linear))
    close(data, srgb(soft(), SRGB_XY))


def test_a_profile_of_greys_does_not_change_colours_of_16_bits():
    body = b"x\0\0" + zlib.compress(GREY)
    close(png(soft(), (b"iCCP", body)), soft(), 0.01)


@pytest.mark.parametrize(
    ("chunks", "power", "primaries"),
    [
        ((gama(1.0),), 1.0, SRGB_XY),
        ((gama(1 / 1.8),), 1.8, SRGB_XY),
        ((gama(1 / 2.2), chrm(P3_XY)), 2.2, P3_XY),
        ((gama(256 / 563), chrm(ADOBE_XY)), 563 / 256, ADOBE_XY),
    ],
)
def test_gamma_and_chromaticities_of_a_png_are_applied(chunks, power, primaries):
    close(png(soft(), *chunks), srgb(soft() ** power, primaries))


def test_chromaticities_alone_come_with_the_curve_of_srgb():
    close(png(soft(), chrm(P3_XY)), srgb(linear_of_srgb(soft()), P3_XY))


@pytest.mark.parametrize(
    "chunks",
    [
        (gama(0.45455),),
        (gama(0.45455), chrm(SRGB_XY)),
        ((b"sRGB", b"\0"), gama(1.0), chrm(P3_XY)),
        (gama(0.0),),
        (chrm([(0.3, 0.0)] * 3),),
        (chrm([(0.3, 0.3)] * 3),),
    ],
    ids=["usual gamma", "sRGB's", "sRGB chunk", "no gamma", "no light", "a line"],
)
def test_a_png_in_srgb_stays_as_it_is(chunks):
    close(png(soft(), *chunks), soft(), 0.01)


def test_gamma_of_a_grey_png_is_applied():
    data = png16(np.full((32, 32), 32_896), [gama(1.0)])
    close(data, srgb(np.full((32, 32, 3), 32_896 / 65_535), SRGB_XY))


@pytest.mark.parametrize(("number", "primaries"), [(12, P3_XY), (9, BT2020_XY)])
def test_wide_gamut_by_cicp_is_converted(number, primaries):
    muted = 0.5 + (soft() - 0.5) / 2
    close(png(muted, cicp(number, 13), gama(1.0)), srgb(linear_of_srgb(muted), primaries))


# HDR: what is no brighter than BT.2408's reference white, 203 cd/m², is shown as it is


def test_pq_shows_the_light_of_an_sdr_picture():
    light = 203 * linear_of_srgb(soft())
    close(png(pq(light), cicp(1, 16)), soft())
    close(png(pq(light), cicp(9, 16)), srgb(light / 203, BT2020_XY))


def test_light_beyond_white_is_mapped_below_it_in_order():
    light = np.geomspace(1, 4000, 64)
    data = png(pq(light)[None, :, None].repeat(32, 0).repeat(3, 2), cicp(9, 16))
    shown = decode(data, "sky").pixels[0, :, 0]
    assert (np.diff(shown) >= 0).all() and shown[-1] > 0.995
    assert shown[light < 203].max() < 0.97, "highlights are seen in it"
    dark = light < 20
    assert np.allclose(
        shown[dark], srgb(light[dark, None].repeat(3, 1) / 203, SRGB_XY)[:, 0], atol=0.003
    )


def test_hlg_shows_its_reference_white():
    """75 % of HLG are 203 cd/m² on a screen of 1000 (BT.2408)."""
    white = png(np.full((32, 32, 3), 0.75), cicp(9, 18))
    close(white, np.ones(3), 2)
    # BT.2100: below 1/2, the scene's light is its square, by 3; a screen adds a gamma of 1.2.
    dark = 1000 * (0.3**2 / 3) ** 1.2 / 203
    close(png(np.full((32, 32, 3), 0.3), cicp(9, 18)), srgb(np.full(3, dark), SRGB_XY))


@pytest.mark.parametrize("format_", ["HEIF", "AVIF"])
@pytest.mark.parametrize("transfer", [13, 16])
def test_the_colours_of_heic_and_avif_follow_from_their_nclx(format_, transfer):
    linear = linear_of_srgb(soft())
    values = soft() if transfer == 13 else pq(203 * linear)
    if format_ == "HEIF":
        deep = np.rint(values * 65_535).astype("<u2")
        file, out = pillow_heif.from_bytes("RGB;16", (80, 60), deep.tobytes()), io.BytesIO()
        file.save(
            out,
            quality=-1,
            chroma=444,
            color_primaries=9,
            transfer_characteristics=transfer,
            matrix_coefficients=0,
            full_range_flag=1,
        )
        data = out.getvalue()
    else:  # Pillow writes only sRGB's numbers.
        image = Image.fromarray(np.rint(values * 255).astype(np.uint8))
        data = saved(image, "AVIF", quality=100, subsampling="4:4:4")
        place = data.index(b"nclx") + 4
        data = data[:place] + struct.pack(">HH", 9, transfer) + data[place + 4 :]
    seen, wanted = decode(data, "photo").pixels, srgb(linear, BT2020_XY)
    assert np.abs(seen - wanted).mean() * 255 < (0.5 if format_ == "HEIF" else 4)
    assert np.abs(soft() - wanted).mean() * 255 > 5
    small = Image.open(io.BytesIO(reduced_jpeg(data, "photo", 80, 95)))
    assert np.abs(np.asarray(small) / 255 - wanted).mean() * 255 < 4
