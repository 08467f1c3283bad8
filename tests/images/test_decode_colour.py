"""The colours, depths and transparency of decoded pictures, of small ones for pages, and colours
that a file declares without an ICC profile."""

import io
import struct

import numpy as np
import pillow_heif
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
    png_chunk,
    profile,
    reduced_jpeg,
    rgb_profile,
    saved,
    see_through,
    xyz,
)

from painterly.errors import MemoryShortError, PictureError
from painterly.images.arrays import resize
from painterly.images.colours import icc

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


def shown(data, longer=80):
    image = Image.open(io.BytesIO(reduced_jpeg(data, "photo", longer, quality=95)))
    assert image.format == "JPEG" and max(image.size) <= longer
    return np.asarray(image.convert("RGB"), np.float32) / 255


GREYS = np.tile(np.linspace(0, 1, 80), (60, 1))


@pytest.mark.parametrize(
    "picture",
    [
        saved(Image.fromarray((GREYS * 65535).astype(np.uint16)), "PNG"),
        saved(Image.fromarray((GREYS * 65535).astype(np.uint16)), "TIFF"),
        saved(gradient().convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        saved(gradient().convert("L"), "PNG"),
        saved(gradient().convert("CMYK"), "JPEG", quality=95),
        saved(gradient(), "PNG", icc_profile=rgb_profile(P3)),
    ],
    ids=["16 bits", "16-bit TIFF", "palette", "grey", "CMYK", "P3"],
)
def test_a_small_picture_looks_like_the_painted_one(picture):
    assert np.abs(shown(picture) - decode(picture, "photo").pixels).mean() < 0.02


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_small_picture_is_upright(format_, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(gradient(), format_, exif=exif)
    assert np.abs(shown(data) - decode(data, "photo").pixels).mean() < 0.03


@pytest.mark.parametrize("profile", [None, rgb_profile(P3)])
def test_what_is_transparent_is_white(profile):
    found = shown(saved(see_through(), "PNG", icc_profile=profile))
    opaque = shown(saved(gradient(), "PNG", icc_profile=profile))
    assert found[:, 0].min() > 0.95
    assert np.abs(found[:, -1] - opaque[:, -1]).mean() < 0.02


def test_hidden_colours_leave_no_fringe():
    image = plain((255, 255, 255, 255), "RGBA", 64)
    image.paste((0, 0, 0, 0), (0, 0, 31, 64))
    assert shown(saved(image, "PNG"), 16).min() > 0.97


def test_a_small_picture_is_never_larger_than_the_file():
    assert shown(saved(plain((9, 9, 9)), "PNG"), 500).shape == (32, 32, 3)


def test_what_cannot_be_reduced_is_named():
    with pytest.raises(PictureError, match=r"^odd\.jpg: is damaged or incomplete"):
        reduced_jpeg(saved(gradient(), "JPEG")[:200], "odd.jpg", 80)


def test_a_mask_is_resized_without_ringing():
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    out = resize(mask, 24, 24)
    assert out.shape == (24, 24) and out.dtype == np.float32
    assert (out[:, :10] == 0).all() and (out[:, 14:] == 1).all()


@pytest.mark.thorough
def test_a_small_picture_of_a_jpeg_takes_little_memory_unless_all_coefficients_are_held():
    large = Image.new("L", (12_000, 12_000), 99)
    plain_file, progressive = (saved(large, "JPEG", progressive=how) for how in (False, True))
    assert reduced_jpeg(plain_file, "photo", 320, available=60_000_000)
    with pytest.raises(MemoryShortError, match=r"^photo: .* 1\.5 GB of memory"):
        reduced_jpeg(progressive, "photo", 320, available=60_000_000)


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
