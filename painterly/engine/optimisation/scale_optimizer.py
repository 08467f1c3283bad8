"""Optimises a picture at one scale by Adam or L-BFGS.

If the picture diverges, it goes back and takes smaller steps. If memory runs out, it continues in
smaller tiles, and if XLA fails, without it.
"""

import dataclasses
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.features.targets import Problem
from painterly.engine.memory_model import MemoryPlan
from painterly.engine.optimisation.compilation import TracedFunction, compiles_steps, xla_failed
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.objective import Objective, signature
from painterly.engine.optimisation.optimizers import (
    CONTENT_WEIGHTS,
    MIN_STRENGTH,
    WINDOWS,
    State,
    StepParams,
    adam,
    averaging_decay,
    cooldown,
    deviation,
    lbfgs,
    log_target_error,
    rate_for_strength,
    steered,
    step_along,
    term_weights,
)
from painterly.engine.schedule import is_matched_before
from painterly.engine.transfer import TERMS
from painterly.errors import DivergedError
from painterly.log import logger
from painterly.settings.settings import Settings

CHECK_EVERY = 5  # steps; each check waits for the device
DIVERGED = 100.0  # times the first style loss; no picture is that far from a painting
MAX_HALVINGS = 8  # halvings of Adam's learning rate
LBFGS_STEERING = 10.0  # times Adam's: a step of L-BFGS replaces many of Adam
UNSTEERED = 0.15  # part of a later scale's steps: the blur of upscaling looks like a large distance
# Steering should reach the strength within this number of steps; with fewer, each steers more.
STEERED_WITHIN, STEERED_FASTEST = 100, 6.0
MISSED = 0.3  # the least deviation at the end that means that a strength was not reached
WINDOW = 10  # steps of Adam; its loss is too noisy to compare single steps


class Program(NamedTuple):
    """The functions that optimise a picture.

    Attributes:
        gradient: Takes image, problem and weights [4]; returns the unweighted terms [4] and the
            gradient of their weighted sum.
        step: Takes state, problem and packed parameters; returns the state after a step of Adam and
            the weighted terms [4].
    """

    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    step: Callable[..., tuple[State, tf.Tensor]]


def program(
    objective: Objective, problem: Problem, side: int | None = None, compiled: bool = False
) -> Program:
    """Return the functions for problems of this structure. XLA may compile the step without tiles,
    for each size.

    Without tiles they are traced, with dynamic heights and widths, so that all photos and scales
    share one trace; numbers are arguments for the same reason. With tiles, their parts are.
    """
    if side is None:
        return traced_program(objective, signature(problem), compiled)
    gradient = partial(objective.gradient, side=side)
    return Program(gradient, step_along(gradient, _adam))


_adam = tf.function(adam, reduce_retracing=True, autograph=False)


# Eight devices, each with its own network, paint with and without masks, and contours of three
# kinds. A new trace would be compiled again, and TensorFlow does not free the old one.
@lru_cache(maxsize=64)
def traced_program(objective: Objective, problem_spec: Problem, compiled: bool) -> Program:
    """Return the program of an objective for problems of a shape."""
    picture = tf.TensorSpec([1, None, None, 3], tf.float32)
    weights = tf.TensorSpec([len(TERMS)], tf.float32)
    packed = tf.TensorSpec([len(StepParams._fields)], tf.float32)
    windows = tf.TensorSpec(WINDOWS, tf.float32)
    scalar = tf.TensorSpec([], tf.float32)
    state = State(picture, picture, picture, picture, scalar, scalar, scalar, windows)
    return Program(
        TracedFunction(objective.gradient, [picture, problem_spec, weights]),
        TracedFunction(
            step_along(objective.gradient, adam), [state, problem_spec, packed], compiled
        ),
    )


class ScaleSchedule(NamedTuple):
    """The steps at one scale."""

    steps: int  # their number
    done: int  # the number of steps that an earlier run has done
    is_first: bool  # whether the scale is the first one
    is_last: bool  # whether it is the last one


