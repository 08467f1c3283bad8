"""Images as arrays: integers and floats, and other sizes."""

import numpy as np
from PIL import Image

# Rows converted at a time: a large image never has a second copy in floats.
_BAND = 256


def fit_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """(height, width) in px with the longer side exactly `longer`, same proportions, both ≥ 1."""
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Integers as float32 of the same shape, 0…1, where 1 is the type's largest value; floats as
    float32 unchanged."""
    if not np.issubdtype(pixels.dtype, np.integer):
        return np.asarray(pixels, np.float32)
    largest = np.float32(np.iinfo(pixels.dtype).max)
    out = np.empty(pixels.shape, np.float32)
    for top in range(0, len(pixels), _BAND):
        rows = slice(top, top + _BAND)
        np.divide(pixels[rows], largest, out=out[rows], dtype=np.float32)
    return out


def box_average(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Pixels [H, W, 3], see `to_float`, as the means of squares of factor² of them: float32
    [H // factor, W // factor, 3], 0…1; a factor below 2 changes no size.

    A cheap first step to a much smaller image, without a copy of the large one in floats.
    """
    if factor <= 1:
        return to_float(pixels)
    height, width = (side // factor for side in pixels.shape[:2])
    out = np.empty((height, width, pixels.shape[2]), np.float32)
    for row in range(height):
        rows = to_float(pixels[row * factor : (row + 1) * factor, : width * factor])
        out[row] = rows.reshape(factor, width, factor, -1).mean((0, 2))
    return out


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels [H, W, 3], see `to_float`, at another size in px: float32 [height, width, 3], 0…1.

    Anti-aliased, and never through 8 bits. Also [H, W] → [height, width], for alpha and
    masks: bilinear, free of the ringing of Lanczos at hard edges. At the same size float32 pixels
    are returned as they are, not as a copy.
    """
    if pixels.shape[:2] == (height, width):
        return to_float(pixels)
    flat = pixels.ndim == 2
    channels = pixels[..., None] if flat else pixels
    method = Image.Resampling.BILINEAR if flat else Image.Resampling.LANCZOS
    out = np.empty((height, width, channels.shape[2]), np.float32)
    for number in range(channels.shape[2]):
        # One channel at a time in floats: a large picture of integers is a quarter of its floats.
        channel = Image.fromarray(np.ascontiguousarray(to_float(channels[..., number])))
        out[..., number] = np.asarray(channel.resize((width, height), method))
    np.clip(out, 0, 1, out=out)
    return out[..., 0] if flat else out
