"""The rules of optimisation at one scale, on states and losses that are given: when it ends early,
when it goes back, how the photo's weight is steered, and what is said about it."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.painted import as_before
from support.tiny import picture

from painterly import Settings, stylize
from painterly.engine.optimisation import scale_optimizer
from painterly.engine.optimisation.optimizers import (
    CONTENT_WEIGHTS,
    State,
    initial_content_weight,
    lbfgs,
    steered,
)
from painterly.engine.optimisation.scale_optimizer import Program, ScaleOptimizer, ScaleSchedule
from painterly.engine.schedule import EVALUATIONS, Schedule


class Script:
    """Adam steps whose results are given: of each the losses (content, style, total variation,
    structure) at a weight of 1, and numbers of the state after it. The last one repeats."""

    def __init__(self, *steps):
        self._steps, self._taken = steps, 0

    def program(self, *_):
        return Program(gradient=None, step=self._step)

    def _step(self, state, problem, params):
        losses, after = self._steps[min(self._taken, len(self._steps) - 1)]
        self._taken += 1
        weight = float(state.content_weight)
        weights = np.array([weight, 1, 1, 1]) / (1 + weight)
        after = {name: tf.constant(value, tf.float32) for name, value in after.items()}
        return state._replace(**after), tf.constant(weights * losses, tf.float32)


def optimizer(settings, steps, is_last=True):
    """Return the optimiser of a scale of a small picture, with as many steps."""
    recipe = SimpleNamespace(steered_to=lambda strength: strength)
    extractor = SimpleNamespace(recipe=recipe, options=SimpleNamespace(dtype=tf.float32))
    state = State.start(tf.constant(picture(8, 8)[None]), initial_content_weight(settings))
    return ScaleOptimizer(
        SimpleNamespace(extractor=extractor),
        SimpleNamespace(problem=(), is_needed=False),
        state,
        settings,
        SimpleNamespace(side=None),
        ScaleSchedule(steps, 0, is_first=True, is_last=is_last),
    )


# --- when it ends ---------------------------------------------------------------------------------


def windows(*styles, content=1.0, weights=(0.2,)):
    """Return windows of ten steps each. Within a window the style loss is the same. After each step
    the photo's weight is the next given one, in turn."""
    each = [style for style in styles for _ in range(10)]
    after = [{"content_weight": weights[number % len(weights)]} for number in range(len(each))]
    return [([content, style, 0, 0], one) for style, one in zip(each, after, strict=True)]


FALLING = np.geomspace(0.2, 0.02, 40)  # the photo's weight, and with it the loss


@pytest.mark.parametrize(
    ("steps", "least", "ended_at"),
    [
        (windows(1, 0.9, 0.8, 0.79, 0.5), 2, [40]),
        (windows(1, 0.9, 0.8, 0.75, 0.7), 2, []),
        (windows(1, 1), 0, []),
        (windows(1, 1, weights=FALLING), 2, [20]),
        (windows(1, 0.9, 0.8, content=0.01, weights=FALLING[::-1]), 2, []),
        # It goes back at step 15, where the style loss is too large for a picture: neither that
        # window nor the one before is compared.
        ([*windows(1)[:4] * 3, *windows(1e9)[:3], *windows(*4 * [1])], 2, [40]),
    ],
    ids=["slower", "never slow", "not asked for", "weight falls", "weight rises", "gone back"],
)
def test_a_scale_ends_with_ten_steps_that_improve_too_little_whatever_its_weights(
    monkeypatch, steps, least, ended_at
):
    """They are compared with the ten before as if the photo's weight had been the same."""
    monkeypatch.setattr(scale_optimizer, "program", Script(*steps).program)
    found = optimizer(Settings(min_improvement=least), 200)
    ended = []
    for number in range(1, len(steps) + 1):
        found.step(number)
        ended += [number] if found.converged else []
    assert ended[:1] == ended_at


@pytest.fixture
def no_better(monkeypatch):
    """Every step of a picture has the same losses; the photo's weight is at its bound."""
    out_of_reach = {"content_weight": CONTENT_WEIGHTS[1], "deviation": 0.5}

    def begin():
        script = Script(([1, 1, 0, 0], out_of_reach))
        monkeypatch.setattr(scale_optimizer, "program", script.program)

    begin()
    return begin


ENDS_EARLY = Settings(size=200, iterations=30, min_improvement=2)
INPUTS = picture(150, 200, 1), [picture(60, 60, 2)], ENDS_EARLY


@pytest.mark.usefixtures("no_better")
def test_a_picture_goes_on_with_its_next_scale_and_its_progress_knows(tiny, caplog):
    with caplog.at_level(logging.WARNING, "painterly"):
        steps = [(step.iteration, step.scale, step.eta_s) for step in stylize(*INPUTS, tiny)]
    total = sum(Schedule.of(150, 200, ENDS_EARLY).counts) + 1
    counts = Schedule.of(150, 200, ENDS_EARLY).counts
    first, second = steps[:20], steps[20:40]
    assert [scale for _, scale, _ in first + second] == [128] * 20 + [200] * 20
    assert [number for number, *_ in first] == [*range(1, 20), counts[0]]
    assert second[0][0] == counts[0] + 1 and second[-1][0] == total - 1
    assert steps[40:] == [(total, 200, 0)]  # The picture was rebuilt.
    assert [each.message.partition(":")[0] for each in caplog.records] == [
        "strength 0.5 is out of reach"
    ]


