"""The colours, depths and transparency of decoded pictures."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.pictures import (
    FORMATS,
    P3,
    SRGB,
    centre,
    decode,
    gamma,
    gradient,
    plain,
    png16,
    profile,
    rgb_profile,
    saved,
    see_through,
    xyz,
)

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def ink_profile():
    """A press whose cyan ink is red, so that its colours differ from plain CMYK's."""
    ramp = bytes(range(256))
    corners = b""
    for number in range(16):
        cyan, black = number >> 3 & 1, number & 1
        light = 0 if black else 128 if cyan else 255
        corners += bytes([light, 200 if cyan and not black else 128, 128])
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + corners + ramp * 3
    tags = {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"A2B0": lut}
    return profile(b"CMYK", tags, pcs=b"Lab ", kind=b"prtr")


# Colour


def test_a_profile_with_swapped_primaries_swaps_the_colours_back():
    swapped = rgb_profile(SRGB[[1, 0, 2]])
    for format_ in FORMATS:
        data = saved(plain((255, 0, 0)), format_, icc_profile=swapped)
        assert np.allclose(centre(data), (0, 1, 0), atol=0.03), format_


def test_a_display_p3_photo_has_the_colours_it_had():
    stored = np.array((150, 100, 90))
    linear = (stored / 255) ** 2.2 @ P3 @ np.linalg.inv(SRGB)
    wanted = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    data = saved(plain(tuple(stored)), "PNG", icc_profile=rgb_profile(P3))
    assert np.allclose(centre(data), wanted, atol=0.01)
    assert centre(data)[0] > stored[0] / 255 + 0.02


def test_alpha_survives_the_conversion_of_a_profile():
    image = plain((255, 0, 0, 128), "RGBA")
    picture = decode(saved(image, "PNG", icc_profile=rgb_profile(SRGB[[1, 0, 2]])), "a.png")
    assert np.allclose(picture.pixels, (0, 1, 0), atol=0.03)
    assert np.allclose(picture.alpha, 128 / 255)


GREY = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"kTRC": gamma(1.0)})


@pytest.mark.parametrize("linear_light", [GREY, rgb_profile(SRGB, power=1.0)])
@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_profile_of_greys_or_colours_is_applied_to_grey(mode, linear_light):
    image = plain(128, "L").convert(mode)
    seen = centre(saved(image, "PNG", icc_profile=linear_light))
    assert np.allclose(seen, 0.737, atol=0.01)


def test_a_press_profile_decides_the_colours_of_its_inks():
    cyan = plain((255, 0, 0, 0), "CMYK")
    red, green, blue = centre(saved(cyan, "TIFF", icc_profile=ink_profile()))
    assert red > green + 0.3 and red > blue + 0.2


@pytest.mark.parametrize(
    "bad",
    [
        b"no profile at all",
        rgb_profile(SRGB)[:200],
        rgb_profile(SRGB)[:128] + b"\xff" * 300,
        ink_profile(),
        GREY,
    ],
    ids=["text", "cut", "overwritten", "of a press", "of greys"],
)
def test_a_damaged_or_foreign_profile_is_ignored(bad):
    for format_ in ("JPEG", "PNG", "TIFF"):
        data = saved(plain((200, 100, 50)), format_, icc_profile=bad)
        assert np.allclose(centre(data), np.array((200, 100, 50)) / 255, atol=0.02)
        assert decode(data, "photo").profile is None, "nor does a result have it"


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(format_):
    for ink, colour in {(0, 0, 0, 0): (1, 1, 1), (0, 255, 255, 0): (1, 0, 0)}.items():
        assert np.allclose(centre(saved(plain(ink, "CMYK"), format_)), colour, atol=0.02)


def test_ycbcr_and_lab_become_rgb():
    tile = plain((200, 100, 50))
    compressed = saved(tile, "TIFF", compression="jpeg", quality=95)
    assert np.allclose(centre(compressed), np.array((200, 100, 50)) / 255, atol=0.03)
    lab = saved(tile.convert("LAB"), "TIFF")
    assert np.allclose(centre(lab), np.array((200, 100, 50)) / 255, atol=0.03)


# Grey and depth


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "I;16B"])
def test_greys_of_every_depth_reach_from_black_to_white(mode):
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(32, 0)
    if mode == "1":
        image, ramp = Image.fromarray(ramp > 0.5), np.float32(ramp > 0.5)
    elif mode == "L":
        image = Image.fromarray(np.uint8(ramp * 255))
    else:
        image = Image.fromarray((ramp * 65535).astype(">u2" if mode == "I;16B" else "<u2"))
    assert image.mode == mode
    for format_ in ("PNG", "TIFF"):
        pixels = decode(saved(image, format_), "scan").pixels
        assert np.abs(pixels - ramp[..., None]).max() < 0.005, format_


def test_a_scan_whose_white_is_zero_is_not_a_negative():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(32, 0)
    data = saved(Image.fromarray(ramp), "TIFF")
    photometric = struct.pack("<HHIH", 262, 3, 1, 1)
    assert data.count(photometric) == 1
    negative = data.replace(photometric, struct.pack("<HHIH", 262, 3, 1, 0))
    pixels = decode(negative, "xray.tiff").pixels
    assert np.abs(pixels[0, :, 0] - np.linspace(1, 0, 64)).max() < 0.005


