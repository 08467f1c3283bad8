"""Adam and L-BFGS on a picture, and the steering of the content weight."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import Bounds, minimize

from styletransfer.engine.canvas import Canvas
from styletransfer.engine.schedule import EVALUATIONS
from styletransfer.engine.targets import TERMS
from styletransfer.settings import Settings
from styletransfer.vgg.row_buffer import read_rows, write_rows

BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-12
# The range that steering stays within: below, the photo has no say any more; above, the painting.
CONTENT_WEIGHTS = 1e-5, 1e3
# How the content weight follows the deviation, per step, and its change. The second damps the
# first, by which alone the weight would still grow while the error already falls.
INTEGRAL, PROPORTIONAL = 0.1, 1.0
COOLDOWN = 0.4  # the last part of a scale's steps, in which the learning rate falls
LEAST_RATE = 0.1  # of the full learning rate
FULL_RATE_FROM = 0.3  # strength; see `rate_for_strength`
ROWS_AT_ONCE = 256  # updated in place
STATE_IMAGES = ("image", "momentum", "variance", "average")  # fields of a State
WINDOWS = 2, len(TERMS)  # the shape of a state's windows
MIN_STRENGTH = 1e-3  # the picture looks like the photo


class State(NamedTuple):
    """Image, Adam's two moments and the average of iterates, all [1, H, W, 3]; Adam's step count,
    the content weight, and the last step's deviation (see `steered`), scalars; `windows` [2, 4], by
    which `min_improvement` is judged: the means of the terms over the scale's last whole window of
    steps (0 if there is none), and the sums over the next one so far; float32."""

    image: tf.Tensor
    momentum: tf.Tensor
    variance: tf.Tensor
    average: tf.Tensor
    count: tf.Tensor
    content_weight: tf.Tensor
    deviation: tf.Tensor
    windows: tf.Tensor

    @classmethod
    def start(cls, image: tf.Tensor, content_weight: float | tf.Tensor) -> "State":
        """The state before the first step, from image [1, H, W, 3]."""
        # Tensors that share memory would be copied at the first update in place.
        return cls(
            image,
            tf.zeros_like(image),
            tf.zeros_like(image),
            tf.raw_ops.DeepCopy(x=image),
            tf.constant(0.0),
            tf.convert_to_tensor(content_weight, tf.float32),
            tf.constant(0.0),
            tf.zeros(WINDOWS),
        )

    @classmethod
    def shapes(cls, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of a state's arrays, by name, for an image of a shape."""
        images, scalars = dict.fromkeys(STATE_IMAGES, shape), dict.fromkeys(cls._fields, ())
        return {**scalars, **images, "windows": WINDOWS}

    @classmethod
    def restored(cls, snapshot: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> "State":
        """The state in a step's snapshot. Raises ValueError unless it is whole, and its image has
        this shape."""
        for name, wanted in cls.shapes(shape).items():
            found = np.shape(snapshot[name]) if name in snapshot else "missing"
            if found != wanted:
                raise ValueError(f"{name} of the snapshot is {found}; expected the shape {wanted}")
        return cls(*(tf.constant(np.asarray(snapshot[name], np.float32)) for name in cls._fields))

    def in_variables(self) -> "State":
        """This state with its pictures in variables, which can be updated in place. Whoever holds
        the value of a variable keeps that value, at the cost of a copy at the next update."""
        if isinstance(self.image, tf.Variable):
            return self
        images = (getattr(self, name) for name in STATE_IMAGES)
        variables = (tf.Variable(image, trainable=False) for image in images)
        return self._replace(**dict(zip(STATE_IMAGES, variables, strict=True)))

    def resampled(self, canvas: Canvas, to: Canvas) -> "State":
        """The state at the next scale. Adam starts from the average, which is smoother than the
        last iterate, and keeps its moments, upscaled like the image: as losses are means over the
        picture, the gradient at each of more pixels is smaller."""
        smaller = math.prod(canvas.size) / math.prod(to.size)

        def upscaled(image: tf.Tensor, method: str) -> tf.Tensor:
            return to.padded(tf.image.resize(canvas.cropped(image), to.picture, method))

        average = upscaled(tf.clip_by_value(self.average, 0.0, 1.0), "bicubic")
        return self._replace(
            image=tf.clip_by_value(average, 0.0, 1.0),
            momentum=smaller * upscaled(self.momentum, "bicubic"),
            variance=smaller**2 * upscaled(self.variance, "bilinear"),
            average=average,
            windows=tf.zeros(WINDOWS),
        )


class StepParams(NamedTuple):
    """The numbers of a step. Its function takes them packed into one tensor [8], float32.

    Attributes:
        style: The weight of the style term.
        total_variation: The weight of total variation.
        structure: The weight of the structure term.
        rate: Adam's learning rate.
        decay: The decay of the average.
        log_target_error: The logarithm of the relative content error to hold.
        steering: As in `steered`; 0 if the content weight is fixed.
        relative: 1 if all weights are divided by 1 + the content weight, else 0. Then a changing
            weight does not change the gradient's size, to which Adam adapts slowly.
    """

    style: float | tf.Tensor
    total_variation: float | tf.Tensor
    structure: float | tf.Tensor
    rate: float | tf.Tensor
    decay: float | tf.Tensor
    log_target_error: float | tf.Tensor
    steering: float | tf.Tensor
    relative: float | tf.Tensor

    @classmethod
    def of(cls, settings: Settings, rate: float, decay: float, steering: float) -> "StepParams":
        """Returns the parameters for these settings."""
        return cls(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            structure=settings.structure_weight,
            rate=rate,
            decay=decay,
            log_target_error=log_target_error(settings.strength),
            steering=steering,
            relative=float(settings.content_weight == "auto"),
        )

    @staticmethod
    def packed(several: "Sequence[StepParams]") -> list[tf.Tensor]:
        """Returns the packed parameters of several steps. They are sent to a GPU at once, because
        each transfer waits until the GPU has finished all earlier work."""
        return tf.unstack(tf.constant(several, tf.float32))


def adam(state: State, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor) -> State:
    """A step of Adam (Kingma & Ba 2015) with the image kept within 0…1. decay: the average's."""
    count = state.count + 1
    momentum = BETA_1 * state.momentum + (1 - BETA_1) * gradient
    variance = BETA_2 * state.variance + (1 - BETA_2) * tf.square(gradient)
    # Both are biased towards the 0 that they start from.
    rate *= tf.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
    step = rate * momentum * tf.math.rsqrt(variance + EPSILON**2)
    image = tf.clip_by_value(state.image - step, 0.0, 1.0)
    average = state.average + (1 - decay) * (image - state.average)  # Between the two.
    return state._replace(
        image=image, momentum=momentum, variance=variance, average=average, count=count
    )


def adam_in_place(state: State, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor) -> State:
    """`adam` in the state's own memory, some rows at a time. A state in variables is changed; any
    other is copied into variables first."""
    state = state.in_variables()
    for first in range(0, gradient.shape[1], ROWS_AT_ONCE):
        part = gradient[:, first : first + ROWS_AT_ONCE]
        last = first + part.shape[1]
        rows = state._replace(
            **{name: read_rows(getattr(state, name), first, last) for name in STATE_IMAGES}
        )
        rows = _adam(rows, part, rate, decay)
        for name in STATE_IMAGES:
            write_rows(getattr(state, name), first, getattr(rows, name))
    return state._replace(count=rows.count)


_adam = tf.function(adam, reduce_retracing=True, autograph=False)


def deviation(error: tf.Tensor, log_target_error: tf.Tensor) -> tf.Tensor:
    """log error − log target of the relative content error, within ±1: at the photo itself, where
    the error is 0, it would be infinite."""
    return tf.clip_by_value(tf.math.log(error + 1e-12) - log_target_error, -1.0, 1.0)


def steered(
    weight: tf.Tensor, deviation: tf.Tensor, previous: tf.Tensor, steering: tf.Tensor
) -> tf.Tensor:
    """The content weight after a step, which brings the content error to its target: a PI
    controller of log λ, whose terms are INTEGRAL and PROPORTIONAL.

    deviation, previous: of this step and the one before. steering: how many steps' worth of the
    deviation counts; 0 keeps the weight.
    """
    change = steering * INTEGRAL * deviation + PROPORTIONAL * (deviation - previous)
    moved = tf.clip_by_value(weight * tf.exp(change), *CONTENT_WEIGHTS)
    return tf.where(steering > 0, moved, weight)


def step_along(
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]], update: Callable[..., State]
) -> Callable[..., tuple[State, tf.Tensor]]:
    """Returns the function of a step: takes state, problem and packed parameters, and returns the
    next state and the weighted terms [4].

    Args:
        gradient: Takes image, problem and weights [4]; returns the unweighted terms [4] and the
            gradient of their weighted sum.
        update: `adam` or `adam_in_place`.
    """

    def step(state: State, problem: Any, packed: tf.Tensor) -> tuple[State, tf.Tensor]:
        params = StepParams(*tf.unstack(packed))
        weights = tf.stack(
            [state.content_weight, params.style, params.total_variation, params.structure]
        )
        weights /= 1 + params.relative * state.content_weight
        terms, direction = gradient(state.image, problem, weights)
        off = deviation(terms[0], params.log_target_error)
        weight = steered(state.content_weight, off, state.deviation, params.steering)
        state = update(state, direction, params.rate, params.decay)
        return state._replace(content_weight=weight, deviation=off), weights * terms

    return step


