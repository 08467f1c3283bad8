"""Pictures that every viewer shows are read, whatever is odd about their files."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support.pictures import decode, gradient, plain, reduced_jpeg, rgb_profile, saved

from painterly.errors import PictureError
from painterly.images.picture_file import read_header

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

STORED = np.asarray(gradient())
PNG, JPEG = saved(gradient(), "PNG"), saved(gradient(), "JPEG")


def is_read(data, stored=STORED):
    picture = decode(data, "photo")
    assert np.array_equal(picture.pixels_int, stored) and picture.alpha_int is None
    height, width = stored.shape[:2]
    assert read_header(data, "photo", len(data)).size == (height, width)
    assert Image.open(io.BytesIO(reduced_jpeg(data, "photo", 40))).size == (40, 30)
    return picture


# Colour maps


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_colour_map_of_a_tiff_is_read_in_8_bits_or_16(bits, scale):
    colours = np.random.default_rng(bits).integers(0, 256, (2**bits, 3))
    colours[0] = 0, 255, 9
    indices = (np.indices((60, 80)).sum(0) % 2**bits).astype(np.uint8)
    packed = np.zeros((60, -(-80 * bits // 8)), np.uint8)
    for number in range(8 // bits):
        part = indices[:, number :: 8 // bits]
        packed[:, : part.shape[1]] |= part << (8 - bits * (number + 1))
    colour_map = (colours.T * scale).ravel()
    entries = {256: (80,), 257: (60,), 258: (bits,), 259: (1,), 262: (3,), 273: (8,)}
    entries |= {277: (1,), 278: (60,), 279: (packed.size,), 320: tuple(colour_map)}
    offset = 8 + packed.size + packed.size % 2
    after = offset + 2 + 12 * len(entries) + 4
    directory = struct.pack("<H", len(entries))
    for tag, values in sorted(entries.items()):
        if len(values) == 1:
            directory += struct.pack("<HHLHH", tag, 3, 1, values[0], 0)
        else:
            directory += struct.pack("<HHLL", tag, 3, len(values), after)
    body = packed.tobytes() + bytes(packed.size % 2)
    values = colour_map.astype("<u2").tobytes()
    data = b"II*\0" + struct.pack("<L", offset) + body + directory + bytes(4) + values
    assert np.array_equal(decode(data, "scan.tif").pixels_int, colours[indices])


def test_a_colour_map_with_alpha_is_read_in_8_bits():
    alpha = np.full((60, 80), 200, np.uint8)
    image = gradient().quantize(64)
    colours = np.array(image.getpalette("RGB")).reshape(-1, 3)
    colours = np.vstack([colours, np.zeros((256 - len(colours), 3), int)])
    with_alpha = image.convert("PA")
    with_alpha.putalpha(Image.fromarray(alpha))
    data = saved(with_alpha, "TIFF")
    sixteen, eight = ((colours.T * scale).astype("<u2").tobytes() for scale in (256, 1))
    assert data.count(sixteen) == 1
    picture = decode(data.replace(sixteen, eight), "scan.tif")
    assert np.array_equal(picture.pixels_int, colours[np.asarray(image)])
    assert (picture.alpha_int == 200).all()


# Alpha that means nothing


def bmp32(alpha, header=108):
    """A BMP of 32 bits with masks, in a header of version 4 (108 bytes) or 5 (124)."""
    rows = np.dstack([STORED[::-1, :, ::-1], alpha[::-1]]).astype(np.uint8).tobytes()
    info = struct.pack("<LllHHLLllLL", header, 80, 60, 1, 32, 3, len(rows), 0, 0, 0, 0)
    info += struct.pack("<4L", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs"
    info = info[:header].ljust(header, b"\0")
    return struct.pack("<2sLLL", b"BM", 14 + header + len(rows), 0, 14 + header) + info + rows


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_bmp_whose_alpha_is_all_zero_is_opaque(header):
    is_read(bmp32(np.zeros((60, 80)), header))


@pytest.mark.parametrize("header", [108, 124])
def test_a_bmps_alpha_that_shows_something_is_kept(header):
    alpha = np.full((60, 80), 255)
    alpha[:20] = 0
    picture = decode(bmp32(alpha, header), "logo.bmp")
    assert np.array_equal(picture.alpha_int, alpha)
    assert np.array_equal(picture.pixels_int[20:], STORED[20:])


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True, "minimize_size": False}),
        ("GIF", {"disposal": 2}),
    ],
)
def test_an_animation_is_read_at_the_first_frame_that_shows_something(format_, options):
    empty = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    faint = empty.copy()
    shown = gradient().quantize(64).convert("RGBA")
    frames = [faint, shown, plain("red", "RGBA").resize((80, 60))]
    data = saved(empty, format_, save_all=True, append_images=frames, duration=100, **options)
    picture = is_read(data, np.asarray(shown.convert("RGB")))
    assert picture.format == format_
    alone = saved(empty, format_, save_all=True, append_images=[faint], duration=100, **options)
    with pytest.raises(PictureError, match="fully transparent"):
        decode(alone, "photo")


# What surrounds the pixels


def test_long_texts_of_a_png_do_not_matter():
    info = PngInfo()
    for number in range(3):
        info.add_text(f"workflow{number}", "x" * 3_000_000, zip=True)
        info.add_itxt(f"prompt{number}", "y" * 3_000_000, zip=True)
    info.add_text("parameters", "z" * 1_500_000)
    is_read(saved(gradient(), "PNG", pnginfo=info))


def test_a_colour_profile_of_more_than_a_megabyte_is_used():
    swapped = rgb_profile(
        np.array([[0.3851, 0.7169, 0.0971], [0.4361, 0.2225, 0.0139], [0.1431, 0.0606, 0.7141]])
    )
    long = swapped + bytes(2_000_000)
    long = struct.pack(">L", len(long)) + long[4:]
    picture = decode(saved(plain((255, 0, 0)), "PNG", icc_profile=long), "photo.png")
    assert np.allclose(picture.pixels, (0, 1, 0), atol=0.03)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_damaged_chunks_of_the_pixels_are_not_left_out(kind):
    data = saved(gradient().quantize(8), "PNG")
    place = data.index(kind) + 4
    with pytest.raises(PictureError, match="damaged"):
        decode(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], "photo")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_bytes_is_read_if_all_pixels_are_there(options, mode):
    data = saved(gradient().convert(mode), "JPEG", **options)
    whole = decode(data, "photo").pixels_int
    for cut in (1, 2):
        assert np.array_equal(decode(data[:-cut], "photo").pixels_int, whole)
    padded = data[:-2] + bytes(5000)
    assert np.array_equal(decode(padded, "photo").pixels_int, whole)
    assert Image.open(io.BytesIO(reduced_jpeg(data[:-2], "photo", 40))).size == (40, 30)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_cut_in_its_pixels_is_refused(options):
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    data = saved(Image.fromarray(noise), "JPEG", **options)
    for end in (len(data) - cut for cut in (4, 5, 8, 16, 64, 500, 2000)):
        for tail in (b"", bytes(3000)):  # As if a download had reserved the room.
            with pytest.raises(PictureError, match="damaged or incomplete"):
                decode(data[:end] + tail, "photo")


def test_fill_bytes_before_the_segments_of_a_jpeg_are_no_damage():
    is_read(JPEG[:20] + b"\xff\xff" + JPEG[20:], decode(JPEG).pixels_int)


def test_a_photo_cut_in_a_second_picture_is_read():
    data = saved(gradient(), "MPO", save_all=True, append_images=[plain("red")])
    whole = decode(data, "photo").pixels_int
    assert np.array_equal(decode(data[:-200], "photo").pixels_int, whole)
