"""Descends at one scale, by Adam or L-BFGS, and watches over it: what turns into no number or runs
away is taken back and tried with smaller steps; what does not get better any more ends."""

import logging
import math
from typing import Any

import numpy as np
import tensorflow as tf

from styletransfer.engine import memory_model, tiled_gradient
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.objective import Objective, Problem, StepParams
from styletransfer.engine.optimizers import State, averaging_decay, lbfgs, steered, strength_goal
from styletransfer.errors import DivergedError, MemoryShortError
from styletransfer.settings import Settings

logger = logging.getLogger(__name__)
CHECK_EVERY = 5  # steps; each check waits for the device
RUNAWAY = 100.0  # times the first style loss: no picture is as far from a painting
HALVINGS = 8  # of Adam's rate, before it is given up
STEERING = 0.2  # of the photo's weight, for each step of Adam
UNSTEERED = 0.15  # of a later scale's steps: enlarging blurs, which looks like a great distance
LBFGS_STEERING = 1.0  # the same for a step of L-BFGS, which is worth many
WINDOW = 10  # steps of Adam, whose loss is too uneven to be compared one by one


class ScaleOptimizer:
    """The optimisation of one picture at one scale, from `state` on."""

    def __init__(
        self,
        objective: Objective,
        problem: Problem,
        settings: Settings,
        state: State,
        way: MemoryPlan,
        room: MemoryBudget,
        extras: memory_model.ExtraMemory,
        first_scale: bool,
    ) -> None:
        in_place = way.tiling != tiled_gradient.UNTILED and settings.optimizer == "adam"
        self.state = state.changeable() if in_place else state
        self._objective, self._problem, self._settings = objective, problem, settings
        self._way, self._room, self._extras = way, room, extras
        self._program = tiled_gradient.program(objective, problem, way.tiling)
        self._good, self._rate, self._halved = _kept(state.average), settings.learning_rate, 0
        self._unsteered = 0 if first_scale else UNSTEERED * settings.iterations
        self._first_style: float | None = None
        self._totals: list[float] = []

    def step(self, number: int, last: bool) -> tf.Tensor:
        """Step `number` of this scale, from 1; its weighted terms [3]. Raises DivergedError."""
        uses_adam = self._settings.optimizer == "adam"
        terms = self._adam(number) if uses_adam else self._lbfgs()
        if last or not uses_adam or number % CHECK_EVERY == 0:
            self._check(terms, last)
        if self._settings.min_improvement > 0:
            self._totals.append(float(tf.reduce_sum(terms)))
        return terms

    @property
    def converged(self) -> bool:
        """Whether the last step got better by less than `min_improvement` percent."""
        least = self._settings.min_improvement
        window = WINDOW if self._settings.optimizer == "adam" else 1
        if least == 0 or len(self._totals) < 2 * window or len(self._totals) % window:
            return False
        before = np.mean(self._totals[-2 * window : -window])
        after = np.mean(self._totals[-window:])
        return bool(100 * (before - after) < least * abs(before))

    def _adam(self, number: int) -> tf.Tensor:
        settings = self._settings
        steered = settings.content_weight == "auto" and number > self._unsteered
        pace = StepParams(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            rate=self._rate,
            decay=averaging_decay(number, settings.averaging),
            goal=self._goal(),
            steering=STEERING if steered else 0.0,
        )
        numbers = StepParams(*(tf.constant(float(each)) for each in pace))
        self.state, terms = self._within_memory("step", self.state, self._problem, numbers)
        return terms

    def _lbfgs(self) -> tf.Tensor:
        settings, state = self._settings, self.state
        weights = tf.stack(
            [
                state.content_weight,
                float(settings.style_scale),
                float(settings.total_variation_weight),
            ]
        )

        def evaluate(image: np.ndarray) -> tuple[tf.Tensor, np.ndarray]:
            return self._within_memory("gradient", tf.constant(image), self._problem, weights)

        def loss_and_gradient(image: np.ndarray) -> tuple[float, np.ndarray]:
            terms, gradient = evaluate(image)
            return float(tf.reduce_sum(weights * terms)), gradient.numpy()

        bounds = None if settings.recipe == "inetwork" else (0.0, 1.0)
        image = lbfgs(state.image.numpy(), loss_and_gradient, bounds)
        terms, _ = evaluate(image)
        weight = state.content_weight
        if settings.content_weight == "auto":
            weight = steered(weight, terms[0], tf.constant(self._goal()), LBFGS_STEERING)
        image = tf.constant(image)
        self.state = state._replace(image=image, average=image, content_weight=weight)
        return weights * terms

    def _within_memory(self, what: str, *arguments: Any) -> tuple:
        """What the program's `step` or `gradient` gives; where memory runs out all the same, with
        the next plan that takes less. Raises MemoryShortError after the last."""
        while True:
            try:
                return getattr(self._program, what)(*arguments)
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                plan = memory_model.smaller(self._way.tiling)
                if plan is None:
                    raise MemoryShortError(
                        "memory ran out even in the narrowest strips; choose a smaller size"
                    ) from error
                self._room.ran_out(self._way.bytes_needed)
                needed = memory_model.bytes_needed(
                    self._objective, self._way.size, plan, self._extras
                )
                self._way = memory_model.MemoryPlan(self._way.size, plan, needed)
                logger.warning("memory ran out; the picture goes on with less: %s", self._way)
                self._program = tiled_gradient.program(self._objective, self._problem, plan)

    def _goal(self) -> float:
        return strength_goal(self._settings.strength)

    def _check(self, terms: tf.Tensor, last: bool) -> None:
        """Takes the state back to the last good one where it has run away, and halves the steps.
        Raises DivergedError where smaller steps do not help."""
        values = [abs(float(value)) for value in terms]
        if self._first_style is None:
            self._first_style = values[1]
        good = all(map(math.isfinite, values)) and values[1] <= RUNAWAY * (1 + self._first_style)
        finite = (tf.reduce_all(tf.math.is_finite(each)) for each in tf.nest.flatten(self.state))
        if good and all(map(bool, finite)):
            if not last:
                self._good = _kept(self.state.average)
            return
        if self._settings.optimizer == "lbfgs" or self._halved == HALVINGS:
            raise DivergedError(
                f"the picture ran away (loss {sum(values):g}) and could not be brought back; "
                "choose smaller weights (content_weight, style_scale, total_variation_weight)"
            )
        self._halved += 1
        self._rate /= 2
        good = tf.cast(self._good, tf.float32)
        self.state = State.start(good, self.state.content_weight)


def _kept(average: tf.Tensor) -> tf.Tensor:
    """A picture to begin anew from if need be; rounded by less than an eye sees, in half the
    memory."""
    return tf.cast(average, tf.bfloat16)
