"""Cutting and borders: values and gradients are TensorFlow's own; and Adam where the state lies."""

import numpy as np
import pytest
import tensorflow as tf

from styletransfer.engine.optimizers import PICTURES, State, adam, adam_in_place
from styletransfer.vgg.ops import crop, pad_replicate, pad_zeros

WIDE = tf.random.stateless_normal([1, 7, 9, 4], [1, 2])


def traced(function, x):
    """Value and gradient, as a step computes them: in a traced function, of an open shape."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 4])], autograph=False)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = function(x)
            loss = tf.reduce_sum(tf.sin(3 * found))
        return found, tape.gradient(loss, x)

    return [each.numpy() for each in both(x)]


@pytest.mark.parametrize(
    "rows, columns",
    [((0, 5), (0, 8)), ((2, None), (0, -1)), ((3, 99), (1, None)), ((7, 9), (0, None))],
)
def test_a_part_and_its_gradient_are_a_slices(rows, columns):
    found = traced(lambda x: crop(x, rows, columns), WIDE)
    expected = traced(lambda x: x[:, slice(*rows), slice(*columns)], WIDE)
    for ours, own in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, own)


def test_what_has_too_few_rows_has_an_empty_part_and_no_slope():
    value, slope = traced(lambda x: crop(x, (9, None)), WIDE)
    assert value.shape == (1, 0, 9, 4)
    assert not slope.any()


@pytest.mark.parametrize("above, below", [(1, 1), (1, 0), (0, 1), (0, 0)])
@pytest.mark.parametrize("ours, mode", [(pad_replicate, "SYMMETRIC"), (pad_zeros, "CONSTANT")])
def test_a_border_and_its_gradient_are_tensorflows(above, below, ours, mode):
    around = [[0, 0], [above, below], [1, 1], [0, 0]]
    found = traced(lambda x: ours(x, above, below), WIDE)
    expected = traced(lambda x: tf.pad(x, around, mode), WIDE)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_adam_in_place_is_adam_and_leaves_values_that_others_hold():
    start = State.start(tf.random.stateless_uniform([1, 300, 5, 3], [3, 4]), 0.1)
    slopes = tf.random.stateless_normal([3, 1, 300, 5, 3], [5, 6])
    one, other, held = start, start, []
    for slope in slopes:
        one = adam(one, slope, tf.constant(0.02), tf.constant(0.9))
        other = adam_in_place(other, slope, tf.constant(0.02), tf.constant(0.9))
        held.append((tf.identity(other.average), one.average))
    for name in PICTURES:
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-6)
    for kept, expected in held:
        np.testing.assert_allclose(kept, expected, atol=1e-6)
    np.testing.assert_array_equal(start.momentum, tf.zeros_like(start.momentum))
