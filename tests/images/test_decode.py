"""Decoding pictures as cameras, phones and drawing programs write them."""

import random
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile
from support.pictures import P3, SRGB, gamma, gradient, profile, rgb_profile, saved, xyz

from styletransfer.bucket_layout import PICTURES
from styletransfer.errors import MemoryShortError, PictureError
from styletransfer.images.decode import MIN_SIDE, bytes_to_decode, decode, decode_mask

# pytest shows even warnings that styletransfer.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ORIENTATION = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")

# What a viewer shows for a picture stored as [[red, green], [blue, white]], by EXIF orientation.
SHOWN = {
    1: ("rg", "bw"),
    2: ("gr", "wb"),
    3: ("wb", "gr"),
    4: ("bw", "rg"),
    5: ("rb", "gw"),
    6: ("br", "wg"),
    7: ("wg", "br"),
    8: ("gw", "rb"),
}
COLOURS = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}


def see_through():
    """The gradient, transparent on the left and opaque on the right."""
    image = gradient()
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


def plain(colour, mode="RGB", side=32):
    return Image.new(mode, (side, side), colour)


def quarters():
    """40 × 24: red and green above, blue and white below."""
    image = Image.new("RGB", (40, 24))
    for number, letter in enumerate("rgbw"):
        left, top = number % 2 * 20, number // 2 * 12
        image.paste(COLOURS[letter], (left, top, left + 20, top + 12))
    return image


def png16(values, chunks=(), colour_type=0):
    """A 16-bit PNG of values [H, W] or [H, W, 3], which Pillow cannot write in colour."""
    values = np.asarray(values)

    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
            *(chunk(kind, body) for kind, body in chunks),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


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


def centre(data, name="photo"):
    pixels = decode(data, name).pixels
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]


