"""The recipe `inetwork` against the original's formulas, written out in inetwork_formulas.py."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from support import inetwork_formulas, tiny
from support.fabricated import SOME_LAYERS, trained_arrays

from painterly import Settings, objective, stylize
from painterly.vgg.network import VGG
from painterly.vgg.sources import read_weights

# Each case traces a network.
pytestmark = pytest.mark.slow

TERMS = ("content", "style", "total_variation", "total")
# So that the three terms pull about equally hard at the pictures below.
CONTENT_WEIGHTS = {0: 1e-3, 1: 0.5, 2: 70.0}
TOTAL_VARIATION_WEIGHT = 5e-5


@cache
def growing_weights(model):
    """The tiny network with activations as large as the real one's, which grow with depth as
    the formula's powers of two expect it: then every layer counts in the style loss."""
    weights = tiny.weights(model)
    kernels = dict(weights.kernels)
    for layer, (kernel, bias) in kernels.items():
        if layer.endswith("_1"):
            kernels[layer] = kernel * np.float32(20 if layer == "conv1_1" else 1.5), bias
    return dataclasses.replace(weights, kernels=kernels)


@cache
def growing_network(model):
    """The network with these weights: what is traced of it serves all tests."""
    return VGG(growing_weights(model))


def halves(height, width, side):
    """A mask [H, W] of two greys close to the middle; the lighter one is kept."""
    mask = np.full((height, width), 120 / 255, np.float32)
    kept = {
        "left": np.s_[:, : width // 2],
        "right": np.s_[:, width // 2 :],
        "top": np.s_[: height // 2],
        "bottom": np.s_[height // 2 :],
    }[side]
    mask[kept] = 136 / 255
    return mask


def twice(mask):
    return mask.repeat(2, 0).repeat(2, 1)


def assert_agrees(weights, vgg, image, content, styles, shares, settings, masks=None):
    """Compare the engine's terms and gradient with the formulas, to 1e-4. The engine's masks are
    twice as large, which means the same."""
    masks, settings = masks or {}, Settings.inetwork(model=weights.model, **settings)
    larger = {
        name: twice(given) if name == "content_mask" else [*map(twice, given)]
        for name, given in masks.items()
    }
    terms, gradient = objective(image, content, styles, settings, vgg, shares=shares, **larger)
    loss = inetwork_formulas.loss_of(content, styles, weights, shares, settings, **masks)
    expected_terms, expected = loss(image)
    for name in TERMS:
        assert terms[name] == pytest.approx(expected_terms[name], rel=1e-4), name
    assert gradient.shape == image.shape
    assert np.linalg.norm(gradient - expected) < 1e-4 * np.linalg.norm(expected)


def balanced(content_loss_type, pool_type):
    return {
        "content_loss_type": content_loss_type,
        "pool_type": pool_type,
        "content_weight": CONTENT_WEIGHTS[content_loss_type],
        "total_variation_weight": TOTAL_VARIATION_WEIGHT,
    }


# --- the formulas themselves ----------------------------------------------------------------


def test_the_formulas_give_what_a_small_case_gives_by_hand():
    loss = inetwork_formulas
    two_positions = np.array([[[1.0, 3.0], [2.0, 0.0]]])  # less one: (0, 2) and (1, -1)
    np.testing.assert_array_equal(loss.shifted_gram(two_positions), [[1, -1], [-1, 5]])
    # Squared differences 9 below and 16 to the right of the one pixel that is not left out.
    assert float(loss.total_variation(np.array([[[0.0], [4.0]], [[3.0], [9.0]]]))) == pytest.approx(
        25**1.25
    )
    # 2 positions, 2 channels, squared differences 4 and 1; the picture has 8 pixels.
    other = two_positions + np.array([[[2.0, 0.0], [0.0, 1.0]]])
    by_type = [float(loss.content_loss(two_positions, other, kind, 8)) for kind in (0, 1, 2)]
    assert by_type == pytest.approx([5, 5 / (2 * 2**0.5 * 8**0.5), 5 / 16])
    # The mask keeps the first position; the other's features become 0, then -1 when shifted.
    kept = loss.masked(two_positions, np.array([[128, 127]]) / 255)
    np.testing.assert_array_equal(kept, [[[1, 3], [0, 0]]])
    # Three layers of one channel and one position, with the Gram matrices 0, 1, 4 and 9.
    x = {layer: np.full((1, 1, 1), 1.0) for layer in "abc"}
    style = {
        layer: np.full((1, 1, 1), float(value))
        for layer, value in zip("abc", (2, 3, 4), strict=True)
    }
    chained = loss.style_loss(x, [style], [10.0], "abc", 1, None, [None])
    assert float(chained) == pytest.approx(10 * ((1 - 16) / 2 + (16 - 81)) / 36)


# --- the objective --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "paintings", "masks", "content_loss_type", "pool_type"),
    [
        pytest.param("vgg19", 3, "style", 1, "max", marks=pytest.mark.thorough),
        pytest.param("vgg16", 1, "none", 0, "max", marks=pytest.mark.thorough),
        pytest.param("vgg19", 3, "none", 2, "ave", marks=pytest.mark.thorough),
        pytest.param("vgg16", 1, "content and style", 0, "ave", marks=pytest.mark.thorough),
        ("vgg16", 2, "content and style", 0, "max"),
    ],
)
def test_the_objective_is_the_originals(model, paintings, masks, content_loss_type, pool_type):
    height, width = (67, 93) if masks == "none" else (64, 96)
    image, content = (tiny.picture(height, width, seed) for seed in (1, 2))
    sizes = [(height, width), (51, 79), (height, width)][:paintings]
    if masks != "none":
        sizes = [(height, width)] * paintings
    styles = [tiny.picture(*size, 3 + number) for number, size in enumerate(sizes)]
    given = {}
    if "content" in masks:
        given["content_mask"] = halves(64, 96, "left")
    if "style" in masks:
        sides = ("top", "right", "bottom")[:paintings]
        given["style_masks"] = [halves(64, 96, side) for side in sides]
    settings = balanced(content_loss_type, pool_type)
    if masks == "none":
        settings |= {"style_scale": 1.3, "content_layer": "conv4_2"}
    shares = [1.0, 0.6, 1.7][:paintings]
    network = growing_weights(model), growing_network(model)
    assert_agrees(*network, image, content, styles, shares, settings, given)


def test_a_distilled_networks_features_count_as_if_they_were_as_large_as_its_teachers(tmp_path):
    """The photo's, the picture's and the paintings'; the layers are those that it has."""
    arrays = trained_arrays((16, 12, 12, 16), layers=SOME_LAYERS)
    arrays["conv1_1_W"] /= 9
    np.savez(tmp_path / "own.npz", **arrays)
    weights = read_weights(tmp_path / "own.npz", "vgg16")
    image, content, style = (tiny.picture(64, 96, seed) for seed in (1, 2, 3))
    settings = balanced(0, "max") | {"content_layer": "conv4_1"}
    masks = {"style_masks": [halves(64, 96, "top")]}
    arguments = image, content, [style], [1.0], settings, masks
    assert_agrees(dataclasses.replace(weights, model="vgg16"), VGG(weights), *arguments)


# --- the run --------------------------------------------------------------------------------


def test_the_originals_defaults_are_the_recipes():
    expected = {"model": "vgg16", "content_layer": "conv5_2", "content_weight": 0.025}
    expected |= {"total_variation_weight": 8.5e-5, "style_scale": 1, "content_loss_type": 0}
    expected |= {"pool_type": "max", "optimizer": "lbfgs", "iterations": 10}
    expected |= {"init_image": "content"}
    settings = Settings.inetwork()
    assert {name: getattr(settings, name) for name in expected} == expected
    assert Settings.inetwork(content_weight=1).content_weight == 1


@pytest.mark.thorough
def test_an_iterations_losses_are_those_of_its_picture_which_is_better_than_the_photo():
    """test_scale_optimizer.py has SciPy's L-BFGS."""
    content, style = (0.25 + 0.5 * tiny.picture(32, 64, seed) for seed in (1, 2))
    settings = Settings.inetwork(iterations=3, size=64)
    loss = inetwork_formulas.loss_of(content, [style], growing_weights("vgg16"), [1.0], settings)
    first = next(iter(stylize(content, [style], settings, growing_network("vgg16"))))
    assert first.image.shape == content.shape
    found = loss(first.image)[0]["total"]
    assert first.losses["total"] == pytest.approx(found, rel=1e-3)
    assert found < loss(content)[0]["total"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    [{"iterations": 3}, {"iterations": 10, "optimizer": "adam", "learning_rate": 0.02}],
    ids=["lbfgs", "adam"],
)
def test_a_run_with_the_built_in_network_lowers_the_loss(builtin, settings):
    """Also its style term, which would otherwise fall below all bounds."""
    content, style = (tiny.picture(48, 64, seed) for seed in (1, 2))
    steps = tiny.each_read(
        stylize(content, [style], Settings.inetwork(size=64, **settings), builtin)
    )
    assert len(steps) == settings["iterations"]
    assert 0 < steps[-1].losses["total"] < 0.9 * steps[0].losses["total"]
    assert all(step.losses["style"] > 0 for step in steps)
