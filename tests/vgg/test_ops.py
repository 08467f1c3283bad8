"""Convolutions, crops, poolings and borders: values and gradients are TensorFlow's own."""

from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow as tf
from support import precisions

from painterly.devices import choose
from painterly.vgg import ops, winograd
from painterly.vgg.network import NetworkOptions
from painterly.vgg.ops import average_pool, max_pool, pad_replicate, traced_for_xla

# Not by TensorFlow: once it computes, no process may be forked.
WIDE = np.random.default_rng(1).normal(size=(1, 7, 9, 4)).astype(np.float32)
MARGINS = [[0, 0], [1, 1], [1, 1], [0, 0]]


def traced(function, x):
    """Value and gradient in a traced function of unknown height and width, as in a step."""
    spec = tf.TensorSpec([1, None, None, x.shape[3]], x.dtype)

    @tf.function(input_signature=[spec], autograph=False)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = function(x)
        return found, tape.gradient(found, x, 2 * found)

    return [each.numpy() for each in both(x)]


@pytest.mark.parametrize("gpus", [[], ["a GPU"]])
def test_a_border_and_its_gradient_are_tensorflows(gpus, monkeypatch):
    monkeypatch.setattr(ops, "gpus_in_use", lambda: gpus)
    expected = traced(lambda x: tf.pad(x, MARGINS, "SYMMETRIC"), WIDE)
    for one, other in zip(traced(pad_replicate, WIDE), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize(
    "ours, own",
    [
        (max_pool, lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")),
        (lambda x: average_pool(x, 2), lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID")),
        (lambda x: average_pool(x, 4), lambda x: tf.nn.avg_pool2d(x, 4, 4, "VALID")),
    ],
)
@pytest.mark.parametrize("x", [WIDE, np.round(WIDE)], ids=["all different", "many equal"])
@pytest.mark.parametrize("how", [traced_for_xla, nullcontext])
def test_a_pooling_and_its_gradient_are_tensorflows(ours, own, x, how):
    with how():
        found = traced(ours, x)
    for one, other in zip(found, traced(own, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_products_of_narrow_matrices_are_added_in_a_wide_type():
    narrow = [tf.cast(tf.random.stateless_normal([5000, 4], [3, n]), tf.bfloat16) for n in range(2)]
    expected = np.einsum("nc,nd->cd", *(np.asarray(each, np.float64) for each in narrow))
    product = tf.function(ops.transposed_product, autograph=False, jit_compile=True)
    with traced_for_xla():
        found = product(*narrow, tf.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("padding, mode", [("zero", "CONSTANT"), ("replicate", "SYMMETRIC")])
@pytest.mark.parametrize("size", [(1, 1), (4, 8), (13, 6), (3, 3)])
def test_winograds_convolution_and_its_gradient_are_direct_ones(size, padding, mode):
    x, kernel = (np.random.default_rng(1).normal(size=n) for n in ((1, *size, 24), (3, 3, 24, 40)))
    fast = winograd.TransformedKernel.of(kernel, tf.float32)
    found = traced(lambda x: winograd.convolution(x, fast, padding), tf.constant(x, tf.float32))
    expected = traced(
        lambda x: tf.nn.conv2d(tf.pad(x, MARGINS, mode), kernel, 1, "VALID"), tf.constant(x)
    )
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(one - other) < 5e-6 * np.linalg.norm(other)


@pytest.mark.parametrize(
    ("dtype", "padding"),
    [
        (tf.float32, "replicate"),
        (tf.bfloat16, "zero"),
        (tf.float32, "zero"),
        (tf.bfloat16, "replicate"),
    ],
)
@pytest.mark.thorough
def test_a_network_convolves_by_winograd(random_vgg, padding, dtype, monkeypatch):
    precisions.need(dtype.name)
    monkeypatch.setattr(winograd, "has_bfloat16_without_amx", lambda: True)
    x = np.random.default_rng(2).uniform(size=(1, 50, 38, 3))

    def features(dtype, spends_memory=False):
        options = NetworkOptions("max", dtype, padding, spends_memory)
        return lambda x: tf.cast(random_vgg.forward(x, ["conv3_2"], options)["conv3_2"], x.dtype)

    found = traced(features(dtype, True), tf.constant(x, tf.float32))
    direct = traced(features(dtype), tf.constant(x, tf.float32))
    assert not np.array_equal(found[0], direct[0])
    expected = traced(features(tf.float64), tf.constant(x))
    limits = {tf.float32: (1e-5, 1e-5), tf.bfloat16: (0.04, 0.4)}[dtype]  # direct: 0.012, 0.21
    for one, other, limit in zip(found, expected, limits, strict=True):
        assert np.linalg.norm(one - other) < limit * np.linalg.norm(other)


@pytest.mark.parametrize("flags, gains", [("avx512_bf16", True), ("avx512_bf16 amx_bf16", False)])
@pytest.mark.thorough
def test_winograd_in_bfloat16_is_not_for_amx(random_vgg, flags, gains, monkeypatch):
    monkeypatch.setattr(choose, "cpuinfo", lambda: flags)
    assert random_vgg.gains_from_memory(["conv4_2"], tf.bfloat16) is gains