def refusal(data, name="beach.jpg"):
    with pytest.raises(PictureError) as caught:
        decode(data, name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and text.count("\n") == 0
    assert not any(noise in text for noise in ("Error", "<", "0x", "Traceback", "b'"))
    return text


# Reading


@pytest.mark.parametrize("format_", FORMATS)
def test_every_promised_format_is_read(format_):
    picture = decode(saved(gradient(), format_), "photo")
    assert picture.format == format_
    assert picture.alpha is None
    assert picture.pixels.shape == (60, 80, 3) and picture.pixels.dtype == np.float32
    assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert np.abs(picture.pixels - np.asarray(gradient()) / 255).mean() < 0.03


def test_a_lossless_picture_is_read_exactly():
    picture = decode(saved(gradient(), "PNG"), "photo.png")
    assert np.array_equal(picture.pixels, np.asarray(gradient(), np.float32) / 255)


def test_a_picture_taller_than_one_band_is_read_exactly():
    image = gradient(20, 700)
    assert np.array_equal(
        np.rint(decode(saved(image, "PNG"), "tall.png").pixels * 255), np.asarray(image)
    )


def test_a_png_called_jpg_is_read_as_png():
    assert decode(saved(gradient(), "PNG"), "photo.jpg").format == "PNG"


def test_a_phones_jpeg_with_a_second_picture_inside_is_a_jpeg():
    data = saved(gradient(), "MPO", save_all=True, append_images=[plain("red")])
    picture = decode(data, "IMG_1.jpg")
    assert picture.format == "JPEG" and picture.pixels.shape == (60, 80, 3)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_an_animation_is_read(format_):
    data = saved(plain("red"), format_, save_all=True, append_images=[plain("blue")])
    assert np.allclose(centre(data), (1, 0, 0), atol=0.02)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", FORMATS)
def test_a_photo_is_upright_however_the_camera_was_held(format_, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = saved(quarters(), format_, exif=exif.tobytes(), quality=95)
    pixels = decode(data, "photo").pixels
    height, width = pixels.shape[:2]
    assert (height, width) == ((24, 40) if orientation < 5 else (40, 24))
    seen = pixels[height // 4 :: height // 2, width // 4 :: width // 2]
    wanted = [[COLOURS[letter] for letter in row] for row in SHOWN[orientation]]
    assert np.allclose(seen, np.array(wanted) / 255, atol=0.1)


def test_alpha_is_rotated_with_the_picture():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = plain((9, 9, 9, 255), "RGBA", 20)
    image.paste((0, 0, 0, 0), (0, 0, 20, 5))
    alpha = decode(saved(image, "PNG", exif=exif), "logo.png").alpha
    assert (alpha[:, 15:] == 0).all() and (alpha[:, :15] == 1).all()


def test_a_photo_with_damaged_exif_is_read():
    data = saved(gradient(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert decode(data, "photo.jpg").pixels.shape == (60, 80, 3)


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


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_applied(mode):
    linear_light = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"kTRC": gamma(1.0)})
    image = plain(128, "L").convert(mode)
    seen = centre(saved(image, "PNG", icc_profile=linear_light))
    assert np.allclose(seen, 0.737, atol=0.01)


def test_a_grey_photo_with_a_colour_profile_is_converted_too():
    data = saved(plain(128, "L"), "JPEG", icc_profile=rgb_profile(SRGB, power=1.0))
    assert np.allclose(centre(data), 0.737, atol=0.01)


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
        profile(b"GRAY", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": gamma(1.0)}),
    ],
    ids=["text", "cut", "overwritten", "of a press", "of greys"],
)
def test_a_damaged_or_foreign_profile_is_ignored(bad):
    for format_ in ("JPEG", "PNG", "TIFF"):
        data = saved(plain((200, 100, 50)), format_, icc_profile=bad)
        assert np.allclose(centre(data), np.array((200, 100, 50)) / 255, atol=0.02)


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


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "I;16B", "I", "F"])
def test_greys_of_every_depth_reach_from_black_to_white(mode):
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(32, 0)
    if mode == "1":
        image, ramp = Image.fromarray(ramp > 0.5), np.float32(ramp > 0.5)
    elif mode == "F":
        image = Image.fromarray(ramp)
    elif mode == "L":
        image = Image.fromarray(np.uint8(ramp * 255))
    else:
        kinds = {"I;16": "<u2", "I;16B": ">u2", "I": np.int32}
        image = Image.fromarray((ramp * 65535).astype(kinds[mode]))
    assert image.mode == mode
    for format_ in ("PNG", "TIFF"):
        if (mode, format_) in (("F", "PNG"), ("I", "PNG")):
            continue
        pixels = decode(saved(image, format_), "scan").pixels
        assert np.abs(pixels - ramp[..., None]).max() < 0.005, format_


def test_a_sixteen_bit_png_keeps_its_range():
    ramp = np.linspace(0, 65535, 64)[None].repeat(32, 0)
    pixels = decode(png16(ramp), "scan.png").pixels
    assert np.abs(pixels[..., 0] - ramp / 65535).max() < 0.005


def test_a_sixteen_bit_colour_png_keeps_its_range():
    ramp = np.linspace(0, 65535, 64)[None, :, None].repeat(32, 0).repeat(3, 2)
    pixels = decode(png16(ramp, colour_type=2), "scan.png").pixels
    assert np.abs(pixels - ramp / 65535).max() < 0.005


def test_floats_beyond_white_are_scaled_into_range(recwarn):
    ramp = np.linspace(-3, 12, 64, dtype=np.float32)[None].repeat(32, 0)
    ramp[0, 0] = np.nan
    pixels = decode(saved(Image.fromarray(ramp), "TIFF"), "depth.tiff").pixels
    assert pixels[5].min() == 0 and pixels[5].max() == 1
    assert (np.diff(pixels[5, :, 0]) >= 0).all()
    assert pixels[0, 0, 0] == 0 and not recwarn.list


def test_a_scan_whose_white_is_zero_is_not_a_negative():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(32, 0)
    data = saved(Image.fromarray(ramp), "TIFF")
    photometric = struct.pack("<HHIH", 262, 3, 1, 1)
    assert data.count(photometric) == 1
    negative = data.replace(photometric, struct.pack("<HHIH", 262, 3, 1, 0))
    assert decode(negative, "xray.tiff").pixels[0, 0, 0] == 1


