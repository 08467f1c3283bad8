"""The functions that optimise a picture: a gradient, and a step of Adam with it, traced by
TensorFlow or computed in tiles."""

from collections.abc import Callable
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
    """The numbers of a step, float32 scalars.

    style, total_variation, structure: weights. rate: Adam's learning rate. decay: of the average.
    log_target_error: logarithm of the relative content error to hold. steering: 1 if the content
    weight follows it, else 0. relative: 1 if all weights are divided by 1 + the content weight, so
    that a changing weight does not change the gradient's size, which Adam adapts to slowly; else 0.
    """

    style: tf.Tensor
    total_variation: tf.Tensor
    structure: tf.Tensor
    rate: tf.Tensor
    decay: tf.Tensor
    log_target_error: tf.Tensor
    steering: tf.Tensor
    relative: tf.Tensor

    @classmethod
    def of(cls, settings: Settings, rate: float, decay: float, steering: float) -> "StepParams":
        """The parameters for these settings."""
        params = cls(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            structure=settings.structure_weight,
            rate=rate,
            decay=decay,
            log_target_error=log_target_error(settings.strength),
            steering=steering,
            relative=settings.content_weight == "auto",
        )
        return cls(*(tf.constant(float(each)) for each in params))


class Program(NamedTuple):
    """gradient: image, problem, weights [4] → unweighted terms [4], gradient of their weighted sum.
    step: state, problem, params → the state after a step of Adam, weighted terms [4].
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
    of_step = [state, problem_spec, StepParams(*[scalar] * len(StepParams._fields))]
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

    def step(state: State, problem: Problem, params: StepParams) -> tuple[State, tf.Tensor]:
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
