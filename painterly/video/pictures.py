"""The pictures of frames: BMPs before painting, and PNGs of 8 bits between painting and the clip,
so that all ways to a clip lead to the same bytes."""

import io

import numpy as np
from PIL import Image


def picture_file(pixels: np.ndarray) -> bytes:
    """Return pixels, uint8 [h, w, 3], as the file of a picture, which is fast to write and read."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "BMP")
    return out.getvalue()


def png_of(picture: np.ndarray) -> bytes:
    """Return the file of a picture [h, w, 3], uint8, or floats 0…1."""
    if picture.dtype != np.uint8:
        picture = (255 * np.clip(picture, 0, 1) + 0.5).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


def pixels_of(png: bytes) -> np.ndarray:
    """Return the pixels of such a file, uint8 [h, w, 3]."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return np.asarray(picture)
