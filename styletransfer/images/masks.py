"""Masks: grey pictures float32 [H, W], 0 (black) … 1 (white), soft between, of any size."""

import numpy as np


def pooled(mask: np.ndarray, times: int) -> np.ndarray:
    """A mask [H, W] as a layer after so many poolings sees it: the mean over the pixels of each
    of its positions, float32 [1, h, w, 1]."""
    side = 2**times
    height, width = mask.shape[0] // side, mask.shape[1] // side
    blocks = mask[: height * side, : width * side].reshape(height, side, width, side)
    return blocks.mean((1, 3), dtype=np.float32)[None, :, :, None]


def binary(mask: np.ndarray) -> np.ndarray:
    """A mask [h, w] as the original INetwork takes it: 1 where its grey is above 127 of 255, else
    0, float32 [1, h, w, 1]."""
    return (np.round(mask * 255) > 127).astype(np.float32)[None, :, :, None]


def checked(mask: np.ndarray, what: str) -> np.ndarray:
    """A mask as float32 [H, W] in 0…1. Raises ValueError, naming `what`, for another shape or
    range, and where it is black all over, so that nothing is left."""
    mask = np.asarray(mask, np.float32)
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(f"{what} must be grey, of shape [H, W], got {list(mask.shape)}")
    if not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError(f"{what} must be within 0…1")
    if mask.max() < 1 / 255:
        raise ValueError(f"{what} is black all over")
    return mask
