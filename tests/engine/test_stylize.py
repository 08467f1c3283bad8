"""The optimisation: sizes, steps, the effect of settings on a picture, stopping and resuming."""

import gc
import resource
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import each_read, last, picture

from painterly import Settings, objective, stylize
from painterly.devices.memory import device_budget
from painterly.engine import groups
from painterly.engine.groups import painting_targets
from painterly.engine.optimisation import scale_optimizer
from painterly.engine.optimisation.optimizers import State, StepParams, adam
from painterly.engine.optimisation.scale_optimizer import Program, program, traced_program
from painterly.engine.paintings import Paintings
from painterly.engine.picture import Canvas
from painterly.engine.style_transfer import StyleTransfer
from painterly.engine.transfer import TransferInputs
from painterly.errors import DivergedError
from painterly.images.arrays import resize


@pytest.mark.parametrize(
    ("photo", "settings", "expected"),
    [
        ((67, 60), {"size": 165}, (165, 148)),  # 67 times 165 / 67 is less in floats
        ((40, 640), {"size": 640}, (40, 640)),  # a panorama
        ((90, 130), {"size": 64, "rescale_image": True}, (90, 130)),
        ((60, 120), {"size": 64, "maintain_aspect_ratio": False}, (64, 64)),
        (
            (60, 120),
            {"size": 64, "maintain_aspect_ratio": False, "rescale_image": True},
            (60, 120),
        ),
    ],
)
def test_a_picture_has_the_size_asked_for_and_the_photos_proportions(
    tiny, photo, settings, expected
):
    settings = Settings(iterations=1, **settings)
    image = last(stylize(picture(*photo), [picture(50, 70, 1)], settings, tiny)).image
    assert image.shape == (*expected, 3) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() <= 1


def test_the_loss_goes_down_and_the_palette_comes_over(tiny):
    photo = np.full((96, 96, 3), 0.5, np.float32) + 0.1 * picture(96, 96, 2)
    painting = picture(96, 96, 3) * np.array([1.0, 0.3, 0.1], np.float32)
    settings = Settings(
        recipe="moments", size=64, iterations=30, content_weight=0.001, learning_rate=0.05
    )
    steps = each_read(stylize(photo, [painting], settings, tiny))
    assert steps[-1].losses["total"] < 0.1 * steps[0].losses["total"]
    wanted, before, after = (x.mean((0, 1)) for x in (painting, photo, steps[-1].image))
    assert np.linalg.norm(after - wanted) < 0.25 * np.linalg.norm(before - wanted)


def test_a_step_is_read_before_the_next_one_and_what_was_read_stays(tiny):
    steps = []
    for step in stylize(
        picture(48, 64), [picture(40, 40, 2)], Settings(size=64, iterations=4), tiny
    ):
        if step.iteration == 1:
            image, losses = step.image.copy(), step.losses
        steps.append(step)
    first, second, *_, final = steps
    np.testing.assert_array_equal(first.image, image)
    assert first.losses == losses
    for read in (first.snapshot, lambda: first.content_weight, lambda: second.image):
        with pytest.raises(RuntimeError, match=r"step \d is over; read image"):
            read()
    assert final.losses and final.content_weight and not final.can_resume


def test_the_picture_as_it_stands_can_be_read_and_saved_while_it_is_rebuilt(tiny):
    photo, painting, taken = picture(48, 64), picture(40, 40, 2), []

    def check_stop():
        taken.append((step.image, step.snapshot()))

    paintings = Paintings([painting])
    inputs = TransferInputs(photo, paintings, Settings(size=64, iterations=2))
    transfer = StyleTransfer(inputs, tiny, device_budget())
    for step in transfer.steps(check_stop=check_stop):  # noqa: B007
        pass
    image, snapshot = taken[0]
    assert image.shape == (48, 64, 3) and np.abs(image - step.image).max() > 0.01
    [rebuilt] = transfer.steps(resume=snapshot)
    np.testing.assert_array_equal(rebuilt.image, step.image)


@pytest.mark.thorough
def test_finer_and_larger_strokes_make_other_pictures(tiny):
    """test_schedule.py has the size of the painting that makes them."""
    settings = (Settings(size=128, iterations=1, stroke_size=each) for each in (0.5, 1.0, 2.0))
    args = picture(96, 128), [picture(300, 300, 1)]
    fine, usual, coarse = (last(stylize(*args, each, tiny)).image for each in settings)
    assert np.abs(fine - usual).max() > 0.01 and np.abs(coarse - usual).max() > 0.01


