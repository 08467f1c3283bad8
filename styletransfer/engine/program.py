"""The functions that optimise a picture: a gradient, and a step of Adam with it, traced by
TensorFlow or computed in tiles."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import tensorflow as tf

from styletransfer.engine.objective import Objective, Problem, signature
from styletransfer.engine.optimizers import (
    WINDOWS,
    State,
    adam,
    adam_in_place,
    deviation,
    log_target_error,
    steered,
)
from styletransfer.engine.recipe import TERMS
from styletransfer.engine.tiled_gradient import UNTILED, Tiling, gradient_in_tiles
from styletransfer.settings import Settings


class StepParams(NamedTuple):
    """The numbers of a step. Its function takes them packed into one tensor [8], float32: a
    transfer to a GPU waits for the step before.

    style, total_variation, structure: weights. rate: Adam's learning rate. decay: of the average.
    log_target_error: logarithm of the relative content error to hold. steering: 1 if the content
    weight follows it, else 0. relative: 1 if all weights are divided by 1 + the content weight, so
    that a changing weight does not change the gradient's size, which Adam adapts to slowly; else 0.
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
        """The parameters for these settings."""
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
        """What the functions of so many steps take, in one transfer."""
        return tf.unstack(tf.constant(several, tf.float32))


class Program(NamedTuple):
    """gradient: image, problem, weights [4] → unweighted terms [4], gradient of their weighted sum.
    step: state, problem, packed params → the state after a step of Adam, weighted terms [4].
    compiled_step: the same by XLA, which compiles it for each size; none in tiles."""

    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    step: Callable[..., tuple[State, tf.Tensor]]
    compiled_step: Callable[..., tuple[State, tf.Tensor]] | None = None


def program(objective: Objective, problem: Problem, tiling: Tiling = UNTILED) -> Program:
    """The functions for problems of this structure.

    Without tiles they are traced, with dynamic heights and widths, so that all photos and scales
    share one trace; numbers are arguments for the same reason. With tiles, a step updates its state
    in place.
    """
    if tiling == UNTILED:
        return _traced_program(objective, signature(problem))
    gradient = partial(gradient_in_tiles, objective, tiling)
    return Program(gradient, _step_along(gradient, adam_in_place))


def term_weights(content: tf.Tensor | float, settings: Settings) -> tf.Tensor:
    """The weights [4] of the terms, of which the content weight may be steered; float32."""
    others = settings.style_scale, settings.total_variation_weight, settings.structure_weight
    return tf.stack([tf.cast(content, tf.float32), *map(float, others)])


# Eight devices, which have a network each, paint with and without masks, and contours of three
# kinds. What is traced anew is compiled anew as well, and TensorFlow frees nothing of the old.
@lru_cache(maxsize=64)
def _traced_program(objective: Objective, problem_spec: Problem) -> Program:
    picture = tf.TensorSpec([1, None, None, 3], tf.float32)
    weights = tf.TensorSpec([len(TERMS)], tf.float32)
    windows = tf.TensorSpec(WINDOWS, tf.float32)
    scalar = tf.TensorSpec([], tf.float32)
    state = State(picture, picture, picture, picture, scalar, scalar, scalar, windows)
    of_step = [state, problem_spec, tf.TensorSpec([len(StepParams._fields)], tf.float32)]
    step = _step_along(objective.gradient, adam)
    return Program(
        tf.function(
            objective.gradient, autograph=False, input_signature=[picture, problem_spec, weights]
        ),
        tf.function(step, autograph=False, input_signature=of_step),
        tf.function(step, autograph=False, input_signature=of_step, jit_compile=True),
    )


def _step_along(
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]], update: Callable[..., State]
) -> Callable[..., tuple[State, tf.Tensor]]:
    """`Program.step` from `Program.gradient`. update: optimizers.adam or its equivalent."""

    def step(state: State, problem: Problem, packed: tf.Tensor) -> tuple[State, tf.Tensor]:
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
