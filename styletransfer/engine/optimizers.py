"""Adam and L-BFGS on a picture, and how the photo's weight is steered meanwhile."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import Bounds, minimize

from styletransfer.vgg.row_buffer import read_rows, write_rows

BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-12
EVALUATIONS = 20  # of the loss and its gradient, at most, in one step of L-BFGS
STEERED = (1e-6, 1e6)  # what the photo's weight stays within
BAND = 256  # rows
PICTURES = ("image", "momentum", "variance", "average")  # fields of a State
LEAST_STRENGTH = 1e-3  # at which no eye tells the picture from the photo


class State(NamedTuple):
    """Image, Adam's two moments and the average of iterates, all [1, H, W, 3]; Adam's count and
    the content's weight, scalars; float32."""

    image: tf.Tensor
    momentum: tf.Tensor
    variance: tf.Tensor
    average: tf.Tensor
    count: tf.Tensor
    content_weight: tf.Tensor

    @classmethod
    def start(cls, image: tf.Tensor, content_weight: float | tf.Tensor) -> "State":
        """Before the first step, from image [1, H, W, 3]."""
        # Each a tensor of its own, or they would be copied once they are changed where they lie.
        return cls(
            image,
            tf.zeros_like(image),
            tf.zeros_like(image),
            tf.raw_ops.DeepCopy(x=image),
            tf.constant(0.0),
            tf.convert_to_tensor(content_weight, tf.float32),
        )

    @classmethod
    def restored(cls, snapshot: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> "State":
        """The state of a step's snapshot. Raises ValueError unless its image is of `shape`."""
        arrays = [np.asarray(snapshot[name], np.float32) for name in cls._fields]
        if any(each.shape != tuple(shape) for each in arrays[:4]):
            raise ValueError(f"a snapshot of {arrays[0].shape} for a picture of {tuple(shape)}")
        return cls(*map(tf.constant, arrays))

    def changeable(self) -> "State":
        """The same with its pictures in variables, which can be changed where they lie. What holds
        on to the value of one keeps that value, and costs a copy when it changes."""
        if isinstance(self.image, tf.Variable):
            return self
        variables = {name: tf.Variable(getattr(self, name), trainable=False) for name in PICTURES}
        return self._replace(**variables)

    def resized(self, size: tuple[int, int]) -> "State":
        """At the next scale, of this (height, width): Adam goes on with its moments, enlarged like
        the image, from the average, which is smoother than the last iterate."""
        average = tf.image.resize(tf.clip_by_value(self.average, 0.0, 1.0), size, "bicubic")
        return self._replace(
            image=tf.clip_by_value(average, 0.0, 1.0),
            momentum=tf.image.resize(self.momentum, size, "bicubic"),
            variance=tf.image.resize(self.variance, size, "bilinear"),
            average=average,
        )


def adam(state: State, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor) -> State:
    """A step of Adam (Kingma & Ba 2015), the image kept within 0…1; `decay` is the average's."""
    count = state.count + 1
    momentum = BETA_1 * state.momentum + (1 - BETA_1) * gradient
    variance = BETA_2 * state.variance + (1 - BETA_2) * gradient**2
    unbiased = momentum / (1 - BETA_1**count)
    spread = tf.sqrt(variance / (1 - BETA_2**count)) + EPSILON
    image = tf.clip_by_value(state.image - rate * unbiased / spread, 0.0, 1.0)
    average = tf.clip_by_value(decay * state.average + (1 - decay) * image, 0.0, 1.0)
    return state._replace(
        image=image, momentum=momentum, variance=variance, average=average, count=count
    )


def adam_in_place(state: State, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor) -> State:
    """`adam`, some rows at a time and where the state lies, so that it takes no memory: a state
    that was changed so before is changed itself."""
    state = state.changeable()
    for first in range(0, gradient.shape[1], BAND):
        slope = gradient[:, first : first + BAND]
        bounds = first, first + slope.shape[1]
        band = state._replace(
            **{name: read_rows(getattr(state, name), *bounds) for name in PICTURES}
        )
        band = _adam(band, slope, rate, decay)
        for name in PICTURES:
            write_rows(getattr(state, name), first, getattr(band, name))
    return state._replace(count=band.count)


_adam = tf.function(adam, reduce_retracing=True, autograph=False)


def steered(weight: tf.Tensor, error: tf.Tensor, goal: tf.Tensor, steering: tf.Tensor) -> tf.Tensor:
    """The content's weight after a step: λ·exp(steering·(log error − goal)), so that the relative
    content error settles on exp(goal).

    What is off by more than a factor of e counts as that: from the photo itself, whose error is
    0, the weight would fall without bound.
    """
    off = tf.clip_by_value(tf.math.log(error + 1e-12) - goal, -1.0, 1.0)
    return tf.clip_by_value(weight * tf.exp(steering * off), *STEERED)


def averaging_decay(number: int, limit: float) -> float:
    """Polynomial-decay averaging (Shamir & Zhang 2013, η = 3) until the decay asked for is
    reached: the average looks back over about a quarter of the steps, never to the start."""
    return min(limit, 1 - 4 / (number + 3))


def lbfgs(
    image: np.ndarray,
    evaluate: Callable[[np.ndarray], tuple[float, np.ndarray]],
    bounds: tuple[float, float] | None,
) -> np.ndarray:
    """One call of SciPy's L-BFGS with at most EVALUATIONS evaluations, as the original makes them;
    float32 of image's shape, sRGB 0…1.

    evaluate: picture → loss and its gradient. bounds: what values stay within, if anything.
    """

    def in_levels(x: np.ndarray) -> tuple[float, np.ndarray]:
        # In the scale 0…255, on which the length of SciPy's first step depends.
        loss, gradient = evaluate((x / 255).astype(np.float32).reshape(image.shape))
        return loss, gradient.astype(np.float64).ravel() / 255

    x = image.astype(np.float64).ravel() * 255
    if bounds is None:
        options = {"maxfun": EVALUATIONS}
        found = minimize(in_levels, x, jac=True, method="L-BFGS-B", options=options)
    else:
        # Within bounds SciPy's first step is the gradient as it is, and its limits take relative
        # losses' gradients for zero; so the first step is made one level long, on average.
        factor = len(x) ** 0.5 / max(float(np.linalg.norm(in_levels(x)[1])), 1e-30)
        found = minimize(
            lambda x: tuple(factor * each for each in in_levels(x)),
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(255 * bounds[0], 255 * bounds[1]),
            options={"maxfun": EVALUATIONS - 1, "ftol": 0.0, "gtol": 0.0},
        )
    return (found.x / 255).astype(np.float32).reshape(image.shape)


def strength_goal(strength: float) -> float:
    """The logarithm of the relative content error ‖F − P‖²/‖P‖² that a strength stands for: that
    error is the strength."""
    return math.log(max(strength, LEAST_STRENGTH))


def first_weight(strength: float) -> float:
    """Where the steering of the photo's weight begins; about where it was seen to end."""
    return 0.1 / max(strength, LEAST_STRENGTH)
