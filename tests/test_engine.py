"""The engine against things independent of it: finite differences, NumPy, and what a user sees."""

import gc
import resource
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny import picture
from tiny import weights as tiny_weights

from styletransfer import Settings, engine, losses, objective, stylize
from styletransfer.engine import Style
from styletransfer.vgg import VGG, load_vgg
from styletransfer.weights import MEAN_PIXEL, Weights

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def tiny():
    return VGG(tiny_weights())


@pytest.fixture(scope="module")
def random_vgg():
    return load_vgg("vgg19", "random")


def last(steps):
    for step in steps:  # noqa: B007
        pass
    return step


FLOAT32 = {"precision": "float32"}


# --- losses ---------------------------------------------------------------------------------


def test_a_gram_matrix_is_the_mean_outer_product_of_its_positions():
    feature = RNG.standard_normal((1, 5, 7, 4)).astype(np.float32)
    expected = np.einsum("hwc,hwd->cd", feature[0], feature[0]) / 35
    np.testing.assert_allclose(losses.gram(tf.constant(feature)), expected, rtol=1e-5, atol=1e-6)


def test_objective_equals_the_formulas_written_in_numpy(tiny):
    image, content, painting = picture(40, 56, 1), picture(40, 56, 2), picture(64, 48, 3)
    settings = Settings(content_weight=0.3, total_variation_weight=2.0, style_scale=1.5, **FLOAT32)
    terms, _ = objective(image, content, [painting], settings, tiny)

    def features(array):
        found = tiny.features(array, [*losses.STYLE_LAYERS, "conv4_2"])
        return {layer: feature.astype(np.float64) for layer, feature in found.items()}

    x, p, s = features(image), features(content), features(painting)

    def gram(feature):
        flat = feature.reshape(-1, feature.shape[-1])
        return flat.T @ flat / len(flat)

    def relative(a, b):
        return ((a - b) ** 2).sum() / (b**2).sum()

    style = sum(
        weight * relative(gram(x[layer]), gram(s[layer]))
        for layer, weight in zip(losses.STYLE_LAYERS, losses.STYLE_LAYER_WEIGHTS, strict=True)
    )
    wide = image.astype(np.float64)
    variation = (np.diff(wide, axis=0) ** 2).mean() + (np.diff(wide, axis=1) ** 2).mean()
    assert terms["content"] == pytest.approx(0.3 * relative(x["conv4_2"], p["conv4_2"]), rel=1e-4)
    assert terms["style"] == pytest.approx(1.5 * style, rel=1e-4)
    assert terms["total_variation"] == pytest.approx(2.0 * variation, rel=1e-4)
    assert terms["total"] == pytest.approx(sum(v for k, v in terms.items() if k != "total"))


@pytest.mark.parametrize("pool", ["max", "ave"])
def test_the_gradient_equals_finite_differences_in_float64(tiny, pool):
    image, content, painting = (
        tf.constant(picture(33, 47, seed)[None], tf.float64) for seed in (1, 2, 3)
    )
    grams = losses.style_grams(tiny, [painting], [1.0], pool, tf.float64)
    target = tiny.forward(content, ["conv4_2"], pool, tf.float64)["conv4_2"]
    weights = tf.constant([0.1, 1.0, 2.0], tf.float64)

    def loss(x):
        targets = losses.Targets(target, grams)
        args = (targets, weights, "conv4_2", pool, tf.float64)
        return tf.reduce_sum(losses.weighted_terms(tiny, x, *args))

    with tf.GradientTape() as tape:
        tape.watch(image)
        value = loss(image)
    gradient = tape.gradient(value, image).numpy()
    for seed in range(3):
        direction = np.random.default_rng(seed).standard_normal(image.shape)
        step = 3e-9  # Small, so that no ReLU or maximum switches on the way.
        slope = (loss(image + step * direction) - loss(image - step * direction)) / (2 * step)
        assert (gradient * direction).sum() == pytest.approx(float(slope), rel=1e-5)


