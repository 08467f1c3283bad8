"""Optimizers: Adam in place against Adam, and from one scale to the next."""

import numpy as np
import tensorflow as tf

from styletransfer.engine.canvas import Canvas
from styletransfer.engine.optimizers import STATE_IMAGES, State, adam, adam_in_place


def test_adam_in_place_is_adam_and_leaves_values_that_others_hold():
    start = State.start(tf.random.stateless_uniform([1, 300, 5, 3], [3, 4]), 0.1)
    gradients = tf.random.stateless_normal([3, 1, 300, 5, 3], [5, 6])
    one, other, held = start, start, []
    for gradient in gradients:
        one = adam(one, gradient, tf.constant(0.02), tf.constant(0.9))
        other = adam_in_place(other, gradient, tf.constant(0.02), tf.constant(0.9))
        held.append((tf.identity(other.average), one.average))
    for name in STATE_IMAGES:
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-6)
    for kept, expected in held:
        np.testing.assert_allclose(kept, expected, atol=1e-6)
    np.testing.assert_array_equal(start.momentum, tf.zeros_like(start.momentum))


def test_at_the_next_scale_adam_goes_on_as_if_it_had_always_been_there():
    """For a loss that is a mean over the picture, of a picture that is smooth."""

    def moments(size):
        canvas = Canvas(size)
        rows, columns = (np.linspace(0, 1, side, dtype=np.float32) for side in size)
        image = tf.constant(0.2 + 0.6 * (rows[:, None] * columns)[None, ..., None].repeat(3, -1))
        state = State.start(image, 0.1)
        gradient = 2 * (image - 0.1) / np.prod(size)
        for _ in range(30):
            state = adam(state, gradient, tf.constant(0.0), tf.constant(0.9))
        return canvas, state

    (small, state), (large, expected) = moments((48, 64)), moments((96, 128))
    found = state.resampled(small, large)
    for name in ("momentum", "variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0.1)
    np.testing.assert_allclose(found.image, expected.image, atol=0.01)