def test_the_white_of_a_twelve_bit_scan_is_white():
    data = saved(Image.fromarray(np.full((32, 32), 65535, np.uint16)), "TIFF")
    depth = struct.pack("<HHIH", 258, 3, 1, 16)
    assert data.count(depth) == 1
    scan = data.replace(depth, struct.pack("<HHIH", 258, 3, 1, 12))
    assert np.allclose(centre(scan), 1)


# Alpha


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_alpha_is_kept(format_):
    picture = decode(saved(see_through(), format_), "logo")
    wanted = np.asarray(see_through().getchannel("A")) / 255
    assert picture.alpha.shape == (60, 80) and picture.alpha.dtype == np.float32
    assert np.abs(picture.alpha - wanted).mean() < 0.02


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_is_none(mode):
    data = saved(gradient().convert(mode), "PNG")
    assert decode(data, "photo.png").alpha is None


def test_grey_with_alpha_is_read():
    picture = decode(saved(see_through().convert("LA"), "PNG"), "logo.png")
    assert picture.pixels.shape == (60, 80, 3) and picture.alpha.min() < 0.1


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


@pytest.mark.parametrize(("mode", "mark"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_a_colour_marked_as_transparent_is_transparent(mode, mark):
    image = plain("white", mode)
    image.paste(mark, (0, 0, 32, 8))
    alpha = decode(saved(image, "PNG", transparency=mark), "logo.png").alpha
    assert (alpha[:8] == 0).all() and (alpha[8:] == 1).all()


def test_a_colour_marked_as_transparent_is_transparent_in_sixteen_bits():
    values = np.full((32, 32), 60000)
    values[:8] = 777
    marked = png16(values, [(b"tRNS", struct.pack(">H", 777))])
    alpha = decode(marked, "logo.png").alpha
    assert (alpha[:8] == 0).all() and (alpha[8:] == 1).all()
    colours = np.repeat(values[..., None], 3, 2)
    marked = png16(colours, [(b"tRNS", struct.pack(">HHH", 777, 777, 777))], colour_type=2)
    alpha = decode(marked, "logo.png").alpha
    assert (alpha[:8] == 0).all() and (alpha[8:] == 1).all()


def test_colours_of_transparent_pixels_do_not_matter():
    def logo(hidden):
        image = plain((*hidden, 0), "RGBA")
        image.paste((200, 40, 40, 255), (8, 8, 24, 16))
        image.paste((100, 40, 40, 255), (8, 16, 24, 24))
        return decode(saved(image, "PNG"), "logo.png").pixels

    green, black = logo((0, 255, 0)), logo((0, 0, 0))
    assert np.array_equal(green, black)
    assert np.allclose(green[0, 0] * 255, (150, 40, 40), atol=0.1)
    assert np.allclose(green[10, 10] * 255, (200, 40, 40), atol=1e-4)


def test_colours_of_half_transparent_pixels_are_kept():
    image = see_through()
    picture = decode(saved(image, "PNG"), "logo.png")
    visible = picture.alpha >= 0.125
    assert np.array_equal(
        np.rint(picture.pixels * 255)[visible], np.asarray(image)[..., :3][visible]
    )


# Refusals


@pytest.mark.parametrize("format_", [*FORMATS, "AVIF", "GIF", "BMP"])
def test_a_truncated_picture_is_refused_by_name(format_):
    data = saved(gradient(), format_)
    for share in (0.1, 0.5, 0.9):
        assert "damaged or incomplete" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize("options", [{"progressive": True}, {"compression": "tiff_lzw"}])
def test_a_truncated_compressed_picture_is_refused(options):
    data = saved(gradient(), "JPEG" if "progressive" in options else "TIFF", **options)
    for share in (0.5, 0.9):
        assert "damaged or incomplete" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"Dear diary, today I went to the beach.\n", "text"),
        ("Liebes Tagebuch, schöne Grüße".encode(), "text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\n<html><svg/>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "text"),
        (b"PK\3\4" + bytes(60), "not a picture"),
        (bytes(100), "not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_naming_what_it_is(data, said):
    text = refusal(data)
    assert said in text and ("send" in text or "export" in text)


def test_a_decompression_bomb_is_refused_from_its_header(recwarn):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = bytearray(saved(gradient(), "PNG"))
    data[16:29] = header
    data[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    text = refusal(bytes(data), "bomb.png")
    assert "60000 × 60000" in text and "200 megapixels" in text
    for width in (15000, 21000):
        data[16:24] = struct.pack(">II", width, 14000)
        data[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + data[16:29]))
        assert f"{width} × 14000" in refusal(bytes(data), "bomb.png")
    assert not recwarn.list


@pytest.mark.parametrize("size", [(1, 800), (800, 1), (MIN_SIDE - 1, 400)])
def test_a_picture_too_thin_to_paint_is_refused_naming_the_smallest_side(size):
    text = refusal(saved(Image.new("RGB", size), "PNG"))
    assert f"{size[0]} × {size[1]}" in text and "16 pixels" in text


def test_the_smallest_picture_is_read():
    assert decode(saved(plain("red", side=MIN_SIDE), "PNG"), "dot.png").pixels.shape[0] == 16


def test_a_fully_transparent_picture_is_refused():
    assert "transparent" in refusal(saved(plain((9, 9, 9, 0), "RGBA"), "PNG"))


@pytest.mark.parametrize("error", [OSError, SyntaxError, EOFError, struct.error, RuntimeError])
def test_whatever_the_libraries_raise_is_one_refusal(monkeypatch, error):
    def fail(*_):
        raise error("<noise> at 0x7f\n  File x")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert "damaged" in refusal(saved(gradient(), "BMP"))


def test_a_lack_of_memory_is_named_as_such(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert "memory" in refusal(saved(gradient(), "BMP"))


def test_a_name_with_a_newline_keeps_the_message_on_one_line():
    with pytest.raises(PictureError) as caught:
        decode(b"", "my\nbeach\u2028\x1b.jpg")
    assert str(caught.value).startswith("my beach  .jpg: is empty")


@pytest.mark.parametrize("format_", [*FORMATS, "GIF"])
def test_damage_at_any_place_gives_a_picture_or_a_refusal(format_):
    chance = random.Random(7)
    image = gradient(40, 30) if format_ in ("JPEG", "GIF") else see_through().resize((40, 30))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    options = {} if format_ == "GIF" else {"exif": exif.tobytes(), "icc_profile": rgb_profile(P3)}
    whole = saved(image, format_, **options)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 4))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        try:
            picture = decode(bytes(data), "photo")
        except PictureError as error:
            assert "\n" not in str(error)
        else:
            assert picture.pixels.dtype == np.float32 and np.isfinite(picture.pixels).all()


def test_several_threads_decode_at_once():
    files = [saved(see_through().convert("RGB"), format_) for format_ in FORMATS] * 8
    alone = [decode(data, "a").pixels for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = [picture.pixels for picture in pool.map(decode, files, ["a"] * len(files))]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


# Sizes


# Names


def test_picture_extensions_are_lower_case():
    wanted = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif"}
    assert wanted <= PICTURES
    assert all(each.startswith(".") and each == each.lower() for each in PICTURES)


def test_a_picture_has_the_integers_of_its_file():
    eight = decode(saved(Image.effect_noise((80, 60), 50).convert("RGB"), "PNG"), "photo.png")
    assert eight.pixels_int.dtype == np.uint8 and eight.pixels_int.shape == (60, 80, 3)
    assert eight.size == (60, 80)
    assert np.array_equal(eight.pixels, eight.pixels_int / np.float32(255))


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
    assert bytes_to_decode(data[:20]) == bytes_to_decode(b"") == 0


@pytest.mark.parametrize("kind", ["RGBA", "LA", "I", "F"])
def test_decoding_takes_no_more_memory_than_estimated(kind):
    """In NumPy: Pillow's own images take 4 bytes a pixel at a time."""
    side = 1500
    if kind in ("I", "F"):
        data = saved(Image.new(kind, (side, side), 1), "TIFF")
    else:
        data = saved(plain((9,) * len(kind), kind, side), "PNG")
    tracemalloc.start()
    decode(data, "a")
    peak = tracemalloc.get_traced_memory()[1] + 4 * side * side
    tracemalloc.stop()
    assert peak < bytes_to_decode(data)
