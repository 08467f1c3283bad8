"""Optimizers: Adam in place against Adam."""

import numpy as np
import tensorflow as tf

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
