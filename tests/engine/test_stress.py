"""Networks that are hard on the arithmetic, the strength dial over its range, and the border."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf
from support import hard_networks
from support.pictures import sample
from support.tiny import last, picture

from styletransfer import Settings, load_vgg, objective, stylize
from styletransfer.engine import losses
from styletransfer.engine.objective import Objective, Problem
from styletransfer.engine.optimizers import initial_content_weight
from styletransfer.engine.style_targets import painting_targets
from styletransfer.engine.targets import TERMS, Group, Targets
from styletransfer.vgg.network import NetworkOptions

EXACT = Settings(
    recipe="moments",
    precision="float32",
    content_weight=1.0,
    total_variation_weight=0.0,
    structure_weight=0.0,
)


@pytest.fixture(scope="module")
def builtin():
    """The built-in network: its channels are correlated, as trained ones are."""
    return load_vgg()


# --- hard networks --------------------------------------------------------------------------------


def exact_terms(vgg, content, painting):
    """Return the function image [1, H, W, 3] → content error and style loss in float64."""
    layer = EXACT.content_layer
    minimised = Objective(
        vgg,
        losses.RelativeLosses(layer, "moments"),
        NetworkOptions(dtype=tf.float64, padding=EXACT.padding),
        True,
    )
    photo, painting = (tf.constant(each[None], tf.float64) for each in (content, painting))
    target = minimised.features(photo, [layer])[layer]
    found, _ = painting_targets(minimised, painting, None)
    style = minimised.losses.blend([found.layers], [1.0])
    group = Group(tf.constant(1.0, tf.float64), (), style, found.variance)
    size = content.shape[:2]
    norm = minimised.losses.content_norm(losses.spread(target, None), [group], size)
    variation_norm = tf.cast(minimised.losses.variation_norm(size, 1.0), tf.float64)
    problem = Problem(Targets(target, (), norm, variation_norm, (group,)), ())
    traced = tf.function(lambda x: minimised.gradient(x, problem, tf.ones(4, tf.float64))[0][:2])
    return lambda image: traced(tf.constant(image, tf.float64)).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scaled", "dead"])
def test_on_hard_networks_each_gradient_equals_finite_differences_in_float64(kind):
    vgg = hard_networks.network(kind)
    image, content, painting = picture(48, 64, 1), picture(48, 64, 2), picture(64, 48, 3)
    args, rng = (image, content, [painting]), np.random.default_rng(0)
    terms_at = exact_terms(vgg, content, painting)
    for number, (name, weights) in enumerate({"content": (1.0, 0.0), "style": (0.0, 1.0)}.items()):
        settings = dataclasses.replace(EXACT, content_weight=weights[0], style_scale=weights[1])
        terms, gradient = objective(*args, settings, vgg)
        assert np.isfinite(list(terms.values())).all() and np.isfinite(gradient).all()
        assert terms[name] == pytest.approx(terms_at(image[None])[number], rel=1e-2, abs=1e-6)
        size = float(np.linalg.norm(gradient))
        assert size > 0
        # Along the gradient, and in a random direction in which an error as long as it shows.
        for direction in (gradient / size, rng.standard_normal(image.shape)):
            found = (np.float64(gradient) * direction).sum()
            # So small that hardly a ReLU or maximum switches on the way; float64 is finer by far.
            step = 1e-7 / np.abs(direction).max()
            there, back = (
                terms_at(np.float64(image)[None] + sign * step * direction)[number]
                for sign in (1, -1)
            )
            assert found == pytest.approx((there - back) / (2 * step), abs=1e-4 * size), name


@pytest.mark.slow
def test_on_a_hard_network_strength_holds_and_no_loss_falls_below_nothing():
    vgg, strength = hard_networks.network("dead"), 0.25
    photo, painting = given = pair("landscape")
    settings = Settings(size=96, iterations=100, strength=strength, precision="float32")
    for step in stylize(photo, [painting], settings, vgg):
        if step.iteration % 10 == 1:
            terms = np.array(list(step.losses.values()))
            assert np.isfinite(terms).all() and terms.min() > -1e-4
    assert canvas_error(vgg, *given, step) == pytest.approx(strength, abs=0.03)
    assert grain(step.image) < 2 * max(grain(photo), grain(painting))
    assert objective(painting, painting, [painting], EXACT, vgg)[0]["style"] < 1e-6


# --- strength -------------------------------------------------------------------------------------


def pair(name, size=96):
    """A photo of `size` px and a painting: smooth shapes, or the project's own."""
    if name == "shapes":
        return picture(size * 3 // 4, size, 1), picture(size * 3 // 4, size, 2)
    return sample("photos/landscape.jpg", size), sample("paintings/mosaic.jpg", size)


def content_error(vgg, found, photo, painting):
    """Return ‖F − P‖² at the content layer, relative to ‖P − mean P‖² plus twice its lack of the
    painting's variance; in float64, means over the positions of pictures [H, W, 3]."""
    options = NetworkOptions(padding=EXACT.padding)
    layer = EXACT.content_layer
    found, wanted, painted = (
        np.float64(vgg.forward(tf.constant(each[None]), [layer], options)[layer][0])
        for each in (found, photo, painting)
    )
    own, of_painting = (each.var((0, 1)).sum() for each in (wanted, painted))
    norm = own + 2 * max(of_painting - own, 0)
    return ((found - wanted) ** 2).sum(-1).mean() / norm


def grain(image):
    """The mean square of the Laplacian, which is large where neighbours differ."""
    neighbours = image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:]
    return ((4 * image[1:-1, 1:-1] - neighbours) ** 2).mean()


