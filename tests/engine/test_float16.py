"""float16, for GPUs without bfloat16, computed here as their tensor cores do: products are added in
float32, and every layer's result is rounded."""

import numpy as np
import pytest
import tensorflow as tf
from support import hard_networks, tiny
from support.tiny import picture

from painterly import Settings, objective
from painterly.engine.extractor import Extractor
from painterly.engine.groups import groups_of
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.objective import Objective
from painterly.engine.optimisation.optimizers import term_weights
from painterly.engine.paintings import Paintings
from painterly.engine.tensors import padded
from painterly.vgg.architectures import Weights
from painterly.vgg.network import VGG, NetworkOptions

LARGEST = np.finfo(np.float16).max


def cosine(one, other):
    one, other = (np.float64(each).ravel() for each in (one, other))
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def with_outliers():
    """The tiny network with a channel that sees nothing but white, stronger from layer to layer, at
    last 3e4 times as strong as the others."""
    kernels = dict(tiny.weights().kernels)
    for layer, gain in (("conv1_1", 1), ("conv1_2", 30), ("conv2_1", 30)):
        kernel, bias = kernels[layer] = tuple(np.array(each) for each in kernels[layer])
        kernel[:, :, 0] *= layer == "conv1_1"
        kernel[..., 0], bias[0] = 0, -399 * (layer == "conv1_1")
        kernel[1, 1, : 3 if layer == "conv1_1" else 1, 0] = gain
    kernel, bias = kernels["conv2_2"]
    kernels["conv2_2"] = kernel / np.where(np.arange(kernel.shape[2]) == 0, 3e5, 1)[:, None], bias
    return VGG(Weights("vgg19", "outliers", kernels, tiny.weights().mean))


@pytest.mark.thorough
def test_a_feature_of_ten_thousand_times_the_mean_does_not_overflow():
    """Nor its gradient, which elsewhere is that in float32, in tiles as well."""
    image, photo, painting = picture(72, 96, 1), picture(72, 96, 2), picture(96, 64, 3)
    image[30, 40] = photo[10, 10] = painting[20, 20] = 1  # There is hardly any other white.
    vgg = with_outliers()
    features = tiny.features(vgg, image, ["conv2_1"])["conv2_1"]
    assert features.max() > 1e4 * features.mean()
    exact, half = (Settings(precision=each, content_weight=1.0) for each in ("float32", "float16"))
    found = {}
    for settings in (exact, half):
        minimised = Objective.of(settings, vgg)
        groups = groups_of(Paintings([painting]), minimised.extractor, photo.shape[:2])
        problem = minimised.problem(tf.constant(photo[None]), groups, None)
        on_canvas = padded(minimised.extractor.canvas(photo.shape[:2]), tf.constant(image[None]))
        matching = Matching(
            minimised.extractor, problem, tf.constant(photo[None]), settings.strength, bare=False
        )
        problem = matching.matched(on_canvas)
        arguments = on_canvas, problem, term_weights(1.0, settings)
        found[settings.precision] = minimised.gradient(*arguments)
    found["in tiles"] = minimised.gradient(*arguments, side=32)
    # Nearly everything cancels at the white pixel.
    far = np.ones((96, 112, 1))
    far[24:56, 32:64] = 0
    terms, gradient = found.pop("float32")
    for rounded_terms, rounded in found.values():
        np.testing.assert_allclose(rounded_terms, terms, rtol=0.01)
        assert np.isfinite(rounded).all()
        assert cosine(far * rounded, far * gradient) > 0.99


@pytest.mark.thorough
def test_the_gradient_of_the_built_in_network_is_that_in_float32(builtin):
    """It lacks some of VGG's layers."""
    image, photo, painting = picture(48, 64, 1), picture(48, 64, 2), picture(64, 48, 3)
    found = {}
    for precision in ("float32", "float16"):
        settings = Settings(precision=precision, content_weight=1.0)
        assert Extractor.of(settings, builtin).options.dtype == tf.as_dtype(precision)
        found[precision] = objective(image, photo, [painting], settings, builtin)[1]
    assert cosine(*found.values()) > 0.99


def test_features_are_exact_multiples_and_fit_the_range():
    """Try the brightest, the darkest and the most contrasted picture."""
    grid = np.indices((64, 64)).sum(0) % 2
    for kind in ("hard", "faint"):
        vgg = hard_networks.network(kind)
        layers = ("conv1_1", "conv2_2", "conv4_1")
        assert all(np.log2(vgg.scales[layer]).is_integer() for layer in layers)
        for image in (
            np.ones((64, 64, 3)),
            np.zeros((64, 64, 3)),
            np.repeat(grid[..., None], 3, 2),
        ):
            image = np.float32(image)
            options = NetworkOptions(dtype=tf.float16)
            found = vgg.forward(tf.constant(image[None]), layers, options)
            for layer, exact in tiny.features(vgg, image, layers).items():
                wanted = exact * vgg.scales[layer]
                assert wanted.max() < LARGEST / 100
                error = found[layer][0].numpy().astype(np.float32) - wanted
                assert np.linalg.norm(error) < 0.01 * np.linalg.norm(wanted)