@pytest.mark.thorough
def test_a_resumed_picture_ends_at_the_same_step(tiny, no_better):
    numbers, snapshots = [], {}
    for step in stylize(*INPUTS, tiny):
        numbers.append(step.iteration)
        if len(numbers) in (13, 20, 34):
            kept = {name: np.array(each) for name, each in step.snapshot().items()}
            snapshots[len(numbers)] = kept
    for taken, snapshot in snapshots.items():
        no_better()
        rest = stylize(*INPUTS, tiny, resume=snapshot)
        assert [step.iteration for step in rest] == numbers[taken:]


# --- strength -------------------------------------------------------------------------------------

HIGH, LOW = CONTENT_WEIGHTS[1], CONTENT_WEIGHTS[0]


@pytest.mark.parametrize(
    ("weight", "deviation", "settings", "is_last", "said"),
    [
        (HIGH, 0.5, {"strength": 0.5}, True, True),
        (LOW, -0.5, {"strength": 0.9}, True, True),
        (HIGH, 0.2, {"strength": 0.5}, True, False),  # It is close enough.
        (HIGH / 2, 0.5, {"strength": 0.5}, True, False),
        (HIGH, 0.5, {"strength": 0}, True, False),  # The photo itself is asked for.
        (HIGH, 0.5, {"content_weight": HIGH}, True, False),
        (HIGH, 0.5, {"strength": 0.5}, False, False),  # There is another scale.
    ],
)
def test_a_strength_that_was_not_reached_is_named(
    monkeypatch, caplog, weight, deviation, settings, is_last, said
):
    """From a photo of a single colour to another is a long way: the photo's weight ends at its
    bound."""
    step = [1, 1, 0, 0], {"content_weight": weight, "deviation": deviation}
    monkeypatch.setattr(scale_optimizer, "program", Script(step).program)
    found = optimizer(Settings(**settings), 3, is_last)
    with caplog.at_level(logging.WARNING, "painterly"):
        for number in (1, 2, 3):
            found.step(number)
    assert ["is out of reach" in each.message for each in caplog.records] == [True] * said


def after(weight, deviation, previous=None, steering=1.0):
    """Return the photo's weight after a step; the deviation before is the same unless given."""
    given = weight, deviation, deviation if previous is None else previous, steering
    return float(steered(*map(tf.constant, map(float, given))))


@pytest.mark.parametrize("weight", [1e-3, 0.03, 0.2, 50])
def test_a_picture_too_far_from_its_photo_is_drawn_towards_it_and_one_too_near_away(weight):
    assert after(weight, 0.5) > weight > after(weight, -0.5)
    assert after(weight, 1) > after(weight, 0.5, steering=1)
    assert after(weight, 0.5, steering=6) > after(weight, 0.5)
    assert after(weight, 0) == pytest.approx(weight)
    given = (0.5, 0.5), (-0.5, -0.3), (0.1, -0.4), (-0.02, 0.01)
    as_before(f"steered_{weight}", [after(weight, *each, steering=2) for each in given])
    # On its way to where it should be, it is steered less.
    assert after(weight, 0.5, previous=0.7) < after(weight, 0.5)
    assert after(weight, 0.5, previous=0.1, steering=0) == pytest.approx(weight)  # A fixed weight.


def test_a_weight_stays_within_its_bounds_and_leaves_the_lower_one_fast():
    assert after(HIGH, 1) == pytest.approx(HIGH) and after(LOW, -1) == pytest.approx(LOW)
    assert after(LOW, 1) / LOW > after(1, 1) > after(1, -1) >= after(LOW * 2, -1) / (LOW * 2)


# --- L-BFGS ---------------------------------------------------------------------------------------

TARGET = 0.25 + 0.5 * picture(6, 5, 2)
STEEPNESS = np.geomspace(0.1, 1, TARGET.size).reshape(TARGET.shape)


def squares(image, target=TARGET):
    """The loss of a picture, and its gradient."""
    off = np.float64(image) - target
    return float((STEEPNESS * off**2).sum()), 2 * STEEPNESS * off


def test_without_bounds_lbfgs_is_scipys_on_the_scale_of_bytes():
    from scipy.optimize import fmin_l_bfgs_b  # Slow to load, and each worker loads this file.

    start = 0.25 + 0.5 * picture(6, 5, 1)

    def of_bytes(x):
        loss, gradient = squares(x.reshape(start.shape) / 255)
        return loss, gradient.ravel() / 255

    wanted, *_ = fmin_l_bfgs_b(of_bytes, 255 * np.float64(start).ravel(), maxfun=EVALUATIONS)
    found = lbfgs(start, squares, None)
    np.testing.assert_allclose(found, wanted.reshape(start.shape) / 255, atol=1e-3)
    assert found.dtype == np.float32 and squares(found)[0] < 0.01 * squares(start)[0]


def test_with_bounds_lbfgs_begins_with_a_step_of_a_byte_and_keeps_to_them():
    start, seen = picture(6, 5, 1), []

    def evaluate(image):
        seen.append(image)
        return squares(image, TARGET + 1)  # Brighter than white.

    found = lbfgs(start, evaluate, (0.0, 1.0))
    assert len(seen) <= EVALUATIONS
    assert min(map(np.min, seen)) >= 0 and max(map(np.max, seen)) <= 1
    assert found.mean() > start.mean()
    first = next(each for each in seen if not np.array_equal(each, start)) - start
    inside = first[start < 0.9]
    assert np.sqrt(np.square(inside).mean()) == pytest.approx(1 / 255, rel=0.5)
