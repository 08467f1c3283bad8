"""Any bytes in a picture's file give a picture of its size, or one line that names it."""

import numpy as np
import pytest
from PIL import Image
from support.fuzzing import generators, mutated
from support.picture_fields import with_other_fields
from support.pictures import P3, decode, gradient, rgb_profile, saved

from painterly.errors import MemoryShortError, PictureError

# pytest shows even warnings that painterly.images silences for its users.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::RuntimeWarning"),
    pytest.mark.thorough,
]


KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "GIF", "AVIF", "BMP")
MEMORY, MOST = 300_000_000, 400_000_000  # bytes that decoding may take, and that it takes


def whole_files(kind):
    """Small pictures as programs write them: with EXIF, a profile, transparency."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    plain, clear = gradient(40, 30), gradient(40, 30).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((40, 30)))
    grey = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40))
    profile = rgb_profile(P3)
    return {
        "JPEG": [
            saved(plain, "JPEG", exif=exif, icc_profile=profile),
            saved(plain.convert("CMYK"), "JPEG", progressive=True),
        ],
        "PNG": [
            saved(clear, "PNG", exif=exif, icc_profile=profile),
            saved(plain.quantize(8), "PNG", transparency=3),
            saved(plain.convert("L"), "PNG", transparency=7),
            saved(grey, "PNG"),
        ],
        "WEBP": [saved(clear, "WEBP", exif=exif), saved(plain, "WEBP", lossless=True)],
        "TIFF": [
            saved(clear, "TIFF", compression="tiff_lzw", icc_profile=profile),
            saved(grey, "TIFF", compression="tiff_adobe_deflate"),
            saved(plain, "TIFF"),
        ],
        "HEIF": [saved(clear, "HEIF", exif=exif.tobytes(), icc_profile=profile)],
        "GIF": [
            saved(plain, "GIF"),
            saved(clear, "GIF", save_all=True, append_images=[plain, clear], disposal=2),
        ],
        "AVIF": [saved(clear, "AVIF", exif=exif, icc_profile=profile), saved(plain, "AVIF")],
        "BMP": [saved(plain, "BMP"), saved(plain.quantize(8), "BMP")],
    }[kind]


@pytest.mark.parametrize("damaged", [mutated, with_other_fields])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_picture_is_read_or_refused_in_one_line(kind, damaged, capfd, cost):
    files = whole_files(kind)
    read = 0
    with cost() as spent:
        for number, rng in enumerate(generators(seed=2)):
            if number % len(KINDS) == KINDS.index(kind):  # All kinds together.
                data = damaged(rng.choice(files), rng)
                try:
                    # A size that the damage has enlarged is refused from the header.
                    picture = decode(data, "a.jpg", MEMORY)
                except (PictureError, MemoryShortError) as error:
                    assert str(error).startswith("a.jpg: ") and str(error).isprintable(), number
                else:
                    read += 1
                    assert picture.pixels_int.shape == (*picture.size, 3), number
    assert read and spent.memory < MOST
    assert capfd.readouterr().err == "", "libraries write no lines of their own"