@pytest.mark.parametrize(
    "paintings, shares",
    [([], None), (1, [1, 2]), (2, [0, 0]), (2, [1, -1]), (2, [float("nan"), 1])],
)
def test_shares_that_do_not_fit_are_refused(paintings, shares):
    pictures = [picture(32, 32)] * paintings if isinstance(paintings, int) else paintings
    with pytest.raises(ValueError, match=r"share|painting"):
        Paintings(pictures, shares)
    for others in ((1.0,), (1.0, 0.0)):
        with pytest.raises(ValueError, match="for 2 paintings"):
            Paintings([picture(32, 32)] * 2).with_shares(others)


GREY, COLOURS = (32, 32), (32, 32, 3)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        *(("photo", np.zeros(each), r"\[H, W, 3\]") for each in (GREY, (32, 32, 4), (0, 5, 3))),
        *(
            (name, np.ones(shape), f"^{name} has the shape .*expected grey, .h, w.")
            for name in ("content_mask", "color_mask")
            for shape in ((32,), (32, 32, 1), COLOURS)
        ),
        *(
            (name, np.full(GREY if "mask" in name else COLOURS, value), f"{name}.*expected")
            for name in ("photo", "painting", "content_mask", "color_mask", "init")
            for value in (255.0, np.nan, np.int64(255))
        ),
    ],
)
def test_a_wrong_array_is_refused_before_anything_is_painted(tiny, name, wrong, message):
    given = {"photo": picture(32, 32), "painting": picture(32, 32, 2)} | {name: wrong}
    photo, painting = given.pop("photo"), given.pop("painting")
    with pytest.raises(ValueError, match=message):
        stylize(photo, [painting], Settings(size=32, iterations=1), tiny, **given)
    if name == "content_mask":
        with pytest.raises(ValueError, match=message):
            objective(photo, photo, [painting], Settings(), tiny, content_mask=wrong)


def test_a_program_that_uses_the_library_does_not_get_tf32(tiny):
    """With factors rounded to 10 bits, pictures diverge on a GPU."""
    tf.config.experimental.enable_tensor_float_32_execution(True)
    last(stylize(picture(48, 64, 1), [picture(48, 48, 2)], Settings(size=64, iterations=1), tiny))
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


@pytest.mark.thorough
def test_photos_and_paintings_of_any_size_share_one_trace_and_leave_no_memory_in_use(
    tiny, monkeypatch
):
    traced = lru_cache(traced_program.__wrapped__)
    monkeypatch.setattr("painterly.engine.optimisation.scale_optimizer.traced_program", traced)

    def resident():
        gc.collect()
        with Path("/proc/self/statm").open() as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    style = Paintings([picture(128, 128, 1)])
    readings = {}
    for number in range(1, 27):
        photo = picture(40 + number * 61 % 151, 190 - number * 61 % 151)
        list(stylize(photo, style, Settings(size=96, iterations=1), tiny))
        if number in (8, 26):
            readings[number] = resident()
    assert readings[26] < 1.05 * readings[8]
    list(stylize(photo, [picture(64, 96, 2)], Settings(size=96, iterations=1), tiny))
    assert traced.cache_info().currsize == 1


@pytest.mark.thorough
def test_a_painting_is_measured_once_for_several_photos_and_they_look_the_same(tiny, monkeypatch):
    sizes = []

    def measured(extractor, painting, mask):
        sizes.append(tuple(painting.shape))
        return painting_targets(extractor, painting, mask)

    monkeypatch.setattr(groups, "painting_targets", measured)
    painting = picture(90, 90, 2)
    style = Paintings([painting])
    for number, (size, count) in enumerate(((136, 2), (136, 0), (96, 1), (136, 2))):
        photo, settings = picture(60, 80, number), Settings(size=size, iterations=1)
        sizes.clear()
        kept = last(stylize(photo, style, settings, tiny)).image
        assert len(sizes) == count
        fresh = last(stylize(photo, [painting], settings, tiny)).image
        np.testing.assert_array_equal(kept, fresh)


# --- optimisers, starts ---------------------------------------------------------------------------


@pytest.mark.thorough
def test_lbfgs_lowers_the_loss_within_the_colours_there_are_and_steps_say_so(tiny):
    settings = Settings(size=181, iterations=2, optimizer="lbfgs", content_weight=0.05)
    photo, style = picture(64, 181), [picture(80, 80, 2)]
    hardly = replace(settings, optimizer="adam", learning_rate=1e-5)
    unchanged = next(iter(stylize(photo, style, hardly, tiny)))
    steps, images = [], []
    for step in stylize(photo, style, settings, tiny):
        assert step.losses and step.image is not None
        images.append(step.snapshot()["image"])
        steps.append(step)
    scales = [(1, 128), (2, 128), (3, 181), (4, 181)]  # The last step rebuilds the picture.
    assert [(step.iteration, step.scale) for step in steps] == scales
    assert {step.total for step in steps} == {4}
    assert all(step.eta_s >= 0 for step in steps) and steps[-1].eta_s == 0
    assert set(steps[0].losses) == {"content", "style", "total_variation", "structure", "total"}
    assert steps[0].image.shape == (45, 128, 3)
    assert steps[1].losses["total"] < unchanged.losses["total"], "at the first scale"
    assert min(each.min() for each in images) >= 0 and max(each.max() for each in images) <= 1