class ScaleOptimizer:
    """The optimisation of one picture at one scale.

    Attributes:
        objective: The objective; it saves memory once that has run out.
        matching: The problem with the latest matches.
        state: The state after the last step, or before the first.
        converged: Whether the last step improved the loss by less than `min_improvement`.
    """

    def __init__(
        self,
        objective: Objective,
        matching: Matching,
        state: State,
        settings: Settings,
        plan: MemoryPlan,
        schedule: ScaleSchedule,
    ) -> None:
        self._settings, self._schedule = settings, schedule
        self._error = objective.extractor.recipe.steered_to(settings.strength)
        self._uses_adam = settings.optimizer == "adam"
        self._in_float16 = objective.extractor.options.dtype == tf.float16
        self.matching, self.state, self.converged = matching, state, False
        self.objective, self._plan = objective, plan
        shapes = tuple(tuple(each.shape) for each in tf.nest.flatten(matching.problem))
        left = schedule.steps - schedule.done
        height, width = state.image.shape[1:3]
        self._compiled = plan.side is None and compiles_steps(
            settings, (objective, shapes), (height, width), left
        )
        self._program = program(objective, matching.problem, plan.side, self._compiled)
        self._last_good, self._rate = _compressed(state.average), settings.learning_rate
        self._halvings = 0
        self._went_back_at = 0  # the last step, from 1, after which the picture was replaced
        self._style_limit: float | None = None
        self._params: list[tf.Tensor] = []  # all steps' parameters, when they are first needed

    def step(self, number: int) -> tf.Tensor:
        """Take a step, by its number at this scale, from 1, and return the weighted terms [4]
        before it. Raises DivergedError if the picture diverges, even with a smaller learning rate,
        and MemoryShortError if even the smallest tiles do not fit."""
        weight, last = self.state.content_weight, number == self._schedule.steps
        if is_matched_before(number, self._schedule.steps) and self.matching.is_needed:
            steered = self._settings.content_weight == "auto"
            steered_weight = float(weight) if steered else None
            self.matching.matched(self.state.image, steered_weight)
        terms = self._adam_step(number) if self._uses_adam else self._lbfgs_step()
        if last or not self._uses_adam or number % CHECK_EVERY == 0:
            self._check(terms, number, last)
        if self._settings.min_improvement > 0:
            self._judge_improvement(number, terms.numpy() / self._steered_weights(weight))
        if self._schedule.is_last and (last or self.converged):
            self._warn_of_runaway()
        return terms

    def _adam_step(self, number: int) -> tf.Tensor:
        if not self._params:
            numbers = range(1, self._schedule.steps + 1)
            self._params = StepParams.packed([self._params_of(each) for each in numbers])
        params = self._params[number - 1]
        self.state, terms = self._run(
            lambda program: program.step(self.state, self.matching.problem, params)
        )
        return terms

    def _params_of(self, number: int) -> StepParams:
        settings, (steps, _, is_first, _) = self._settings, self._schedule
        rate, steering = self._rate * cooldown(number, steps), 0.0
        if settings.content_weight == "auto":
            rate *= rate_for_strength(settings.strength)
            if is_first or number > UNSTEERED * steps:
                steering = min(STEERED_FASTEST, max(1.0, STEERED_WITHIN / steps))
        decay = averaging_decay(number, settings.averaging)
        return StepParams.of(settings, self._error, rate, decay, steering)

    def _lbfgs_step(self) -> tf.Tensor:
        settings, state = self._settings, self.state
        weights = term_weights(state.content_weight, settings)

        def evaluate(image: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
            return self._run(
                lambda program: program.gradient(tf.constant(image), self.matching.problem, weights)
            )

        def loss_and_gradient(image: np.ndarray) -> tuple[float, np.ndarray]:
            terms, gradient = evaluate(image)
            return float(tf.reduce_sum(weights * terms)), gradient.numpy()

        bounds = self.objective.extractor.recipe.bounds
        image = lbfgs(state.image.numpy(), loss_and_gradient, bounds)
        terms, _ = evaluate(image)
        weight = state.content_weight
        off = deviation(terms[0], tf.constant(log_target_error(self._error)))
        if settings.content_weight == "auto":
            weight = steered(weight, off, off, tf.constant(LBFGS_STEERING))
        image = tf.constant(image)
        self.state = state._replace(
            image=image, average=image, content_weight=weight, deviation=off
        )
        return weights * terms

    def _run(self, call: Callable[[Program], tuple[Any, Any]]) -> tuple[Any, Any]:
        """Call the program. If it fails because of memory or XLA, continue with smaller tiles or
        without XLA. Raises MemoryShortError if there are no smaller tiles."""
        while True:
            try:
                return call(self._program)
            except (tf.errors.ResourceExhaustedError, MemoryError):
                if self._compiled:
                    logger.warning("memory ran out for a compiled step; continuing without")
                else:
                    self._plan = self._plan.with_less()
                    self.matching.save_memory()
                    self.objective = self.objective.planned(fast=False, saves_memory=True)
                    logger.warning("memory ran out; continuing with less: %s", self._plan)
            except tf.errors.OpError as error:
                if not (self._compiled or self.objective.compiled_terms):
                    raise
                xla_failed(error)
                self.objective = dataclasses.replace(self.objective, compiled_terms=False)
            self._compiled = False
            self._program = program(self.objective, self.matching.problem, self._plan.side)

    def _check(self, terms: tf.Tensor, number: int, last: bool) -> None:
        """Go back to the last good picture and halve the learning rate if the picture has diverged.
        Raises DivergedError if the rate has been halved too often."""
        values = np.abs(_numbers_to_check(self.state, terms).numpy())
        if self._style_limit is None:
            self._style_limit = DIVERGED * (1 + values[1])
        if np.isfinite(values).all() and values[1] <= self._style_limit:
            if not last:
                self._last_good = _compressed(self.state.average)
            return
        if not self._uses_adam or self._halvings == MAX_HALVINGS:
            loss = values[: len(TERMS)].sum()
            raise DivergedError(
                f"the picture diverged (loss {loss:g}), also with smaller steps; choose "
                f"{'precision float32, or ' if self._in_float16 else ''}"
                "smaller weights (content_weight, style_scale, total_variation_weight)"
            )
        self._halvings, self._went_back_at = self._halvings + 1, number
        self._rate /= 2
        self._params = []
        image = tf.cast(self._last_good, tf.float32)
        self.state = State.start(image, self.state.content_weight)

    def _judge_improvement(self, number: int, terms: np.ndarray) -> None:
        """Set `converged` after the last step of a window, from the terms [4] divided by
        `_steered_weights`.

        The loss of the window is compared with the loss of the window before, if there is one, both
        with the present content weight. Windows are part of the state, so that a resumed run judges
        in the same way.
        """
        window = WINDOW if self._uses_adam else 1
        before, so_far = self.state.windows.numpy()
        if np.isfinite(terms).all():
            so_far += terms
        if number % window == 0:
            is_whole = number - window >= self._went_back_at
            after, so_far = so_far / window * is_whole, np.zeros_like(so_far)
            weights = self._steered_weights(self.state.content_weight)
            was, improved = before @ weights, (before - after) @ weights
            least = self._settings.min_improvement / 100 * abs(was)
            self.converged = bool(is_whole and was and improved < least)
            before = after
        self.state = self.state._replace(windows=tf.stack([before, so_far]))

    def _steered_weights(self, content_weight: tf.Tensor) -> np.ndarray:
        """Return the factors [4] of the terms' weights that change with the content weight."""
        if self._settings.content_weight != "auto":
            return np.ones(len(TERMS))
        content = float(content_weight)
        relative = 1 + content if self._uses_adam else 1  # See StepParams.relative.
        return np.array([content, 1, 1, 1]) / relative

    def _warn_of_runaway(self) -> None:
        settings = self._settings
        if settings.content_weight != "auto" or settings.strength <= MIN_STRENGTH:
            return  # At the photo itself, the weight rightly ends at its bound.
        weight, (low, high) = float(self.state.content_weight), CONTENT_WEIGHTS
        missed = abs(float(self.state.deviation)) > MISSED
        if missed and not 1.1 * low < weight < high / 1.1:
            logger.warning(
                "strength %g is out of reach: the photo's weight ended at its bound, %g",
                settings.strength,
                weight,
            )


@tf.function(autograph=False, reduce_retracing=True)
def _numbers_to_check(state: State, terms: tf.Tensor) -> tf.Tensor:
    """Return the terms [4] and the sum of the state, which is finite only if every number is.

    They are in one tensor, since the device is idle during each transfer.
    """
    total = tf.add_n([tf.reduce_sum(each) for each in state])
    return tf.concat([terms, [total]], axis=0)


def _compressed(average: tf.Tensor) -> tf.Tensor:
    """Return a picture to go back to, in half the memory; the rounding is invisible."""
    return tf.cast(average, tf.bfloat16)
