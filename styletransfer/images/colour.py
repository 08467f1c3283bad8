"""Parts of a photo in its painting: its colours, or its pixels outside a mask.

Images are float32 [H, W, 3], sRGB 0…1; masks float32 [H, W], 0…1, soft in between. Lightness, hue
and chroma are Oklab's.
"""

from collections.abc import Callable

import numpy as np

from styletransfer.images.arrays import bands
from styletransfer.images.oklab import oklab_to_srgb, srgb_to_oklab

# Rows processed at a time: a large image never has several copies in floats.
_BAND = 64


def preserve(painted: np.ndarray, photo: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Return the painted image's lightness with the photo's colours, Oklab's a and b.

    A colour that does not exist at its lightness loses chroma until it does; lightness and hue
    stay.

    Args:
        painted: float32 [H, W, 3], sRGB 0…1.
        photo: The same shape.
        mask: float32 [H, W]. At 0, `painted` stays bit for bit; at 1, or without a mask, all
            colours are the photo's.
    """

    def recoloured(rows: slice) -> np.ndarray:
        lab = srgb_to_oklab(photo[rows])
        lab[..., 0] = srgb_to_oklab(painted[rows])[..., 0]
        return oklab_to_srgb(lab)

    return _changed(painted, recoloured, mask)


def masked(photo: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the photo at a mask of 0, the painted image at 1, and a linear blend in between.

    Args:
        photo: float32 [H, W, 3], sRGB 0…1. Kept bit for bit, as is `painted`.
        painted: The same shape.
        mask: float32 [H, W].
    """
    return _changed(photo, lambda rows: painted[rows], mask)


def _changed(
    picture: np.ndarray, change: Callable[[slice], np.ndarray], mask: np.ndarray | None
) -> np.ndarray:
    """Blend a picture with `change` of its rows by a mask; without one, return only the change."""
    out = np.empty(picture.shape, np.float32)
    for rows in bands(len(picture), _BAND):
        out[rows] = change(rows)
        if mask is not None:
            share = mask[rows, :, None]
            out[rows] = (1 - share) * picture[rows] + share * out[rows]
    return out