def test_a_run_starts_from_what_it_is_told(tiny):
    """The first step changes hardly anything here."""

    def started(**settings):
        settings = Settings(size=64, iterations=1, learning_rate=1e-5, **settings)
        return next(iter(stylize(picture(64, 64), [picture(64, 64, 1)], settings, tiny))).image

    first, again, other = (started(init_image="noise", seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05
    grey = started(init_image="gray")
    assert np.abs(grey - grey.mean(-1, keepdims=True)).max() < 1e-3


def test_a_white_background_does_not_get_the_same_stroke_over_and_over(tiny):
    settings = Settings(size=128, iterations=20)
    image = last(stylize(np.ones((128, 128, 3)), [picture(96, 96, 1)], settings, tiny)).image
    # Far from the borders, and as far from each other as the network's positions.
    one, other = image[40:88, 32:80], image[40:88, 48:96]
    assert np.corrcoef((one - one.mean()).ravel(), (other - other.mean()).ravel())[0, 1] < 0.5


def test_at_the_next_scale_adam_goes_on_as_if_it_had_always_been_there():
    """For a loss that is a mean over the picture, of a picture that is smooth."""

    def moments(size):
        canvas = Canvas(size)
        rows, columns = (np.linspace(0, 1, side, dtype=np.float32) for side in size)
        image = tf.constant(0.2 + 0.6 * (rows[:, None] * columns)[None, ..., None].repeat(3, -1))
        state = State.start(image, 0.1)
        gradient = 2 * (image - 0.1) / np.prod(size)
        for _ in range(30):
            state = adam(state, gradient, tf.constant(0.0), tf.constant(0.9))
        return canvas, state

    (small, state), (large, expected) = moments((48, 64)), moments((96, 128))
    found = state.resampled(small, large)
    for name in ("momentum", "variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0.1)
    np.testing.assert_allclose(found.image, expected.image, atol=0.01)


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
    settings = Settings(size=96, iterations=40)
    steps = each_read(stylize(picture(72, 96), [picture(80, 80, 2)], settings, tiny))
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


# --- resuming -------------------------------------------------------------------------------------


def test_a_run_resumed_from_a_snapshot_ends_as_if_it_had_not_been_stopped(tiny):
    """Within a scale, at its last step, after the first step of the next, and at the last one,
    after which the picture is only rebuilt."""
    stops = 2, 6, 7, 10
    style = Paintings([picture(60, 60, each) for each in range(2)])
    args = picture(96, 128), style, Settings(size=181, iterations=6)
    transfer = StyleTransfer(TransferInputs(*args), tiny, device_budget())
    snapshots, numbers, images = {}, [], []
    for step in transfer.steps():
        numbers.append(step.iteration)
        images.append(step.image)
        if step.iteration in stops:
            snapshots[step.iteration] = {k: np.array(v) for k, v in step.snapshot().items()}
    assert numbers == [*range(1, 12)]
    last, following = (resize(images[number], 96, 128) for number in (5, 6))  # of two scales
    assert 1.3 * np.abs(following - last).mean() < np.abs(following - args[0]).mean()
    for stopped_at, snapshot in snapshots.items():
        rest = list(stylize(*args, tiny, resume=snapshot))
        assert [step.iteration for step in rest] == numbers[stopped_at:]
        # Checkpoints of other shapes are refused before they are used.
        del snapshot["iteration"]
        shapes = {name: each.shape for name, each in snapshot.items()}
        assert transfer.snapshot_shapes(stopped_at) == shapes
        assert rest[-1].losses == step.losses
    for number in (0, step.total, step.total + 1):
        assert transfer.snapshot_shapes(number) == {}
        np.testing.assert_allclose(rest[-1].image, step.image, atol=1e-5)


def test_a_snapshot_of_another_picture_version_or_style_is_refused(tiny):
    settings, painting = Settings(size=128, iterations=2), picture(60, 60)
    photo, turned = picture(96, 128), picture(128, 96)
    snapshot = next(iter(stylize(photo, [painting], settings, tiny))).snapshot()
    with pytest.raises(ValueError, match=r"image of the snapshot is .* expected the shape"):
        list(stylize(turned, [painting], settings, tiny, resume=snapshot))
    with pytest.raises(ValueError, match="matches"):
        list(stylize(photo, [painting, painting], settings, tiny, resume=snapshot))
    del snapshot["windows"]
    with pytest.raises(ValueError, match="windows of the snapshot is missing"):
        list(stylize(photo, [painting], settings, tiny, resume=snapshot))
