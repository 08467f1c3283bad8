"""The function to minimise: losses on features, and the gradient of their weighted sum."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import fastest_precision, gpus_in_use
from styletransfer.engine import neighbours
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.compilation import TracedFunction, compiles_terms
from styletransfer.engine.constants import MATCHED_LAYERS
from styletransfer.engine.gaussians import by_eigenvectors, by_products
from styletransfer.engine.inetwork_losses import OriginalLosses
from styletransfer.engine.losses import (
    NEIGHBOURS_WEIGHT,
    SHALLOW_LAYERS,
    RelativeLosses,
    spread,
)
from styletransfer.engine.structure import PhotoContours, contours, structure_error
from styletransfer.engine.targets import Group, Targets, add_sums, sum_dtype, widened
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG, NetworkOptions, poolings_before
from styletransfer.vgg.ops import position_count
from styletransfer.vgg.tiles import (
    Tile,
    cut,
    inner,
    joined,
    own,
    own_features,
    tiled_features,
    tiles,
)

# The factor of float16's loss, times the number of pixels: gradients are then about 1e-4. 1e8 times
# as much does not overflow, and down to a hundredth of it, the direction keeps its precision.
FLOAT16_SCALE = 2.0**-10


class Problem(NamedTuple):
    """One picture's targets at one scale.

    Attributes:
        targets: The targets of the network's features.
        background: The mask [1, H, W, 1] and photo [1, H, W, 3] if the picture is composited with
            the photo before it is compared; else empty.
        contours: The photo's contours; empty if they are not compared.
    """

    targets: Targets
    background: tuple[tf.Tensor, ...]
    contours: PhotoContours = ()

    def with_padded_candidates(self) -> "Problem":
        """Returns the problem with each painting's candidates padded by `neighbours.padded`."""
        groups = tuple(
            group._replace(candidates=tuple(map(neighbours.padded, group.candidates)))
            for group in self.targets.groups
        )
        return self._replace(targets=self.targets._replace(groups=groups))

    def with_matches(self, matches: Sequence[tf.Tensor]) -> "Problem":
        """Returns the problem with integer matches for each group, [1, h, w, paintings]."""
        groups = tuple(
            group._replace(matches=(tf.cast(each, tf.int64),))
            for group, each in zip(self.targets.groups, matches, strict=True)
        )
        return self._replace(targets=self.targets._replace(groups=groups))


