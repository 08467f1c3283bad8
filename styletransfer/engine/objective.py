"""What is minimised: losses on a network's features, and the gradient of their weighted sum."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from styletransfer.devices.tensorflow import fastest_precision, gpus_in_use
from styletransfer.engine import neighbours
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.compilation import compiles_terms
from styletransfer.engine.float16_gradient import gradient_scale
from styletransfer.engine.inetwork_losses import OriginalLosses
from styletransfer.engine.losses import (
    SHALLOW_LAYERS,
    Errors,
    RelativeLosses,
    neighbours_of,
    unpainted_variation,
)
from styletransfer.engine.recipe import (
    Group,
    Losses,
    PaintingStatistics,
    Targets,
    add_sums,
    sum_dtype,
)
from styletransfer.engine.structure import PhotoContours, contours, structure_error
from styletransfer.engine.transport import by_eigenvectors, by_products
from styletransfer.images.arrays import resize
from styletransfer.settings import Settings
from styletransfer.vgg.network import MULTIPLE, VGG, NetworkOptions, poolings_before
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import banded_forward, bands, tiled_forward

# Of a tile when only features are computed: pixels, and rows at least.
FORWARD_PIXELS, MIN_FORWARD_ROWS = 1 << 16, 64
HALF = 0.5  # of a mask, from which a place of a painting is used

# Takes a layer's name, the first row of a part of its feature, and that part [1, h, w, C].
Seen: TypeAlias = Callable[[str, int, tf.Tensor], None]


class Problem(NamedTuple):
    """One picture's targets at one scale. background: (mask [1, H, W, 1], photo [1, H, W, 3]) if
    the picture is composited with the photo before it is compared; else empty. contours: the
    photo's; empty if they are not compared."""

    targets: Targets
    background: tuple[tf.Tensor, ...]
    contours: PhotoContours = ()

    def with_matches(self, matches: Sequence[tf.Tensor]) -> "Problem":
        """The same with the matches of each group's paintings, int32 [1, h, w, paintings]."""
        groups = tuple(
            group._replace(matches=(each,))
            for group, each in zip(self.targets.groups, matches, strict=True)
        )
        return self._replace(targets=self.targets._replace(groups=groups))


