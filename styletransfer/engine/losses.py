"""The default recipe's losses (content, style and total variation) as pure functions of features.

Each term is relative to the norm of its target, so the balance between terms does not depend on
the scale of the weights, the photo, its size or the painting. Sums are in float32 or wider,
whatever the features' dtype.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.engine.gaussians import TINY, Gaussian, Statistics, gaussian, moments_errors
from styletransfer.engine.recipe import Group, Targets, sum_dtype, widened
from styletransfer.engine.transport import Displacements, by_eigenvectors
from styletransfer.images import masks
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.ops import convolution, crop, with_gradient

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", without conv5_1, which costs a fifth of the time and changes nothing that is seen; the
# weights of crowsonkb's style-transfer-pytorch. Shallow layers carry palette and stroke.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
STYLE_LAYER_WEIGHTS = dict(
    zip(STYLE_LAYERS, (weight / 340 for weight in (256, 64, 16, 4)), strict=True)
)
# The statistics beside neighbours: those of palette and grain. Larger forms are the neighbours'.
SHALLOW_LAYERS = STYLE_LAYERS[:2]
NEIGHBOURS_WEIGHT = 0.25  # beside the statistics
# A photo's features vary by at least this part of their mean square: a plain wall has next to no
# shapes whose distance could be held.
MIN_CONTENT_VARIANCE = 0.02
NORM_ROWS = 64  # of features that are in memory in float32 at a time


class Sums(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·F·Fᵀ
    [C, C]. Those of the parts of a picture add up to those of the whole."""

    weight: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


class Errors(NamedTuple):
    """The sum over places of their distance to their matches, and of their weights; scalars."""

    weighted: tf.Tensor
    weight: tf.Tensor


