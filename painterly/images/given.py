"""Pictures that a program holds, as files: arrays of NumPy, and pictures of Pillow in all modes."""

import io
from typing import Any

import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.images.picture_file import errors_named

_EXPECTED = (
    "expected a file, its bytes, a picture of Pillow, or an array [height, width], "
    "[height, width, 3] or [height, width, 4] of uint8, or of floats from 0 to 1"
)
# Modes that PNG has, and what the others become: the whole of CMYK and LAB is a TIFF's.
_PNG, _TIFF = ("1", "L", "LA", "P", "RGB", "RGBA"), ("CMYK", "LAB")
_CONVERTED = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
# The values that are white in greys of Pillow with more than 8 bits, by what is stored.
_WHITES = {"I": (255, 65535), "F": (1, 255)}


def file_of(picture: object, name: str) -> bytes:
    """Return a picture as the file of one, with its profile, resolution, EXIF and transparency.

    Args:
        picture: A picture of Pillow, or what NumPy makes an array of.
        name: Its name, with which errors begin.

    Raises:
        PictureError: It is neither, or cannot be read.
    """
    with errors_named(name):
        image = picture if isinstance(picture, Image.Image) else _of_array(picture)
        image.load()
        exif, dpi = image.getexif(), image.info.get("dpi")
        if image.mode.startswith(("I", "F")):
            image = _grey(image)
        elif image.mode not in (*_PNG, *_TIFF):
            image = image.convert(_CONVERTED.get(image.mode, "RGB"))
        out = io.BytesIO()
        form = "TIFF" if image.mode in _TIFF else "PNG"
        image.save(out, form, exif=exif, dpi=dpi, compress_level=1)
        return out.getvalue()


def _of_array(picture: Any) -> Image.Image:
    try:
        values = np.asarray(picture)
    except (TypeError, ValueError, RuntimeError):
        values = np.empty(0, object)
    is_picture = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))
    if not is_picture or not (values.dtype == np.uint8 or values.dtype.kind == "f"):
        kind = f"an array {[*values.shape]} of {values.dtype}"
        raise PictureError(f"is {kind if values.ndim > 1 else type(picture)}; {_EXPECTED}")
    return Image.fromarray(values if values.dtype == np.uint8 else _integers(values, 1))


def _grey(image: Image.Image) -> Image.Image:
    """Return greys of more than 8 bits in 8. Pillow names no white for them: it is the smallest of
    the usual ones that no value exceeds."""
    values, whites = np.asarray(image), _WHITES.get(image.mode, (65535,))
    white = next((each for each in whites if values.max(initial=0) <= each), whites[-1])
    return Image.fromarray(_integers(values, white))


def _integers(values: np.ndarray, white: int) -> np.ndarray:
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= 0 and high <= white):  # Nor are they numbers.
        raise PictureError(f"has values from {low:g} to {high:g}; expected 0 to {white}")
    return np.rint(values * (255 / white)).astype(np.uint8)