def term_weights(content: tf.Tensor | float, settings: Settings) -> tf.Tensor:
    """Returns the weights [4] of the terms with this content weight, float32."""
    others = settings.style_scale, settings.total_variation_weight, settings.structure_weight
    return tf.stack([tf.cast(content, tf.float32), *map(float, others)])


def rate_for_strength(strength: float) -> float:
    """The factor of the learning rate at this strength, LEAST_RATE…1: a picture close to the photo
    takes small steps, as large ones leave grain, which the content error hardly notices."""
    return min(1.0, max(LEAST_RATE, strength / FULL_RATE_FROM))


def cooldown(number: int, steps: int) -> float:
    """The factor of the learning rate at step `number` of so many at a scale: 1, then linearly down
    to LEAST_RATE over the last COOLDOWN of the steps. Large steps leave grain, and the average of
    iterates that jump is closer to the photo than they are."""
    left = (steps - number) / max(1.0, COOLDOWN * steps)
    return LEAST_RATE + (1 - LEAST_RATE) * min(1.0, left)


def averaging_decay(number: int, limit: float) -> float:
    """Decay of the average at step `number`: polynomial (Shamir & Zhang 2013, η = 3) up to `limit`.
    The average covers about the last quarter of the steps, never the start."""
    return min(limit, 1 - 4 / (number + 3))