class Spread(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·‖F‖²."""

    weight: tf.Tensor
    first: tf.Tensor
    square: tf.Tensor


@dataclass(frozen=True)
class RelativeLosses:
    """The default recipe and `moments`. statistics: what of a painting is compared, `gram` or
    `moments`. displacements: how the map between two Gaussians is computed, see transport.py.
    matched_layers: none without neighbours."""

    content_layer: str
    statistics: str
    displacements: Displacements = by_eigenvectors
    statistics_layers: tuple[str, ...] = STYLE_LAYERS
    matched_layers: tuple[str, ...] = ()

    pads_images = True
    composites = True

    @property
    def layers(self) -> tuple[str, ...]:
        """Those of statistics and those that are matched."""
        return tuple(dict.fromkeys((*self.statistics_layers, *self.matched_layers)))

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """The mean of the mask over each position's pixels."""
        whole = resize(mask, height, width)
        return tuple(tf.constant(masks.pooled(whole, poolings_before(name))) for name in layers)

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Sums:
        """See Losses."""
        dtype = sum_dtype(feature.dtype)
        if mask is None:
            positions = tf.reduce_prod(tf.shape(feature)[:3])
            return Sums(tf.cast(positions, dtype), *_moment_sums(feature, None))
        weights = tf.cast(mask, dtype)
        return Sums(tf.reduce_sum(weights), *_moment_sums(feature, weights))

    def painting_statistics(self, sums: Sums) -> Statistics:
        """See Losses."""
        return statistics(sums)

    def content_error(
        self, feature: tf.Tensor, target: tf.Tensor, mask: tf.Tensor | None
    ) -> tf.Tensor:
        """See Losses."""
        error = tf.square(widened(feature) - widened(target))
        return tf.reduce_sum(error if mask is None else tf.cast(mask, error.dtype) * error)

    def spread(self, feature: tf.Tensor, mask: tf.Tensor | None) -> Spread:
        """See Losses; in float64."""
        parts = []
        for first in range(0, feature.shape[1], NORM_ROWS):
            rows = tf.cast(feature[:, first : first + NORM_ROWS], tf.float64)
            weights = tf.ones_like(rows[..., :1])
            if mask is not None:
                weights = tf.cast(mask[:, first : first + NORM_ROWS], tf.float64)
            parts.append(
                (
                    tf.reduce_sum(weights),
                    tf.reduce_sum(weights * rows, [0, 1, 2]),
                    tf.reduce_sum(weights * rows**2),
                )
            )
        return Spread(*map(tf.add_n, zip(*parts, strict=True)))

    def variance(self, spread: Spread) -> tf.Tensor:
        """The mean of ‖F − mean F‖²."""
        weight = tf.maximum(spread.weight, 1e-6)
        return (spread.square - tf.reduce_sum(spread.first**2) / weight) / weight

    def content_norm(self, photo: Spread, groups: Sequence[Group]) -> tf.Tensor:
        """The photo's variance ‖P − mean P‖², plus twice what it lacks of the paintings' variance,
        summed over positions: in a clear sky, strokes have to bring what is missing, and a strength
        of 0.5 must leave room for them. The mean of P is left out, since it is most of Σ ‖P‖² where
        features have large biases."""
        shapes = self.variance(photo)
        wanted = tf.add_n(
            [
                tf.cast(group.weight, tf.float64) * tf.cast(group.variance, tf.float64)
                for group in groups
            ]
        )
        lack = tf.maximum(wanted - shapes, 0)
        norm = photo.weight * (shapes + 2 * lack)
        return tf.maximum(norm, MIN_CONTENT_VARIANCE * photo.square)

    def total_variation(self, rows: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The sums [2] of squared differences to the pixel below and to the pixel on the right."""
        below = crop(rows, (1, None)) - crop(rows, (0, -1))
        right = crop(rows, (0, own), (1, None)) - crop(rows, (0, own), (0, -1))
        return tf.stack([tf.reduce_sum(tf.square(each)) for each in (below, right)])

    def blend(
        self, paintings: Sequence[Sequence[Statistics]], shares: Sequence[float]
    ) -> tuple[Statistics, ...] | tuple[Gaussian, ...]:
        """Blends raw moments, as of a canvas of which each painting covers its share. (Covariances
        do not blend linearly.) With one target, a step costs the same for 1 painting and for 16.
        """
        parts = [share / sum(shares) for share in shares]
        blends = tuple(
            Statistics(
                *(
                    tf.add_n([part * value for part, value in zip(parts, values, strict=True)])
                    for values in zip(*layer, strict=True)
                )
            )
            for layer in zip(*paintings, strict=True)
        )
        return tuple(map(gaussian, blends)) if self.statistics == "moments" else blends

    def group_weights(self, areas: Sequence[float], shares: Sequence[float]) -> list[float]:
        """Area times share, with a sum of 1: a pixel counts as much in a small region as in a large
        one."""
        weights = [area * share for area, share in zip(areas, shares, strict=True)]
        return [weight / sum(weights) for weight in weights]

    def terms(
        self, sums: Mapping[str, Any], targets: Targets, height: tf.Tensor, width: tf.Tensor
    ) -> tf.Tensor:
        """See Losses."""
        style = tf.add_n(
            [
                group.weight * self._style(sums, number, group)
                for number, group in enumerate(targets.groups)
            ]
        )
        content = sums["content"] / (targets.content_norm + TINY)
        # The mean squared difference to the pixel below plus that to the right (Mahendran &
        # Vedaldi 2015, with β = 2).
        pairs = 3 * tf.stack([(height - 1) * width, height * (width - 1)])
        variation = sums["total_variation"]
        if targets.painted:
            # As the other terms, a mean over what is painted: a small part is as smooth as a whole.
            area, unpainted = targets.painted
            variation = (variation - unpainted) / (area + TINY)
        variation /= tf.cast(tf.maximum(pairs, 1), variation.dtype)
        return tf.stack([content, style, tf.reduce_sum(variation)])

    def _style(self, sums: Mapping[str, Any], number: int, group: Group) -> tf.Tensor:
        """The style term of a group, by its number."""
        moments = [statistics(sums[layer][number]) for layer in self.statistics_layers]
        if self.statistics == "moments":
            errors = moments_errors(moments, group.targets, self.displacements)
        else:
            errors = gram_errors(moments, group.targets)
        layers = zip(self.statistics_layers, errors, strict=True)
        style = tf.add_n(
            [tf.cast(STYLE_LAYER_WEIGHTS[layer], error.dtype) * error for layer, error in layers]
        )
        if self.matched_layers:
            far = [sums[neighbours_of(layer)][number] for layer in self.matched_layers]
            means = [each.weighted / tf.maximum(each.weight, 1e-6) for each in far]
            style += NEIGHBOURS_WEIGHT / len(means) * tf.add_n(means)
        return style


def neighbours_of(layer: str) -> str:
    """The name of a layer's Errors among the sums."""
    return f"neighbours {layer}"


def unpainted_variation(photo: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The part of RelativeLosses.total_variation [2] of photo [1, H, W, 3] that is between pixels
    whose mask [1, H, W, 1] is 0: what a picture composited with it always has."""
    parts = []
    for first in range(0, photo.shape[1], NORM_ROWS):
        rows, shown = (each[:, first : first + NORM_ROWS + 1] for each in (photo, mask))
        below = rows[:, 1:] - rows[:, :-1], shown[:, 1:] + shown[:, :-1]
        rows, shown = rows[:, :NORM_ROWS], shown[:, :NORM_ROWS]
        right = rows[:, :, 1:] - rows[:, :, :-1], shown[:, :, 1:] + shown[:, :, :-1]
        sums = [tf.reduce_sum(tf.where(near > 0, 0.0, each**2)) for each, near in (below, right)]
        parts.append(tf.stack(sums))
    return tf.add_n(parts)


def _moment_sums(feature: tf.Tensor, weights: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Σ w·F [C] and Σ w·F·Fᵀ [C, C] of a feature [1, h, w, C], in float32 or wider; weights
    [1, h, w, 1] or none.

    With a gradient of its own: only the feature is kept for it, not its copy in float32, and one
    matrix product replaces two. It is a 1 × 1 convolution, into which oneDNN fuses the gradient of
    the first sums.
    """

    @with_gradient
    def summed(feature: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
        wide = widened(feature)
        weighted = wide if weights is None else weights * wide
        # First over rows, then over columns: many times as exact as one long sum, and on a CPU
        # several times as fast.
        first = tf.reduce_sum(tf.reduce_sum(weighted, [0, 1]), 0)
        flat, weighted = (tf.reshape(each, [-1, feature.shape[-1]]) for each in (wide, weighted))
        second = tf.matmul(weighted, flat, transpose_a=True)
        positions = tf.shape(flat)[0]

        def gradient(of_first: tf.Tensor, of_second: tf.Tensor) -> tf.Tensor:
            symmetric = of_second + tf.transpose(of_second)
            # The product with the mean, which is most of a feature, and `of_first` nearly cancel:
            # both in bfloat16 would leave little of the difference. The mean may be rounded, as
            # long as it is the same in both places.
            mean = tf.cast(first / tf.cast(positions, first.dtype), feature.dtype)
            kernel = tf.cast(symmetric, feature.dtype)[None, None]
            found = convolution(tf.nn.bias_add(feature, -mean), kernel, "VALID")
            bias = of_first + tf.linalg.matvec(symmetric, tf.cast(mean, first.dtype))
            found = tf.nn.bias_add(found, tf.cast(bias, feature.dtype))
            return found if weights is None else tf.cast(weights, feature.dtype) * found

        return (first, second), gradient

    return summed(feature)


def statistics(sums: Sums) -> Statistics:
    """Mean and raw second moment, from sums over positions."""
    # A small region may have no position at a deep layer.
    weight = tf.maximum(sums.weight, tf.constant(1e-6, sums.weight.dtype))
    return Statistics(sums.first / weight, sums.second / weight)


def gram_errors(found: Sequence[Statistics], targets: Sequence[Statistics]) -> list[tf.Tensor]:
    """The squared distance of the Gram matrices at each layer (Gatys, Ecker & Bethge 2016),
    relative to the target's norm."""
    return [
        tf.reduce_sum((has.second - target.second) ** 2) / (tf.reduce_sum(target.second**2) + TINY)
        for has, target in zip(found, targets, strict=True)
    ]
