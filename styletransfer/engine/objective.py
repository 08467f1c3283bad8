"""What an optimisation minimises: features of a network, losses on them, and the gradient of
their weighted sum, as functions that TensorFlow has traced."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import native_bfloat16
from styletransfer.engine import pyramid
from styletransfer.engine.inetwork_losses import OriginalLosses
from styletransfer.engine.losses import TERMS, RelativeLosses, Targets
from styletransfer.engine.optimizers import State, adam, steered
from styletransfer.images.arrays import resize
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG, NetworkOptions, poolings_before
from styletransfer.vgg.ops import crop
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import Tile, tiled_forward

FORWARD_ROWS = 64  # of a strip, where nothing but features is computed


class Problem(NamedTuple):
    """One picture's targets at one scale. `around` is (mask [1, H, W, 1], photo [1, H, W, 3])
    where the photo shows through outside a mask while it is painted; else empty."""

    targets: Targets
    around: tuple[tf.Tensor, ...]


class StepParams(NamedTuple):
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
    options: NetworkOptions
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
        options = NetworkOptions(settings.pool_type, dtype, settings.padding)
        return cls(vgg, losses, options, as_given)

    @property
    def pads_images(self) -> bool:
        """Whether the network sees pictures on a canvas; see pyramid.pad_to_multiple."""
        return self.losses.pads_images and not self.as_given

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are compared, with the photo or with paintings."""
        return tuple({*self.losses.layers, self.losses.content_layer})

    def laid(self, image: tf.Tensor) -> tf.Tensor:
        """image [1, H, W, C] as the network sees it."""
        return pyramid.pad_to_multiple(image) if self.pads_images else image

    def inside(
        self,
        features: Mapping[str, tf.Tensor],
        height: tf.Tensor | int,
        width: tf.Tensor | int,
        first: tf.Tensor | int = 0,
    ) -> dict[str, tf.Tensor]:
        """Features, of which row `first` of their layer is the first, without what a canvas' margin
        adds to a picture of this height and width: convolutions see it, but it is drawn to
        nothing."""
        if not self.pads_images:
            return dict(features)
        cut = {}
        for layer, feature in features.items():
            rows = tf.maximum(self._side(layer, height) - first, 0)
            cut[layer] = crop(feature, (0, rows), (0, self._side(layer, width)))
        return cut

    def _side(self, layer: str, side: tf.Tensor | int) -> tf.Tensor | int:
        """Of a picture that has so many rows, or columns, those at a layer."""
        pixels = 2 ** poolings_before(layer)
        return -(-side // pixels) if self.pads_images else side // pixels

    def sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, first: tf.Tensor | int = 0
    ) -> dict[str, Any]:
        """What the losses sum over these features, of which row `first` of their layer is the
        first: see RelativeLosses.terms. Sums over parts of a picture add up."""

        def rows(of: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
            return of[:, first : first + tf.shape(like)[1]]

        found: dict[str, Any] = {}
        for layer, feature in features.items():
            if layer in self.losses.layers:
                number = self.losses.layers.index(layer)
                masks = [group.masks[number] if group.masks else None for group in targets.groups]
                found[layer] = tuple(
                    self.losses.sums(feature, None if mask is None else rows(mask, feature))
                    for mask in masks
                )
            if layer == self.losses.content_layer:
                masks = [rows(mask, feature) for mask in targets.content_mask] or [None]
                content = rows(targets.content, feature)
                found["content"] = self.losses.content(feature, content, masks[0])
        return found

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Features of image [1, H, W, 3] (sRGB 0…1), as `VGG.forward` gives them."""
        found = {layer: RowBuffer(self._side(layer, image.shape[1])) for layer in layers}
        for tile, features in self._tiled_forward(image, layers):
            for layer, feature in features.items():
                found[layer].write(tile.first, feature)
        return {layer: rows.tensor for layer, rows in found.items()}

    def of_painting(self, painting: tf.Tensor, mask: np.ndarray | None) -> tuple[Any, ...]:
        """A painting's statistics at each style layer, of the part that a mask [h, w] tells."""
        layers = self.losses.layers
        at_layers = self.layer_masks(mask, tuple(painting.shape[1:3]))
        sums: dict[str, Any] = {}
        for tile, features in self._tiled_forward(painting, layers):
            for layer, feature in features.items():
                rows = None
                if at_layers:
                    rows = at_layers[layers.index(layer)][:, tile.first : tile.last]
                add_up(sums, {layer: self.losses.sums(feature, rows)})
        return tuple(self.losses.of_painting(sums[layer]) for layer in layers)

    def _tiled_forward(
        self, image: tf.Tensor, layers: Sequence[str]
    ) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
        """Forward in strips, so that neither a photo's nor a painting's size matters."""
        height, width = image.shape[1:3]
        laid = self.laid(image)
        for tile, features in tiled_forward(self.vgg, laid, layers, self.options, FORWARD_ROWS):
            yield tile, self.inside(features, height, width, tile.first)

    def layer_masks(
        self, mask: np.ndarray | None, size: tuple[int, int], layers: Sequence[str] | None = None
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w] of a picture of this size as layers see it, by default those for style;
        none for None."""
        if mask is None:
            return ()
        layers = layers or self.losses.layers
        if not self.pads_images:
            return self.losses.layer_masks(mask, *size, layers)
        whole = tf.constant(resize(mask, *size)[None, :, :, None])
        laid = self.laid(whole)[0, :, :, 0].numpy()
        found = self.losses.layer_masks(laid, *laid.shape, layers)
        return tuple(self.inside(dict(zip(layers, found, strict=True)), *size).values())

    def composed(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """image [1, H, W, 3] with the photo around it where that shows through."""
        if not problem.around:
            return image
        mask, photo = problem.around
        return mask * image + (1 - mask) * photo

    def terms(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """The losses' terms [3] of image [1, H, W, 3], not weighted yet, all at once."""
        whole = self.composed(image, problem)
        height, width = tf.unstack(tf.shape(whole)[1:3])
        features = self.vgg.forward(self.laid(whole), self.layers, self.options)
        found = self.sums(self.inside(features, height, width), problem.targets)
        found["total_variation"] = self.losses.total_variation(whole, height)
        return self.losses.terms(found, problem.targets, height, width)

    def problem(self, photo: tf.Tensor, groups: tuple, content_mask: np.ndarray | None) -> Problem:
        """The targets for a photo [1, H, W, 3]."""
        layer = self.losses.content_layer
        content = self.features(photo, [layer])[layer]
        masks, around = (), ()
        if content_mask is not None and self.losses.composes:
            size = tuple(photo.shape[1:3])
            masks = self.layer_masks(content_mask, size, (layer,))
            around = tf.constant(resize(content_mask, *size)[None, :, :, None]), photo
        norms = []
        for first in range(0, content.shape[1], FORWARD_ROWS):  # In float32: four times as large.
            rows = slice(first, first + FORWARD_ROWS)
            some, mask = content[:, rows], masks[0][:, rows] if masks else None
            norms.append(self.losses.content(some, tf.zeros_like(some), mask))
        return Problem(Targets(content, masks, tf.add_n(norms), groups), around)

    def program(self, problem: Problem) -> Program:
        """The traced functions for problems of this structure. Shapes are open in them, so that
        every photo and scale shares one trace; all numbers are arguments for the same reason."""
        return _program(self, opened(problem))


def add_up(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the sums over a further part of a picture to those over the parts before."""
    for name, value in more.items():
        known = name in sums
        sums[name] = tf.nest.map_structure(tf.add, sums[name], value) if known else value


def convolution_dtype(precision: str) -> tf.DType:
    """The type convolutions are computed in, for `auto`, `float32` or `bfloat16`."""
    if precision == "auto":
        precision = "bfloat16" if native_bfloat16() else "float32"
    return tf.as_dtype(precision)


def opened(tensors: Any) -> Any:
    """What stands for a structure of tensors of these kinds: rows and columns of pictures and
    features are open."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)


def stepping(
    gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]], descend: Callable[..., State]
) -> Callable[..., tuple[State, tf.Tensor]]:
    """A step along a gradient: state, problem, pace → the state after it, terms [3] weighted.
    `descend` is optimizers.adam, or what does the same."""

    def step(state: State, problem: Problem, pace: StepParams) -> tuple[State, tf.Tensor]:
        weights = tf.stack([state.content_weight, pace.style, pace.total_variation])
        terms, slope = gradient(state.image, problem, weights)
        weight = steered(state.content_weight, terms[0], pace.goal, pace.steering)
        state = descend(state, slope, pace.rate, pace.decay)
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
    state = State(*[picture] * 4, scalar, scalar)
    return Program(
        tf.function(gradient, autograph=False, input_signature=[picture, problem_spec, weights]),
        tf.function(
            stepping(gradient, adam),
            autograph=False,
            input_signature=[state, problem_spec, StepParams(*[scalar] * 6)],
        ),
    )
