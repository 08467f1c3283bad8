"""The optimisation: sizes, steps, the effect of settings on a picture, stopping and resuming."""

import dataclasses
import gc
import resource
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import last, picture
from support.tiny import weights as tiny_weights

from styletransfer import Settings, objective, stylize
from styletransfer.engine import pyramid, scale_optimizer, style_targets
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import StepParams
from styletransfer.engine.scale_optimizer import Program, _traced_program, program
from styletransfer.engine.structure import contours
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.errors import DivergedError
from styletransfer.vgg.network import VGG


def test_a_painted_photo_has_the_size_asked_for_and_the_photos_proportions(tiny):
    settings = Settings(size=200, iterations=1)
    step = last(stylize(picture(90, 60), [picture(50, 70, 1)], settings, tiny))
    assert step.image.shape == (200, 133, 3)
    assert step.image.dtype == np.float32
    assert step.image.min() >= 0 and step.image.max() <= 1


def test_a_panorama_is_painted(tiny):
    settings = Settings(size=640, iterations=1)
    step = last(stylize(picture(40, 640), [picture(50, 70)], settings, tiny))
    assert step.image.shape == (40, 640, 3)


def test_every_step_says_where_the_run_is(tiny):
    steps = list(
        stylize(picture(96, 128), [picture(60, 60)], Settings(size=181, iterations=3), tiny)
    )
    assert [step.iteration for step in steps] == list(range(1, 11))
    assert {step.total for step in steps} == {10}
    assert [step.scale for step in steps] == [128] * 6 + [181] * 4
    assert all(step.eta_s >= 0 for step in steps) and steps[-1].eta_s == 0
    assert set(steps[0].losses) == {"content", "style", "total_variation", "structure", "total"}
    assert steps[0].image.shape == (96, 128, 3)


def test_the_loss_goes_down_and_the_palette_comes_over(tiny):
    photo = np.full((96, 96, 3), 0.5, np.float32) + 0.1 * picture(96, 96, 2)
    painting = picture(96, 96, 3) * np.array([1.0, 0.3, 0.1], np.float32)
    settings = Settings(
        recipe="moments", size=64, iterations=30, content_weight=0.001, learning_rate=0.05
    )
    steps = list(stylize(photo, [painting], settings, tiny))
    assert steps[-1].losses["total"] < 0.1 * steps[0].losses["total"]
    wanted, before, after = (x.mean((0, 1)) for x in (painting, photo, steps[-1].image))
    assert np.linalg.norm(after - wanted) < 0.25 * np.linalg.norm(before - wanted)


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


@pytest.fixture
def painting_sizes(monkeypatch):
    """Note the (height, width) of paintings as they are compared with pictures."""
    seen = []
    real = style_targets.painting_targets

    def noting(objective, image, *others):
        seen.append(tuple(image.shape[1:3]))
        return real(objective, image, *others)

    monkeypatch.setattr(style_targets, "painting_targets", noting)
    return seen


def test_paintings_keep_their_proportions_and_small_ones_are_enlarged_half_way(
    tiny, painting_sizes
):
    settings = Settings(size=181, iterations=1)
    list(stylize(picture(90, 181), [picture(400, 100, 1), picture(150, 150, 2)], settings, tiny))
    assert painting_sizes == [
        *[(128, 32), (128, 128)],
        *[(181, 45), (165, 165)],
    ]


def test_strokes_are_as_many_times_as_large_as_the_painting(tiny, painting_sizes):
    def painted(stroke_size):
        painting_sizes.clear()
        settings = Settings(size=128, iterations=1, stroke_size=stroke_size)
        image = last(stylize(picture(96, 128), [picture(300, 300, 1)], settings, tiny)).image
        return image, painting_sizes[0]

    (fine, small), (usual, own), (coarse, large) = map(painted, (0.5, 1.0, 2.0))
    assert (small, own, large) == ((64, 64), (128, 128), (256, 256))
    assert np.abs(fine - usual).max() > 0.01 and np.abs(coarse - usual).max() > 0.01


@pytest.mark.parametrize(
    "paintings, shares",
    [([], None), (1, [1, 2]), (2, [0, 0]), (2, [1, -1]), (2, [float("nan"), 1])],
)
def test_shares_that_do_not_fit_are_refused(paintings, shares):
    pictures = [picture(32, 32)] * paintings if isinstance(paintings, int) else paintings
    with pytest.raises(ValueError, match=r"share|painting"):
        StyleTargets(pictures, shares)


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 5, 3)])
def test_an_array_that_is_no_picture_is_refused(tiny, shape):
    with pytest.raises(ValueError, match=r"\[H, W, 3\]"):
        list(stylize(np.zeros(shape), [picture(32, 32)], Settings(iterations=1), tiny))


