"""The structure term at all sizes, and what it keeps of a photo. Its formula: test_losses.py."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from support.tiny import last, picture

from styletransfer import Settings, stylize
from styletransfer.engine.structure import contours, structure_error


def luminance_gradients(image):
    smooth = ndimage.gaussian_filter(image @ np.float32([0.299, 0.587, 0.114]), 2)
    return np.stack(np.gradient(smooth)).ravel()


@pytest.mark.parametrize("times", [2, 4])
def test_a_large_picture_is_compared_like_the_same_one_in_small(times):
    """Strokes grow with the picture: pixel by pixel, a large one's would count as lost contours."""
    photo, image = (tf.constant(picture(300, 400, seed)[None]) for seed in (1, 2))
    large_photo, large_image = (
        tf.repeat(tf.repeat(each, times, axis=1), times, axis=2) for each in (photo, image)
    )
    found = float(structure_error(large_image, contours(large_photo)))
    assert found == pytest.approx(float(structure_error(image, contours(photo))), rel=1e-4)


def test_a_narrow_panorama_has_contours_as_well_and_a_tiny_picture_none():
    photo = tf.constant(picture(64, 3000, 1)[None])
    mask = tf.ones([1, 64, 3000, 1])
    assert float(structure_error(1 - photo, contours(photo, mask))) == pytest.approx(0.04, rel=1e-2)
    for size in ((5, 7), (3, 64), (1, 1)):
        photo = tf.constant(picture(*size, 1)[None])
        assert float(structure_error(photo * 0.5, contours(photo))) < 0.1


@pytest.mark.slow
def test_a_painted_photo_keeps_its_contours(tiny):
    photo, painting = picture(72, 96, 1), picture(80, 80, 2)
    wanted = luminance_gradients(photo)
    kept = []
    for weight in (0.0, 3.0):
        settings = Settings(size=96, strength=0.9, iterations=20, structure_weight=weight)
        image = last(stylize(photo, [painting], settings, tiny)).image
        kept.append(np.corrcoef(luminance_gradients(image), wanted)[0, 1])
    assert kept[1] > kept[0] + 0.02
