"""The structure term keeps contours of a photo, and leaves the rest to the painting."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from support.tiny import last, picture

from styletransfer import Settings, stylize
from styletransfer.engine.structure import contours, structure_error


def step_edge(height, contrast, side=64):
    """A grey picture with an edge at this row."""
    found = np.full((1, side, side, 3), 0.5, np.float32)
    found[:, height:] += contrast
    return tf.constant(found)


def luminance_gradients(image):
    smooth = ndimage.gaussian_filter(image @ np.float32([0.299, 0.587, 0.114]), 2)
    return np.stack(np.gradient(smooth)).ravel()


def test_the_photo_itself_has_no_error_and_its_negative_has():
    photo = tf.constant(picture(48, 64, 1)[None])
    assert float(structure_error(photo, contours(photo))) == 0
    assert float(structure_error(1 - photo, contours(photo))) == pytest.approx(0.04, rel=1e-3)


def test_colour_and_strokes_in_flat_parts_are_free():
    photo = step_edge(32, 0.3)
    striped = photo.numpy()
    striped[:, 8:16:2] += 0.1
    striped[:, 9:17:2] -= 0.1
    coloured = photo + tf.constant([0.1, -0.05, -0.0049])
    lost = step_edge(64, 0.0)
    of_lost = float(structure_error(lost, contours(photo)))
    for image in (tf.constant(striped), coloured):
        assert float(structure_error(image, contours(photo))) < 0.01 * of_lost


def test_a_mottled_wall_is_left_to_the_painting():
    mottle = 0.02 * np.random.default_rng(3).standard_normal((16, 32, 1)).astype(np.float32)
    wall = np.kron(mottle, np.ones((4, 4, 1), np.float32))[None]
    photo = step_edge(32, 0.5, side=128)[:, :64] + wall * (np.arange(64) < 24)[None, :, None, None]
    repainted = photo.numpy()
    repainted[:, :24] -= wall[:, :24]
    lost_edge = photo.numpy()
    lost_edge[:, 32:] -= 0.5
    wall_gone, edge_gone = (
        float(structure_error(tf.constant(each), contours(photo)))
        for each in (repainted, lost_edge)
    )
    assert wall_gone < 0.1 * edge_gone


def test_few_contours_leave_the_painting_room():
    """A bird in a clear sky, and the same bird in a flock: each loses its own contours."""
    clear = np.full((1, 256, 256, 3), 0.5, np.float32)
    alone, flock = clear.copy(), clear.copy()
    alone[:, 112:128, 112:128] = 0.9
    for row in range(16, 256, 64):
        flock[:, row : row + 16, 16:32] = flock[:, row : row + 16, 144:160] = 0.9
    lone, many = (
        float(structure_error(tf.constant(clear), contours(tf.constant(each))))
        for each in (alone, flock)
    )
    assert lone < many / 2


@pytest.mark.parametrize("times", [2, 4])
def test_a_large_picture_is_compared_like_the_same_one_in_small(times):
    """Strokes grow with the picture: pixel by pixel, a large one's would count as lost contours."""
    photo, image = (tf.constant(picture(300, 400, seed)[None]) for seed in (1, 2))
    large_photo, large_image = (
        tf.repeat(tf.repeat(each, times, axis=1), times, axis=2) for each in (photo, image)
    )
    found = float(structure_error(large_image, contours(large_photo)))
    assert found == pytest.approx(float(structure_error(image, contours(photo))), rel=1e-4)


def test_a_narrow_panorama_has_contours_as_well():
    photo = tf.constant(picture(64, 3000, 1)[None])
    mask = tf.ones([1, 64, 3000, 1])
    assert float(structure_error(1 - photo, contours(photo, mask))) == pytest.approx(0.04, rel=1e-2)


@pytest.mark.parametrize("size", [(5, 7), (3, 64), (1, 1)])
def test_a_picture_too_small_for_contours_has_none(size):
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
