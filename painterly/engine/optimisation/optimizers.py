"""Adam and L-BFGS on a picture, and the steering of the content weight."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.picture import Canvas
from painterly.engine.schedule import EVALUATIONS
from painterly.engine.tensors import padded
from painterly.engine.transfer import TERMS, in_snapshot
from painterly.settings.settings import Settings

BETA_1, BETA_2, EPSILON = 0.8, 0.99, 1e-12
# The range of steered weights: below it, the photo has no influence; above it, the painting.
CONTENT_WEIGHTS = 1e-5, 1e3
# The gains of steering: for the deviation in each step, and for its change. The second damps: with
# the first alone, the weight would still grow while the error already falls.
INTEGRAL, PROPORTIONAL = 0.1, 1.0
# Below the first, the weight changes so little of a picture that it grows faster, up to this much.
SMALL_WEIGHT, FASTER_IF_SMALL = 0.03, 4.0
COOLDOWN = 0.4  # the last part of a scale's steps, in which the learning rate falls
LEAST_RATE = 0.1  # factor of the full learning rate
FULL_RATE_FROM = 0.3  # strength; see `rate_for_strength`
STATE_IMAGES = ("image", "momentum", "variance", "average")  # fields of a State
WINDOWS = 2, len(TERMS)  # the shape of a state's windows
MIN_STRENGTH = 1e-3  # at which the picture looks like the photo


class State(NamedTuple):
    """The state of an optimisation, float32."""

    image: tf.Tensor  # the picture [1, H, W, 3]
    momentum: tf.Tensor  # Adam's first moment [1, H, W, 3]
    variance: tf.Tensor  # Adam's second moment [1, H, W, 3]
    average: tf.Tensor  # the average of iterates [1, H, W, 3]
    count: tf.Tensor  # Adam's step count, a scalar
    content_weight: tf.Tensor  # the content weight, a scalar
    deviation: tf.Tensor  # the last step's deviation, a scalar; see `steered`
    # The numbers [2, 4] to judge `min_improvement` by: the means of the terms over the scale's last
    # whole window of steps (0 if there is none), and the sums over the next window so far.
    windows: tf.Tensor

    @classmethod
    def start(cls, image: tf.Tensor, content_weight: float | tf.Tensor) -> "State":
        """Return the state before the first step, from image [1, H, W, 3]."""
        return cls(
            image,
            tf.zeros_like(image),
            tf.zeros_like(image),
            image,
            tf.constant(0.0),
            tf.convert_to_tensor(content_weight, tf.float32),
            tf.constant(0.0),
            tf.zeros(WINDOWS),
        )

    @classmethod
    def shapes(cls, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a state's arrays, by name, for an image of this shape."""
        images, scalars = dict.fromkeys(STATE_IMAGES, shape), dict.fromkeys(cls._fields, ())
        return {**scalars, **images, "windows": WINDOWS}

    @classmethod
    def restored(cls, snapshot: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> "State":
        """Return the state in a step's snapshot. Raises ValueError if an array is missing, or if
        its image does not have this shape."""
        for name, wanted in cls.shapes(shape).items():
            in_snapshot(snapshot, name, wanted)
        return cls(*(tf.constant(np.asarray(snapshot[name], np.float32)) for name in cls._fields))

    def resampled(self, canvas: Canvas, to: Canvas) -> "State":
        """Return the state at the next scale.

        Adam starts from the average, which is smoother than the last iterate. It keeps its moments,
        which are upscaled like the image and made smaller: losses are means over the picture, so
        gradients decrease with the number of pixels.
        """
        smaller = math.prod(canvas.size) / math.prod(to.size)

        def upscaled(image: tf.Tensor, method: str) -> tf.Tensor:
            return padded(to, tf.image.resize(canvas.cropped(image), to.picture, method))

        average = upscaled(tf.clip_by_value(self.average, 0.0, 1.0), "bicubic")
        return self._replace(
            image=tf.clip_by_value(average, 0.0, 1.0),
            momentum=smaller * upscaled(self.momentum, "bicubic"),
            variance=smaller**2 * upscaled(self.variance, "bilinear"),
            average=average,
            windows=tf.zeros(WINDOWS),
        )


class StepParams(NamedTuple):
    """The numbers of a step. Its function takes them packed into one tensor [8], float32."""

    style: float | tf.Tensor  # the weight of the style term
    total_variation: float | tf.Tensor  # the weight of total variation
    structure: float | tf.Tensor  # the weight of the structure term
    rate: float | tf.Tensor  # Adam's learning rate
    decay: float | tf.Tensor  # the decay of the average
    log_target_error: float | tf.Tensor  # the logarithm of the relative content error to hold
    steering: float | tf.Tensor  # as in `steered`; 0 if the content weight is fixed
    # 1 if all weights are divided by 1 + the content weight, else 0. Then a changing weight does
    # not change the gradient's size, to which Adam adapts slowly.
    relative: float | tf.Tensor

    @classmethod
    def of(
        cls, settings: Settings, error: float, rate: float, decay: float, steering: float
    ) -> "StepParams":
        """Return the parameters for these settings; `error` is the content error to hold."""
        return cls(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            structure=settings.structure_weight,
            rate=rate,
            decay=decay,
            log_target_error=log_target_error(error),
            steering=steering,
            relative=float(settings.content_weight == "auto"),
        )

    @staticmethod
    def packed(several: "Sequence[StepParams]") -> list[tf.Tensor]:
        """Return the packed parameters of several steps. They are sent to a GPU at once, because
        each transfer waits until the GPU has finished all earlier work."""
        return tf.unstack(tf.constant(several, tf.float32))


def adam(state: State, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor) -> State:
    """Return the state after a step of Adam (Kingma & Ba 2015) by a gradient [1, H, W, 3], with the
    image clipped to 0…1. `decay` belongs to the average."""
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


def deviation(error: tf.Tensor, log_target_error: tf.Tensor) -> tf.Tensor:
    """Return log error − log target of the relative content error, clipped to ±1: at the photo
    itself, where the error is 0, it would be infinite."""
    return tf.clip_by_value(tf.math.log(error + 1e-12) - log_target_error, -1.0, 1.0)


def steered(
    weight: tf.Tensor, deviation: tf.Tensor, previous: tf.Tensor, steering: tf.Tensor
) -> tf.Tensor:
    """Return the content weight after a step, which steers the content error to its target.

    It is a PI controller of log λ with the gains INTEGRAL and PROPORTIONAL. `steering` is the
    factor of INTEGRAL; 0 keeps the weight.
    """
    small = tf.clip_by_value(SMALL_WEIGHT / weight, 1.0, FASTER_IF_SMALL)
    steering *= tf.where(deviation > 0, small, 1.0)
    change = steering * INTEGRAL * deviation + PROPORTIONAL * (deviation - previous)
    moved = tf.clip_by_value(weight * tf.exp(change), *CONTENT_WEIGHTS)
    return tf.where(steering > 0, moved, weight)


def step_along(
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]], update: Callable[..., State]
) -> Callable[..., tuple[State, tf.Tensor]]:
    """Return the function of a step: takes state, problem and packed parameters, and returns the
    next state and the weighted terms [4]. `update` is `adam`, traced or not."""

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
    """Return the weights [4] of the terms with this content weight, float32."""
    others = settings.style_scale, settings.total_variation_weight, settings.structure_weight
    return tf.stack([tf.cast(content, tf.float32), *map(float, others)])


