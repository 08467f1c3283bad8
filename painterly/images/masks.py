"""Masks as arrays: float32 [H, W] of any size, 0 (black) … 1 (white), soft in between."""

import numpy as np

from painterly.errors import PictureError
from painterly.images.arrays import resize, small_bands, to_float
from painterly.images.colours.colour import LUMA
from painterly.images.picture import Picture

BLACK = 1 / 255  # One step of 8 bits: a mask below it shows nothing.
LITTLE_HIDDEN = 0.02  # If less of a photo is transparent, a mask is not worth its memory.


def luma(picture: Picture) -> np.ndarray:
    """Return a decoded mask's luma, multiplied by alpha. Raises PictureError for a black one."""
    mask = np.empty(picture.size, np.float32)
    for rows in small_bands(*picture.size):
        np.minimum(to_float(picture.pixels_int[rows]) @ LUMA, 1, out=mask[rows])
        if picture.alpha_int is not None:
            mask[rows] *= to_float(picture.alpha_int[rows])
    if mask.max() < BLACK:
        raise PictureError("is black all over; a mask is white where it lets through")
    return mask


def pooled(mask: np.ndarray, times: int) -> np.ndarray:
    """Return a mask [H, W] at the resolution of a layer after `times` poolings.

    It has the mean over the pixels of each position: float32 [1, h, w, 1].
    """
    side = 2**times
    height, width = mask.shape[0] // side, mask.shape[1] // side
    blocks = mask[: height * side, : width * side].reshape(height, side, width, side)
    means: np.ndarray = blocks.mean((1, 3), dtype=np.float32)
    return means[None, :, :, None]


def binary(mask: np.ndarray) -> np.ndarray:
    """Return a mask [h, w] as the original INetwork uses it: float32 [1, h, w, 1], 1 for a grey
    above 127 of 255, else 0."""
    return (np.round(mask * 255) > 127).astype(np.float32)[None, :, :, None]


def checked(mask: np.ndarray, name: str) -> np.ndarray:
    """Return a mask as float32 [H, W].

    Raises ValueError, naming the mask, for another shape, values outside 0…1, or all black.
    """
    mask = np.asarray(mask, np.float32)
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(f"{name} must be grey, of shape [H, W], got {list(mask.shape)}")
    if not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError(f"{name} must be within 0…1")
    if mask.max() < BLACK:
        raise ValueError(f"{name} is black all over")
    return mask


def visible(mask: np.ndarray | None, alpha: np.ndarray | None, name: str) -> np.ndarray | None:
    """Return the visible part of a painting as a mask, or None for all of it.

    The colours of transparent pixels are not the painting's, so its alpha is a mask as well.

    Args:
        mask: The painting's mask [h, w], if any.
        alpha: Its alpha [H, W], if any.
        name: Its name, for errors.

    Raises:
        PictureError: Nothing of the painting is visible.
    """
    if alpha is None or mask is None:
        return mask if alpha is None else alpha
    both: np.ndarray = resize(mask, *alpha.shape) * alpha
    if both.max() < BLACK:
        raise PictureError(f"{name}: its mask shows only transparent parts of it")
    return both


def painted(mask: np.ndarray | None, alpha: np.ndarray | None, name: str) -> np.ndarray | None:
    """Return the part of a photo that is painted as a mask, or None for all of it.

    Fully transparent pixels are not painted: they would take a share of the painting's colours that
    the visible pixels would lack. Half-transparent edges are painted like the rest.

    Args:
        mask: The photo's mask [h, w], if any.
        alpha: Its alpha, integers [H, W], if any.
        name: Its name, for errors.

    Raises:
        PictureError: Nothing would be painted.
    """
    if alpha is None:
        return mask
    shown = alpha >= BLACK * np.iinfo(alpha.dtype).max
    if shown.mean() > 1 - LITTLE_HIDDEN:
        return mask
    return visible(mask, shown.astype(np.float32), name)
