"""The function to minimise: losses on features, and the gradient of their weighted sum."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.extractor import Extractor
from painterly.engine.features import neighbours
from painterly.engine.features.structure import contours, detail, structure_error
from painterly.engine.features.sums import add_sums, spread, sum_dtype, widened
from painterly.engine.features.targets import Group, Problem, Targets, composited
from painterly.engine.optimisation.compilation import TracedFunction, compiles_terms
from painterly.engine.picture import Canvas
from painterly.engine.tensors import padded
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG, poolings_before
from painterly.vgg.ops import average_pool, position_count
from painterly.vgg.tiles import Tile, cut, inner, own, own_features, tiles

# The factor of float16's loss, times the number of pixels: gradients are then about 1e-4. 1e8 times
# as much does not overflow, and down to a hundredth of it, the direction keeps its precision.
FLOAT16_SCALE = 2.0**-10
# The content error's gradient is 1 + HELD_CONTENT × as much where a face is held whole.
HELD_CONTENT = 10 / 3


@dataclass(frozen=True)
class Objective:
    """The comparison of a network's features by a recipe's losses. Equal ones share a program."""

    extractor: Extractor  # what the network sees
    structure: bool = False  # whether the photo's contours are compared
    compiled_terms: bool = False  # whether XLA compiles the operations from sums to terms

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Objective":
        """Return the objective for these settings; `as_given` as in `Extractor`."""
        extractor = Extractor.of(settings, vgg, as_given)
        joined = extractor.recipe.joins_terms and compiles_terms(settings)
        return cls(extractor, settings.structure_weight > 0, joined)

    def for_drawings(self) -> "Objective":
        """Return the objective for paintings that are drawings in ink."""
        return replace(
            self, extractor=replace(self.extractor, losses=self.extractor.losses.for_drawings())
        )

    def planned(self, fast: bool, saves_memory: bool) -> "Objective":
        """Return the objective whose extractor is `planned` so."""
        return replace(self, extractor=self.extractor.planned(fast, saves_memory))

    def gradient(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor, side: int | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the unweighted terms [4] of a picture on its canvas [1, H, W, 3], and the
        gradient of their sum with these weights [4], at once or in tiles whose own part has at most
        `side` px a side.

        In tiles the result is the same, up to the order of sums, in less memory. Statistics are
        summed over all tiles first, as far as the network has to be computed for them. With the
        gradient of the style term by these sums, a tile's features are computed again, and
        backpropagated through. The gradients of neighbouring tiles overlap, and are added.
        """
        scale = gradient_scale(self.extractor.options.dtype, weights, image)
        scaled = weights if scale is None else scale * weights
        if side is None:
            structure, gradient = self.structure_gradient(image, problem, scaled[3])
            terms, of_network = self.network_gradient(image, problem, scaled[:3])
            gradient += of_network
        else:
            terms, structure, gradient = self._gradient_in_tiles(image, problem, scaled, side)
        terms = tf.concat([terms, [structure]], 0)
        return terms, gradient if scale is None else gradient / scale

    def _gradient_in_tiles(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor, side: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the terms [3] of `network_gradient`, the structure term, and the gradient."""
        functions = _traced(self, signature(problem))
        size = tuple(image.shape[1:3])
        all_tiles = list(
            chain.from_iterable(tiles(self.extractor.vgg, size, self.extractor.layers, side))
        )
        sums: dict[str, Any] = {}
        for tile in all_tiles:
            add_sums(sums, functions.statistics(image, problem, tf.constant(tile)))
        groups = [group.without_maps() for group in problem.targets.groups]
        count = position_count(image, weights.dtype)
        style, of_sums = functions.style_gradient(sums, groups, count, weights[1])
        structure, of_structure = functions.structure_gradient(image, problem, weights[3])
        gradient = tf.Variable(of_structure[0], trainable=False)
        del of_structure
        terms = tf.stack([tf.zeros_like(style), style, tf.zeros_like(style)])
        for tile in all_tiles:
            more, of_tile = functions.network_gradient(
                image, problem, weights[:3], of_sums, tf.constant(tile)
            )
            terms += more
            pixels = (tf.range(each.first, each.last) for each in tile)
            gradient.scatter_nd_add(tf.stack(tf.meshgrid(*pixels, indexing="ij"), -1), of_tile[0])
        return terms, structure, gradient[None]

    def network_gradient(
        self,
        image: tf.Tensor,
        problem: Problem,
        weights: tf.Tensor,
        of_sums: dict[str, Any] | None = None,
        tensor: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the terms [3] of features and of neighbouring pixels, and the gradient of their
        weighted sum, of a picture or of a tile.

        Args:
            of_sums: For a tile, the gradient of the style term by the sums over the picture. The
                terms are then without the part of statistics, and the gradient is by the tile with
                its halo.
            tensor: The tile; None is the whole picture.
        """
        extractor, tile = self.extractor, None if tensor is None else Tile.of(tensor)
        part = cut(image, tile)
        with tf.GradientTape() as tape:
            tape.watch(part)
            background = [cut(each, tile) for each in problem.background]
            shown = composited(part, background)
            features = own_features(extractor.vgg, shown, tile, extractor.layers, extractor.options)
            sums = self._sums(features, problem.targets, tile)
            local = self._local_terms(features, problem.targets, tile)
            pixels, *mask = (inner(each, tile, 1, beyond=1) for each in (shown, *background[:1]))
            size = tf.unstack(tf.shape(pixels)[1:3])
            if tile is not None:
                size = [each.own_last - each.own_first for each in tile]
            variation = self.extractor.losses.total_variation(
                pixels, mask[0] if mask else None, size
            )
            variation = tf.reduce_sum(variation / problem.targets.variation_norm)
            local = tf.stack([*local, tf.cast(variation, local[0].dtype)])
        terms = local
        if of_sums is None:
            groups = [group.without_maps() for group in problem.targets.groups]
            count = position_count(image, weights.dtype)
            style, of_sums = self.style_gradient(sums, groups, count, weights[1])
            terms += tf.stack([tf.zeros_like(style), style, tf.zeros_like(style)])
        return terms, tape.gradient((local, sums), part, (weights, of_sums))

    def statistics(
        self, image: tf.Tensor, problem: Problem, tensor: tf.Tensor
    ) -> dict[str, tuple[Any, ...]]:
        """Return the sums over a tile's own part that the statistics are computed from."""
        extractor, tile = self.extractor, Tile.of(tensor)
        shown = composited(cut(image, tile), [cut(each, tile) for each in problem.background])
        layers = extractor.losses.statistics_layers
        features = own_features(extractor.vgg, shown, tile, layers, extractor.options)
        return self._sums(features, problem.targets, tile)

    def _sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, tile: Tile | None
    ) -> dict[str, tuple[Any, ...]]:
        """Return each statistics layer's sums for each group, from the features of the own part of
        a tile."""
        return {
            layer: tuple(
                self.extractor.losses.sums(features[layer], self._mask(group, layer, tile))
                for group in targets.groups
            )
            for layer in self.extractor.losses.statistics_layers
        }

    def _local_terms(
        self, features: Mapping[str, tf.Tensor], targets: Targets, tile: Tile | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the content term, and the part of the style term that matched places have, from
        the features of the own part of a tile."""
        feature = features[self.extractor.losses.content_layer]
        error = self._content_error(feature, targets, tile)
        for drawing in targets.drawing:  # Its gradient, with the photo's value.
            led = self._content_error(feature, targets._replace(content=drawing), tile)
            error = led + tf.stop_gradient(error - led)
        side = 2 ** poolings_before(self.extractor.losses.content_layer)
        for factor in targets.held:  # The same, firmer.
            error = tf.reduce_sum(error, -1, keepdims=True)
            firm = error * tf.cast(own(factor, tile, side), error.dtype)
            error = firm + tf.stop_gradient(error - firm)
        content = tf.reduce_sum(error) / targets.content_norm
        layers = self.extractor.losses.matched_layers
        style = tf.zeros_like(content)
        for group in targets.groups:
            for number, (layer, places) in enumerate(zip(layers, group.places, strict=True)):
                matches = own(group.matches[0], tile, neighbours.PLACE)
                far = neighbours.errors(layers, number, features[layer], group.candidates, matches)
                if group.masks:
                    mask = self._mask(group, layer, tile)
                    far *= tf.cast(neighbours.over_places(layer, mask), far.dtype)
                part = neighbours.NEIGHBOURS_WEIGHT / len(layers) * group.weight
                style += part * tf.reduce_sum(far) / places
        return content, style

    def _content_error(self, feature: tf.Tensor, targets: Targets, tile: Tile | None) -> tf.Tensor:
        """Return the weighted squared error of the content layer's feature at each position of the
        own part of a tile, [1, h, w, C]."""
        side = 2 ** poolings_before(self.extractor.losses.content_layer)
        error = tf.square(widened(feature) - widened(own(targets.content, tile, side)))
        for mask in targets.content_mask:
            error *= tf.cast(own(mask, tile, side), error.dtype)
        return error

    def _mask(self, group: Group, layer: str, tile: Tile | None) -> tf.Tensor | None:
        if not group.masks:
            return None
        mask = group.masks[self.extractor.losses.layers.index(layer)]
        return own(mask, tile, 2 ** poolings_before(layer))

    def style_gradient(
        self, sums: dict[str, Any], groups: Sequence[Group], pixels: tf.Tensor, weight: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Return the part of the style term that statistics have, and the gradient of its weighted
        value by the sums over the picture.

        It has half of a step's operations. They work on small matrices, which have the same shapes
        for pictures of all sizes, so XLA may compile them once.
        """

        def computed(
            sums: dict[str, Any], groups: Sequence[Group], pixels: tf.Tensor, weight: tf.Tensor
        ) -> tuple[tf.Tensor, dict[str, Any]]:
            with tf.GradientTape() as tape:
                tape.watch(sums)
                style = self.extractor.losses.style(sums, groups, pixels)
                weighted = weight * style
            return style, tape.gradient(weighted, sums, unconnected_gradients="zero")

        if self.compiled_terms:
            computed = tf.function(computed, autograph=False, jit_compile=True)
        return computed(sums, groups, pixels, weight)

    def structure_gradient(
        self, image: tf.Tensor, problem: Problem, weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the structure term of a picture, and the gradient of its weighted value."""
        if not problem.contours:
            return tf.zeros_like(weight), tf.zeros_like(image)
        with tf.GradientTape() as tape:
            tape.watch(image)
            error = structure_error(composited(image, problem.background), problem.contours)
            error = tf.cast(error, weight.dtype)
            weighted = weight * error
        return error, tape.gradient(weighted, image)

    def problem(
        self,
        photo: tf.Tensor,
        groups: tuple[Group, ...],
        painted_part: np.ndarray | None,
        bare: bool = False,
        held: np.ndarray | None = None,
    ) -> Problem:
        """Return the targets of pictures on the canvas of a photo [1, h, w, 3], sRGB 0…1.

        Args:
            painted_part: The part that is painted, [h, w], 0…1, or None for the whole photo.
            bare: Whether the photo's flat parts stay bare; see structure.py.
            held: How firmly the photo's faces are held to it, [h, w], or None without any.
        """
        extractor, losses = self.extractor, self.extractor.losses
        canvas, layer = extractor.canvas(tuple(photo.shape[1:3])), losses.content_layer
        photo = padded(canvas, photo)
        content = extractor.features(photo, [layer])[layer]
        masks: tuple[tf.Tensor, ...] = ()
        background: tuple[tf.Tensor, ...] = ()
        shown, area = None, 1.0
        if painted_part is not None and extractor.recipe.composites:
            whole = canvas.padded_mask(painted_part)
            shown, area = tf.constant(whole[None, :, :, None]), float(whole.mean())
            masks = losses.layer_masks(whole, *canvas.size, (layer,))
            background = shown, photo
        flat_weight = losses.bare_weight if bare else losses.flat_weight
        if flat_weight < 1:
            weight = flat_weight + (1 - flat_weight) * detail(photo)
            weight = average_pool(weight, 2 ** poolings_before(layer))
            masks = (masks[0] * weight if masks else weight,)
        dtype = sum_dtype(content.dtype)
        norm = losses.content_norm(
            spread(content, masks[0] if masks else None), groups, canvas.size
        )
        targets = Targets(
            content,
            masks,
            tf.cast(norm, dtype),
            tf.cast(losses.variation_norm(canvas.size, area), dtype),
            tuple(self._with_places(group, canvas) for group in groups),
        )
        if held is not None:
            whole = tf.constant(1 + HELD_CONTENT * canvas.padded(held)[None, :, :, None])
            targets = targets._replace(held=(average_pool(whole, 2 ** poolings_before(layer)),))
        return Problem(targets, background, contours(photo, shown) if self.structure else ())

    def led_to(self, problem: Problem, drawing: tf.Tensor) -> Problem:
        """Return a problem whose pictures approach a drawing [1, h, w, 3] of the photo."""
        layer = self.extractor.losses.content_layer
        drawing = padded(self.extractor.canvas(tuple(drawing.shape[1:3])), drawing)
        feature = self.extractor.features(drawing, [layer])[layer]
        shown = problem.background[0] if problem.background else None
        of_drawing = contours(drawing, shown) if self.structure else ()
        targets = problem.targets._replace(drawing=(feature,))
        return problem._replace(targets=targets, contours=of_drawing)

    def content_error(self, image: tf.Tensor, targets: Targets, canvas: Canvas) -> float:
        """Return the unweighted content term of a picture on its canvas [1, H, W, 3], without the
        canvas' margins. In a small picture, they are a third of the canvas."""
        losses, layer = self.extractor.losses, self.extractor.losses.content_layer
        side = 2 ** poolings_before(layer)
        rows, columns = (
            slice(before // side, -(-(before + length) // side))
            for before, length in zip(canvas.before, canvas.picture, strict=True)
        )
        error = 0.0
        for tile, feature in self._content_features(image):
            of_tile = self._content_error(feature, targets, tile)
            top, left = (0, 0) if tile is None else (each.own_first // side for each in tile)
            inside = of_tile[:, max(0, rows.start - top) : max(0, rows.stop - top)]
            inside = inside[:, :, max(0, columns.start - left) : max(0, columns.stop - left)]
            error += float(tf.reduce_sum(inside))
        content, *masks = (
            each[:, rows, columns] for each in (targets.content, *targets.content_mask)
        )
        of_photo = spread(content, masks[0] if masks else None)
        norm = losses.content_norm(of_photo, targets.groups, canvas.picture)
        return error / float(norm)

    def _content_features(self, image: tf.Tensor) -> Iterator[tuple[Tile | None, tf.Tensor]]:
        """Yield the content layer's feature of a picture: all of it, or if memory is short, the own
        part of one tile at a time, because errors are computed in several float32 copies of it."""
        layer = self.extractor.losses.content_layer
        if not self.extractor.saves_memory:
            yield None, self.extractor.features(image, [layer])[layer]
            return
        for tile, maps in self.extractor.tiled_features(image, self.extractor.layers):
            yield tile, maps[layer]

    def _with_places(self, group: Group, canvas: Canvas) -> Group:
        places = []
        for layer in self.extractor.losses.matched_layers:
            mask = self._mask(group, layer, None)
            side = max(neighbours.PLACE, 2 ** poolings_before(layer))
            count = float(math.prod(each // side for each in canvas.size))
            if mask is not None:
                count = float(tf.reduce_sum(neighbours.over_places(layer, mask)))
            places.append(tf.constant(max(count, 1e-6), tf.float32))
        return group._replace(places=tuple(places))


class _Traced(NamedTuple):
    statistics: Callable[..., dict[str, Any]]
    style_gradient: Callable[..., tuple[tf.Tensor, dict[str, Any]]]
    structure_gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    network_gradient: Callable[..., tuple[tf.Tensor, tf.Tensor]]


@lru_cache(maxsize=64)
def _traced(objective: Objective, problem: Problem) -> _Traced:
    dtype = sum_dtype(objective.extractor.options.dtype)
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
    """Return the factor that keeps gradients within float16's range, or None for other dtypes.

    A feature's part in a relative loss is one over the number of features, next to nothing in
    float16. So the loss is multiplied before backpropagation, and the gradient divided after it, in
    float32. The first two weights, content and style, belong to features.
    """
    if dtype != tf.float16:
        return None
    pixels = position_count(image, weights.dtype)
    return FLOAT16_SCALE * pixels / tf.maximum(tf.reduce_sum(weights[:2]), 1e-30)


def signature(tensors: Any) -> Any:
    """Return the tf.TensorSpecs of a structure of tensors. Tensors [1, h, w, C] have dynamic
    height and width."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)
