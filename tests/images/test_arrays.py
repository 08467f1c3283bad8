"""Sizes and types of arrays of pixels."""

import numpy as np

from styletransfer.images.arrays import resize


def test_resizing_keeps_more_shades_than_eight_bits_have():
    soft = np.linspace(0.5, 0.51, 64, dtype=np.float32)[None, :, None].repeat(64, 0).repeat(3, 2)
    assert len(np.unique(resize(soft, 32, 32)[16, :, 0])) == 32


def test_a_mask_is_resized_without_ringing():
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    out = resize(mask, 24, 24)
    assert out.shape == (24, 24) and out.dtype == np.float32
    assert (out[:, :10] == 0).all() and (out[:, 14:] == 1).all()