@pytest.mark.parametrize("shape", [(32,), (32, 32, 1), (32, 32, 3)])
def test_a_mask_that_is_not_grey_is_refused_before_anything_is_painted(tiny, shape):
    photo, painting, mask = picture(32, 32), picture(32, 32, 2), np.ones(shape, np.float32)
    settings = Settings(size=32, iterations=1)
    for name in ("content_mask", "color_mask"):
        with pytest.raises(ValueError, match=rf"^{name} has the shape .*expected grey, \[h, w\]"):
            stylize(photo, [painting], settings, tiny, **{name: mask})
    with pytest.raises(ValueError, match=r"^content_mask has the shape"):
        objective(photo, photo, [painting], settings, tiny, content_mask=mask)


@pytest.mark.parametrize("where", ["photo", "painting", "content_mask", "color_mask", "init"])
@pytest.mark.parametrize("wrong", [255.0, np.nan, np.int64(255)])
def test_an_array_that_is_not_within_0_and_1_is_refused_before_it_is_painted(tiny, where, wrong):
    photo, painting = picture(32, 32), picture(32, 32, 2)
    values = np.full((32, 32, 3)[: 2 if "mask" in where else 3], wrong)
    given = {"photo": photo, "painting": painting} | {where: values}
    photo, painting = given.pop("photo"), given.pop("painting")
    with pytest.raises(ValueError, match=f"{where}.*expected"):
        stylize(photo, [painting], Settings(size=32, iterations=1), tiny, **given)


def test_a_program_that_uses_the_library_does_not_get_tf32(tiny):
    """With factors rounded to 10 bits, pictures diverge on a GPU."""
    tf.config.experimental.enable_tensor_float_32_execution(True)
    last(stylize(picture(48, 64, 1), [picture(48, 48, 2)], Settings(size=64, iterations=1), tiny))
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_vgg_is_computed_no_further_than_the_deepest_layer_needed(tiny, monkeypatch):
    convolutions = []
    real = tf.nn.conv2d
    monkeypatch.setattr(
        tf.nn, "conv2d", lambda *args, **kw: convolutions.append(1) or real(*args, **kw)
    )
    tiny.features(picture(32, 32), ["conv2_1", "conv3_2"])
    assert len(convolutions) == 6


@pytest.fixture
def own_traces(monkeypatch):
    """Replace the cache of traced programs by an empty one for this test."""
    found = lru_cache(_traced_program.__wrapped__)
    monkeypatch.setattr("styletransfer.engine.scale_optimizer._traced_program", found)
    return found


@pytest.mark.slow
def test_photos_of_any_size_share_one_trace(tiny, own_traces):
    for side in (64, 71, 80):
        list(
            stylize(picture(side, 64), [picture(64, 64, 1)], Settings(size=80, iterations=1), tiny)
        )
    assert own_traces.cache_info().currsize == 1


def test_eight_devices_trace_each_of_their_programs_once(tiny):
    """With a network each, for photos with and without masks, at sizes up to those of print."""
    minimised = Objective.of(Settings(), tiny)
    photo = pyramid.to_batch(picture(64, 64))
    groups = StyleTargets([picture(64, 64, 1)]).groups(minimised, (64, 64))
    problems = [
        minimised.problem(photo, groups, mask)._replace(contours=contours(tf.zeros([1, *size, 3])))
        for mask in (None, np.eye(64, dtype=np.float32))
        for size in ((64, 64), (150, 900), (300, 1800))
    ]
    networks = [VGG(tiny_weights()) for _ in range(8)]
    first, second = (
        [
            program(dataclasses.replace(minimised, vgg=vgg), problem)
            for vgg in networks
            for problem in problems
        ]
        for _ in range(2)
    )
    assert len(set(map(id, first))) == 48
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_a_step_takes_nothing_in_float64(tiny):
    """GPUs are slow at it."""
    objective = Objective.of(Settings(), tiny)
    paintings = StyleTargets([picture(64, 64, 1), picture(48, 64, 2)])
    photo, groups = pyramid.to_batch(picture(64, 64)), paintings.groups(objective, (64, 64))
    problem = objective.problem(photo, groups, np.eye(64, dtype=np.float32))
    assert tf.float64 not in {each.dtype for each in tf.nest.flatten(problem)}


