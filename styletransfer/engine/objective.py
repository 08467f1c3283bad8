"""What is minimised: losses on a network's features, and the gradient of their weighted sum, as
traced TensorFlow functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import native_bfloat16
from styletransfer.engine import pyramid
from styletransfer.engine.inetwork_losses import OriginalLosses
from styletransfer.engine.losses import RelativeLosses
from styletransfer.engine.optimizers import State, adam, log_target_error, steered
from styletransfer.engine.recipe import TERMS, Group, Losses, Targets
from styletransfer.images.arrays import resize
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG, NetworkOptions, poolings_before
from styletransfer.vgg.ops import crop
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import Tile, tiled_forward

FORWARD_ROWS = 64  # of a tile when only features are computed


class Problem(NamedTuple):
    """One picture's targets at one scale. background: (mask [1, H, W, 1], photo [1, H, W, 3]) if
    the picture is composited with the photo before it is compared; else empty."""

    targets: Targets
    background: tuple[tf.Tensor, ...]


class StepParams(NamedTuple):
    """The numbers of a step, float32 scalars.

    style, total_variation: weights. rate: Adam's learning rate. decay: of the average.
    log_target_error: logarithm of the relative content error to hold. steering: how fast the
    content weight follows it; 0 keeps the weight.
    """

    style: tf.Tensor
    total_variation: tf.Tensor
    rate: tf.Tensor
    decay: tf.Tensor
    log_target_error: tf.Tensor
    steering: tf.Tensor

    @classmethod
    def of(cls, settings: Settings, rate: float, decay: float, steering: float) -> "StepParams":
        """The parameters for these settings."""
        params = cls(
            style=settings.style_scale,
            total_variation=settings.total_variation_weight,
            rate=rate,
            decay=decay,
            log_target_error=log_target_error(settings.strength),
            steering=steering,
        )
        return cls(*(tf.constant(float(each)) for each in params))


class Program(NamedTuple):
    """gradient: image, problem, weights [3] → unweighted terms [3], gradient of their weighted sum.
    step: state, problem, params → the state after a step of Adam, weighted terms [3]."""

    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    step: Callable[..., tuple[State, tf.Tensor]]


@dataclass(frozen=True)
class Objective:
    """Which features of which network are compared, and by which losses.

    as_given: paintings are used at their own size, and pictures are not padded.
    """

    vgg: VGG
    losses: Losses
    options: NetworkOptions
    as_given: bool = False

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Objective":
        """The objective for these settings."""
        losses: Losses
        if settings.recipe == "inetwork":
            losses = OriginalLosses(vgg.model, settings.content_layer, settings.content_loss_type)
        else:
            losses = RelativeLosses(settings.content_layer, settings.style_statistics)
        precision = settings.precision
        if settings.optimizer == "lbfgs" and precision == "auto":
            precision = "float32"  # A line search fails on bfloat16's rounding.
        dtype = convolution_dtype(precision)
        options = NetworkOptions(settings.pool_type, dtype, settings.padding)
        return cls(vgg, losses, options, as_given)

    @property
    def pads_images(self) -> bool:
        """Whether the network sees padded pictures; see pyramid.pad_to_multiple."""
        return self.losses.pads_images and not self.as_given

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are compared, with the photo or with paintings."""
        return tuple({*self.losses.layers, self.losses.content_layer})

    def padded(self, image: tf.Tensor) -> tf.Tensor:
        """image [1, H, W, C] as the network sees it."""
        return pyramid.pad_to_multiple(image) if self.pads_images else image

    def without_padding(
        self,
        features: Mapping[str, tf.Tensor],
        size: tuple[tf.Tensor | int, tf.Tensor | int],
        first: tf.Tensor | int = 0,
    ) -> dict[str, tf.Tensor]:
        """Features cropped to those of a picture of this (height, width). Convolutions see the
        padding, losses do not. first: the row of its layer that each feature starts at."""
        if not self.pads_images:
            return dict(features)
        height, width = size
        cropped = {}
        for layer, feature in features.items():
            rows = tf.maximum(self._side_at(layer, height) - first, 0)
            cropped[layer] = crop(feature, (0, rows), (0, self._side_at(layer, width)))
        return cropped

    def _side_at(self, layer: str, side: tf.Tensor | int) -> tf.Tensor | int:
        """Rows (or columns) at a layer, of a picture with so many."""
        pixels = 2 ** poolings_before(layer)
        return -(-side // pixels) if self.pads_images else side // pixels

    def sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, first: tf.Tensor | int = 0
    ) -> dict[str, Any]:
        """The losses' sums over these features; see Losses.terms. first: the row of its layer that
        each feature starts at. Sums over tiles add up to those over the picture."""

        def same_rows(whole: tf.Tensor, feature: tf.Tensor) -> tf.Tensor:
            return whole[:, first : first + tf.shape(feature)[1]]

        def style_sums(feature: tf.Tensor, group: Group, number: int) -> Any:
            mask = same_rows(group.masks[number], feature) if group.masks else None
            return self.losses.sums(feature, mask)

        found: dict[str, Any] = {}
        for layer, feature in features.items():
            if layer in self.losses.layers:
                number = self.losses.layers.index(layer)
                found[layer] = tuple(style_sums(feature, group, number) for group in targets.groups)
            if layer == self.losses.content_layer:
                masks = [same_rows(mask, feature) for mask in targets.content_mask] or [None]
                content = same_rows(targets.content, feature)
                found["content"] = self.losses.content_error(feature, content, masks[0])
        return found

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Features of image [1, H, W, 3] (sRGB 0…1), as `VGG.forward` gives them."""
        found = {layer: RowBuffer(self._side_at(layer, image.shape[1])) for layer in layers}
        for tile, features in self._tiled_forward(image, layers):
            for layer, feature in features.items():
                found[layer].write(tile.first, feature)
        return {layer: rows.tensor for layer, rows in found.items()}

    def painting_statistics(self, painting: tf.Tensor, mask: np.ndarray | None) -> tuple[Any, ...]:
        """Statistics of a painting [1, H, W, 3] at each style layer, inside a mask [h, w]."""
        layers = self.losses.layers
        at_layers = self.layer_masks(mask, tuple(painting.shape[1:3]))
        sums: dict[str, Any] = {}
        for tile, features in self._tiled_forward(painting, layers):
            for layer, feature in features.items():
                rows = None
                if at_layers:
                    rows = at_layers[layers.index(layer)][:, tile.first : tile.last]
                add_sums(sums, {layer: self.losses.sums(feature, rows)})
        return tuple(self.losses.painting_statistics(sums[layer]) for layer in layers)

    def _tiled_forward(
        self, image: tf.Tensor, layers: Sequence[str]
    ) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
        """Features in tiles, so that memory bounds neither photos nor paintings."""
        size = tuple(image.shape[1:3])
        padded = self.padded(image)
        for tile, features in tiled_forward(self.vgg, padded, layers, self.options, FORWARD_ROWS):
            yield tile, self.without_padding(features, size, tile.first)

    def layer_masks(
        self, mask: np.ndarray | None, size: tuple[int, int], layers: Sequence[str] = ()
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w] of a picture of this (height, width) at these layers, by default the style
        layers, [1, h, w, 1] each; empty for None."""
        if mask is None:
            return ()
        layers = layers or self.losses.layers
        if not self.pads_images:
            return self.losses.layer_masks(mask, *size, layers)
        whole = tf.constant(resize(mask, *size)[None, :, :, None])
        padded = self.padded(whole)[0, :, :, 0].numpy()
        height, width = padded.shape
        found = self.losses.layer_masks(padded, height, width, layers)
        return tuple(self.without_padding(dict(zip(layers, found, strict=True)), size).values())

    def composited(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """image [1, H, W, 3] over the problem's background, if it has one."""
        if not problem.background:
            return image
        mask, photo = problem.background
        return mask * image + (1 - mask) * photo

    def terms(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """The unweighted terms [3] of image [1, H, W, 3], computed without tiles."""
        whole = self.composited(image, problem)
        height, width = tf.unstack(tf.shape(whole)[1:3])
        features = self.vgg.forward(self.padded(whole), self.layers, self.options)
        sums = self.sums(self.without_padding(features, (height, width)), problem.targets)
        sums["total_variation"] = self.losses.total_variation(whole, height)
        return self.losses.terms(sums, problem.targets, height, width)

    def problem(
        self, photo: tf.Tensor, groups: tuple[Group, ...], content_mask: np.ndarray | None
    ) -> Problem:
        """The targets for a photo [1, H, W, 3], painted inside content_mask [h, w]."""
        layer = self.losses.content_layer
        content = self.features(photo, [layer])[layer]
        masks: tuple[tf.Tensor, ...] = ()
        background: tuple[tf.Tensor, ...] = ()
        if content_mask is not None and self.losses.composites:
            size = tuple(photo.shape[1:3])
            masks = self.layer_masks(content_mask, size, (layer,))
            background = tf.constant(resize(content_mask, *size)[None, :, :, None]), photo
        norms = []
        for first in range(0, content.shape[1], FORWARD_ROWS):  # float32 takes up to 4 × as much.
            rows = slice(first, first + FORWARD_ROWS)
            some, mask = content[:, rows], masks[0][:, rows] if masks else None
            norms.append(self.losses.content_error(some, tf.zeros_like(some), mask))
        return Problem(Targets(content, masks, tf.add_n(norms), groups), background)

    def program(self, problem: Problem) -> Program:
        """The traced functions for problems of this structure. Heights and widths are dynamic, so
        that all photos and scales share one trace; numbers are arguments for the same reason."""
        return _program(self, signature(problem))


def add_sums(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the sums over another part of a picture to `sums`."""
    for name, value in more.items():
        known = name in sums
        sums[name] = tf.nest.map_structure(tf.add, sums[name], value) if known else value


def convolution_dtype(precision: str) -> tf.DType:
    """The dtype of convolutions for `auto`, `float32` or `bfloat16`."""
    if precision == "auto":
        precision = "bfloat16" if native_bfloat16() else "float32"
    return tf.as_dtype(precision)


def signature(tensors: Any) -> Any:
    """The tf.TensorSpecs of a structure of tensors, with dynamic height and width where a tensor is
    [1, h, w, C]."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)


def make_step(
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]], update: Callable[..., State]
) -> Callable[..., tuple[State, tf.Tensor]]:
    """`Program.step` from `Program.gradient`. update: optimizers.adam or its equivalent."""

    def step(state: State, problem: Problem, params: StepParams) -> tuple[State, tf.Tensor]:
        weights = tf.stack([state.content_weight, params.style, params.total_variation])
        terms, direction = gradient(state.image, problem, weights)
        weight = steered(state.content_weight, terms[0], params.log_target_error, params.steering)
        state = update(state, direction, params.rate, params.decay)
        return state._replace(content_weight=weight), weights * terms

    return step


@lru_cache(maxsize=8)
def _program(objective: Objective, problem_spec: Problem) -> Program:
    picture = tf.TensorSpec([1, None, None, 3], tf.float32)
    scalar = tf.TensorSpec([], tf.float32)

    def gradient(
        image: tf.Tensor, problem: Problem, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = objective.terms(image, problem)
            total = tf.reduce_sum(weights * terms)
        return terms, tape.gradient(total, image)

    weights = tf.TensorSpec([len(TERMS)], tf.float32)
    state = State(picture, picture, picture, picture, scalar, scalar)
    return Program(
        tf.function(gradient, autograph=False, input_signature=[picture, problem_spec, weights]),
        tf.function(
            make_step(gradient, adam),
            autograph=False,
            input_signature=[state, problem_spec, StepParams(*[scalar] * 6)],
        ),
    )
