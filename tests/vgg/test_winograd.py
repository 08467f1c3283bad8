"""Winograd's algorithm against direct convolutions in float64: values and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from styletransfer.vgg.network import NetworkOptions
from styletransfer.vgg.winograd import TransformedKernel, convolution


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [(4, 8), (13, 6), (3, 3)])
def test_a_convolution_and_its_gradient_are_direct_ones(size, padding):
    random = np.random.default_rng(1)
    x = random.normal(size=(1, *size, 24)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 24, 40)).astype(np.float32)
    transformed = TransformedKernel.of(kernel)
    found = traced(lambda x: convolution(x, transformed, padding), tf.constant(x))
    expected = traced(
        lambda x: tf.nn.conv2d(x, kernel.astype(np.float64), 1, padding), tf.cast(x, tf.float64)
    )
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) < 5e-6 * np.linalg.norm(other)


@pytest.mark.parametrize("padding", ["zero", "replicate"])
def test_a_networks_features_and_gradient_stay_within_1e_5(random_vgg, padding):
    x = np.random.default_rng(2).uniform(size=(1, 50, 38, 3)).astype(np.float32)

    def features(dtype, spends_memory=False):
        options = NetworkOptions("max", dtype, padding, spends_memory)
        return lambda x: random_vgg.forward(x, ["conv4_2"], options)["conv4_2"]

    found = traced(features(tf.float32, spends_memory=True), tf.constant(x))
    expected = traced(features(tf.float64), tf.cast(x, tf.float64))
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) < 1e-5 * np.linalg.norm(other)


def traced(function, x):
    """Value and gradient in a traced function of unknown height and width, as in a step."""
    spec = tf.TensorSpec([1, None, None, x.shape[3]], x.dtype)

    @tf.function(input_signature=[spec], autograph=False)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = function(x)
            loss = tf.reduce_sum(found * found)
        return found, tape.gradient(loss, x)

    return [each.numpy() for each in both(x)]
