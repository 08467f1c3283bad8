"""Sizes and types of arrays of pixels."""

import numpy as np

from styletransfer.images.arrays import resize


def test_a_mask_is_resized_without_ringing():
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    out = resize(mask, 24, 24)
    assert out.shape == (24, 24) and out.dtype == np.float32
    assert (out[:, :10] == 0).all() and (out[:, 14:] == 1).all()
