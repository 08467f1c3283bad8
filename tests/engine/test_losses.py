"""The default recipe's losses against the same formulas in NumPy and against finite differences,
and the effect of masks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.painted import as_before
from support.tiny import last, picture

from painterly import Settings, objective, stylize
from painterly.engine.extractor import Extractor
from painterly.engine.features.structure import contours, structure_error
from painterly.engine.groups import groups_of
from painterly.engine.paintings import Paintings
from painterly.engine.recipes import default
from painterly.errors import PictureError
from painterly.vgg.network import NetworkOptions

RNG = np.random.default_rng(5)
EXACT = Settings(
    recipe="moments",
    precision="float32",
    content_weight=0.3,
    total_variation_weight=2.0,
    structure_weight=3.0,
)
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
WEIGHTS = dict(zip(LAYERS, np.array([256, 64, 16, 4]) / 340, strict=True))
# Variances below a ten-thousandth of all are held to be as large, so that float32 suffices.
ROUNDING = {"gram": 1e-4, "moments": 1e-2}
LEFT = np.zeros((64, 96), np.float32)
LEFT[:, :48] = 1


# --- in NumPy, as the docstrings have them --------------------------------------------------------


def numpy_statistics(feature, mask=None):
    flat = feature.reshape(-1, feature.shape[-1]).astype(np.float64)
    weights = np.ones(len(flat)) if mask is None else mask.ravel().astype(np.float64)
    weights = weights / weights.sum()
    return weights @ flat, np.einsum("n,nc,nd->cd", weights, flat, flat, optimize=True)


def numpy_variance(feature, mask=1.0):
    feature, weights = np.float64(feature), mask * np.ones(feature.shape[:2])[..., None]
    mean = (weights * feature).sum((0, 1)) / weights.sum()
    return (weights * (feature - mean) ** 2).sum() / weights.sum()


def numpy_content_error(found, photo, of_paintings, mask=1.0):
    """Divide by the photo's variance plus twice its lack of the paintings' variance, or by a
    fiftieth of the photo's mean square if that is more."""
    weights = mask * np.ones(photo.shape[:2])[..., None]
    square = (weights * np.float64(photo) ** 2).sum() / weights.sum()
    own = numpy_variance(photo, mask)
    norm = max(own + 2 * max(of_paintings - own, 0), 0.02 * square)
    return (weights * (np.float64(found) - photo) ** 2).sum() / weights.sum() / norm


def numpy_total_variation(image, mask):
    """Return the mean squared difference of neighbours, at least one of them painted."""
    found = 0.0
    for axis in (0, 1):
        near, far = (np.delete(mask, end, axis) for end in (-1, 0))
        square = np.diff(np.float64(image), axis=axis) ** 2
        found += square[(near > 0) | (far > 0)].sum() / (mask.mean() * square.size)
    return found


