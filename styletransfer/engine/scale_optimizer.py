"""Optimises a picture at one scale by Adam or L-BFGS: goes back and takes smaller steps when the
picture diverges, and detects convergence."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.engine.matching import Matching
from styletransfer.engine.memory_model import MemoryPlan, MemoryPlanner
from styletransfer.engine.objective import Objective
from styletransfer.engine.optimizers import (
    CONTENT_WEIGHTS,
    MIN_STRENGTH,
    State,
    averaging_decay,
    cooldown,
    deviation,
    lbfgs,
    log_target_error,
    rate_for_strength,
    steered,
)
from styletransfer.engine.program import StepParams, term_weights
from styletransfer.engine.recipe import TERMS
from styletransfer.engine.resilient_program import ResilientProgram
from styletransfer.engine.tiled_gradient import UNTILED
from styletransfer.errors import DivergedError
from styletransfer.log import logger
from styletransfer.settings import Settings

CHECK_EVERY = 5  # steps; each check waits for the device
PARAMS_AT_ONCE = 100  # steps whose parameters go to the device at once
DIVERGED = 100.0  # times the first style loss; no picture is that far from a painting
MAX_HALVINGS = 8  # of Adam's learning rate
LBFGS_STEERING = 10.0  # times Adam's: a step is worth many of Adam's
UNSTEERED = 0.15  # of a later scale's steps: upscaling blurs, which looks like a large distance
# The strength is to be reached within so many steps; with fewer, each counts for more.
STEERED_WITHIN, STEERED_FASTEST = 100, 6.0
MISSED = 0.3  # deviation at the end, from which a strength counts as not reached
MATCHED_EVERY = 30  # steps; what a place has become decides what it may become
WINDOW = 10  # steps of Adam, whose loss is too noisy to compare step by step


class ScaleSchedule(NamedTuple):
    """The number of steps at a scale, how many of them are done already, and whether the scale is
    the first or the last one."""

    steps: int
    done: int
    is_first: bool
    is_last: bool


class ScaleOptimizer:
    """The optimisation of one picture at one scale, starting from `state`."""

    def __init__(
        self,
        objective: Objective,
        matching: Matching,
        state: State,
        settings: Settings,
        planner: MemoryPlanner,
        plan: MemoryPlan,
        schedule: ScaleSchedule,
    ) -> None:
        self._settings, self._schedule = settings, schedule
        self._matching = matching
        self._uses_adam = settings.optimizer == "adam"
        self._in_float16 = objective.options.dtype == tf.float16
        in_place = self._uses_adam and plan.tiling != UNTILED
        self.state = state.in_variables() if in_place else state
        self.converged = False  # whether the last step improved the loss by less than asked for
        self._program = ResilientProgram(objective, matching.problem, planner, plan)
        if self._uses_adam:
            left = schedule.steps - schedule.done
            self._program.compile_where_it_pays(state.image, left, settings)
        self._last_good, self._rate = _compressed(state.average), settings.learning_rate
        self._halvings = 0  # of the rate
        self._went_back_at = 0  # the step, from 1, after which the picture was the last good one
        self._style_limit: float | None = None
        self._params: dict[int, tf.Tensor] = {}  # packed, of the next steps by number

    def step(self, number: int, last: bool) -> tf.Tensor:
        """Takes step `number` of this scale, from 1; its weighted terms [4].

        Raises DivergedError, and MemoryShortError when even the smallest tiles do not fit.
        """
        weight = self.state.content_weight
        if self._matching.is_needed and (number - 1) % MATCHED_EVERY == 0:
            steered = self._settings.content_weight == "auto"
            steered_weight = float(weight) if steered else None
            self._program.solve(self._matching.matched(self.state.image, steered_weight))
        terms = self._adam_step(number) if self._uses_adam else self._lbfgs_step()
        if last or not self._uses_adam or number % CHECK_EVERY == 0:
            self._check(terms, number, last)
            self._program.done(number)
        if self._settings.min_improvement > 0:
            self._judge_improvement(number, terms.numpy() / self._steered_weights(weight))
        if last or self.converged:
            self._program.ended()
            if self._schedule.is_last:
                self._warn_of_runaway()
        return terms

    @property
    def matches(self) -> tuple[tf.Tensor, ...]:
        """Matching.matches, for a snapshot."""
        return self._matching.matches

    def _adam_step(self, number: int) -> tf.Tensor:
        if number not in self._params:
            numbers = range(number, min(number + PARAMS_AT_ONCE, self._schedule.steps + 1))
            packed = StepParams.packed([self._params_of(each) for each in numbers])
            self._params = dict(zip(numbers, packed, strict=True))
        self.state, terms = self._program.step(self.state, self._params[number])
        return terms

    def _params_of(self, number: int) -> StepParams:
        settings, (steps, _, is_first, _) = self._settings, self._schedule
        rate, steering = self._rate * cooldown(number, steps), 0.0
        if settings.content_weight == "auto":
            rate *= rate_for_strength(settings.strength)
            if is_first or number > UNSTEERED * steps:
                steering = min(STEERED_FASTEST, max(1.0, STEERED_WITHIN / steps))
        decay = averaging_decay(number, settings.averaging)
        return StepParams.of(settings, rate, decay, steering)

    def _lbfgs_step(self) -> tf.Tensor:
        settings, state = self._settings, self.state
        weights = term_weights(state.content_weight, settings)

        def evaluate(image: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
            return self._program.gradient(tf.constant(image), weights)

        def loss_and_gradient(image: np.ndarray) -> tuple[float, np.ndarray]:
            terms, gradient = evaluate(image)
            return float(tf.reduce_sum(weights * terms)), gradient.numpy()

        bounds = None if settings.recipe == "inetwork" else (0.0, 1.0)
        image = lbfgs(state.image.numpy(), loss_and_gradient, bounds)
        terms, _ = evaluate(image)
        weight = state.content_weight
        off = deviation(terms[0], tf.constant(log_target_error(settings.strength)))
        if settings.content_weight == "auto":
            weight = steered(weight, off, off, tf.constant(LBFGS_STEERING))
        image = tf.constant(image)
        self.state = state._replace(
            image=image, average=image, content_weight=weight, deviation=off
        )
        return weights * terms

    def _check(self, terms: tf.Tensor, number: int, last: bool) -> None:
        """Goes back to the last good picture and halves the learning rate if the picture has
        diverged. Raises DivergedError if that does not help."""
        state = tf.nest.map_structure(tf.convert_to_tensor, self.state)  # It may be in variables.
        values = np.abs(_numbers_to_check(state, terms).numpy())
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
        self._params.clear()
        image = tf.cast(self._last_good, tf.float32)
        self.state = State.start(image, self.state.content_weight)

    def _judge_improvement(self, number: int, terms: np.ndarray) -> None:
        """Compares the loss of a window that ends with step `number` with that of the one before,
        if there is one, both with the content weight as it is now. They are part of the state: a
        resumed run judges as it would have.

        terms: of the step, divided by its `_steered_weights`.
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
        """The part [4] of the terms' weights that changes with the content weight."""
        if self._settings.content_weight != "auto":
            return np.ones(len(TERMS))
        content = float(content_weight)
        relative = 1 + content if self._uses_adam else 1  # See StepParams.relative.
        return np.array([content, 1, 1, 1]) / relative

    def _warn_of_runaway(self) -> None:
        """Logs a content weight that ended at its bound without reaching the strength."""
        settings = self._settings
        if settings.content_weight != "auto" or settings.strength <= MIN_STRENGTH:
            return  # At the photo itself, the weight ends at its bound for good.
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
    """The terms [4], and the sum of the state, which is finite only if every number is: all in one
    tensor, since the device is idle while each is fetched."""
    total = tf.add_n([tf.reduce_sum(each) for each in state])
    return tf.concat([terms, [total]], axis=0)


def _compressed(average: tf.Tensor) -> tf.Tensor:
    """A picture to go back to, in half the memory; the rounding is invisible."""
    return tf.cast(average, tf.bfloat16)
