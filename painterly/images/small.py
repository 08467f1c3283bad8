"""Small pictures to look at, as JPEGs. A bot's cold start need not wait for NumPy."""

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import numpy as np


def jpeg(image: Image.Image, quality: int = 80, **options: Any) -> bytes:
    """Encode a small picture, such as `PictureFile.reduced` returns, as a JPEG. Options are
    Pillow's."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def jpeg_of(pixels: "np.ndarray", longer: int, quality: int = 82) -> bytes:
    """Encode a JPEG of pixels, with the full resolution of their colours.

    Args:
        pixels: [H, W, 3], sRGB, float 0…1 or integers.
        longer: The largest length of the longer side in px.
        quality: The JPEG's quality.
    """
    from painterly.images.arrays import box_average, fit_size, resize, to_integers
    from painterly.images.colours import icc

    height, width = pixels.shape[:2]
    factor = max(height, width) // (2 * longer)
    if factor > 1:  # Otherwise it would be a copy in floats, four times as large as the photo.
        pixels = box_average(pixels, factor)
    size = fit_size(height, width, longer) if max(height, width) > longer else (height, width)
    image = Image.fromarray(to_integers(resize(pixels, *size), 8))
    return jpeg(image, quality, subsampling=0, icc_profile=icc.SRGB)
