"""Descends at one scale, by Adam or L-BFGS, and watches over it: what turns into no number or runs
away is taken back and tried with smaller steps; what does not get better any more ends."""

import math

import numpy as np
import tensorflow as tf

from styletransfer.errors import DivergedError
from styletransfer.objectives import Objective, Pace, Problem
from styletransfer.optimizers import State, averaging_decay, lbfgs, steered, strength_goal
from styletransfer.settings import Settings

CHECK_EVERY = 5  # steps; each check waits for the device
RUNAWAY = 100.0  # times the first style loss: no picture is as far from a painting
HALVINGS = 8  # of Adam's rate, before it is given up
STEERING = 0.2  # of the photo's weight, for each step of Adam
UNSTEERED = 0.15  # of a later scale's steps: enlarging blurs, which looks like a great distance
LBFGS_STEERING = 1.0  # the same for a step of L-BFGS, which is worth many
WINDOW = 10  # steps of Adam, whose loss is too uneven to be compared one by one


class Descent:
    """The optimisation of one picture at one scale, from `state` on."""

    def __init__(
        self,
        objective: Objective,
        problem: Problem,
        settings: Settings,
        state: State,
        first_scale: bool,
    ) -> None:
        self.state = state
        self._program = objective.program(problem)
        self._problem, self._settings = problem, settings
        self._good, self._rate, self._halved = state, settings.learning_rate, 0
        self._unsteered = 0 if first_scale else UNSTEERED * settings.iterations
        self._first_style: float | None = None
        self._totals: list[float] = []

    def step(self, number: int, last: bool) -> tf.Tensor:
        """Step `number` of this scale, from 1; its weighted terms [3]. Raises DivergedError."""
        uses_adam = self._settings.optimizer == "adam"
        terms = self._adam(number) if uses_adam else self._lbfgs()
        if last or not uses_adam or number % CHECK_EVERY == 0:
            self._check(terms)
        if self._settings.min_improvement > 0:
            self._totals.append(float(tf.reduce_sum(terms)))
        return terms

    @property
    def settled(self) -> bool:
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
        pace = Pace(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            rate=self._rate,
            decay=averaging_decay(number, settings.averaging),
            goal=self._goal(),
            steering=STEERING if steered else 0.0,
        )
        self.state, terms = self._program.step(
            self.state, self._problem, Pace(*(tf.constant(float(each)) for each in pace))
        )
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
            return self._program.gradient(tf.constant(image), self._problem, weights)

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

    def _goal(self) -> float:
        return strength_goal(self._settings.strength)

    def _check(self, terms: tf.Tensor) -> None:
        """Takes the state back to the last good one where it has run away, and halves the steps.
        Raises DivergedError where smaller steps do not help."""
        values = [abs(float(value)) for value in terms]
        if self._first_style is None:
            self._first_style = values[1]
        good = all(map(math.isfinite, values)) and values[1] <= RUNAWAY * (1 + self._first_style)
        finite = (tf.reduce_all(tf.math.is_finite(each)) for each in tf.nest.flatten(self.state))
        if good and all(map(bool, finite)):
            self._good = self.state
            return
        if self._settings.optimizer == "lbfgs" or self._halved == HALVINGS:
            raise DivergedError(
                f"the picture ran away (loss {sum(values):g}) and could not be brought back; "
                "choose smaller weights (content_weight, style_scale, total_variation_weight)"
            )
        self._halved += 1
        self._rate /= 2
        zero = tf.zeros_like(self._good.image)
        self.state = self._good._replace(momentum=zero, variance=zero, count=tf.constant(0.0))
