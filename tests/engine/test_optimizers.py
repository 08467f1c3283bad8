"""Adam from one scale to the next."""

import numpy as np
import tensorflow as tf

from styletransfer.engine.canvas import Canvas
from styletransfer.engine.optimizers import State, adam


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