def numpy_structure_error(image, photo, mask):
    """Compare the contours of luminance in blocks of 4 and of 8 pixels."""
    from scipy.ndimage import uniform_filter  # Slow to load, and each worker loads this file.

    luminances = [np.float64(each) @ [0.299, 0.587, 0.114] for each in (image, photo)]
    errors = []
    for side in (4, 8):
        gradients = []
        for luminance in luminances:
            height, width = (each // side for each in luminance.shape)
            blocks = luminance[: height * side, : width * side]
            means = blocks.reshape(height, side, width, side).mean((1, 3))
            below, right = means[1:, :-1] - means[:-1, :-1], means[:-1, 1:] - means[:-1, :-1]
            gradients.append(np.stack([below, right]))
        found, wanted = gradients
        square = (wanted**2).sum(0)
        # Means of 3 × 3 pixels, of fewer at the border.
        sums, count = (
            uniform_filter(each, 3, mode="constant") for each in (square, np.ones_like(square))
        )
        weight = (sums / count) ** 3 / (sums / count + 2e-3) ** 4
        covered = mask[: height * side, : width * side].reshape(height, side, width, side)
        painted = covered.mean((1, 3))[:-1, :-1]
        norm = max((painted * weight * square).sum(), 0.1 * painted.sum())
        errors.append((weight * ((found - wanted) ** 2).sum(0)).sum() / norm)
    return 0.01 * np.mean(errors)


def psd_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def numpy_error(statistic, found, target):
    if statistic == "gram":
        return ((found[1] - target[1]) ** 2).sum() / (target[1] ** 2).sum()
    have, wanted = (second - np.outer(mean, mean) for mean, second in (found, target))
    root = psd_root(wanted)
    joint = psd_root(root @ have @ root)
    distance = ((found[0] - target[0]) ** 2).sum() + np.trace(have + wanted - 2 * joint)
    return distance / ((target[0] ** 2).sum() + np.trace(wanted))


def numpy_features(vgg, image):
    layers = [*LAYERS, "conv3_2"]
    found = vgg.forward(tf.constant(image[None]), layers, NetworkOptions(padding="replicate"))
    return {layer: feature[0].numpy() for layer, feature in found.items()}


def halved(mask, layer):
    """The share of each of a layer's positions that a mask covers."""
    for _ in range(int(layer[4]) - 1):
        mask = (mask[::2, ::2] + mask[1::2, ::2] + mask[::2, 1::2] + mask[1::2, 1::2]) / 4
    return mask


@pytest.mark.parametrize(
    ("statistic", "contrast"),
    [
        pytest.param("gram", 1, marks=pytest.mark.thorough),
        ("moments", 0.05),
        pytest.param("moments on a GPU", 1, marks=pytest.mark.thorough),
    ],
)
def test_the_objective_equals_the_formulas_written_in_numpy(tiny, statistic, contrast, monkeypatch):
    """Two paintings, one of them masked, each with a soft region, inside a content mask of a photo
    with as much contrast as they have, or less."""
    if "GPU" in statistic:  # It takes roots by products of matrices.
        statistic = "moments"
        monkeypatch.setattr(default, "gpus_in_use", lambda: ["a GPU"])
    settings = dataclasses.replace(EXACT, style_scale=1.5, style_statistics=statistic)
    image, content = picture(64, 96, 1), 0.5 + contrast * (picture(64, 96, 2) - 0.5)
    paintings = [picture(48, 64, 3), picture(64, 64, 4)]
    ramp = np.tile(np.linspace(0, 1, 96, dtype=np.float32), (64, 1))
    part = RNG.random((48, 64)).astype(np.float32)
    inside = np.ones((64, 96), np.float32)
    inside[:32], inside[:24] = 0.25, 0
    terms, _ = objective(
        *(image, content, paintings, settings, tiny, [1, 3]),
        content_mask=inside,
        style_masks=[part, None],
        regions=[ramp, 1 - ramp],
    )
    composited = inside[..., None] * image + (1 - inside[..., None]) * content
    x, p = numpy_features(tiny, composited), numpy_features(tiny, content)
    style, variance, weights = 0.0, 0.0, []
    for painting, mask, region, share in zip(
        paintings, (part, None), (ramp, 1 - ramp), (1, 3), strict=True
    ):
        s, area = numpy_features(tiny, painting), region * inside
        errors = sum(
            weight
            * numpy_error(
                statistic,
                numpy_statistics(x[layer], halved(area, layer)),
                numpy_statistics(s[layer], None if mask is None else halved(mask, layer)),
            )
            for layer, weight in WEIGHTS.items()
        )
        weights.append(area.mean() * share)
        style += weights[-1] * errors
        used = 1.0 if mask is None else halved(mask, "conv3_2")[..., None]
        variance += weights[-1] * numpy_variance(s["conv3_2"], used)
    covered = halved(inside, "conv3_2")[..., None].astype(np.float64)
    variance /= sum(weights)
    content_error = numpy_content_error(x["conv3_2"], p["conv3_2"], variance, covered)
    wanted_style = 1.5 * style / sum(weights)
    assert terms["style"] == pytest.approx(wanted_style, rel=ROUNDING[statistic])
    assert terms["content"] == pytest.approx(0.3 * content_error, rel=1e-4)
    variation = numpy_total_variation(composited, inside)
    assert terms["total_variation"] == pytest.approx(2.0 * variation, rel=1e-4)
    structure = numpy_structure_error(composited, content, inside)
    assert terms["structure"] == pytest.approx(3 * structure, rel=1e-4)
    assert terms["total"] == pytest.approx(sum(v for k, v in terms.items() if k != "total"))


# --- blending -------------------------------------------------------------------------------------


def test_what_is_blended_are_raw_moments(tiny):
    """The target is as of one canvas, divided among the paintings by their shares."""
    one, other = picture(48, 40, 3), picture(40, 40, 4)
    extractor = Extractor.of(EXACT, tiny, as_given=True)
    (blended,) = groups_of(Paintings([one, other], [3, 1]), extractor, (40, 48))
    for layer, found in zip(LAYERS, blended.targets, strict=True):
        (mean, second), (mean_, second_) = (
            numpy_statistics(numpy_features(tiny, each)[layer]) for each in (one, other)
        )
        mean, second = 0.75 * mean + 0.25 * mean_, 0.75 * second + 0.25 * second_
        covariance = second - np.outer(mean, mean)
        found_covariance = found.covariance - found.floor * np.eye(len(mean))
        np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
        np.testing.assert_allclose(found_covariance, covariance, atol=1e-4 * second.max())


# --- the structure term at all sizes, and what it keeps of a photo --------------------------------


def luminance_gradients(image):
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(image @ np.float32([0.299, 0.587, 0.114]), 2)
    return np.stack(np.gradient(smooth)).ravel()


@pytest.mark.parametrize("times", [2, 4])
def test_a_large_picture_is_compared_like_the_same_one_in_small(times):
    """Strokes grow with the picture: pixel by pixel, a large one's would count as lost contours."""
    photo, image = (tf.constant(picture(300, 400, seed)[None]) for seed in (1, 2))
    large_photo, large_image = (
        tf.repeat(tf.repeat(each, times, axis=1), times, axis=2) for each in (photo, image)
    )
    found = float(structure_error(large_image, contours(large_photo)))
    assert found == pytest.approx(float(structure_error(image, contours(photo))), rel=1e-4)


def test_a_narrow_panorama_has_contours_as_well_and_a_tiny_picture_none():
    photo = tf.constant(picture(64, 3000, 1)[None])
    mask = tf.ones([1, 64, 3000, 1])
    assert float(structure_error(1 - photo, contours(photo, mask))) == pytest.approx(0.04, rel=1e-2)
    for size in ((5, 7), (3, 64), (1, 1)):
        photo = tf.constant(picture(*size, 1)[None])
        assert float(structure_error(photo * 0.5, contours(photo))) < 0.1


@pytest.mark.thorough
def test_a_painted_photo_keeps_its_contours(tiny):
    photo, painting = picture(72, 96, 1), picture(80, 80, 2)
    wanted = luminance_gradients(photo)
    kept = []
    for weight in (0.0, 3.0):
        settings = Settings(size=96, strength=0.9, iterations=20, structure_weight=weight)
        image = last(stylize(photo, [painting], settings, tiny)).image
        kept.append(np.corrcoef(luminance_gradients(image), wanted)[0, 1])
    assert kept[1] > kept[0] + 0.005


# --- masks ----------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_style_mask_says_what_is_painted_from_a_painting_and_where(tiny):
    """Two paintings are red on the left and blue on the right; each gives one of its halves."""
    painting, grey = 0.1 * picture(64, 96, 9), np.full((64, 96, 3), 0.5, np.float32)
    painting[:, :48, 0] += 0.9
    painting[:, 48:, 2] += 0.9
    settings = Settings(size=96, iterations=15, content_weight=0, learning_rate=0.05)
    masks = [LEFT, 1 - LEFT]
    image = last(stylize(grey, [painting] * 2, settings, tiny, style_masks=masks)).image
    redness = image[..., 0] - image[..., 2]
    assert redness[:, :40].mean() > 0.05 and redness[:, 56:].mean() < -0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "given"),
    [
        pytest.param(
            Settings(size=96, iterations=1), {"regions", "content_mask"}, marks=pytest.mark.thorough
        ),
        pytest.param(Settings(size=96, iterations=1), {"regions"}, marks=pytest.mark.thorough),
        pytest.param(Settings(size=96, iterations=1), {"content_mask"}, marks=pytest.mark.thorough),
        (
            Settings.inetwork(size=96, iterations=3, optimizer="adam", learning_rate=0.02),
            {"content_mask"},
        ),
    ],
    ids=["default, both", "default, regions", "default, mask", "inetwork, mask"],
)
def test_outside_of_masks_and_regions_the_photos_pixels_are_kept_exactly(tiny, settings, given):
    photo, paintings = picture(64, 96, 2), [picture(64, 64, 3), picture(64, 64, 4)]
    narrow, upper = LEFT.copy(), np.zeros((64, 96), np.float32)
    narrow[:, :8], upper[:32] = 0, 1
    masks = {"regions": [narrow, LEFT], "content_mask": upper if "regions" in given else LEFT}
    masks = {name: masks[name] for name in given}
    image = last(stylize(photo, paintings, settings, tiny, **masks)).image
    as_before("_".join(("masks", settings.recipe, *sorted(given))), image)
    np.testing.assert_array_equal(image[:, 50:], photo[:, 50:])
    assert np.abs(image[:28, :44] - photo[:28, :44]).mean() > 0.005
    if len(given) > 1:
        np.testing.assert_array_equal(image[34:], photo[34:])


