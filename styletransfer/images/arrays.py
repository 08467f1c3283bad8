"""Pictures as arrays: integers and floats, other sizes."""

import numpy as np
from PIL import Image


def fit_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """(height, width) in px with the longer side exactly `longer`, proportions kept, both ≥ 1."""
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


# Rows converted at a time, so that no copy of a large picture is ever held in floats.
_BAND = 256


def to_float(levels: np.ndarray) -> np.ndarray:
    """Integers, whose largest value is white or opaque, as float32 of the same shape, 0…1; floats
    as float32."""
    if not np.issubdtype(levels.dtype, np.integer):
        return np.asarray(levels, np.float32)
    most = np.float32(np.iinfo(levels.dtype).max)
    out = np.empty(levels.shape, np.float32)
    for top in range(0, len(levels), _BAND):
        np.divide(levels[top : top + _BAND], most, out=out[top : top + _BAND], dtype=np.float32)
    return out


def box_average(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Pixels [H, W, 3], in floats or integers as in `to_float`, as float32 with squares of factor²
    pixels made one, where that is more than 1: what a much smaller picture is made from, with no
    copy of the large one in floats."""
    if factor <= 1:
        return to_float(pixels)
    height, width = (side // factor for side in pixels.shape[:2])
    out = np.empty((height, width, pixels.shape[2]), np.float32)
    for row in range(height):
        rows = to_float(pixels[row * factor : (row + 1) * factor, : width * factor])
        out[row] = rows.reshape(factor, width, factor, -1).mean((0, 2))
    return out


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels at another size in px: float [H, W, 3] → float32 [height, width, 3], 0…1.

    Anti-aliased and never through 8 bits. Also float [H, W] → [height, width], for alpha and
    masks, which are kept free of the ripples that Lanczos draws beside hard edges. At the same
    size float32 pixels come back as they are, not as a copy.
    """
    pixels = np.asarray(pixels, np.float32)
    if pixels.shape[:2] == (height, width):
        return pixels
    flat = pixels.ndim == 2
    channels = pixels[..., None] if flat else pixels
    method = Image.Resampling.BILINEAR if flat else Image.Resampling.LANCZOS
    out = np.empty((height, width, channels.shape[2]), np.float32)
    for number in range(channels.shape[2]):
        channel = Image.fromarray(np.ascontiguousarray(channels[..., number]))
        out[..., number] = np.asarray(channel.resize((width, height), method))
    np.clip(out, 0, 1, out=out)
    return out[..., 0] if flat else out