# --- optimisers, starts ---------------------------------------------------------------------------


@pytest.mark.slow
def test_lbfgs_lowers_the_loss_at_every_scale_and_stays_within_the_colours_there_are(tiny):
    settings = Settings(size=181, iterations=1, optimizer="lbfgs", content_weight=0.05)
    steps = list(stylize(picture(64, 181), [picture(80, 80, 2)], settings, tiny))
    assert [step.scale for step in steps] == [128, 128, 181]
    assert steps[1].losses["total"] < steps[0].losses["total"]
    images = [step.snapshot()["image"] for step in steps]
    assert min(each.min() for each in images) >= 0 and max(each.max() for each in images) <= 1


def test_adam_serves_the_original_losses_too(tiny):
    settings = Settings.inetwork(optimizer="adam", iterations=10, size=96, learning_rate=0.02)
    losses = [
        step.losses["total"]
        for step in stylize(picture(72, 96), [picture(80, 80, 2)], settings, tiny)
    ]
    assert len(losses) == 10 and losses[-1] < 0.9 * losses[0]


def test_a_picture_to_start_from_may_be_of_any_size(tiny):
    settings = Settings(size=64, iterations=1, learning_rate=1e-5)
    start = picture(40, 30, 7)
    image = next(
        iter(stylize(picture(64, 64), [picture(64, 64, 1)], settings, tiny, init=start))
    ).image
    assert np.abs(image.mean((0, 1)) - start.mean((0, 1))).max() < 0.01


def test_a_white_background_does_not_get_the_same_stroke_over_and_over(tiny):
    settings = Settings(size=128, iterations=10)
    image = last(stylize(np.ones((128, 128, 3)), [picture(96, 96, 1)], settings, tiny)).image
    # Far from the borders, and as far from each other as the network's positions.
    one, other = image[40:88, 32:80], image[40:88, 48:96]
    assert np.corrcoef((one - one.mean()).ravel(), (other - other.mean()).ravel())[0, 1] < 0.5


def test_a_small_improvement_ends_a_scale_and_the_run_still_counts_to_its_end(tiny):
    settings = Settings(
        size=181, iterations=60, learning_rate=1e-5, min_improvement=50, content_weight=1
    )
    steps = list(stylize(picture(128, 181), [picture(80, 80, 2)], settings, tiny))
    assert len(steps) == 40  # two windows of ten steps at each of two scales
    assert steps[-1].iteration == steps[-1].total == 200
    assert steps[-1].eta_s == 0


def test_a_photo_is_resampled_from_its_own_size_once(tiny, monkeypatch):
    sizes, resample = [], pyramid.resample

    def noted(image, size):
        sizes.append((image.shape[1:3], size))
        return resample(image, size)

    monkeypatch.setattr(pyramid, "resample", noted)
    steps = stylize(picture(200, 300), [picture(60, 80)], Settings(size=240, iterations=3), tiny)
    scales = {step.scale for step in steps}
    own = [size for before, size in sizes if before == (200, 300)]
    assert len(scales) == 2 and own == [(160, 240)] * 3  # each channel
    assert [size for before, size in sizes if before == (160, 240)][-1] == (160, 240)


# --- when it goes wrong ---------------------------------------------------------------------------


def test_a_picture_that_turns_into_no_number_is_taken_back_within_ten_steps(tiny, monkeypatch):
    """From step 13 on the loss is no number, as long as the steps are not smaller."""
    rates = []

    class Sick:
        def __init__(self, program):
            self._step, self._count = program.step, 0

        def step(self, state, problem, params):
            self._count += 1
            rates.append(StepParams(*params.numpy()).rate)
            state, terms = self._step(state, problem, params)
            if self._count > 12 and rates[-1] > 0.015:
                nan = tf.constant(float("nan"))
                return state._replace(image=state.image * nan, average=state.average * nan), terms
            return state, terms

    monkeypatch.setattr(scale_optimizer, "program", lambda *args: Sick(program(*args)))
    settings = Settings(size=96, iterations=20)
    steps = list(stylize(picture(72, 96), [picture(80, 80, 2)], settings, tiny))
    assert np.isfinite(steps[-1].image).all()
    assert rates[12] == pytest.approx(0.02) and rates[15] == pytest.approx(0.01)
    assert np.isfinite(steps[14].image).all()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_cannot_be_mended_is_reported(tiny, monkeypatch, optimizer):
    nothing = tf.fill([4], float("nan"))
    sick = Program(
        gradient=lambda image, problem, weights: (nothing, tf.zeros_like(image)),
        step=lambda state, problem, params: (state, nothing),
    )
    monkeypatch.setattr(scale_optimizer, "program", lambda *_: sick)
    settings = Settings(size=96, iterations=100, optimizer=optimizer)
    with pytest.raises(DivergedError, match="weights"):
        list(stylize(picture(72, 96), [picture(80, 80, 2)], settings, tiny))


