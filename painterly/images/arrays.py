"""Pictures as arrays: integers and floats, and other sizes.

Large pictures are converted in bands of rows, so that they never have a second copy in floats.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

_BAND = 256  # rows converted at a time
_BAND_PIXELS = 1 << 18  # The intermediate values of a pixel take up to 60 bytes.


def bands(height: int, rows: int) -> Iterator[slice]:
    """Yield slices of `rows` rows that cover `height` rows; the last may be shorter."""
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def small_bands(height: int, width: int, pixels: int = _BAND_PIXELS) -> Iterator[slice]:
    """Yield slices of rows that cover a picture, of few enough pixels to compute with in floats."""
    return bands(height, max(1, pixels // width))


def fit_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """Return (height, width) in px, at least 1 each, scaled to a longer side of `longer`."""
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Return integers as float32 of the same shape, 0…1, where 1 is the type's largest value.

    Floats are returned as float32, unchanged.
    """
    if not np.issubdtype(pixels.dtype, np.integer):
        return np.asarray(pixels, np.float32)
    largest = np.float32(np.iinfo(pixels.dtype).max)
    out = np.empty(pixels.shape, np.float32)
    for rows in bands(len(pixels), _BAND):
        np.divide(pixels[rows], largest, out=out[rows], dtype=np.float32)
    return out


def to_integers(values: np.ndarray, depth: int, over_white: np.ndarray | None = None) -> np.ndarray:
    """Round floats, clipped to 0…1, to integers of 8 or 16 bits of the same shape, composited over
    white by an alpha [H, W]."""
    out = np.empty(values.shape, np.uint8 if depth == 8 else np.uint16)
    for rows in bands(len(values), _BAND):
        band = np.clip(values[rows], 0, 1)
        if over_white is not None:
            band = 1 - (1 - band) * np.clip(over_white[rows, :, None], 0, 1)
        out[rows] = np.rint(band * (2**depth - 1))
    return out


def box_average(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Shrink pixels by averaging squares of factor² pixels, without a large copy in floats.

    Args:
        pixels: [H, W, 3], see `to_float`.
        factor: A factor below 2 does not change the size. It is at most the shorter side.

    Returns:
        float32 [H // factor, W // factor, 3], 0…1.
    """
    factor = min(factor, *pixels.shape[:2])
    if factor <= 1:
        return to_float(pixels)
    height, width = (side // factor for side in pixels.shape[:2])
    out = np.empty((height, width, pixels.shape[2]), np.float32)
    for row in range(height):
        rows = to_float(pixels[row * factor : (row + 1) * factor, : width * factor])
        out[row] = rows.reshape(factor, width, factor, -1).mean((0, 2))
    return out


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize pixels, anti-aliased, and never through 8 bits.

    Args:
        pixels: [H, W, 3], see `to_float`; or [H, W] for alpha and masks, which are resized
            bilinearly: Lanczos would ring at hard edges.
        height: The new height in px.
        width: The new width in px.

    Returns:
        float32 [height, width, 3] or [height, width], 0…1. At the same size, float32 pixels are
        returned as they are, not as a copy.
    """
    if pixels.shape[:2] == (height, width):
        return to_float(pixels)
    flat = pixels.ndim == 2
    method = Image.Resampling.BILINEAR if flat else Image.Resampling.LANCZOS
    out = resample(pixels[..., None] if flat else pixels, height, width, method)
    np.clip(out, 0, 1, out=out)
    return out[..., 0] if flat else out


def resample(
    pixels: np.ndarray, height: int, width: int, method: Image.Resampling, rows: slice | None = None
) -> np.ndarray:
    """Return pixels [h, w, C], see `to_float`, at another size: float32 [height, width, C].

    With `rows`, only these rows of that are computed. Values are not clipped: they may be
    coefficients, or Lanczos' overshoot.
    """
    top, bottom = (0, height) if rows is None else (rows.start, rows.stop)
    scale = pixels.shape[0] / height
    box = (0, top * scale, pixels.shape[1], min(bottom * scale, pixels.shape[0]))
    out = np.empty((bottom - top, width, pixels.shape[2]), np.float32)
    for number in range(pixels.shape[2]):
        # One channel at a time in floats: a large picture of integers is a quarter of its floats.
        channel = Image.fromarray(np.ascontiguousarray(to_float(pixels[..., number])))
        out[..., number] = np.asarray(channel.resize((width, bottom - top), method, box))
    return out


def turned(pixels: np.ndarray, camera: int) -> np.ndarray:
    """Return pixels [H, W, …] upright, from a camera's orientation 1…8."""
    if camera in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    vertical = -1 if camera in (3, 4, 7, 8) else 1
    horizontal = -1 if camera in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::vertical, ::horizontal])


def resampled(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image [h, w, 3] at another size, float32: antialiased along an axis that shrinks,
    interpolated along one that grows."""
    height, width = min(image.shape[0], size[0]), min(image.shape[1], size[1])
    if image.shape[:2] != (height, width):
        image = resample(image, height, width, Image.Resampling.LANCZOS)
    if image.shape[:2] != size:
        image = resample(image, *size, Image.Resampling.BICUBIC)
    return to_float(image)
