"""Resampling, and results at the photo's size, against Pillow's."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.tiny import picture

from painterly import Settings
from painterly.engine.picture import Postprocess
from painterly.engine.tensors import resample
from painterly.settings.settings import FIELDS


def pillow(image, size):
    """Lanczos along the axes that shrink, bicubic along those that grow, one channel at a time."""
    smaller = tuple(np.minimum(image.shape[:2], size).tolist())
    channels = []
    for number in range(image.shape[2]):
        channel = Image.fromarray(np.ascontiguousarray(image[..., number]))
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
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    found = resample(tf.constant(image[None]), size)[0]
    # TensorFlow reads the bicubic kernel from a table.
    np.testing.assert_allclose(found, pillow(image, size), atol=1e-3)


@pytest.mark.parametrize("method", FIELDS["rescale_method"].metadata["choices"])
def test_a_picture_is_scaled_as_pillow_does_in_more_than_8_bits(method):
    eight_bits = np.rint((0.25 + picture(40, 60) / 2) * 255).astype(np.uint8)
    resampling = Image.Resampling[method.upper()]
    expected = np.asarray(Image.fromarray(eight_bits).resize((130, 90), resampling)) / 255
    scaled = Postprocess(picture(90, 130), Settings(rescale_image=True, rescale_method=method))
    found = scaled(eight_bits / np.float32(255))
    assert found.dtype == np.float32 and found.shape == (90, 130, 3)
    assert found.min() >= 0 and found.max() <= 1
    assert np.abs(found - expected).max() < 1.5 / 255  # Pillow rounds twice there.
    assert method == "nearest" or len(np.unique(found)) > 10_000
