"""Recipe gatys: the paper's loss against formulas in float64, and pictures."""

import numpy as np
import pytest
from support import gatys_formulas, tiny

from painterly import Settings, objective, stylize
from painterly.errors import ConfigError
from painterly.vgg.architectures import Weights
from painterly.vgg.network import VGG

# The formulas pad with zeros, as VGG was trained.
EXACT = Settings(recipe="gatys", padding="zero", content_weight=2e-4, precision="float32")
LEFT = np.zeros((64, 96), np.float32)
LEFT[:, :48] = 1


@pytest.mark.parametrize(
    "regions",
    [pytest.param(None, marks=pytest.mark.thorough), [LEFT, 1 - LEFT]],
    ids=["blended", "in regions"],
)
def test_the_objective_is_the_papers(regions):
    image, photo = tiny.picture(64, 96, 1), tiny.picture(64, 96, 2)
    paintings, weights = [tiny.picture(48, 64, 3), tiny.picture(80, 64, 4)], tiny.weights()
    shares = [0.7, 0.3] if regions is None else [0.5, 0.5]
    wanted_terms, wanted = gatys_formulas.loss(
        image, photo, paintings, shares, weights, EXACT.content_weight, regions
    )
    terms, gradient = objective(
        image, photo, paintings, EXACT, tiny.network(), shares, regions=regions
    )
    assert min(wanted_terms.values()) > 0.01 * wanted_terms["total"]  # Both terms count.
    for name, value in wanted_terms.items():
        assert terms[name] == pytest.approx(value, rel=1e-4), name
    assert np.linalg.norm(gradient - wanted) < 1e-4 * np.linalg.norm(wanted)


@pytest.mark.thorough
def test_a_network_without_the_deepest_layer_compares_the_others():
    kernels = dict(tiny.weights().kernels)
    for layer in [layer for layer in kernels if layer.startswith("conv5")]:
        del kernels[layer]
    weights = Weights("vgg19", "shallow", kernels, tiny.weights().mean)
    pictures = [tiny.picture(48, 64, seed) for seed in (1, 2, 3)]
    wanted, _ = gatys_formulas.loss(*pictures[:2], pictures[2:], [1], weights, EXACT.content_weight)
    terms, _ = objective(*pictures[:2], pictures[2:], EXACT, VGG(weights))
    assert terms["total"] == pytest.approx(wanted["total"], rel=1e-4)


@pytest.mark.parametrize(
    ("start", "changes", "part"),
    [
        ("content", {"iterations": 2}, 0.9),
        ("noise", {"optimizer": "adam", "iterations": 20}, 0.5),
    ],
    ids=["lbfgs", "adam"],
)
@pytest.mark.thorough
def test_a_picture_of_one_size_gets_nearer_to_both_its_photo_and_its_painting(start, changes, part):
    settings = Settings(recipe="gatys", size=192, init_image=start, **changes)
    inputs = tiny.picture(96, 144), [tiny.picture(80, 80, 2)]
    steps = tiny.each_read(stylize(*inputs, settings, tiny.network()))
    assert {step.scale for step in steps} == {192} and len(steps) == changes["iterations"]
    assert steps[-1].losses["total"] < part * steps[0].losses["total"]
    assert steps[-1].image.min() >= 0 and steps[-1].image.max() <= 1


def test_its_ratio_of_content_and_style_is_a_number():
    with pytest.raises(ConfigError, match=r"content_weight is 'auto'; recipe gatys expects"):
        Settings(recipe="gatys", content_weight="auto")