@pytest.mark.thorough
def test_a_painting_without_a_share_is_not_used(tiny):
    photo, one, other = picture(64, 96, 1), picture(64, 64, 2), picture(64, 64, 3)
    settings, right = Settings(size=96, iterations=2), 1 - LEFT
    both = last(stylize(photo, [one, other], settings, tiny, [0, 2], regions=[LEFT, right])).image
    alone = last(stylize(photo, [other], settings, tiny, regions=[right])).image
    np.testing.assert_array_equal(both, alone)


def test_regions_that_meet_leave_nothing_out():
    """Also where masks were stored as JPEG, or a photo stretches them."""
    nearly, paintings = 0.95 * (1 - LEFT), [picture(64, 64, 3), picture(64, 64, 4)]
    assert Paintings(paintings, regions=[LEFT, nearly]).painted_part(None) is None
    assert Paintings(paintings, regions=[LEFT, None]).painted_part(None) is None
    only = Paintings(paintings, regions=[LEFT, LEFT]).painted_part(None)
    np.testing.assert_array_equal(only, LEFT)


@pytest.mark.parametrize(
    "masks", [[LEFT], [LEFT, LEFT[..., None]], [LEFT, LEFT * 0], [LEFT, LEFT * 2]]
)
def test_masks_that_do_not_fit_are_refused(masks):
    with pytest.raises(ValueError, match=r"masks|mask of painting 2"):
        Paintings([picture(32, 32)] * 2, None, masks)


def test_a_region_outside_the_content_mask_leaves_nothing_to_paint(tiny):
    args = picture(64, 96, 1), [picture(32, 32)], Settings(size=96), tiny
    with pytest.raises(PictureError, match="do not overlap"):
        next(stylize(*args, content_mask=LEFT, regions=[1 - LEFT]))