@dataclass(frozen=True)
class Objective:
    """The comparison of a network's features by a recipe's losses.

    Attributes:
        vgg: The network.
        losses: The recipe's losses.
        options: How the network computes features.
        as_given: Whether paintings are used at their own size and pictures have no margin.
        structure: Whether the photo's contours are compared.
        compiled_terms: Whether XLA compiles the operations from sums to terms.
        freedom: As in `neighbours.nearest`.
        saves_memory: Whether features and places are computed in small parts, for a picture whose
            gradient is computed in tiles. Objectives that differ only in these two share a program.
    """

    vgg: VGG
    losses: RelativeLosses | OriginalLosses
    options: NetworkOptions
    as_given: bool = False
    structure: bool = False
    compiled_terms: bool = False
    freedom: float = field(default=0.5, compare=False)
    saves_memory: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Objective":
        """Returns the objective for these settings; `as_given` as in `Objective`."""
        settings = vgg.adapted(settings)
        losses: RelativeLosses | OriginalLosses
        if settings.recipe == "inetwork":
            vgg = vgg.as_large_as_teacher  # Its losses are not relative.
            losses = OriginalLosses(vgg.layers, settings.content_layer, settings.content_loss_type)
        else:
            displacements = by_products if gpus_in_use() else by_eigenvectors
            losses = RelativeLosses(
                settings.content_layer, settings.style_statistics, displacements
            )
            if settings.recipe != "moments":
                instant = settings.recipe == "instant"
                losses = replace(
                    losses,
                    statistics_layers=() if instant else SHALLOW_LAYERS,
                    matched_layers=tuple(layer for layer in MATCHED_LAYERS if layer in vgg.layers),
                    keeps_pixels=instant,
                )
        precision = settings.precision
        if settings.optimizer == "lbfgs" and precision == "auto":
            precision = "float32"  # A line search fails on bfloat16's rounding.
        dtype = tf.as_dtype(fastest_precision() if precision == "auto" else precision)
        needs_scale = settings.recipe in ("inetwork", "instant")
        if dtype == tf.float16 and (needs_scale or not vgg.fits_float16):
            dtype = tf.float32  # Losses and decoder are made for features of their own scale.
        options = NetworkOptions(settings.pool_type, dtype, settings.padding)
        return cls(
            vgg,
            losses,
            options,
            as_given,
            settings.structure_weight > 0,
            compiles_terms(settings),
            settings.strength,
        )

    def spending_memory(self, spends: bool) -> "Objective":
        """Returns this objective with `options.spends_memory` set to a value."""
        return replace(self, options=replace(self.options, spends_memory=spends))

    def canvas(self, picture: tuple[int, int]) -> Canvas:
        """Returns the canvas that a picture of this (height, width) is painted on."""
        return Canvas.around(picture) if self.pads_images else Canvas(picture)

    @property
    def pads_images(self) -> bool:
        """Whether pictures and paintings are padded to whole multiples of the deepest position."""
        return self.losses.pads_images and not self.as_given

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers at which the photo or paintings are compared."""
        return tuple(dict.fromkeys((*self.losses.layers, self.losses.content_layer)))

    @property
    def matched_channels(self) -> int:
        """The number of channels of all layers at which places are matched."""
        return sum(map(self.vgg.channels, self.losses.matched_layers))

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Returns the features of image [1, H, W, 3] (sRGB 0…1) as `VGG.forward` does, computed in
        tiles."""
        return joined(self.tiled_features(image, layers))

    def tiled_features(
        self, image: tf.Tensor, layers: Sequence[str], rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
        """Computes `features` as `tiles.tiled_features` does."""
        return tiled_features(self.vgg, image, layers, self.options, rows, self.saves_memory)

    def layer_masks(
        self, mask: np.ndarray | None, canvas: Canvas, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """Returns a mask [h, w] of the picture on a canvas at each layer, [1, h, w, 1]; empty if
        the mask is None."""
        if mask is None:
            return ()
        return self.losses.layer_masks(canvas.padded_mask(mask), *canvas.size, layers)

    def composited(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """Returns image [1, H, W, 3] over the problem's background, if it has one."""
        return _composited(image, problem.background)

    def gradient(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor, side: int | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes loss and gradient, at once or in tiles.

        In tiles the result is the same, up to the order of sums, in less memory. Statistics are
        summed over all tiles first, as far as the network has to be computed for them. With the
        gradient of the style term by these sums, a tile's features are computed again, and
        backpropagated through. The gradients of neighbouring tiles overlap, and are added.

        Args:
            image: The picture on its canvas [1, H, W, 3], sRGB 0…1.
            problem: Its targets.
            weights: The weights [4] of the terms.
            side: The longest side of a tile's own part in px (see tiles.py), or None to compute the
                gradient at once.

        Returns:
            The unweighted terms [4], and the gradient [1, H, W, 3] of their weighted sum.
        """
        scale = gradient_scale(self.options.dtype, weights, image)
        scaled = weights if scale is None else scale * weights
        if side is None:
            structure, found = self.structure_gradient(image, problem, scaled[3])
            terms, of_network = self.network_gradient(image, problem, scaled[:3])
            found += of_network
        else:
            terms, structure, found = self._gradient_in_tiles(image, problem, scaled, side)
        return tf.concat([terms, [structure]], 0), found if scale is None else found / scale

    def _gradient_in_tiles(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor, side: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the terms [3] of `network_gradient`, the structure term, and the gradient."""
        functions = _traced(self, signature(problem))
        size = tuple(image.shape[1:3])
        all_tiles = list(chain.from_iterable(tiles(self.vgg, size, self.layers, side)))
        sums: dict[str, Any] = {}
        for tile in all_tiles:
            add_sums(sums, functions.statistics(image, problem, tf.constant(tile)))
        groups = [group.without_maps() for group in problem.targets.groups]
        count = position_count(image, weights.dtype)
        style, of_sums = functions.style_gradient(sums, groups, count, weights[1])
        structure, found = functions.structure_gradient(image, problem, weights[3])
        gradient = tf.Variable(found[0], trainable=False)
        del found
        terms = tf.stack([tf.zeros_like(style), style, tf.zeros_like(style)])
        for tile in all_tiles:
            more, found = functions.network_gradient(
                image, problem, weights[:3], of_sums, tf.constant(tile)
            )
            terms += more
            pixels = (tf.range(each.first, each.last) for each in tile)
            gradient.scatter_nd_add(tf.stack(tf.meshgrid(*pixels, indexing="ij"), -1), found[0])
        return terms, structure, gradient[None]

    def network_gradient(
        self,
        image: tf.Tensor,
        problem: Problem,
        weights: tf.Tensor,
        of_sums: dict[str, Any] | None = None,
        tensor: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the terms of features and of neighbouring pixels, of a picture or of a tile.

        Args:
            image: The picture.
            problem: Its targets.
            weights: The weights [3] of these terms.
            of_sums: The gradient of the style term by the sums over the picture; for a tile.
            tensor: The tile; None is the whole picture.

        Returns:
            The terms [3], of a tile without the part of statistics, and the gradient of their
            weighted sum by the picture, or by the tile with its halo.
        """
        tile = None if tensor is None else Tile.of(tensor)
        seen = cut(image, tile)
        with tf.GradientTape() as tape:
            tape.watch(seen)
            background = [cut(each, tile) for each in problem.background]
            shown = _composited(seen, background)
            features = own_features(self.vgg, shown, tile, self.layers, self.options)
            sums = self._sums(features, problem.targets, tile)
            local = self._local_terms(features, problem.targets, tile)
            pixels, *mask = (inner(each, tile, 1, beyond=1) for each in (shown, *background[:1]))
            size = tf.unstack(tf.shape(pixels)[1:3])
            if tile is not None:
                size = [each.own_last - each.own_first for each in tile]
            variation = self.losses.total_variation(pixels, mask[0] if mask else None, size)
            variation = tf.reduce_sum(variation / problem.targets.variation_norm)
            local = tf.stack([*local, tf.cast(variation, local[0].dtype)])
        terms = local
        if of_sums is None:
            groups = [group.without_maps() for group in problem.targets.groups]
            count = position_count(image, weights.dtype)
            style, of_sums = self.style_gradient(sums, groups, count, weights[1])
            terms += tf.stack([tf.zeros_like(style), style, tf.zeros_like(style)])
        return terms, tape.gradient((local, sums), seen, (weights, of_sums))

    def statistics(
        self, image: tf.Tensor, problem: Problem, tensor: tf.Tensor
    ) -> dict[str, tuple[Any, ...]]:
        """Returns the sums over a tile's own part that the statistics are computed from."""
        tile = Tile.of(tensor)
        shown = _composited(cut(image, tile), [cut(each, tile) for each in problem.background])
        layers = self.losses.statistics_layers
        features = own_features(self.vgg, shown, tile, layers, self.options)
        return self._sums(features, problem.targets, tile)

    def _sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, tile: Tile | None
    ) -> dict[str, tuple[Any, ...]]:
        """Returns each statistics layer's sums for each group, from the features of the own part of
        a tile."""
        return {
            layer: tuple(
                self.losses.sums(features[layer], self._mask(group, layer, tile))
                for group in targets.groups
            )
            for layer in self.losses.statistics_layers
        }

    def _local_terms(
        self, features: Mapping[str, tf.Tensor], targets: Targets, tile: Tile | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the content term, and the part of the style term that matched places have, from
        the features of the own part of a tile."""
        layer = self.losses.content_layer
        side = 2 ** poolings_before(layer)
        error = tf.square(widened(features[layer]) - widened(own(targets.content, tile, side)))
        for mask in targets.content_mask:
            error *= tf.cast(own(mask, tile, side), error.dtype)
        content = tf.reduce_sum(error) / targets.content_norm
        layers = self.losses.matched_layers
        style = tf.zeros_like(content)
        for group in targets.groups:
            for number, (layer, places) in enumerate(zip(layers, group.places, strict=True)):
                matches = own(group.matches[0], tile, neighbours.PLACE)
                far = neighbours.errors(layers, number, features[layer], group.candidates, matches)
                if group.masks:
                    mask = self._mask(group, layer, tile)
                    far *= tf.cast(neighbours.over_places(layer, mask), far.dtype)
                part = NEIGHBOURS_WEIGHT / len(layers) * group.weight
                style += part * tf.reduce_sum(far) / places
        return content, style

    def _mask(self, group: Group, layer: str, tile: Tile | None) -> tf.Tensor | None:
        """Returns a group's mask at a layer in the own part of a tile, if it has one."""
        if not group.masks:
            return None
        mask = group.masks[self.losses.layers.index(layer)]
        return own(mask, tile, 2 ** poolings_before(layer))

    def style_gradient(
        self,
        sums: dict[str, Any],
        groups: Sequence[Group],
        pixels: tf.Tensor,
        weight: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Returns the part of the style term that statistics have, and the gradient of its weighted
        value by the sums over the picture.

        It has half of a step's operations. They work on small matrices, which have the same shapes
        for pictures of all sizes, so XLA may compile them once.

        Args:
            sums: The sums over the picture.
            groups: The groups of paintings, without maps.
            pixels: The picture's number of pixels, a scalar.
            weight: The term's weight.
        """

        def found(
            sums: dict[str, Any], groups: Sequence[Group], pixels: tf.Tensor, weight: tf.Tensor
        ) -> tuple[tf.Tensor, dict[str, Any]]:
            with tf.GradientTape() as tape:
                tape.watch(sums)
                style = self.losses.style(sums, groups, pixels)
                weighted = weight * style
            return style, tape.gradient(weighted, sums, unconnected_gradients="zero")

        if self.compiled_terms:
            found = tf.function(found, autograph=False, jit_compile=True)
        return found(sums, groups, pixels, weight)

    def structure_gradient(
        self, image: tf.Tensor, problem: Problem, weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the structure term of a picture, and the gradient of its weighted value."""
        if not problem.contours:
            return tf.zeros_like(weight), tf.zeros_like(image)
        with tf.GradientTape() as tape:
            tape.watch(image)
            error = structure_error(self.composited(image, problem), problem.contours)
            error = tf.cast(error, weight.dtype)
            weighted = weight * error
        return error, tape.gradient(weighted, image)

    def problem(
        self, photo: tf.Tensor, groups: tuple[Group, ...], content_mask: np.ndarray | None
    ) -> Problem:
        """Returns the targets of pictures on the photo's `canvas`.

        Args:
            photo: The photo [1, h, w, 3], sRGB 0…1.
            groups: The targets of paintings.
            content_mask: The part that is painted, [h, w], 0…1, or None for the whole photo.
        """
        canvas, layer = self.canvas(tuple(photo.shape[1:3])), self.losses.content_layer
        photo = canvas.padded(photo)
        content = self.features(photo, [layer])[layer]
        masks: tuple[tf.Tensor, ...] = ()
        background: tuple[tf.Tensor, ...] = ()
        shown, area = None, 1.0
        if content_mask is not None and self.losses.composites:
            whole = canvas.padded_mask(content_mask)
            shown, area = tf.constant(whole[None, :, :, None]), float(whole.mean())
            masks = self.losses.layer_masks(whole, *canvas.size, (layer,))
            background = shown, photo
        dtype = sum_dtype(content.dtype)
        norm = self.losses.content_norm(
            spread(content, masks[0] if masks else None), groups, canvas.size
        )
        targets = Targets(
            content,
            masks,
            tf.cast(norm, dtype),
            tf.cast(self.losses.variation_norm(canvas.size, area), dtype),
            tuple(self._with_places(group, canvas) for group in groups),
        )
        return Problem(targets, background, contours(photo, shown) if self.structure else ())

    def _with_places(self, group: Group, canvas: Canvas) -> Group:
        """Returns a group with the sums of the weights of its places on a canvas."""
        places = []
        for layer in self.losses.matched_layers:
            mask = self._mask(group, layer, None)
            side = max(neighbours.PLACE, 2 ** poolings_before(layer))
            count = float(math.prod(each // side for each in canvas.size))
            if mask is not None:
                count = float(tf.reduce_sum(neighbours.over_places(layer, mask)))
            places.append(tf.constant(max(count, 1e-6), tf.float32))
        return group._replace(places=tuple(places))


def _composited(image: tf.Tensor, background: Sequence[tf.Tensor]) -> tf.Tensor:
    if not background:
        return image
    mask, photo = background
    return mask * image + (1 - mask) * photo


class _Traced(NamedTuple):
    """The traced methods of an objective for a picture in tiles."""

    statistics: Callable[..., dict[str, Any]]
    style_gradient: Callable[..., tuple[tf.Tensor, dict[str, Any]]]
    structure_gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    network_gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]


@lru_cache(maxsize=64)
def _traced(objective: Objective, problem: Problem) -> _Traced:
    """Returns the methods, traced for problems of this signature and pictures of all sizes."""
    dtype = sum_dtype(objective.options.dtype)
    image = tf.TensorSpec([1, None, None, 3], dtype)
    scalar, weights = tf.TensorSpec([], dtype), tf.TensorSpec([3], dtype)
    tile = tf.TensorSpec([2, 4], tf.int32)

    groups = [group.without_maps() for group in problem.targets.groups]
    statistics = TracedFunction(objective.statistics, [image, problem, tile])
    sums = signature(statistics.concrete.structured_outputs)
    return _Traced(
        statistics,
        TracedFunction(objective.style_gradient, [sums, groups, scalar, scalar]),
        TracedFunction(objective.structure_gradient, [image, problem, scalar]),
        TracedFunction(objective.network_gradient, [image, problem, weights, sums, tile]),
    )


def gradient_scale(dtype: tf.DType, weights: tf.Tensor, image: tf.Tensor) -> tf.Tensor | None:
    """Returns the factor that keeps gradients within float16's range, or None for other dtypes.

    A feature's part in a relative loss is one over the number of features, next to nothing in
    float16. So the loss is multiplied before backpropagation, and the gradient divided after it, in
    float32.

    Args:
        dtype: The features' dtype.
        weights: The terms' weights. The first two, content and style, belong to features.
        image: The picture [1, H, W, 3].
    """
    if dtype != tf.float16:
        return None
    pixels = position_count(image, weights.dtype)
    return FLOAT16_SCALE * pixels / tf.maximum(tf.reduce_sum(weights[:2]), 1e-30)


def signature(tensors: Any) -> Any:
    """Returns the tf.TensorSpecs of a structure of tensors. Tensors [1, h, w, C] have dynamic
    height and width."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)
