"""The default recipe's matches and the distance to them: against NumPy, in tiles, with masks."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from support import hard_networks
from support.detail import numpy_detail
from support.tiny import picture

from painterly import Settings, objective
from painterly.engine import places
from painterly.engine.extractor import Extractor
from painterly.engine.features import neighbours
from painterly.engine.groups import groups_of, painting_targets
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.objective import Objective
from painterly.engine.paintings import Paintings
from painterly.engine.places import MATCHED_LAYERS
from painterly.engine.recipes.default import SHALLOW_LAYERS, Default, RelativeLosses
from painterly.vgg.network import NetworkOptions

EXACT = Settings(precision="float32", content_weight=0.3, structure_weight=0.0)
REPLICATING = NetworkOptions(padding="replicate")


# --- in NumPy, as the docstrings have them --------------------------------------------------------


def numpy_places(vgg, image):
    """Layer → features [h, w, C] of the squares of 4 × 4 px, float64."""
    found = {}
    features = vgg.forward(tf.constant(image[None]), MATCHED_LAYERS, REPLICATING)
    for layer, feature in features.items():
        wide = np.float64(feature[0])
        factor = wide.shape[0] / (image.shape[0] / 4)
        if factor > 1:
            side = round(factor)
            height, width, channels = wide.shape
            blocks = wide.reshape(height // side, side, width // side, side, channels)
            wide = blocks.mean((1, 3))
        elif factor < 1:
            wide = wide.repeat(2, 0).repeat(2, 1)
        found[layer] = wide
    return found


def numpy_candidates(vgg, painting):
    """Layer → [K, C]: of the painting and its rotations."""
    turned = [numpy_places(vgg, np.rot90(painting, quarter)) for quarter in range(4)]
    return {
        layer: np.concatenate([each[layer].reshape(-1, each[layer].shape[-1]) for each in turned])
        for layer in MATCHED_LAYERS
    }


def directions(vectors):
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-6)


def numpy_matches(vgg, image, photo, painting, candidates):
    """The number of each place's candidate, [h · w], of a painting that leaves no part bare."""
    own, kept = numpy_places(vgg, image), numpy_places(vgg, photo)
    scale = {name: 1 / (x.std() * x.shape[1] ** 0.5) for name, x in candidates.items()}
    keys = np.concatenate([scale[name] * candidates[name] for name in MATCHED_LAYERS], 1)
    # The picture's part in queries is 0.2, and 1 where the photo is flat.
    part = 1 - 0.8 * numpy_detail(photo).reshape(len(photo) // 4, 4, -1, 4).mean((1, 3))[..., None]
    mixed = [scale[name] * (part * own[name] + (1 - part) * kept[name]) for name in MATCHED_LAYERS]
    queries = np.concatenate(mixed, -1).reshape(-1, keys.shape[1])
    keys, queries = keys - keys.mean(0), queries - queries.mean(0)
    queries *= np.minimum(keys.std(0) / (queries.std(0) + 1e-6), 3)
    similar = directions(queries) @ directions(keys).T
    # Few places: all of them are sampled, in an order that the groups depend on.
    sample = similar[np.random.default_rng(0).permutation(len(similar))]
    crowding = np.mean([sample[each::4].max(0) for each in range(4)], 0)
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    score = lengths * similar - 0.15 * lengths**2 / lengths.mean() * crowding
    return (score - 0.15 * lengths.mean() * numpy_tone_error(photo, painting)).argmax(1)


def numpy_tones(image):
    """The mean luminance of the squares of 4 × 4 px, [h · w]."""
    luminance = np.float64(image) @ (0.299, 0.587, 0.114)
    return luminance.reshape(len(image) // 4, 4, -1, 4).mean((1, 3)).ravel()


def numpy_tone_error(photo, painting):
    """The squared difference of tones, in the candidates' deviations plus 0.03, [h · w, K]; the
    photo's have the ranks that they had, among the candidates'."""
    from scipy.stats import rankdata  # Slow to load, and each worker loads this file.

    tones = numpy_tones(photo)
    like = np.concatenate([numpy_tones(np.rot90(painting, quarter)) for quarter in range(4)])
    ranks = (rankdata(np.round(tones, 3)) - 0.5) / len(tones)
    wanted = np.quantile(like, ranks)
    return ((wanted[:, None] - like) / (like.std() + 0.03)) ** 2


def numpy_distance(vgg, image, candidates, matches):
    """The mean over layers and places of one minus the cosine and half of the relative square."""
    places = numpy_places(vgg, image)
    height, width = places["conv3_1"].shape[:2]
    found = []
    for layer in MATCHED_LAYERS:
        own, all_of = places[layer], candidates[layer]
        wanted = all_of[matches].reshape(height, width, -1)
        if layer == "conv4_1":  # At its own resolution.
            own = own[::2, ::2]
            wanted = wanted.reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3))
        mean, square = all_of.mean(0), (all_of**2).sum(1).mean()
        cosine = (directions(own - mean) * directions(wanted - mean)).sum(-1)
        found.append((1 - cosine + 0.5 * ((own - wanted) ** 2).sum(-1) / square).mean())
    return np.mean(found)