def test_the_gradient_of_objective_equals_finite_differences_in_float32(random_vgg):
    image, content, painting = picture(64, 80, 1), picture(64, 80, 2), picture(72, 64, 3)
    settings = Settings(**FLOAT32)
    _, gradient = objective(image, content, [painting], settings, random_vgg)
    # Along the gradient itself, where rounding hides least of the slope.
    direction = gradient / np.linalg.norm(gradient)
    step = 2e-3
    up, down = (
        objective(image + s * step * direction, content, [painting], settings, random_vgg)[0][
            "total"
        ]
        for s in (1, -1)
    )
    assert (gradient * direction).sum() == pytest.approx((up - down) / (2 * step), rel=1e-2)


def test_bfloat16_points_the_same_way_as_float32(random_vgg):
    args = picture(64, 80, 1), picture(64, 80, 2), [picture(72, 64, 3)]
    exact = objective(*args, Settings(**FLOAT32), random_vgg)[1].ravel()
    quick = objective(*args, Settings(precision="bfloat16"), random_vgg)[1].ravel()
    assert exact @ quick / (np.linalg.norm(exact) * np.linalg.norm(quick)) > 0.9


def test_blending_targets_blends_the_loss_up_to_a_constant(tiny):
    """With quadratic losses, the gradient to the blend is that of the shares' mean."""
    image, content = picture(40, 48, 1), picture(40, 48, 2)
    one, other = picture(48, 40, 3), picture(40, 40, 4)
    settings = Settings(content_weight=0, total_variation_weight=0, **FLOAT32)
    blended = Style([one, other], [3, 1]).grams(tiny, None, "max", tf.float32)
    singles = [Style([each]).grams(tiny, None, "max", tf.float32) for each in (one, other)]
    for mix, a, b in zip(blended, *singles, strict=True):
        np.testing.assert_allclose(mix, 0.75 * a + 0.25 * b, rtol=1e-5)
    same = objective(image, content, [one, one], settings, tiny)[0]["style"]
    assert same == pytest.approx(objective(image, content, [one], settings, tiny)[0]["style"])


def test_the_balance_does_not_hinge_on_the_scale_of_the_weights():
    weights = tiny_weights()
    kernel, bias = weights.kernels["conv1_1"]
    louder = dict(weights.kernels, conv1_1=(kernel * 7, bias * 7))
    # Biases further on would see another scale: without them VGG is homogeneous.
    silent = {k: (w, b * 0) for k, (w, b) in weights.kernels.items()}
    louder = {k: (w, b * 0) for k, (w, b) in louder.items()}
    args = picture(40, 48, 1), picture(40, 48, 2), [picture(48, 40, 3)], Settings(**FLOAT32)
    one, other = (
        objective(*args, VGG(Weights("vgg19", name, kernels, MEAN_PIXEL)))[0]
        for name, kernels in (("silent", silent), ("louder", louder))
    )
    assert other == pytest.approx(one, rel=1e-4)


# --- the optimisation -----------------------------------------------------------------------


def test_a_painted_photo_has_the_size_asked_for_and_the_photos_proportions(tiny):
    settings = Settings(size=200, iterations=1)
    step = last(stylize(picture(90, 60), [picture(50, 70, 1)], settings, tiny))
    assert step.image.shape == (200, 133, 3)
    assert step.image.dtype == np.float32
    assert step.image.min() >= 0 and step.image.max() <= 1


def test_full_size_is_the_photos_own(tiny):
    settings = Settings(size="full", iterations=1)
    assert last(stylize(picture(91, 67), [picture(50, 70)], settings, tiny)).image.shape == (
        91,
        67,
        3,
    )


def test_scales_grow_by_root_two_from_about_128_px():
    sizes = engine.scale_sizes(600, 800, 512)
    assert [max(size) for size in sizes] == [128, 181, 256, 362, 512]
    assert sizes[-1] == (384, 512)