def lbfgs(
    image: np.ndarray,
    evaluate: Callable[[np.ndarray], tuple[float, np.ndarray]],
    bounds: tuple[float, float] | None,
) -> np.ndarray:
    """One call of SciPy's L-BFGS with at most EVALUATIONS evaluations, as in the original script;
    float32 of image's shape, sRGB 0…1.

    evaluate: picture → loss and its gradient. bounds: range of the values, if any.
    """

    def in_255(x: np.ndarray) -> tuple[float, np.ndarray]:
        # In the scale 0…255, which determines the length of SciPy's first step.
        loss, gradient = evaluate((x / 255).astype(np.float32).reshape(image.shape))
        return loss, gradient.astype(np.float64).ravel() / 255

    x = image.astype(np.float64).ravel() * 255
    if bounds is None:
        found = minimize(in_255, x, jac=True, method="L-BFGS-B", options={"maxfun": EVALUATIONS})
    else:
        # With bounds, SciPy's first step is the plain gradient, and its tolerances take gradients
        # of relative losses for 0. So the loss is scaled: the first step is 1 of 255 on average.
        factor = len(x) ** 0.5 / max(float(np.linalg.norm(in_255(x)[1])), 1e-30)

        def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = in_255(x)
            return factor * loss, factor * gradient

        found = minimize(
            scaled,
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(255 * bounds[0], 255 * bounds[1]),
            options={"maxfun": EVALUATIONS - 1, "ftol": 0.0, "gtol": 0.0},
        )
    return (found.x / 255).astype(np.float32).reshape(image.shape)


def log_target_error(strength: float) -> float:
    """The logarithm of the relative content error ‖F − P‖²/‖P − mean P‖² at this strength: the
    error is the strength."""
    return math.log(max(strength, MIN_STRENGTH))


def initial_content_weight(settings: Settings) -> float:
    """The content weight of the first step. If it is steered, about where it usually ends."""
    if settings.content_weight == "auto":
        return 0.1 / max(settings.strength, MIN_STRENGTH)
    return float(settings.content_weight)