# --- finishing ------------------------------------------------------------------------------------


def test_a_result_is_scaled_back_to_the_photos_own_size(tiny):
    settings = Settings(size=64, iterations=1, rescale_image=True)
    step = last(stylize(picture(90, 130), [picture(50, 70, 1)], settings, tiny))
    assert step.image.shape == (90, 130, 3)


def test_without_its_aspect_ratio_a_picture_is_square_and_comes_back_in_proportion(tiny):
    settings = Settings(size=64, iterations=1, maintain_aspect_ratio=False)
    args = picture(60, 120), [picture(50, 70, 1)]
    assert last(stylize(*args, settings, tiny)).image.shape == (64, 64, 3)
    settings = dataclasses.replace(settings, rescale_image=True)
    assert last(stylize(*args, settings, tiny)).image.shape == (60, 120, 3)


def test_preserve_color_keeps_the_photos_colours_where_the_color_mask_is_white(tiny):
    photo = np.zeros((64, 64, 3), np.float32)
    photo += np.array([0.7, 0.4, 0.4], np.float32)
    blue = np.zeros((64, 64, 3), np.float32) + np.array([0.1, 0.1, 0.8], np.float32)
    mask = np.zeros((8, 8), np.float32)
    mask[:, :4] = 1
    settings = Settings(size=64, iterations=20, content_weight=0, preserve_color=True)
    image = last(stylize(photo, [blue], settings, tiny, color_mask=mask)).image
    redness = image[..., 0] - image[..., 2]
    assert redness[:, :24].min() > 0.1 and redness[:, 40:].mean() < redness[:, :24].mean() - 0.1


# --- resuming -------------------------------------------------------------------------------------


def snapshots_of(steps, at):
    """Return copies of the snapshots after the steps `at`, all numbers, and the last step."""
    found, numbers = {}, []
    for step in steps:
        numbers.append(step.iteration)
        if step.iteration in at:
            found[step.iteration] = {k: np.array(each) for k, each in step.snapshot().items()}
    return found, numbers, step


@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        # Within a scale, at its last step, and after the first step of the next.
        (Settings(size=181, iterations=3), (2, 6, 7)),
        # Scales that end early.
        (Settings(size=96, iterations=60, min_improvement=12), (13, 29)),
    ],
)
def test_a_run_resumed_from_a_snapshot_ends_as_if_it_had_not_been_stopped(tiny, settings, stops):
    args = picture(96, 128), [picture(60, 60)], settings, tiny
    found, numbers, whole = snapshots_of(stylize(*args), at=stops)
    assert max(stops) < len(numbers) < 120
    for stopped_at, snapshot in found.items():
        rest = list(stylize(*args, resume=snapshot))
        assert [step.iteration for step in rest] == numbers[stopped_at:]
        np.testing.assert_allclose(rest[-1].image, whole.image, atol=1e-5)


def test_a_snapshot_of_another_picture_or_version_is_refused(tiny):
    settings, painting = Settings(size=128, iterations=2), picture(60, 60)
    snapshot = next(iter(stylize(picture(96, 128), [painting], settings, tiny))).snapshot()
    with pytest.raises(ValueError, match=r"image of the snapshot is .* expected the shape"):
        list(stylize(picture(128, 96), [painting], settings, tiny, resume=snapshot))
    del snapshot["windows"]
    with pytest.raises(ValueError, match="windows of the snapshot is missing"):
        list(stylize(picture(96, 128), [painting], settings, tiny, resume=snapshot))


@pytest.mark.slow
def test_memory_stays_flat_over_photos_of_many_sizes(tiny):
    def resident():
        gc.collect()
        with Path("/proc/self/statm").open() as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    style = StyleTargets([picture(128, 128, 1)])
    readings = {}
    for number in range(1, 46):
        photo = picture(40 + number * 61 % 151, 190 - number * 61 % 151)
        list(stylize(photo, style, Settings(size=96, iterations=1), tiny))
        if number in (20, 45):
            readings[number] = resident()
    assert readings[45] < 1.05 * readings[20]
