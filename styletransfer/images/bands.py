"""Large pictures in bands of rows: steps between Pillow's images and arrays whose intermediate
values would take many times the memory of the picture."""

from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from styletransfer.images.arrays import to_float

_PIXELS = 1 << 18  # of a band, whose intermediate values take up to 60 bytes each

# Below this alpha a pixel's own colour is noise: programs store anything there, or round it.
_FAINT = 1 / 8

# Rec. 601's luma, by which drawing programs and Pillow convert colours to grey.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def to_array(image: Image.Image, lower: Image.Image | None = None) -> np.ndarray:
    """RGB as uint8 [H, W, 3], L as [H, W]; with the lower bytes of 16 bits as uint16."""
    channels = (3,) if image.mode == "RGB" else ()
    dtype = np.uint8 if lower is None else np.uint16
    out = np.empty((image.height, image.width, *channels), dtype)
    for rows in _bands(image.height, image.width):
        band = _values(image, rows)
        if lower is None:
            out[rows] = band
        else:
            np.left_shift(band, 8, out=out[rows], dtype=np.uint16)
            out[rows] |= _values(lower, rows)
    return out


def eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or in floats, scaled to 8 bits; Pillow's conversion clips at 255.

    From black to white are 16 bits, floats within 0…1, and 32 bits within 0…65535, or 0…255 where
    none is larger. The range of others is unknown: their minimum becomes black and their maximum
    white.
    """
    tags = getattr(image, "tag_v2", {})
    low, high = 0.0, 1.0 if image.mode == "F" else 65535.0
    if image.mode.startswith("I;16"):
        # Pillow does not scale a TIFF's 12 bits.
        high = 2.0 ** min(16, *tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    else:
        smallest, largest = _range(image)
        if smallest < low or largest > high:
            low, high = smallest, largest
        elif image.mode == "I" and largest <= 255:
            high = 255.0
    # "White is zero", which Pillow inverts in 8 bits only.
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    out = np.empty((image.height, image.width), np.uint8)
    for rows in _bands(image.height, image.width):
        grey = _values(image, rows).astype(np.float32) - np.float32(low)
        grey /= np.float32(max(high - low, 1e-30))
        if inverted:
            grey = 1 - grey
        out[rows] = np.rint(np.clip(np.nan_to_num(grey, copy=False), 0, 1) * 255)
    return Image.fromarray(out)


def alpha_but_for(image: Image.Image, transparent: float) -> Image.Image:
    """Alpha as L: transparent where a grey image has one value, opaque elsewhere."""
    out = np.empty((image.height, image.width), np.uint8)
    for rows in _bands(image.height, image.width):
        out[rows] = np.uint8(255) * (_values(image, rows) != transparent)
    return Image.fromarray(out)


def luma(pixels_int: np.ndarray, alpha_int: np.ndarray | None) -> np.ndarray:
    """Colours [H, W, 3] as grey, multiplied by alpha [H, W] if there is any: float32, 0…1."""
    height, width = pixels_int.shape[:2]
    out = np.empty((height, width), np.float32)
    for rows in _bands(height, width):
        np.minimum(to_float(pixels_int[rows]) @ _LUMA, 1, out=out[rows])
        if alpha_int is not None:
            out[rows] *= to_float(alpha_int[rows])
    return out


def with_hidden_colours_replaced(pixels_int: np.ndarray, alpha_int: np.ndarray) -> np.ndarray:
    """The pixels [H, W, 3] as uint16, which hold 8 bits exactly, with the mean of the visible
    colours where alpha [H, W] is low."""
    mean = _visible_mean(pixels_int, alpha_int)
    deep = pixels_int
    if pixels_int.dtype != np.uint16:
        deep = pixels_int.astype(np.uint16)
        deep *= np.uint16(65535 // np.iinfo(pixels_int.dtype).max)
    for rows in _bands(*alpha_int.shape):
        alpha = to_float(alpha_int[rows])
        faint = alpha < _FAINT
        own_share = (alpha[faint] / np.float32(_FAINT))[:, None]
        own = to_float(pixels_int[rows])[faint]
        deep[rows][faint] = np.rint(65535 * (mean + (own - mean) * own_share))
    return deep


def _visible_mean(pixels_int: np.ndarray, alpha_int: np.ndarray) -> np.ndarray:
    """The mean colour [3], weighted by alpha."""
    weighted, weight = np.zeros(3), 0.0
    for rows in _bands(*alpha_int.shape):
        alpha = to_float(alpha_int[rows])
        by_row = np.einsum("hwc,hw->hc", to_float(pixels_int[rows]), alpha)
        weighted += by_row.sum(axis=0, dtype=np.float64)
        weight += float(alpha.sum(dtype=np.float64))
    mean: np.ndarray = np.minimum(weighted / weight, 1).astype(np.float32)
    return mean


def _range(image: Image.Image) -> tuple[float, float]:
    """The smallest and the largest finite value; 0 and 0 if there is none."""
    found = []
    for rows in _bands(image.height, image.width):
        values = _values(image, rows)
        finite = values[np.isfinite(values)]
        if finite.size:
            found += [float(finite.min()), float(finite.max())]
    return min(found, default=0.0), max(found, default=0.0)


def _bands(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _values(image: Image.Image, rows: slice) -> np.ndarray:
    return np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