@pytest.mark.parametrize("height, width", [(2000, 100), (100, 2000), (17, 17), (64, 64)])
def test_panoramas_and_small_photos_have_scales_that_statistics_can_be_taken_of(height, width):
    sizes = engine.scale_sizes(height, width, max(height, width))
    assert sizes[-1] == (height, width)
    assert all(min(size) >= 32 for size in sizes[:-1])


def test_a_panorama_is_painted(tiny):
    settings = Settings(size=640, iterations=1)
    step = last(stylize(picture(40, 640), [picture(50, 70)], settings, tiny))
    assert step.image.shape == (40, 640, 3)


def test_every_step_tells_where_the_run_is(tiny):
    steps = list(
        stylize(picture(96, 128), [picture(60, 60)], Settings(size=181, iterations=3), tiny)
    )
    assert [step.iteration for step in steps] == list(range(1, 10))
    assert {step.total for step in steps} == {9}
    assert [step.scale for step in steps] == [128] * 6 + [181] * 3
    assert all(step.eta_s >= 0 for step in steps) and steps[-1].eta_s == 0
    assert set(steps[0].losses) == {"content", "style", "total_variation", "total"}
    assert steps[0].image.shape == (96, 128, 3)


def test_the_loss_goes_down_and_the_palette_comes_over(random_vgg):
    photo = np.full((96, 96, 3), 0.5, np.float32) + 0.1 * picture(96, 96, 2)
    painting = picture(96, 96, 3) * np.array([1.0, 0.3, 0.1], np.float32)
    settings = Settings(size=64, iterations=50, content_weight=0.001, learning_rate=0.05)
    steps = list(stylize(photo, [painting], settings, random_vgg))
    assert steps[-1].losses["total"] < 0.5 * steps[0].losses["total"]
    wanted, before, after = (x.mean((0, 1)) for x in (painting, photo, steps[-1].image))
    assert np.linalg.norm(after - wanted) < 0.75 * np.linalg.norm(before - wanted)


def test_more_content_weight_keeps_more_of_the_photo(tiny):
    photo, painting = picture(128, 128, 2), picture(128, 128, 3)

    def distance(weight):
        settings = Settings(size=128, iterations=30, content_weight=weight)
        return np.abs(last(stylize(photo, [painting], settings, tiny)).image - photo).mean()

    assert distance(10) < distance(0.001)


def test_the_same_seed_gives_the_same_noise_and_another_seed_another(tiny):
    def first(seed):
        settings = Settings(size=64, iterations=1, init_image="noise", seed=seed)
        return next(iter(stylize(picture(64, 64), [picture(64, 64, 1)], settings, tiny))).image

    np.testing.assert_array_equal(first(3), first(3))
    assert np.abs(first(3) - first(4)).mean() > 0.05


def test_gray_starts_from_the_photo_without_its_colours(tiny):
    settings = Settings(size=64, iterations=1, init_image="gray", learning_rate=1e-5)
    image = next(iter(stylize(picture(64, 64), [picture(64, 64, 1)], settings, tiny))).image
    assert np.abs(image - image.mean(-1, keepdims=True)).max() < 1e-3


def test_paintings_keep_their_proportions_and_are_never_enlarged(tiny, monkeypatch):
    seen = []
    real = losses.style_grams
    monkeypatch.setattr(
        engine,
        "style_grams",
        lambda vgg, styles, *rest: (
            seen.append([s.shape[1:3] for s in styles]) or real(vgg, styles, *rest)
        ),
    )
    settings = Settings(size=256, iterations=1)
    list(stylize(picture(128, 256), [picture(400, 100, 1), picture(150, 150, 2)], settings, tiny))
    assert [[tuple(size) for size in sizes] for sizes in seen] == [
        [(128, 32), (128, 128)],
        [(192, 48), (160, 160)],  # 181 × 45 and 150 × 150, with the canvas' margin
        [(256, 64), (160, 160)],
    ]