def painted(vgg, name, strength, **changes):
    """The photo and the painting, the last step, and its grain, relative to theirs."""
    photo, painting = pair(name)
    settings = Settings(size=96, strength=strength, precision="float32", **changes)
    step = last(stylize(photo, [painting], settings, vgg))
    return (photo, painting), step, grain(step.image) / max(grain(photo), grain(painting))


def canvas_error(vgg, photo, painting, step):
    """Return the content error of the whole canvas with its margin, which is steered."""
    whole = Objective.of(Settings(), vgg).canvas(photo.shape[:2]).padded(tf.constant(photo[None]))
    return content_error(vgg, step.snapshot()["average"][0], whole.numpy()[0], painting)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "strength"),
    [("shapes", 0.1), ("landscape", 0.3)],
)
def test_canvas_and_picture_are_as_far_from_the_photo_as_strength_says(builtin, name, strength):
    given, step, grainier = painted(builtin, name, strength)
    assert canvas_error(builtin, *given, step) == pytest.approx(strength, abs=0.03)
    # Near the border, features depend on the margin that is cut off.
    assert content_error(builtin, step.image, *given) == pytest.approx(strength, abs=0.1)
    assert grainier < 2


@pytest.mark.slow
def test_at_strength_0_a_picture_stays_close_to_its_photo_and_is_not_grainier(builtin):
    given, step, _ = painted(builtin, "shapes", 0.0, iterations=20)
    assert content_error(builtin, step.image, *given) < 0.05
    assert grain(step.image) < 1.5 * grain(given[0])


@pytest.mark.slow
def test_a_clear_sky_is_painted_as_well(builtin):
    """Relative to its own few shapes it would be a photo with grain."""
    painting, shades = sample("paintings/mosaic.jpg", 96), np.linspace(0.6, 0.9, 72)
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


@pytest.mark.slow
@pytest.mark.parametrize(("strength", "warnings"), [(0.5, 1), (0, 0)])
def test_a_strength_that_cannot_be_reached_is_named(builtin, caplog, strength, warnings):
    """To a photo of a single colour another is a long way; 0 asks for none."""
    settings = Settings(size=64, iterations=20, strength=strength)
    photo = np.full((48, 64, 3), 0.5, np.float32)
    with caplog.at_level(logging.WARNING, "styletransfer"):
        found = last(stylize(photo, [0.8 * photo], settings, builtin))
    assert found.content_weight == 1000  # its bound
    said = [each.message.partition(":")[0] for each in caplog.records]
    assert said == ["strength 0.5 is out of reach"] * warnings


@pytest.mark.slow
def test_a_strength_out_of_reach_is_named_where_the_last_scale_converges_early(builtin, caplog):
    settings = Settings(
        recipe="moments", size=64, iterations=100, min_improvement=6, precision="float32"
    )
    photo = np.full((48, 64, 3), 0.5, np.float32)
    with caplog.at_level(logging.WARNING, "styletransfer"):
        steps = stylize(photo, [0.5 * photo], settings, builtin, init=0.5 * photo)
        taken = sum(1 for _ in steps)
    assert taken < 200
    assert ["out of reach" in each.message for each in caplog.records] == [True]


