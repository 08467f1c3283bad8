"""Networks that are hard on the arithmetic, the strength dial over its range, and the border."""

import dataclasses

import numpy as np
import pytest
from support import hard_networks, precisions
from support.distance import content_error
from support.pictures import sample
from support.tiny import last, picture

from painterly import Settings, objective, stylize
from painterly.engine.extractor import Extractor

EXACT = Settings(
    recipe="moments",
    precision="float32",
    content_weight=1.0,
    total_variation_weight=0.0,
    structure_weight=0.0,
)


# --- strength -------------------------------------------------------------------------------------


def pair(name, size=96):
    """A photo of `size` px and a painting: smooth shapes, or the project's own."""
    if name == "shapes":
        return picture(size * 3 // 4, size, 1), picture(size * 3 // 4, size, 2)
    return sample("photos/landscape.jpg", size), sample("styles/mosaic.jpg", size)


def grain(image):
    """The mean square of the Laplacian, which is large where neighbours differ."""
    neighbours = image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:]
    return ((4 * image[1:-1, 1:-1] - neighbours) ** 2).mean()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("network", "name", "strength"),
    [("built-in", "landscape", 0.3), ("built-in", "shapes", 0.1), ("dead", "landscape", 0.25)],
)
def test_canvas_and_picture_are_as_far_from_the_photo_as_strength_says(
    builtin, network, name, strength
):
    vgg, (photo, painting) = builtin, pair(name)
    settings = Settings(size=96, strength=strength, precision="float32")
    if network == "dead":
        vgg, settings = hard_networks.network("dead"), settings.replaced({"iterations": 100})
    for step in stylize(photo, [painting], settings, vgg):
        terms = np.array(list(step.losses.values()))
        assert np.isfinite(terms).all() and terms.min() > -1e-4
    # The whole canvas is steered, with its margin.
    canvas = Extractor.of(Settings(), vgg).canvas(photo.shape[:2])
    whole = canvas.padded(photo)
    found = content_error(vgg, step.snapshot()["average"][0], whole, painting)
    # Patches of the painting lead further away.
    assert found == pytest.approx(0.8 * strength, abs=0.03)
    assert grain(step.image) < 2 * max(grain(photo), grain(painting))
    if network == "built-in":  # Near the border, features depend on the margin that is cut off.
        found = content_error(vgg, step.image, photo, painting)
        assert found == pytest.approx(strength, abs=0.08)
    else:
        assert objective(painting, painting, [painting], EXACT, vgg)[0]["style"] < 1e-6


@pytest.mark.thorough
def test_at_strength_0_a_picture_stays_close_to_its_photo_and_is_not_grainier(builtin):
    photo, painting = pair("shapes")
    settings = Settings(size=96, strength=0, iterations=20, precision="float32")
    image = last(stylize(photo, [painting], settings, builtin)).image
    assert content_error(builtin, image, photo, painting) < 0.05
    assert grain(image) < 1.5 * grain(photo)


@pytest.mark.thorough
def test_a_clear_sky_is_painted_as_well(builtin):
    """Relative to its own few shapes it would be a photo with grain."""
    painting, shades = sample("styles/mosaic.jpg", 96), np.linspace(0.6, 0.9, 72)
    sky = np.float32(shades[:, None, None] * np.ones((1, 96, 3)))
    settings = Settings(size=96, iterations=60, precision="float32")
    step = last(stylize(sky, [painting], settings, builtin))
    assert content_error(builtin, step.image, sky, painting) == pytest.approx(0.5, abs=0.1)
    strokes, wanted = (
        each.reshape(len(each) // 4, 4, 24, 4, 3).mean((1, 3)).std()
        for each in (step.image - sky, painting)
    )
    assert strokes > wanted / 2


# --- the border -----------------------------------------------------------------------------------


def border_ratio(image):
    """The mean step from the outermost line of pixels to the next, relative to that between inner
    lines; the mean of the four sides."""
    ratios = []
    for _ in range(4):
        steps = np.abs(np.diff(np.float64(image), axis=0)).mean((1, 2))
        ratios.append(steps[0] / steps[1:-1].mean())
        image = np.rot90(image)
    return np.mean(ratios)


@pytest.mark.thorough
def test_the_outermost_pixels_are_no_rougher_than_inner_ones(tiny):
    ratios = []
    for seed, strength in ((1, 0.3), (3, 0.9)):
        # Cut out: towards their borders such pictures are flat.
        photo, painting = (picture(160, 200, each)[32:-32, 32:-32] for each in (seed, seed + 1))
        settings = Settings(size=112, iterations=20, strength=strength, precision="float32")
        ratios.append(border_ratio(last(stylize(photo, [painting], settings, tiny)).image))
    # Without a margin, 1.4. Patches are smoother there, since a margin mirrors the picture.
    assert min(ratios) > 0.65 and max(ratios) < 1.15


# --- fixed content weights, bfloat16 --------------------------------------------------------------


def test_a_content_weight_is_used_as_given(tiny):
    """The first step's terms, of a picture that is not the photo."""
    args, init = (picture(72, 96, 1), [picture(80, 80, 2)]), picture(72, 96, 3)
    weights = 1.0, 0.0, 1e8

    def first_step(weight):
        settings = Settings(size=96, iterations=1, content_weight=weight, precision="float32")
        return next(iter(stylize(*args, settings, tiny, init=init)))

    one, *others = map(first_step, weights)
    assert one.losses["content"] > 0.01 and one.losses["style"] > 0
    for weight, given in zip(weights[1:], others, strict=True):
        assert given.losses["content"] == pytest.approx(weight * one.losses["content"], rel=1e-5)
        for name in ("style", "total_variation"):
            assert given.losses[name] == pytest.approx(one.losses[name], rel=1e-5)
        assert given.snapshot()["content_weight"] == np.float32(weight)


@pytest.mark.thorough
def test_in_bfloat16_the_style_gradient_points_the_same_way(builtin):
    """Most of a feature is its mean, on channels that are correlated."""
    precisions.need("bfloat16")
    photo, painting = pair("landscape", 64)
    image, settings = photo, dataclasses.replace(EXACT, content_weight=0.0)
    exact, quick = (
        np.float64(objective(image, photo, [painting], each, builtin)[1]).ravel()
        for each in (settings, dataclasses.replace(settings, precision="bfloat16"))
    )
    assert exact @ quick > 0.98 * np.linalg.norm(exact) * np.linalg.norm(quick)
