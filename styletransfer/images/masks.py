"""Masks as arrays: float32 [H, W] of any size, 0 (black) … 1 (white), soft in between."""

from collections.abc import Sequence

import numpy as np

from styletransfer.errors import PictureError
from styletransfer.images.arrays import resize

BLACK = 1 / 255  # One step of 8 bits: a mask below it shows nothing.
LITTLE_HIDDEN = 0.02  # of a photo: if less of it is transparent, a mask is not worth its memory


def pooled(mask: np.ndarray, times: int) -> np.ndarray:
    """A mask [H, W] at the resolution of a layer after `times` poolings: the mean over the pixels
    of each position, float32 [1, h, w, 1]."""
    side = 2**times
    height, width = mask.shape[0] // side, mask.shape[1] // side
    blocks = mask[: height * side, : width * side].reshape(height, side, width, side)
    means: np.ndarray = blocks.mean((1, 3), dtype=np.float32)
    return means[None, :, :, None]


def binary(mask: np.ndarray) -> np.ndarray:
    """A mask [h, w] as the original INetwork uses it: 1 where its grey is above 127 of 255, else 0,
    float32 [1, h, w, 1]."""
    return (np.round(mask * 255) > 127).astype(np.float32)[None, :, :, None]


def checked(mask: np.ndarray, name: str) -> np.ndarray:
    """A mask as float32 [H, W].

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


def regions_of(
    style_masks: Sequence[np.ndarray | None] | None,
    regions: Sequence[np.ndarray | None] | None,
    content_mask: np.ndarray | None,
) -> Sequence[np.ndarray | None] | None:
    """Where each painting goes: into the regions. Without these and a content mask, style masks say
    that, too, as in the original INetwork."""
    return style_masks if regions is None and content_mask is None else regions


def visible(mask: np.ndarray | None, alpha: np.ndarray | None, name: str) -> np.ndarray | None:
    """What a mask [h, w] shows of a painting with this alpha [H, W], which is a mask as well: the
    colours of transparent pixels are not the painting's. None, of either or both: everything.

    Raises PictureError, naming the painting, if that is nothing.
    """
    if alpha is None or mask is None:
        return mask if alpha is None else alpha
    both: np.ndarray = resize(mask, *alpha.shape) * alpha
    if both.max() < BLACK:
        raise PictureError(f"{name}: its mask shows only transparent parts of it")
    return both


def painted(mask: np.ndarray | None, alpha: np.ndarray | None, name: str) -> np.ndarray | None:
    """Where a photo with this mask [h, w] and alpha, integers [H, W], is painted: not where nothing
    of it is seen. That would take its share of the painting's colours, which what is seen would
    lack. Half-transparent edges are painted like the rest. None: everywhere.

    Raises PictureError, naming the photo, if that is nowhere.
    """
    if alpha is None:
        return mask
    seen = alpha >= BLACK * np.iinfo(alpha.dtype).max
    return mask if seen.mean() > 1 - LITTLE_HIDDEN else visible(mask, seen.astype(np.float32), name)