def test_the_white_of_a_twelve_bit_scan_is_white():
    data = saved(Image.fromarray(np.full((32, 32), 65535, np.uint16)), "TIFF")
    depth = struct.pack("<HHIH", 258, 3, 1, 16)
    assert data.count(depth) == 1
    scan = data.replace(depth, struct.pack("<HHIH", 258, 3, 1, 12))
    assert np.allclose(centre(scan), 1)


def in_eight(values):
    """Values of 16 bits, as `gradient`'s of 8 are read."""
    return np.asarray(values) >> 8


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bits_of_a_png_are_read_in_eight(channels):
    values = np.random.default_rng(5).integers(20_000, 65_536, (20, 30, channels))
    picture = decode(png16(values, colour_type={2: 4, 3: 2, 4: 6}[channels]), "scan.png")
    colours = values[..., :1] if channels == 2 else values[..., :3]
    assert np.array_equal(picture.pixels_int, np.broadcast_to(in_eight(colours), (20, 30, 3)))
    assert channels == 3 or np.array_equal(picture.alpha_int, in_eight(values[..., -1]))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_a_tiff_are_read_in_eight(order, compression, channels):
    values = np.random.default_rng(5).integers(20_000, 65_536, (20, 30, channels), np.uint16)
    out = io.BytesIO()
    extra = ["unassalpha"] if channels == 4 else None
    options = {"byteorder": order, "compression": compression, "extrasamples": extra}
    tifffile.imwrite(out, values, photometric="rgb", metadata=None, **options)
    picture = decode(out.getvalue(), "scan.tiff")
    assert np.array_equal(picture.pixels_int, in_eight(values[..., :3]))
    assert channels == 3 or np.array_equal(picture.alpha_int, in_eight(values[..., 3]))


# Alpha


@pytest.mark.parametrize(
    ("format_", "mode"),
    [("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA"), ("HEIF", "RGBA"), ("PNG", "LA")],
)
def test_alpha_is_kept(format_, mode):
    picture = decode(saved(see_through().convert(mode), format_), "logo")
    wanted = np.asarray(see_through().getchannel("A")) / 255
    assert picture.pixels.shape == (60, 80, 3) and picture.alpha.dtype == np.float32
    assert np.abs(picture.alpha - wanted).mean() < 0.02


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_is_none(mode):
    data = saved(gradient().convert(mode), "PNG")
    assert decode(data, "photo.png").alpha is None


def test_a_palette_is_read_with_and_without_transparency():
    striped = gradient().quantize(8)
    opaque = decode(saved(striped, "PNG"), "a.png")
    assert opaque.alpha is None
    assert np.allclose(opaque.pixels * 255, np.asarray(striped.convert("RGB")), atol=0.01)
    first = np.asarray(striped) == 0
    for mark in (0, bytes([0])):
        for format_ in ("PNG", "GIF"):
            if (format_, type(mark)) == ("GIF", bytes):
                continue
            seen = decode(saved(striped, format_, transparency=mark), "a")
            assert np.array_equal(seen.alpha == 0, first)
    half = decode(saved(striped, "PNG", transparency=bytes([128])), "a.png")
    assert np.allclose(half.alpha[first], 128 / 255)


def marked(mode, mark):
    """A white PNG whose upper quarter has the colour that is marked as transparent."""
    image = plain("white", mode)
    image.paste(mark, (0, 0, 32, 8))
    return saved(image, "PNG", transparency=mark)


@pytest.mark.parametrize(
    "data",
    [marked("L", 0), marked("RGB", (0, 0, 0)), marked("1", 0)],
    ids=["grey", "colours", "1"],
)
def test_a_colour_marked_as_transparent_is_transparent(data):
    alpha = decode(data, "logo.png").alpha
    assert (alpha[:8] == 0).all() and (alpha[8:] == 1).all()


def test_colours_of_transparent_pixels_do_not_matter():
    def logo(hidden):
        image = plain((*hidden, 0), "RGBA")
        image.paste((200, 40, 255, 255), (8, 8, 24, 16))
        image.paste((101, 40, 255, 255), (8, 16, 24, 24))
        return decode(saved(image, "PNG"), "logo.png").pixels

    green, black = logo((0, 255, 0)), logo((0, 0, 0))
    assert np.array_equal(green, black)
    assert np.allclose(green[0, 0] * 255, (150.5, 40, 255), atol=0.51)
    assert np.allclose(green[10, 10] * 255, (200, 40, 255), atol=1e-4)


def test_a_faint_colour_is_blended_with_the_mean_of_what_is_visible():
    """Halfway at an alpha of 1/16; with a mean weighted by alpha."""
    image = Image.new("RGBA", (32, 32), (40, 60, 80, 255))
    image.paste((240, 160, 20, 16), (0, 0, 16, 32))
    pixels = decode(saved(image, "PNG"), "photo").pixels * 255
    mean = (np.array([40, 60, 80]) * 255 + np.array([240, 160, 20]) * 16) / 271
    share = 16 / 255 * 8
    assert pixels[5, 5] == pytest.approx(
        mean * (1 - share) + share * np.array([240, 160, 20]), abs=0.51
    )
    assert pixels[5, 20] == pytest.approx([40, 60, 80], abs=0.01)