@pytest.mark.slow
def test_a_scale_ends_when_the_loss_improves_less_however_its_weights_change(builtin):
    """Each ten steps are compared with the ten before, as if the photo's weight had been the same:
    here it falls to a sixth, and the loss with it."""
    painting, shades = sample("paintings/mosaic.jpg", 96), np.linspace(0.6, 0.9, 48)
    sky = np.float32(shades[:, None, None] * np.ones((1, 64, 3)))
    settings = Settings(size=64, iterations=60, min_improvement=2, precision="float32")
    terms, weights = [], [initial_content_weight(settings)]
    for step in stylize(sky, [painting], settings, builtin):
        weight, relative = weights[-1], 1 + weights[-1]
        losses = [step.losses[name] * relative for name in TERMS]
        terms.append([losses[0] / weight, *losses[1:]])
        weights.append(step.content_weight)
    assert len(terms) < 120
    losses = np.array(terms) @ [weights[-1], 1, 1, 1]
    windows = losses.reshape(-1, 10).mean(1)
    improved = 1 - windows[1:] / windows[:-1]
    assert improved[-1] < 0.02 < improved[:-1].min()


@pytest.mark.slow
def test_the_outermost_pixels_are_no_different_from_inner_ones(tiny):
    ratios = []
    for seed, strength in zip((1, 3, 5, 7), 2 * (0.3, 0.9), strict=True):
        # Cut out: towards their borders such pictures are flat.
        photo, painting = (picture(160, 200, each)[32:-32, 32:-32] for each in (seed, seed + 1))
        settings = Settings(size=112, iterations=20, strength=strength, precision="float32")
        ratios.append(border_ratio(last(stylize(photo, [painting], settings, tiny)).image))
    assert min(ratios) > 0.85 and max(ratios) < 1.15
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)  # Without a margin, 1.4.


@pytest.mark.parametrize("size", [(150, 210), (133, 178), (144, 191)])
def test_far_from_the_border_a_canvas_has_the_features_of_its_picture(tiny, size):
    """Poolings join the same pixels even if the sides are not multiples of them."""
    options, layer = NetworkOptions(padding="replicate"), "conv4_1"
    image = tf.constant(picture(*size)[None])
    canvas = Objective.of(Settings(), tiny).canvas(size)
    alone, on_canvas = (
        tiny.forward(each, [layer], options)[layer] for each in (image, canvas.padded(image))
    )
    border = 6  # positions of 8 px; no convolution of conv4_1 sees further
    inner = alone[:, border:-border, border:-border]
    rows, columns = inner.shape[1:3]
    assert rows > 2 and columns > 2
    found = on_canvas[:, border + 1 :, border + 1 :][:, :rows, :columns]
    np.testing.assert_allclose(found, inner, rtol=1e-4, atol=1e-4)


# --- fixed content weights, bfloat16 --------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 1e8])
def test_a_content_weight_is_used_as_given(tiny, weight):
    """The first step's terms, of a picture that is not the photo."""

    def first(content_weight):
        settings = Settings(
            size=96, iterations=1, content_weight=content_weight, precision="float32"
        )
        args = picture(72, 96, 1), [picture(80, 80, 2)], settings, tiny
        return next(iter(stylize(*args, init=picture(72, 96, 3))))

    one, given = first(1.0), first(weight)
    assert one.losses["content"] > 0.01 and one.losses["style"] > 0
    assert given.losses["content"] == pytest.approx(weight * one.losses["content"], rel=1e-5)
    for name in ("style", "total_variation"):
        assert given.losses[name] == pytest.approx(one.losses[name], rel=1e-5)
    assert given.snapshot()["content_weight"] == np.float32(weight)


@pytest.mark.slow
def test_in_bfloat16_the_style_gradient_points_the_same_way(builtin):
    """Most of a feature is its mean, on channels that are correlated."""
    photo, painting = pair("landscape", 64)
    image, settings = photo, dataclasses.replace(EXACT, content_weight=0.0)
    exact, quick = (
        np.float64(objective(image, photo, [painting], each, builtin)[1]).ravel()
        for each in (settings, dataclasses.replace(settings, precision="bfloat16"))
    )
    assert exact @ quick > 0.98 * np.linalg.norm(exact) * np.linalg.norm(quick)
