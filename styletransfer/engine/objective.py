"""The function to minimise: losses on features, and the gradient of their weighted sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import fastest_precision, gpus_in_use
from styletransfer.engine import neighbours
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.compilation import compiles_terms
from styletransfer.engine.gaussians import by_eigenvectors, by_products
from styletransfer.engine.inetwork_losses import OriginalLosses
from styletransfer.engine.losses import (
    SHALLOW_LAYERS,
    Errors,
    RelativeLosses,
    neighbours_of,
    unpainted_variation,
)
from styletransfer.engine.structure import PhotoContours, contours, structure_error
from styletransfer.engine.targets import (
    Group,
    Targets,
    sum_dtype,
)
from styletransfer.settings import Settings
from styletransfer.vgg.network import MULTIPLE, VGG, NetworkOptions, poolings_before
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import tiled_forward

FORWARD_PIXELS, MIN_FORWARD_ROWS = 1 << 16, 64  # per tile when only features are computed
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

    def with_matches(self, matches: Sequence[tf.Tensor]) -> "Problem":
        """Returns the problem with matches for each group, int32 [1, h, w, paintings]."""
        groups = tuple(
            group._replace(matches=(each,))
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
        freedom: As in `neighbours.nearest`. Objectives that differ only in it share a program.
    """

    vgg: VGG
    losses: RelativeLosses | OriginalLosses
    options: NetworkOptions
    as_given: bool = False
    structure: bool = False
    compiled_terms: bool = False
    freedom: float = field(default=0.5, compare=False)

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
            if settings.recipe == "default":
                losses = replace(
                    losses,
                    statistics_layers=SHALLOW_LAYERS,
                    matched_layers=tuple(
                        layer for layer in neighbours.MATCHED_LAYERS if layer in vgg.layers
                    ),
                )
        precision = settings.precision
        if settings.optimizer == "lbfgs" and precision == "auto":
            precision = "float32"  # A line search fails on bfloat16's rounding.
        dtype = tf.as_dtype(fastest_precision() if precision == "auto" else precision)
        if dtype == tf.float16 and (settings.recipe == "inetwork" or not vgg.fits_float16):
            dtype = tf.float32  # That recipe's losses are not relative: features keep their scale.
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

    def feature_sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, first: tf.Tensor | int = 0
    ) -> dict[str, Any]:
        """Returns the losses' sums over features, the input of `RelativeLosses.terms`.

        Sums over tiles add up to the sums over the picture.

        Args:
            features: Each layer's feature [1, h, w, C], of a picture or of whole rows of it.
            targets: The picture's targets.
            first: The index of the features' first row in each layer's whole feature.
        """

        def same_rows(whole: tf.Tensor, feature: tf.Tensor) -> tf.Tensor:
            return whole[:, first : first + tf.shape(feature)[1]]

        def mask_of(group: Group, layer: str, feature: tf.Tensor) -> tf.Tensor | None:
            if not group.masks:
                return None
            return same_rows(group.masks[self.losses.layers.index(layer)], feature)

        def neighbour_errors(group: Group, layer: str, feature: tf.Tensor) -> Errors:
            side = 2 ** poolings_before(layer)
            (matches,) = group.matches
            start, rows = first * side // neighbours.PLACE, tf.shape(feature)[1]
            matches = matches[:, start : start + rows * side // neighbours.PLACE]
            layers = self.losses.matched_layers
            far = neighbours.errors(layers, layers.index(layer), feature, group.candidates, matches)
            mask = mask_of(group, layer, feature)
            weight = tf.ones_like(far)
            if mask is not None:
                weight = tf.cast(neighbours.over_places(layer, mask), far.dtype)
            return Errors(tf.reduce_sum(weight * far), tf.reduce_sum(weight))

        found: dict[str, Any] = {}
        for layer, feature in features.items():
            if layer in self.losses.statistics_layers:
                found[layer] = tuple(
                    self.losses.sums(feature, mask_of(group, layer, feature))
                    for group in targets.groups
                )
            if layer in self.losses.matched_layers:
                found[neighbours_of(layer)] = tuple(
                    neighbour_errors(group, layer, feature) for group in targets.groups
                )
            if layer == self.losses.content_layer:
                masks = [same_rows(mask, feature) for mask in targets.content_mask] or [None]
                content = same_rows(targets.content, feature)
                found["content"] = self.losses.content_error(feature, content, masks[0])
        return found

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Returns the features of image [1, H, W, 3] (sRGB 0…1) as `VGG.forward` does, computed in
        tiles."""
        height = image.shape[1]
        found = {layer: RowBuffer(height // 2 ** poolings_before(layer)) for layer in layers}
        tiled = tiled_forward(self.vgg, image, layers, self.options, forward_rows(image))
        for tile, features in tiled:
            for layer, feature in features.items():
                found[layer].write(tile.first, feature)
        return {layer: rows.tensor for layer, rows in found.items()}

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
        if not problem.background:
            return image
        mask, photo = problem.background
        return mask * image + (1 - mask) * photo

    def all_sums(self, image: tf.Tensor, problem: Problem) -> dict[str, Any]:
        """Returns the input of the terms: the sums over the features of image [1, H, W, 3] and over
        its neighbouring pixels, and the error of its structure."""
        whole = self.composited(image, problem)
        features = self.vgg.forward(whole, self.layers, self.options)
        sums = self.feature_sums(features, problem.targets)
        sums["total_variation"] = self.losses.total_variation(whole, tf.shape(whole)[1])
        sums["structure"] = structure_error(whole, problem.contours)
        return sums

    def _terms_of(self, sums: dict[str, Any], targets: Targets, size: tf.Tensor) -> tf.Tensor:
        """Returns the terms [4] from `all_sums` of a picture of this (height, width)."""
        height, width = tf.unstack(size)
        terms = self.losses.terms(sums, targets, height, width)
        return tf.concat([terms, tf.cast(sums["structure"], terms.dtype)[None]], axis=0)

    def gradient(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes loss and gradient without tiles.

        Args:
            image: The picture on its canvas [1, H, W, 3], sRGB 0…1.
            problem: Its targets.
            weights: The weights [4] of the terms.

        Returns:
            The unweighted terms [4], and the gradient [1, H, W, 3] of their weighted sum.
        """
        size = tf.shape(image)[1:3]
        scale = gradient_scale(self.options.dtype, weights, size)
        scaled = weights if scale is None else scale * weights
        with tf.GradientTape() as tape:
            tape.watch(image)
            sums = self.all_sums(image, problem)
            if not self.compiled_terms:
                terms = self._terms_of(sums, problem.targets, size)
                total = tf.reduce_sum(scaled * terms)
        if self.compiled_terms:
            terms, upstream = self._compiled_terms_of(
                sums, problem.targets.without_maps(), size, scaled
            )
            found = tape.gradient(sums, image, upstream)
        else:
            found = tape.gradient(total, image)
        return terms, found if scale is None else found / scale

    @property
    def _compiled_terms_of(self) -> tf.types.experimental.GenericFunction:
        """A compiled function of all sums, targets, size and weights [4]. It returns the terms, and
        the gradients of their weighted sum by the sums.

        It has half of a step's operations. They work on small matrices, which have the same shapes
        for pictures of all sizes, so it is compiled once.
        """

        @partial(tf.function, autograph=False, jit_compile=True)
        def compiled(
            sums: dict[str, Any], targets: Targets, size: tf.Tensor, weights: tf.Tensor
        ) -> tuple[tf.Tensor, dict[str, Any]]:
            with tf.GradientTape() as tape:
                tape.watch(sums)
                terms = self._terms_of(sums, targets, size)
                total = tf.reduce_sum(weights * terms)
            return terms, tape.gradient(total, sums, unconnected_gradients="zero")

        return compiled

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
        painted: tuple[tf.Tensor, ...] = ()
        shown = None
        if content_mask is not None and self.losses.composites:
            whole = canvas.padded_mask(content_mask)
            shown = tf.constant(whole[None, :, :, None])
            masks = self.losses.layer_masks(whole, *canvas.size, (layer,))
            background = shown, photo
            painted = tf.reduce_mean(shown), unpainted_variation(photo, shown)
        spread = self.losses.spread(content, masks[0] if masks else None)
        norm = tf.cast(self.losses.content_norm(spread, groups), sum_dtype(content.dtype))
        found = contours(photo, shown) if self.structure else ()
        return Problem(Targets(content, masks, norm, groups, painted), background, found)


def gradient_scale(dtype: tf.DType, weights: tf.Tensor, size: tf.Tensor) -> tf.Tensor | None:
    """Returns the factor that keeps gradients within float16's range, or None for other dtypes.

    A feature's part in a relative loss is one over the number of features, next to nothing in
    float16. So the loss is multiplied before backpropagation, and the gradient divided after it, in
    float32.

    Args:
        dtype: The features' dtype.
        weights: The terms' weights. The first two, content and style, belong to features.
        size: The picture's (height, width) in px.
    """
    if dtype != tf.float16:
        return None
    pixels = tf.cast(tf.reduce_prod(size), weights.dtype)
    return FLOAT16_SCALE * pixels / tf.maximum(tf.reduce_sum(weights[:2]), 1e-30)


def forward_rows(image: tf.Tensor) -> int:
    """Returns the number of rows per tile for computing only features of image [1, H, W, 3]."""
    rows = FORWARD_PIXELS // image.shape[2]
    return max(MIN_FORWARD_ROWS, rows - rows % MULTIPLE)


def signature(tensors: Any) -> Any:
    """Returns the tf.TensorSpecs of a structure of tensors. Tensors [1, h, w, C] have dynamic
    height and width."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)
