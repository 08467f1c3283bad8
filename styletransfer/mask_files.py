"""A mask's file → grey. White is where something counts, black where it does not."""

import numpy as np

from styletransfer import images
from styletransfer.errors import PictureError

# Rec. 601's luma, which is what drawing programs and Pillow make of colours in a grey picture.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Below the first step of 8 bits nothing is left of what the mask belongs to.
_BLACK = 1 / 255


def decode_mask(data: bytes, name: str) -> np.ndarray:
    """A mask from a picture file's bytes: float32 [h, w], 0 (black) … 1 (white), upright.

    Any file that `images.decode` reads, of any size from 16 px. Colours count by their luma
    (Rec. 601, of the sRGB values); what is clear counts as black, what is half clear half.

    Raises PictureError, one line that begins with `name`: what `images.decode` refuses, and a
    mask that is black all over.
    """
    picture = images.decode(data, name)
    mask = np.minimum(picture.pixels @ _LUMA, 1)
    if picture.alpha is not None:
        mask *= picture.alpha
    if mask.max() < _BLACK:
        raise PictureError(f"{name}: is black all over; a mask is white where it lets through")
    return mask
