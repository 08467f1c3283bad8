"""What an optimisation minimises: features of a network, losses on them, and the gradient of
their weighted sum, as functions that TensorFlow has traced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer import scales
from styletransfer.device import native_bfloat16
from styletransfer.images import resize
from styletransfer.inetwork_losses import OriginalLosses
from styletransfer.losses import TERMS, RelativeLosses, Targets
from styletransfer.optimizers import State, adam, steered
from styletransfer.settings import Settings
from styletransfer.vgg import VGG, poolings_before


class Problem(NamedTuple):
    """One picture's targets at one scale. `around` is (mask [1, H, W, 1], photo [1, H, W, 3])
    where the photo shows through outside a mask while it is painted; else empty."""

    targets: Targets
    around: tuple[tf.Tensor, ...]


class Pace(NamedTuple):
    """The numbers of a step, float32 scalars: the weights of style and total variation, Adam's
    rate, the decay of the average, the logarithm of the content error to be held and how fast the
    content's weight is steered to it (0: it stays)."""

    style: tf.Tensor
    total_variation: tf.Tensor
    rate: tf.Tensor
    decay: tf.Tensor
    goal: tf.Tensor
    steering: tf.Tensor


class Program(NamedTuple):
    """`gradient`: image, problem, weights [3] → terms [3] not weighted, gradient of their weighted
    sum. `step`: state, problem, pace → the state after a step of Adam, terms [3] weighted."""

    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    step: Callable[..., tuple[State, tf.Tensor]]


@dataclass(frozen=True)
class Objective:
    """Which features of which network are compared, by which losses, in which arithmetic."""

    vgg: VGG
    losses: RelativeLosses | OriginalLosses
    pool: str
    padding: str
    dtype: tf.DType
    as_given: bool = False  # Paintings at the size they have, and no picture on a canvas.

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Objective":
        """What these settings ask for."""
        if settings.recipe == "inetwork":
            losses = OriginalLosses(vgg.model, settings.content_layer, settings.content_loss_type)
        else:
            losses = RelativeLosses(settings.content_layer, settings.style_statistics)
        precision = settings.precision
        if settings.optimizer == "lbfgs" and precision == "auto":
            precision = "float32"  # bfloat16's rounding looks like bumps to a line search.
        dtype = convolution_dtype(precision)
        return cls(vgg, losses, settings.pool_type, settings.padding, dtype, as_given)

    @property
    def on_canvas(self) -> bool:
        """Whether the network sees pictures on a canvas; see scales.on_canvas."""
        return self.losses.on_canvas and not self.as_given

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Features of image [1, H, W, 3] (sRGB 0…1), as `VGG.forward`. A canvas' margin is cut
        off them: what lies there is seen by convolutions, but drawn to nothing."""
        laid = scales.on_canvas(image) if self.on_canvas else image
        found = self.vgg.forward(laid, layers, self.pool, self.dtype, self.padding)
        return {layer: self._cut(found[layer], image, layer) for layer in found}

    def layer_masks(
        self, mask: np.ndarray | None, size: tuple[int, int], layers: Sequence[str] | None = None
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w] of a picture of this size as layers see it, by default those for style;
        none for None."""
        if mask is None:
            return ()
        layers = layers or self.losses.layers
        if not self.on_canvas:
            return self.losses.layer_masks(mask, *size, layers)
        whole = tf.constant(resize(mask, *size)[None, :, :, None])
        laid = scales.on_canvas(whole)[0, :, :, 0].numpy()
        found = self.losses.layer_masks(laid, *laid.shape, layers)
        return tuple(
            self._cut(each, whole, layer) for layer, each in zip(layers, found, strict=True)
        )

    def problem(self, photo: tf.Tensor, groups: tuple, content_mask: np.ndarray | None) -> Problem:
        """The targets for a photo [1, H, W, 3]."""
        layer = self.losses.content_layer
        content = _content_program(self)(photo)
        if content_mask is None or not self.losses.composes:
            return Problem(Targets(content, (), groups), ())
        size = tuple(photo.shape[1:3])
        at_layer = self.layer_masks(content_mask, size, (layer,))
        whole = tf.constant(resize(content_mask, *size)[None, :, :, None])
        return Problem(Targets(content, at_layer, groups), (whole, photo))

    def program(self, problem: Problem) -> Program:
        """The traced functions for problems of this structure. Shapes are open in them, so that
        every photo and scale shares one trace; all numbers are arguments for the same reason."""
        return _program(self, tf.nest.map_structure(_open, problem))

    def _cut(self, feature: tf.Tensor, image: tf.Tensor, layer: str) -> tf.Tensor:
        if not self.on_canvas:
            return feature
        shape = tf.shape(image)
        return scales.off_canvas(feature, (shape[1], shape[2]), poolings_before(layer))


def convolution_dtype(precision: str) -> tf.DType:
    """The type convolutions are computed in, for `auto`, `float32` or `bfloat16`."""
    if precision == "auto":
        precision = "bfloat16" if native_bfloat16() else "float32"
    return tf.as_dtype(precision)


def _open(tensor: tf.Tensor) -> tf.TensorSpec:
    """What stands for tensors of this kind: rows and columns of pictures and features are open."""
    shape = tensor.shape
    return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)


@lru_cache(maxsize=8)
def _content_program(objective: Objective) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)])
    def content(photo: tf.Tensor) -> tf.Tensor:
        layer = objective.losses.content_layer
        return objective.features(photo, [layer])[layer]

    return content


@lru_cache(maxsize=8)
def _program(objective: Objective, problem_spec: Problem) -> Program:
    picture = tf.TensorSpec([1, None, None, 3], tf.float32)
    scalar = tf.TensorSpec([], tf.float32)
    layers = {*objective.losses.layers, objective.losses.content_layer}

    def gradient(
        image: tf.Tensor, problem: Problem, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            whole = image
            if problem.around:
                mask, photo = problem.around
                whole = mask * image + (1 - mask) * photo
            features = objective.features(whole, layers)
            terms = objective.losses.terms(features, whole, problem.targets)
            total = tf.reduce_sum(weights * terms)
        return terms, tape.gradient(total, image)

    def step(state: State, problem: Problem, pace: Pace) -> tuple[State, tf.Tensor]:
        weights = tf.stack([state.content_weight, pace.style, pace.total_variation])
        terms, slope = gradient(state.image, problem, weights)
        weight = steered(state.content_weight, terms[0], pace.goal, pace.steering)
        state = adam(state, slope, pace.rate, pace.decay)
        return state._replace(content_weight=weight), weights * terms

    weights = tf.TensorSpec([len(TERMS)], tf.float32)
    state = State(*[picture] * 4, scalar, scalar)
    return Program(
        tf.function(gradient, input_signature=[picture, problem_spec, weights]),
        tf.function(step, input_signature=[state, problem_spec, Pace(*[scalar] * 6)]),
    )