@pytest.mark.parametrize("light", [0.0, pytest.param(0.7, marks=pytest.mark.thorough)])
def test_the_style_is_the_distance_to_the_nearest_places_of_the_painting(tiny, light):
    image, photo, painting = picture(48, 64, 1), picture(48, 64, 2), picture(64, 48, 3)
    image, photo = (light + (1 - light) * each for each in (image, photo))
    painting += np.float32(0.1) * np.random.default_rng(0).random(painting.shape, np.float32)
    with_neighbours, _ = objective(image, photo, [painting], EXACT, tiny)
    # The style term of recipe moments at the shallow layers alone.
    losses = RelativeLosses("conv3_2", "moments", statistics_layers=SHALLOW_LAYERS)
    minimised = Objective(Extractor(tiny, Default(), losses, REPLICATING, as_given=True))
    groups = groups_of(Paintings([painting]), minimised.extractor, image.shape[:2])
    problem = minimised.problem(tf.constant(photo[None]), groups, None)
    shallow, _ = minimised.gradient(tf.constant(image[None]), problem, tf.ones(4))
    candidates = numpy_candidates(tiny, painting)
    matches = numpy_matches(tiny, image, photo, painting, candidates)
    wanted = 0.25 * numpy_distance(tiny, image, candidates, matches)
    assert with_neighbours["style"] - float(shallow[1]) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (513, 63), (1025, 65), (700, 1000)])
def test_the_most_similar_key_is_the_first_with_the_largest_product(queries, keys):
    random = np.random.default_rng(0)
    # Small integers: products are exact, and many are equal.
    one, other = (random.integers(-2, 3, size) for size in ((queries, 3), (3, keys)))
    found = neighbours.most_similar(*(tf.constant(each, tf.float32) for each in (one, other)))
    np.testing.assert_array_equal(found, np.argmax(one @ other, 1))


def test_no_more_candidates_are_kept_than_are_wanted_and_they_are_of_all_the_painting(
    tiny, monkeypatch
):
    extractor = Extractor.of(EXACT, tiny)
    most = 200 * 4 * extractor.matched_channels
    for module in (neighbours, places):
        monkeypatch.setattr(module, "MAX_CANDIDATE_BYTES", most)
    painting = tf.constant(picture(160, 128, 3)[None])
    _, (found,) = painting_targets(extractor, painting, None)
    every = numpy_candidates(tiny, picture(160, 128, 3))["conv3_1"]
    layer = found.layers[MATCHED_LAYERS.index("conv3_1")]
    kept = (layer.offsets + layer.mean).numpy()[0, 0]
    assert 120 < len(kept) < 280
    off = np.abs(kept.mean(0) - every.mean(0))
    assert (off <= 4 * every.std(0) / len(kept) ** 0.5 + 1e-3).all()  # Standard errors.


def test_only_places_inside_a_paintings_mask_are_candidates(tiny):
    painting = np.full((64, 96, 3), 0.1, np.float32)
    painting[:, 48:] = 0.9
    left = np.repeat(np.arange(96)[None] < 48, 64, axis=0).astype(np.float32)
    _, (found,) = painting_targets(Extractor.of(EXACT, tiny), tf.constant(painting[None]), left)
    tones = found.tones.numpy()
    assert tones.size >= 16 * 12 and tones.max() < 0.2


def matching(tiny, mask=None, strength=1.0):
    """Return the matching of a small photo with a painting, and the canvas of its pictures."""
    size, photo = (48, 64), tf.constant(picture(48, 64, 2)[None])
    minimised = Objective.of(EXACT, tiny)
    groups = groups_of(Paintings([picture(64, 48, 3)]), minimised.extractor, size, mask)
    problem = minimised.problem(photo, groups, mask)
    matched = Matching(minimised.extractor, problem, photo, strength, bare=False)
    return matched, minimised.extractor.canvas(size)


