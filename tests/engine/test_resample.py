"""Resampling, against Pillow's."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from styletransfer.engine.pyramid import resample


def pillow(picture, size):
    """Lanczos along the axes that shrink, bicubic along those that grow, one channel at a time."""
    smaller = tuple(np.minimum(picture.shape[:2], size).tolist())
    channels = []
    for number in range(picture.shape[2]):
        channel = Image.fromarray(np.ascontiguousarray(picture[..., number]))
        channel = channel.resize(smaller[::-1], Image.Resampling.LANCZOS)
        channels.append(np.asarray(channel.resize(size[::-1], Image.Resampling.BICUBIC)))
    return np.stack(channels, -1)


SIZES = [
    ((64, 300), (200, 100)),
    ((300, 64), (100, 200)),
    ((1, 300), (1, 100)),
    ((300, 1), (100, 1)),
    ((200, 512), (200, 200)),
    ((480, 5), (60, 20)),
    ((64, 300), (64, 100)),
    ((300, 64), (100, 64)),
    ((1, 300), (70, 70)),
    ((90, 120), (45, 60)),
    ((90, 120), (45, 79)),
    ((90, 120), (140, 200)),
]


@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_pictures_are_resampled_as_by_pillow(shape, size):
    picture = np.random.default_rng(0).random((*shape, 3), np.float32)
    found = resample(tf.constant(picture[None]), size)[0]
    # TensorFlow reads the bicubic kernel from a table.
    np.testing.assert_allclose(found, pillow(picture, size), atol=1e-3)