def rate_for_strength(strength: float) -> float:
    """Return the factor of the learning rate at this strength, LEAST_RATE…1.

    Near the photo steps are small: large ones leave grain, which hardly changes the content error.
    """
    return min(1.0, max(LEAST_RATE, strength / FULL_RATE_FROM))


def cooldown(number: int, steps: int) -> float:
    """Return the factor of the learning rate at step `number` of a scale: 1, then linearly down to
    LEAST_RATE over the last COOLDOWN of the steps.

    Large steps leave grain, and the average of iterates that jump is closer to the photo than the
    iterates are.
    """
    left = (steps - number) / max(1.0, COOLDOWN * steps)
    return LEAST_RATE + (1 - LEAST_RATE) * min(1.0, left)


def averaging_decay(number: int, limit: float) -> float:
    """Return the decay of the average at step `number`: polynomial (Shamir & Zhang 2013, η = 3) up
    to `limit`. The average covers about the last quarter of the steps, never the start."""
    return min(limit, 1 - 4 / (number + 3))


def lbfgs(
    image: np.ndarray,
    evaluate: Callable[[np.ndarray], tuple[float, np.ndarray]],
    bounds: tuple[float, float] | None,
) -> np.ndarray:
    """Call SciPy's L-BFGS once, with at most EVALUATIONS evaluations, as in the original script,
    and return the picture that it found, float32.

    Args:
        image: The picture to start from, float32, sRGB 0…1.
        evaluate: Returns the loss and its gradient at a picture.
        bounds: The range of the values, or None for any.
    """
    from scipy.optimize import Bounds, minimize  # Adam need not wait for its import.

    def in_255(x: np.ndarray) -> tuple[float, np.ndarray]:
        # The scale 0…255 determines the length of SciPy's first step.
        loss, gradient = evaluate((x / 255).astype(np.float32).reshape(image.shape))
        return loss, gradient.astype(np.float64).ravel() / 255

    x, factor = image.astype(np.float64).ravel() * 255, 1.0
    limits: dict[str, Any] = {"options": {"maxfun": EVALUATIONS}}
    if bounds is not None:
        # With bounds, SciPy's first step is the plain gradient, and gradients of relative losses
        # are below its tolerances. So the loss is scaled: the first step is 1 of 255 on average.
        factor = len(x) ** 0.5 / max(float(np.linalg.norm(in_255(x)[1])), 1e-30)
        limits["bounds"] = Bounds(255 * bounds[0], 255 * bounds[1])
        limits["options"] = {"maxfun": EVALUATIONS - 1, "ftol": 0.0, "gtol": 0.0}

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = in_255(x)
        return factor * loss, factor * gradient

    result = minimize(scaled, x, jac=True, method="L-BFGS-B", **limits)
    return (result.x / 255).astype(np.float32).reshape(image.shape)


def log_target_error(error: float) -> float:
    """Return the logarithm of a relative content error ‖F − P‖²/‖P − mean P‖² to hold."""
    return math.log(max(error, MIN_STRENGTH))


def initial_content_weight(settings: Settings) -> float:
    """Return the content weight of the first step. A steered one starts about where it usually
    ends."""
    if settings.content_weight == "auto":
        return 0.1 / max(settings.strength, MIN_STRENGTH)
    return float(settings.content_weight)