def test_a_looks_targets_are_computed_once_for_all_photos(tiny, monkeypatch):
    calls = []
    real = losses.style_grams
    monkeypatch.setattr(engine, "style_grams", lambda *args: calls.append(1) or real(*args))
    style = Style([picture(200, 200, 1)])
    for number in range(4):
        list(stylize(picture(100 + number, 128), style, Settings(size=181, iterations=1), tiny))
    assert len(calls) == 2  # one for each scale


def test_paintings_of_one_look_may_weigh_differently(tiny):
    photo, red, blue = (np.zeros((64, 64, 3), np.float32) for _ in range(3))
    photo += 0.5
    red[..., 0], blue[..., 2] = 0.9, 0.9

    def redness(shares):
        settings = Settings(size=64, iterations=60, content_weight=0)
        mean = last(stylize(photo, [red, blue], settings, tiny, shares)).image.mean((0, 1))
        return mean[0] - mean[2]

    assert redness([0.95, 0.05]) > redness([0.05, 0.95]) + 0.1


@pytest.mark.parametrize(
    "paintings, shares",
    [([], None), (1, [1, 2]), (2, [0, 0]), (2, [1, -1]), (2, [float("nan"), 1])],
)
def test_shares_that_do_not_fit_are_refused(paintings, shares):
    pictures = [picture(32, 32)] * paintings if isinstance(paintings, int) else paintings
    with pytest.raises(ValueError, match=r"share|painting"):
        Style(pictures, shares)


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 5, 3)])
def test_an_array_that_is_no_picture_is_refused(tiny, shape):
    with pytest.raises(ValueError, match=r"\[H, W, 3\]"):
        list(stylize(np.zeros(shape), [picture(32, 32)], Settings(iterations=1), tiny))


def test_vgg_is_computed_no_further_than_the_deepest_layer_needed(tiny, monkeypatch):
    convolutions = []
    real = tf.nn.conv2d
    monkeypatch.setattr(
        tf.nn, "conv2d", lambda *args, **kw: convolutions.append(1) or real(*args, **kw)
    )
    tiny.features(picture(32, 32), ["conv2_1", "conv3_2"])
    assert len(convolutions) == 6


def test_photos_of_any_size_share_one_trace(tiny):
    for side in range(64, 74):
        list(
            stylize(picture(side, 64), [picture(64, 64, 1)], Settings(size=80, iterations=1), tiny)
        )
    program = engine._program(tiny, "conv4_2", "max", engine.convolution_dtype("auto"))
    assert program.step.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("stopped_at", [1, 6, 7, 8])
def test_a_run_resumed_from_a_snapshot_ends_as_if_it_had_not_been_stopped(tiny, stopped_at):
    args = picture(96, 128), [picture(60, 60)], Settings(size=181, iterations=3), tiny
    whole = last(stylize(*args))
    for step in stylize(*args):
        if step.iteration == stopped_at:
            snapshot = step.snapshot()
            break
    rest = list(stylize(*args, resume=snapshot))
    assert [step.iteration for step in rest] == list(range(stopped_at + 1, 10))
    np.testing.assert_allclose(rest[-1].image, whole.image, atol=1e-5)


def test_a_snapshot_of_another_picture_is_refused(tiny):
    settings = Settings(size=128, iterations=2)
    step = next(iter(stylize(picture(96, 128), [picture(60, 60)], settings, tiny)))
    with pytest.raises(ValueError, match="snapshot"):
        list(stylize(picture(128, 96), [picture(60, 60)], settings, tiny, resume=step.snapshot()))


@pytest.mark.slow
def test_memory_stays_flat_over_photos_of_many_sizes(tiny):
    def resident():
        gc.collect()
        with Path("/proc/self/statm").open() as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    style = Style([picture(128, 128, 1)])
    readings = {}
    for number in range(1, 151):
        photo = picture(100 + number * 61 % 151, 250 - number * 61 % 151)
        list(stylize(photo, style, Settings(size=181, iterations=1), tiny))
        if number in (60, 150):
            readings[number] = resident()
    assert readings[150] < 1.05 * readings[60]
