"""Reading pictures as cameras, phones and drawing programs write them, and headers alone."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile
from support.pictures import (
    FORMATS,
    centre,
    decode,
    decode_mask,
    gradient,
    plain,
    png16,
    saved,
    see_through,
)

from painterly.images.picture_file import PictureFile, read_header

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
ORIENTATION = 0x0112
# A viewer's rendering of a picture stored as [[red, green], [blue, white]], by EXIF orientation.
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


def quarters():
    """40 × 24: red and green above, blue and white below."""
    image = Image.new("RGB", (40, 24))
    for number, letter in enumerate("rgbw"):
        left, top = number % 2 * 20, number // 2 * 12
        image.paste(COLOURS[letter], (left, top, left + 20, top + 12))
    return image


@pytest.mark.parametrize("format_", FORMATS)
def test_every_promised_format_is_read(format_):
    picture = decode(saved(gradient(), format_), "photo")
    assert picture.format == format_
    assert picture.alpha is None
    assert picture.pixels.shape == (60, 80, 3) and picture.pixels.dtype == np.float32
    assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert np.abs(picture.pixels - np.asarray(gradient()) / 255).mean() < 0.03


def test_a_picture_taller_than_one_band_is_read_exactly():
    picture = decode(saved(gradient(20, 700), "PNG"), "tall.png")
    assert picture.size == (700, 20) and picture.pixels_int.dtype == np.uint8
    assert np.array_equal(picture.pixels_int, gradient(20, 700))
    assert np.array_equal(picture.pixels, picture.pixels_int / np.float32(255))


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


@pytest.mark.slow
def test_several_threads_decode_at_once():
    files = [saved(see_through().convert("RGB"), format_) for format_ in FORMATS] * 8
    alone = [decode(data, "a").pixels for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = [picture.pixels for picture in pool.map(decode, files, ["a"] * len(files))]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "LA", "I;16"])
def test_decoding_takes_no_more_memory_than_estimated(kind, in_place):
    """In NumPy: Pillow's own images take 4 bytes a pixel at a time."""
    side = 1500
    if kind == "I;16":
        data = saved(Image.new(kind, (side, side), 1), "TIFF")
    else:
        data = saved(plain((9,) * len(kind), kind, side), "PNG")
    tracemalloc.start()
    decode(data, "a")
    peak = tracemalloc.get_traced_memory()[1] + 4 * side * side
    tracemalloc.stop()
    assert peak < PictureFile(data, "a").header.bytes_to_decode


def test_a_masks_grey_is_the_luma_of_its_colours_and_what_is_clear_is_black():
    def mask(image):
        return decode_mask(saved(image, "PNG"), "m.png")

    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    found = mask(Image.fromarray(ramp))
    assert found.dtype == np.float32
    assert np.abs(found - ramp / 255).max() < 1e-6 and found.max() == 1
    assert mask(Image.new("RGB", (16, 16), (0, 255, 0)))[0, 0] == pytest.approx(0.587)
    clear = np.full((16, 32, 4), 255, np.uint8)
    clear[:, :8, 3], clear[:, 8:16, 3] = 0, 51
    assert np.abs(mask(Image.fromarray(clear))[0, ::8] - [0, 0.2, 1, 1]).max() < 1e-6


START = 4096
PIXELS = np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8)


@pytest.mark.parametrize(
    "kind, turned",
    [
        *((kind, False) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")),
        *((kind, True) for kind in ("JPEG", "PNG", "TIFF", "HEIF", "AVIF")),
    ],
    ids=str,
)
def test_the_first_bytes_of_a_file_say_what_all_of_them_do(kind, turned):
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    data = saved(Image.fromarray(PIXELS), kind, **({"exif": on_its_side} if turned else {}))
    header = read_header(data[:START], "name", len(data))
    assert len(data) > START
    turns = turned and kind != "HEIF"  # It says in its own way how it is shown.
    assert header.size == decode(data, "name").size == ((160, 96) if turns else (96, 160))
    assert header == PictureFile(data, "name").header


def test_a_size_that_the_first_bytes_lack_is_not_known():
    behind_a_preview = saved(
        Image.fromarray(PIXELS), "JPEG", comment=b"x" * 9000, icc_profile=b"y" * 9000
    )
    compressed = saved(Image.fromarray(PIXELS), "TIFF", compression="tiff_lzw")
    for data in (behind_a_preview, compressed):
        assert read_header(data[:START], "name", len(data)) is None
        assert read_header(data, "name", len(data)).size == (96, 160)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"])
def test_no_pixel_is_read_before_it_is_asked_for(kind, monkeypatch, in_place):
    loaded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: loaded.append(image))
    file = PictureFile(saved(Image.fromarray(PIXELS), kind), "name")
    assert file.header.size == (96, 160) and not loaded


def test_the_memory_of_a_png_of_16_bits_is_that_of_its_values():
    values = np.zeros((40, 60, 3), np.uint16)
    data = png16(values, colour_type=2)
    assert PictureFile(data, "name").header.bytes_decoded == decode(data).pixels_int.nbytes


def test_exif_behind_the_pixels_of_a_png_counts():
    on_its_side = Image.Exif()
    on_its_side[0x0112], on_its_side[0x010F] = 6, "A camera"
    data = saved(Image.fromarray(PIXELS), "PNG", exif=on_its_side)
    at = data.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    data = data[:at] + data[end:-12] + data[at:end] + data[-12:]
    picture = decode(data)
    assert PictureFile(data, "name").header.size == picture.size == (160, 96)
    assert b"A camera" in picture.exif