@dataclass(frozen=True)
class Objective:
    """Which features of which network are compared, and by which losses.

    as_given: paintings are used at their own size, and pictures have no margin. structure: whether
    the photo's contours are compared. compiled_terms: whether XLA compiles what leads from sums to
    terms. freedom: see neighbours.nearest; all share a program.
    """

    vgg: VGG
    losses: Losses
    options: NetworkOptions
    as_given: bool = False
    structure: bool = False
    compiled_terms: bool = False
    freedom: float = field(default=0.5, compare=False)

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Objective":
        """The objective for these settings."""
        settings = vgg.adapted(settings)
        losses: Losses
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
        """The canvas that a picture of this (height, width) is painted on."""
        return Canvas.around(picture) if self._pads_images else Canvas(picture)

    @property
    def _pads_images(self) -> bool:
        return self.losses.pads_images and not self.as_given

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are compared, with the photo or with paintings."""
        return tuple(dict.fromkeys((*self.losses.layers, self.losses.content_layer)))

    @property
    def matched_channels(self) -> int:
        """Channels of all layers at which places are matched."""
        return sum(map(self.vgg.channels, self.losses.matched_layers))

    def feature_sums(
        self, features: Mapping[str, tf.Tensor], targets: Targets, first: tf.Tensor | int = 0
    ) -> dict[str, Any]:
        """The losses' sums over these features; see Losses.terms. first: the row of its layer that
        each feature starts at. Sums over tiles add up to those over the picture."""

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
        """Features of image [1, H, W, 3] (sRGB 0…1), as `VGG.forward` gives them."""
        height = image.shape[1]
        found = {layer: RowBuffer(height // 2 ** poolings_before(layer)) for layer in layers}
        tiled = tiled_forward(self.vgg, image, layers, self.options, forward_rows(image))
        for tile, features in tiled:
            for layer, feature in features.items():
                found[layer].write(tile.first, feature)
        return {layer: rows.tensor for layer, rows in found.items()}

    def painting_targets(
        self, painting: tf.Tensor, mask: np.ndarray | None, share: float
    ) -> tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]:
        """Computes what a picture is compared with of a painting.

        Args:
            painting: [1, H, W, 3], sRGB 0…1.
            mask: The part that is used, [h, w], 0…1; all of it if None.
            share: The painting's share, of those that are blended with it.

        Returns:
            Its statistics, and its places as candidates for matches; none without matched layers.
        """
        losses, layers, size = self.losses, self.layers, tuple(painting.shape[1:3])
        canvas = Canvas.around(size, margin=0) if self._pads_images else Canvas(size)
        at_layers = self.layer_masks(mask, canvas, layers)
        sums: dict[str, Any] = {}

        def add(layer: str, first: int, feature: tf.Tensor) -> None:
            rows = None
            if at_layers:
                rows = at_layers[layers.index(layer)][:, first : first + feature.shape[1]]
            if layer in losses.statistics_layers:
                add_sums(sums, {layer: losses.sums(feature, rows)})
            if layer == losses.content_layer:
                add_sums(sums, {"content": losses.spread(feature, rows)})

        candidates: tuple[neighbours.Candidates, ...] = ()
        if losses.matched_layers:
            candidates = (self._candidates(painting, mask, share, add),)
        else:
            # A painting may have many times the pixels of a panorama, whose memory is planned.
            image = canvas.padded(painting)
            for band in banded_forward(self.vgg, image, layers, self.options, forward_rows(image)):
                add(*band)
        at_each = tuple(losses.painting_statistics(sums[name]) for name in losses.statistics_layers)
        return PaintingStatistics(at_each, losses.variance(sums["content"])), candidates

    def _candidates(
        self, painting: tf.Tensor, mask: np.ndarray | None, share: float, seen: Seen
    ) -> neighbours.Candidates:
        """Draws candidates as `painting_targets` says, and shows `seen` all features of the
        painting on the way: they are computed once for both."""
        channels = self.matched_channels
        found: list[neighbours.PlacesOf] = []
        used = []
        whole = np.ones(painting.shape[1:3], np.float32)
        if mask is not None:
            whole = resize(mask, *whole.shape)
        images, masks = (
            neighbours.turned(each, channels)
            for each in (painting, tf.constant(whole[None, ..., None]))
        )
        for image, shown in zip(images, masks, strict=True):
            canvas = Canvas.around(tuple(image.shape[1:3]), margin=0)
            found.append(partial(self.places, canvas.padded(image), None if found else seen))
            places = (side // neighbours.PLACE for side in canvas.size)
            inside = resize(canvas.padded_mask(shown[0, ..., 0].numpy()), *places)
            used.append((inside > 0) & (inside >= min(HALF, inside.max())))
        return neighbours.candidates(found, used, channels, share)

    def places(self, image: tf.Tensor, seen: Seen | None = None) -> Iterator[neighbours.Places]:
        """Computes the places of an image [1, H, W, 3], in bands of rows from top to bottom. `seen`
        is called with all features that are compared."""
        matched = self.losses.matched_layers
        layers = self.layers if seen else matched
        high = neighbours.band_rows(tuple(image.shape[1:3]), self.matched_channels)
        for band in bands(self.vgg, image, layers, self.options, forward_rows(image), high):
            rows: dict[str, list[tf.Tensor]] = {layer: [] for layer in matched}
            for layer, first, feature in band:
                if seen:
                    seen(layer, first, feature)
                if layer in matched:
                    rows[layer].append(neighbours.places(layer, feature))
            yield neighbours.aligned({layer: tf.concat(each, 0) for layer, each in rows.items()})

    def places_of(self, image: tf.Tensor) -> neighbours.PlacesOf:
        """The places of an image [1, H, W, 3], computed once if they are few, else at each call."""
        height = image.shape[1]
        if neighbours.band_rows(tuple(image.shape[1:3]), self.matched_channels) < height:
            return partial(self.places, image)
        (kept,) = self.places(image)
        return lambda: iter([dict(kept)])  # A copy: matching lets go of each layer after its use.

    def matches_shape(self, picture: tuple[int, int], paintings: int) -> tuple[int, ...]:
        """The shape of all matches of a picture of this (height, width) among so many paintings."""
        height, width = self.canvas(picture).size
        return 1, height // neighbours.PLACE, width // neighbours.PLACE, paintings

    def layer_masks(
        self, mask: np.ndarray | None, canvas: Canvas, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """A mask [h, w] of the picture on a canvas at each layer, [1, h, w, 1]; empty for None."""
        if mask is None:
            return ()
        return self.losses.layer_masks(canvas.padded_mask(mask), *canvas.size, layers)

    def composited(self, image: tf.Tensor, problem: Problem) -> tf.Tensor:
        """image [1, H, W, 3] over the problem's background, if it has one."""
        if not problem.background:
            return image
        mask, photo = problem.background
        return mask * image + (1 - mask) * photo

    def all_sums(self, image: tf.Tensor, problem: Problem) -> dict[str, Any]:
        """What the terms are computed from: the sums over the features of image [1, H, W, 3] and
        over its neighbouring pixels, and the error of its structure."""
        whole = self.composited(image, problem)
        features = self.vgg.forward(whole, self.layers, self.options)
        sums = self.feature_sums(features, problem.targets)
        sums["total_variation"] = self.losses.total_variation(whole, tf.shape(whole)[1])
        sums["structure"] = structure_error(whole, problem.contours)
        return sums

    def _terms_of(self, sums: dict[str, Any], targets: Targets, size: tf.Tensor) -> tf.Tensor:
        """The terms [4] from `all_sums` of a picture of this (height, width)."""
        height, width = tf.unstack(size)
        terms = self.losses.terms(sums, targets, height, width)
        return tf.concat([terms, tf.cast(sums["structure"], terms.dtype)[None]], axis=0)

    def gradient(
        self, image: tf.Tensor, problem: Problem, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The unweighted terms [4] of image [1, H, W, 3], and the gradient of their sum weighted by
        `weights` [4]. Computed without tiles."""
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
        """`all_sums`, targets, size, weights [4] → the terms, and the gradients of their weighted
        sum by all sums. Half of a step's operations, on small matrices whose sizes do not depend
        on the picture's: compiled once."""

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
        """The targets for a photo [1, h, w, 3], painted inside content_mask [h, w]. Pictures that
        are compared with them are on `canvas`."""
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


def forward_rows(image: tf.Tensor) -> int:
    """Rows of a tile of an image [1, H, W, 3] of which only features are computed."""
    rows = FORWARD_PIXELS // image.shape[2]
    return max(MIN_FORWARD_ROWS, rows - rows % MULTIPLE)


def signature(tensors: Any) -> Any:
    """The tf.TensorSpecs of a structure of tensors, with dynamic height and width where a tensor is
    [1, h, w, C]."""

    def spec(tensor: tf.Tensor) -> tf.TensorSpec:
        shape = tensor.shape
        return tf.TensorSpec([1, None, None, shape[3]] if len(shape) == 4 else shape, tensor.dtype)

    return tf.nest.map_structure(spec, tensors)
