"""The default recipe's losses (content, style and total variation) as pure functions of features.

Each term is relative to the norm of its target, so the balance between terms does not depend on
the scale of the weights, the photo, its size or the painting. Sums are in float32 or wider for any
dtype of features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.engine.gaussians import (
    TINY,
    Displacements,
    Gaussian,
    Statistics,
    by_eigenvectors,
    gaussian,
    moments_errors,
)
from styletransfer.engine.targets import Group, sum_dtype, widened
from styletransfer.images import masks
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.ops import (
    Index,
    convolution,
    crop,
    position_count,
    transposed_product,
    with_gradient,
)

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", without conv5_1, which costs a fifth of the time and changes nothing visible, with the
# weights of crowsonkb's style-transfer-pytorch. Shallow layers carry palette and stroke.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
STYLE_LAYER_WEIGHTS = dict(
    zip(STYLE_LAYERS, (weight / 340 for weight in (256, 64, 16, 4)), strict=True)
)
# The statistics' layers if there are neighbours: statistics carry palette and grain, neighbours
# larger forms.
SHALLOW_LAYERS = STYLE_LAYERS[:2]
NEIGHBOURS_WEIGHT = 0.25  # relative to the statistics
# Lower bound of the variance of a photo's features, as a part of their mean square: a plain wall
# has next to no shapes that could be preserved.
MIN_CONTENT_VARIANCE = 0.02
NORM_ROWS = 64  # rows of features that are widened at a time


class Sums(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·F·Fᵀ
    [C, C]. The sums over parts of a picture add up to the sums over the whole."""

    weight: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