def test_what_a_mask_hides_of_the_picture_changes_no_match(tiny):
    left = np.repeat(np.arange(64)[None] < 32, 48, axis=0).astype(np.float32)
    matched, canvas = matching(tiny, left)
    found = []
    for hidden in (0.0, 1.0):
        image = picture(48, 64, 1)
        image[:, 32:] = hidden
        matched.matched(tf.constant(canvas.padded(image)[None]))
        found.append(matched.matches[0].numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("strength", "weight", "leave"), [(1.0, 1e-5, True), (1.0, 0.1, False), (0.5, 1e-5, False)]
)
def test_matches_leave_the_photo_as_its_weight_falls_at_high_strengths(
    tiny, strength, weight, leave
):
    matched, canvas = matching(tiny, strength=strength)
    found = []
    for steered in (None, weight):
        matched.matched(tf.constant(canvas.padded(picture(48, 64, 1))[None]), steered)
        found.append(matched.matches[0].numpy())
    assert np.any(found[0] != found[1]) == leave


# --- the gradient ---------------------------------------------------------------------------------


@pytest.mark.thorough
def test_the_gradient_equals_finite_differences_and_the_tiled_one():
    """In float64, so that nothing but the order of sums differs, with a network that is hard on the
    arithmetic: two paintings with a soft region each, inside a mask."""
    losses = RelativeLosses(
        "conv3_2", "moments", statistics_layers=SHALLOW_LAYERS, matched_layers=MATCHED_LAYERS
    )
    extractor = Extractor(
        hard_networks.network("hard"), Default(), losses, REPLICATING, as_given=True
    )
    single = Objective(extractor, structure=True)
    options = NetworkOptions("max", tf.float64, "replicate")
    extractor = dataclasses.replace(extractor, options=options)
    minimised, size = dataclasses.replace(single, extractor=extractor), (43, 61)
    mask = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
    both = [picture(60, 70, 3), picture(50, 50, 4)]
    style = Paintings(both, [0.3, 0.7], regions=[mask, 1 - mask])
    inside, photo = mask[::-1], tf.constant(picture(*size, 2)[None])
    problem = single.problem(photo, groups_of(style, single.extractor, size, inside), inside)
    in_float32 = Matching(single.extractor, problem, photo, 0.5, bare=False).matched(
        tf.constant(picture(*size, 1)[None])
    )
    problem = tf.nest.map_structure(
        lambda each: each if each.dtype.is_integer else tf.cast(each, tf.float64), in_float32
    )
    image = tf.constant(picture(*size, 1)[None], tf.float64)
    weights = tf.constant([0.1, 1.0, 0.5, 2.0], tf.float64)

    # Our own gradients are only used while TensorFlow traces. AutoGraph would rewrite the engine's
    # Python first, which takes longer.
    traced = partial(tf.function, autograph=False)
    at_once = traced(lambda image: minimised.gradient(image, problem, weights))
    rounded = traced(lambda image: single.gradient(image, in_float32, tf.cast(weights, tf.float32)))
    terms, gradient = (each.numpy() for each in at_once(image))
    norm = np.linalg.norm(gradient)
    rounded_terms, rounded_gradient = rounded(tf.cast(image, tf.float32))
    np.testing.assert_allclose(rounded_terms, terms, rtol=1e-2)
    assert np.linalg.norm(rounded_gradient - gradient) < 1e-4 * norm
    for side in (16, 32, 1024):
        found_terms, found = minimised.gradient(image, problem, weights, side)
        np.testing.assert_allclose(found_terms, terms, rtol=1e-9)
        assert np.linalg.norm(found - gradient) < 1e-9 * norm, side
    # White noise, in which what is the same at all pixels cancels out; and a smooth picture.
    for direction in (
        np.random.default_rng(0).standard_normal(image.shape),
        picture(*size, 4)[None],
    ):
        # Rounding makes 1e-6 of the gradient's norm at the smaller step. A ReLU or maximum that
        # switches on the way makes 1e-5 to 1e-1, at one step more than at the other.
        for step in (1e-7, 3e-7):
            there, back = (at_once(image + sign * step * direction)[0] for sign in (1, -1))
            difference = float(tf.reduce_sum(weights * (there - back))) / (2 * step)
            assert abs((gradient * direction).sum() - difference) < 5e-6 * norm


# --- what is painted ------------------------------------------------------------------------------


def test_a_painting_blended_with_itself_is_that_painting(tiny):
    image, photo, one = picture(48, 64, 1), picture(48, 64, 2), picture(48, 64, 3)
    single, twice = (
        objective(image, photo, paintings, EXACT, tiny)[0] for paintings in ([one], [one, one])
    )
    assert twice == pytest.approx(single, rel=1e-4)