class Spread(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·‖F‖²."""

    weight: tf.Tensor
    first: tf.Tensor
    square: tf.Tensor


@dataclass(frozen=True)
class RelativeLosses:
    """The losses of the default recipe and of `moments`.

    They are computed from sums over positions, so a picture can be computed in tiles.

    Attributes:
        content_layer: The layer at which the photo is compared.
        statistics: The statistics of paintings that are compared, `gram` or `moments`.
        displacements: Computes the map between two Gaussians; see gaussians.py.
        statistics_layers: The layers at which statistics are compared.
        matched_layers: The layers at which places are compared with the places that they are
            matched to; empty without neighbours.
        keeps_pixels: Whether candidates keep their pixels.
        pads_images: Whether pictures are painted with a margin; see canvas.py.
        composites: Whether the photo shows outside the content mask during the optimisation.
    """

    content_layer: str
    statistics: str
    displacements: Displacements = by_eigenvectors
    statistics_layers: tuple[str, ...] = STYLE_LAYERS
    matched_layers: tuple[str, ...] = ()
    keeps_pixels: bool = False

    pads_images = True
    composites = True

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers at which paintings are compared."""
        return tuple(dict.fromkeys((*self.statistics_layers, *self.matched_layers)))

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """Returns a mask's mean over each position's pixels, [1, h, w, 1] at each layer.

        Args:
            mask: The mask [h, w], 0…1, of any size.
            height: The picture's height in px.
            width: The picture's width in px.
            layers: The layers.
        """
        whole = resize(mask, height, width)
        return tuple(tf.constant(masks.pooled(whole, poolings_before(name))) for name in layers)

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Sums:
        """Returns the sums over a feature [1, h, w, C] that style is computed from. A mask
        [1, h, w, 1] weights the positions."""
        dtype = sum_dtype(feature.dtype)
        weights = None if mask is None else tf.cast(mask, dtype)
        positions = position_count(feature, dtype)
        weight = positions if weights is None else tf.reduce_sum(weights)
        return Sums(weight, *_moment_sums(feature, weights, positions))

    def painting_statistics(self, sums: Sums) -> Statistics:
        """Returns the statistics to blend and compare, from a painting's sums at a layer."""
        return statistics(sums)

    def content_norm(
        self, photo: Spread, groups: Sequence[Group], size: tuple[int, int]
    ) -> tf.Tensor:
        """Returns the divisor of the content error.

        It is the photo's variance ‖P − mean P‖² plus twice its deficit to the paintings' variance,
        summed over positions: in a clear sky, strokes have to add the missing variance, and a
        strength of 0.5 must leave room for them. The mean of P is left out, since it dominates
        Σ ‖P‖² if features have large biases.

        Args:
            photo: The sums of the photo's feature P.
            groups: The groups of paintings.
            size: The picture's (height, width); not used.
        """
        shapes = variance(photo)
        wanted = tf.add_n(
            [
                tf.cast(group.weight, tf.float64) * tf.cast(group.variance, tf.float64)
                for group in groups
            ]
        )
        lack = tf.maximum(wanted - shapes, 0)
        norm = photo.weight * (shapes + 2 * lack)
        return tf.maximum(norm, MIN_CONTENT_VARIANCE * photo.square) + TINY

    def variation_norm(self, size: tuple[int, int], area: float) -> tf.Tensor:
        """Returns the divisors [2] of `total_variation` for a picture of this (height, width).

        The term is a mean over the painted part, the share `area`, so that a small one is as
        smooth.
        """
        height, width = size
        pairs = np.array([(height - 1) * width, height * (width - 1)])
        return tf.constant(np.maximum(3 * pairs, 1) * (area + TINY), tf.float32)

    def total_variation(
        self, pixels: tf.Tensor, shown: tf.Tensor | None, own: tuple[Index, Index]
    ) -> tf.Tensor:
        """Returns the sums [2] of squared differences to the pixel below and to the right.

        After Mahendran & Vedaldi 2015, with β = 2.

        Args:
            pixels: A picture [1, h, w, 3], sRGB 0…1.
            shown: The part [1, h, w, 1] that is painted, or None for all of it. Pairs of pixels
                outside of it are left out.
            own: The number of rows and columns to sum over. The row and the column after them, if
                there are any, are neighbours of the last ones.
        """
        height, width = own
        sums = []
        for here, there in (
            (((0, -1), (0, width)), ((1, None), (0, width))),
            (((0, height), (0, -1)), ((0, height), (1, None))),
        ):
            square = tf.square(crop(pixels, *there) - crop(pixels, *here))
            if shown is not None:
                near = crop(shown, *there) + crop(shown, *here)
                square = tf.where(near > 0, square, tf.zeros_like(square))
            sums.append(tf.reduce_sum(square))
        return tf.stack(sums)

    def blend(
        self, paintings: Sequence[Sequence[Statistics]], shares: Sequence[float]
    ) -> tuple[Statistics, ...] | tuple[Gaussian, ...]:
        """Returns one target at each layer for several paintings.

        Raw moments are blended, as if each painting covered its share of one canvas. (Covariances
        do not blend linearly.) With one target, a step costs the same for 1 painting and for 16.

        Args:
            paintings: The statistics of each painting at each layer.
            shares: The paintings' shares, of any sum.
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
        """Returns the weight of each group: the part of the picture that it covers times its share,
        normalised to a sum of 1. So a pixel has the same weight in small and large regions."""
        weights = [area * share for area, share in zip(areas, shares, strict=True)]
        return [weight / sum(weights) for weight in weights]

    def style(
        self, sums: Mapping[str, Sequence[Sums]], groups: Sequence[Group], positions: tf.Tensor
    ) -> tf.Tensor:
        """Returns the part of the style term that statistics have.

        Args:
            sums: Each statistics layer's sums over the picture for each group.
            groups: The groups of paintings.
            positions: The picture's number of pixels; not used.
        """
        return tf.add_n(
            [group.weight * self._style(sums, number, group) for number, group in enumerate(groups)]
        )

    def _style(self, sums: Mapping[str, Sequence[Sums]], number: int, group: Group) -> tf.Tensor:
        moments = [statistics(sums[layer][number]) for layer in self.statistics_layers]
        if self.statistics == "moments":
            errors = moments_errors(moments, group.targets, self.displacements)
        else:
            errors = gram_errors(moments, group.targets)
        layers = zip(self.statistics_layers, errors, strict=True)
        return tf.add_n(
            [tf.cast(STYLE_LAYER_WEIGHTS[layer], error.dtype) * error for layer, error in layers]
        )


def spread(feature: tf.Tensor, mask: tf.Tensor | None) -> Spread:
    """Returns the sums that the variance of a feature [1, h, w, C] is computed from, in float64. A
    mask [1, h, w, 1] weights the positions."""
    parts = []
    for first in range(0, feature.shape[1], NORM_ROWS):
        rows = tf.cast(feature[:, first : first + NORM_ROWS], tf.float64)
        square = tf.square(rows)  # Ten times as fast as rows**2.
        weight = tf.size(rows[..., 0], tf.int64)
        if mask is not None:
            weights = tf.cast(mask[:, first : first + NORM_ROWS], tf.float64)
            weight, rows, square = tf.reduce_sum(weights), weights * rows, weights * square
        sums = tf.reduce_sum(rows, [0, 1, 2]), tf.reduce_sum(square)
        parts.append((tf.cast(weight, tf.float64), *sums))
    return Spread(*map(tf.add_n, zip(*parts, strict=True)))


def variance(spread: Spread) -> tf.Tensor:
    """Returns the mean of ‖F − mean F‖² over positions."""
    weight = tf.maximum(spread.weight, 1e-6)
    return (spread.square - tf.reduce_sum(spread.first**2) / weight) / weight


def _moment_sums(
    feature: tf.Tensor, weights: tf.Tensor | None, positions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns Σ w·F [C] and Σ w·F·Fᵀ [C, C] of a feature [1, h, w, C], in float32 or wider.

    The custom gradient needs only the feature, not its copy in float32, and one matrix product
    instead of two. It is a 1 × 1 convolution, into which oneDNN fuses the gradient of the first
    sums.

    Args:
        feature: The feature F.
        weights: The weights w [1, h, w, 1], or None if all are 1.
        positions: Their number h · w, a scalar.
    """

    @with_gradient
    def summed(feature: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
        wide = widened(feature)
        weighted = wide if weights is None else weights * wide
        # First over rows, then over columns: much more exact than one long sum, and on a CPU
        # several times as fast.
        first = tf.reduce_sum(tf.reduce_sum(weighted, [0, 1]), 0)
        flat = tf.reshape(feature if weights is None else wide, [-1, feature.shape[-1]])
        other = flat if weights is None else tf.reshape(weighted, tf.shape(flat))
        second = transposed_product(other, flat, wide.dtype)

        def gradient(of_first: tf.Tensor, of_second: tf.Tensor) -> tf.Tensor:
            symmetric = of_second + tf.transpose(of_second)
            # The mean is most of a feature. Its product and `of_first` nearly cancel, so bfloat16
            # would leave little of the difference. The mean may be rounded if it is the same in
            # both places.
            mean = tf.cast(first / positions, feature.dtype)
            kernel = tf.cast(symmetric, feature.dtype)[None, None]
            found = convolution(tf.nn.bias_add(feature, -mean), kernel, "VALID")
            bias = of_first + tf.linalg.matvec(symmetric, tf.cast(mean, first.dtype))
            found = tf.nn.bias_add(found, tf.cast(bias, feature.dtype))
            return found if weights is None else tf.cast(weights, feature.dtype) * found

        return (first, second), gradient

    return summed(feature)


def statistics(sums: Sums) -> Statistics:
    """Returns mean and raw second moment, from sums over positions."""
    # A small region may have no position at a deep layer.
    weight = tf.maximum(sums.weight, tf.constant(1e-6, sums.weight.dtype))
    return Statistics(sums.first / weight, sums.second / weight)


def gram_errors(found: Sequence[Statistics], targets: Sequence[Statistics]) -> list[tf.Tensor]:
    """Returns the squared distance of the Gram matrices at each layer (Gatys, Ecker & Bethge 2016),
    relative to the target's norm."""
    return [
        tf.reduce_sum((has.second - target.second) ** 2) / (tf.reduce_sum(target.second**2) + TINY)
        for has, target in zip(found, targets, strict=True)
    ]
