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

from styletransfer.engine.recipe import Group, Targets
from styletransfer.images import masks
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.ops import crop, with_gradient

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", without conv5_1, which costs a fifth of the time and changes nothing that is seen; the
# weights of crowsonkb's style-transfer-pytorch. Shallow layers carry palette and stroke.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
STYLE_LAYER_WEIGHTS = tuple(weight / 340 for weight in (256, 64, 16, 4))
TINY = 1e-30  # where a norm may be 0
MIN_VARIANCE = 1e-4  # of a painting's total; smaller ones drown in float32's rounding
# A photo's features vary by at least this part of their mean square: a plain wall has next to no
# shapes whose distance could be held.
MIN_CONTENT_VARIANCE = 0.02
NORM_ROWS = 64  # of features that are in memory in float32 at a time
DIRECTIONS = 256  # in which a layer's covariance is compared; the rest only by its trace


class Statistics(NamedTuple):
    """A layer's features over a region: their mean [C] and raw second moment [C, C], which is the
    Gram matrix divided by the number of positions."""

    mean: tf.Tensor
    second: tf.Tensor


class Gaussian(NamedTuple):
    """The target of `moments`: mean [C]; the directions in which the painting varies most, columns
    of `basis` [C, D], and its standard deviation in each [D]; the variance in all others."""

    mean: tf.Tensor
    basis: tf.Tensor
    deviations: tf.Tensor
    rest: tf.Tensor


class Sums(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·F·Fᵀ
    [C, C]. Those of the parts of a picture add up to those of the whole."""

    weight: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


@dataclass(frozen=True)
class RelativeLosses:
    """The default recipe. statistics: what of a painting is matched, `gram` or `moments`."""

    content_layer: str
    statistics: str

    pads_images = True
    composites = True

    @property
    def layers(self) -> tuple[str, ...]:
        """STYLE_LAYERS."""
        return STYLE_LAYERS

    def layer_masks(
        self, mask: np.ndarray, height: int, width: int, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """The mean of the mask over each position's pixels."""
        whole = resize(mask, height, width)
        return tuple(tf.constant(masks.pooled(whole, poolings_before(name))) for name in layers)

    def sums(self, feature: tf.Tensor, mask: tf.Tensor | None = None) -> Sums:
        """See Losses."""
        dtype = exact(feature[:0]).dtype
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
        error = (exact(feature) - exact(target)) ** 2
        return tf.reduce_sum(error if mask is None else tf.cast(mask, error.dtype) * error)

    def content_norm(self, target: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        """Σ (P − mean P)², the variance that the photo's shapes make. The mean alone is most of
        Σ P² where features have large biases, whatever the photo."""
        parts = []
        for first in range(0, target.shape[1], NORM_ROWS):
            rows = tf.cast(target[:, first : first + NORM_ROWS], tf.float64)
            weights = tf.ones_like(rows[..., :1])
            if mask is not None:
                weights = tf.cast(mask[:, first : first + NORM_ROWS], tf.float64)
            axes = [0, 1, 2]
            parts.append(
                (
                    tf.reduce_sum(weights),
                    tf.reduce_sum(weights * rows, axes),
                    tf.reduce_sum(weights * rows**2),
                )
            )
        weight, first_sum, square = (tf.add_n(each) for each in zip(*parts, strict=True))
        of_mean = tf.reduce_sum(first_sum**2) / tf.maximum(weight, 1e-6)
        norm = tf.maximum(square - of_mean, MIN_CONTENT_VARIANCE * square)
        return tf.cast(norm, exact(target[:0]).dtype)

    def total_variation(self, rows: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The sums [2] of squared differences to the pixel below and to the pixel on the right."""
        below = crop(rows, (1, None)) - crop(rows, (0, -1))
        right = crop(rows, (0, own), (1, None)) - crop(rows, (0, own), (0, -1))
        return tf.stack([tf.reduce_sum(below**2), tf.reduce_sum(right**2)])

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
                group.weight * self._style([sums[layer][number] for layer in STYLE_LAYERS], group)
                for number, group in enumerate(targets.groups)
            ]
        )
        content = sums["content"] / (targets.content_norm + TINY)
        # The mean squared difference to the pixel below plus that to the right (Mahendran &
        # Vedaldi 2015, with β = 2).
        pairs = 3 * tf.stack([(height - 1) * width, height * (width - 1)])
        variation = sums["total_variation"]
        variation /= tf.cast(tf.maximum(pairs, 1), variation.dtype)
        return tf.stack([content, style, tf.reduce_sum(variation)])

    def _style(self, layers: Sequence[Sums], group: Group) -> tf.Tensor:
        errors = moments_errors if self.statistics == "moments" else gram_errors
        found = errors([statistics(sums) for sums in layers], group.targets)
        weights = zip(STYLE_LAYER_WEIGHTS, found, strict=True)
        return tf.add_n([tf.cast(weight, error.dtype) * error for weight, error in weights])


def exact(x: tf.Tensor) -> tf.Tensor:
    """x in float32 or, if it is, in float64."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def _moment_sums(feature: tf.Tensor, weights: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Σ w·F [C] and Σ w·F·Fᵀ [C, C] of a feature [1, h, w, C], in float32 or wider; weights
    [1, h, w, 1] or none.

    With a gradient of its own: only the feature is kept for it, not its copy in float32, and one
    matrix product replaces two. It is a 1 × 1 convolution, into which oneDNN fuses the gradient of
    the first sums.
    """

    @with_gradient
    def summed(feature: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
        wide = exact(feature)
        flat, weighted = (
            tf.reshape(each, [-1, feature.shape[-1]])
            for each in (wide, wide if weights is None else weights * wide)
        )

        def gradient(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            symmetric = second + tf.transpose(second)
            # The product with the mean, which is most of a feature, and `first` nearly cancel:
            # both in bfloat16 would leave little of the difference.
            mean = tf.reduce_mean(wide, [0, 1, 2])
            centred = tf.cast(wide - mean, feature.dtype)
            found = tf.nn.conv2d(centred, tf.cast(symmetric, feature.dtype)[None, None], 1, "VALID")
            bias = first + tf.linalg.matvec(symmetric, mean)
            found = tf.nn.bias_add(found, tf.cast(bias, feature.dtype))
            return found if weights is None else tf.cast(weights, feature.dtype) * found

        sums = tf.reduce_sum(weighted, axis=0), tf.matmul(weighted, flat, transpose_a=True)
        return sums, gradient

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


def gaussian(moments: Statistics) -> Gaussian:
    """The Gaussian with these moments, computed in float64."""
    mean, second = (tf.cast(each, tf.float64) for each in moments)
    values, vectors = tf.linalg.eigh(_covariance(Statistics(mean, second)))
    values = tf.maximum(values, 0)  # In ascending order.
    found = Gaussian(
        mean,
        vectors[:, -DIRECTIONS:],
        tf.sqrt(values[-DIRECTIONS:]),
        tf.reduce_sum(values[:-DIRECTIONS]),
    )
    return Gaussian(*(tf.cast(each, moments.mean.dtype) for each in found))


def moments_errors(found: Sequence[Statistics], targets: Sequence[Gaussian]) -> list[tf.Tensor]:
    """The squared Wasserstein-2 distance of two Gaussians at each layer, relative to the target's
    mean square,

        (‖μ − μ′‖² + tr Σ + tr Σ′ − 2 tr (Σ′^½ Σ Σ′^½)^½) / (‖μ′‖² + tr Σ′),

    as in crowsonkb's style-transfer-pytorch. A Gram matrix is dominated by the outer product of the
    mean with itself, which drowns texture, the covariance; here each counts by how far it moves
    features. With more than DIRECTIONS channels, the directions in which the painting varies least
    are compared only by the sum of their variances.
    """
    covariances = [_covariance(each) for each in found]
    inside = [
        tf.matmul(target.basis, tf.matmul(covariance, target.basis), transpose_a=True)
        for covariance, target in zip(covariances, targets, strict=True)
    ]
    roots = _root_traces(inside, [target.deviations for target in targets])
    errors = []
    for has, target, covariance, seen, root in zip(
        found, targets, covariances, inside, roots, strict=True
    ):
        variance = tf.reduce_sum(target.deviations**2)
        off = tf.reduce_sum((has.mean - target.mean) ** 2)
        norm = tf.reduce_sum(target.mean**2) + variance + target.rest + TINY
        spread = tf.linalg.trace(seen) + variance - 2 * root
        rest = tf.maximum(tf.linalg.trace(covariance) - tf.linalg.trace(seen), 0)
        least = 1e-6 * norm  # The root's gradient at 0 is infinite.
        spread += (tf.sqrt(rest + least) - tf.sqrt(target.rest + least)) ** 2
        errors.append((off + spread) / norm)
    return errors


def _root_traces(
    covariances: Sequence[tf.Tensor], deviations: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """`_root_trace` of each, batched by size: one decomposition uses only one core."""
    found: dict[int, tf.Tensor] = {}
    sizes = [each.shape[0] for each in deviations]
    for size in set(sizes):
        alike = [number for number, each in enumerate(sizes) if each == size]
        stacked = (tf.stack([of[number] for number in alike]) for of in (covariances, deviations))
        found |= zip(alike, tf.unstack(_root_trace(*stacked)), strict=True)
    return [found[number] for number in range(len(sizes))]


@tf.custom_gradient
def _root_trace(covariance: tf.Tensor, deviations: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """tr (S Σ S)^½ [n] for covariances Σ [n, D, D] and S the diagonals of deviations [n, D].

    Its gradient is half of S (S Σ S)^−½ S, the optimal transport map between the two Gaussians
    (Olkin & Pukelsheim 1982). A gradient through the eigenvectors would fail at equal eigenvalues.
    """
    # In float64: the gradient has inverses of eigenvalues, and small ones drown in float32's
    # rounding.
    dtype, deviations = deviations.dtype, tf.cast(deviations, tf.float64)
    scaled = deviations[:, :, None] * tf.cast(covariance, tf.float64) * deviations[:, None, :]
    # NaN would be an error here; it shows in the other terms.
    values, vectors = tf.linalg.eigh(tf.where(tf.math.is_finite(scaled), scaled, 0))
    least = (MIN_VARIANCE * tf.reduce_sum(deviations**2, axis=1, keepdims=True)) ** 2 + 1e-300
    roots = tf.sqrt(tf.maximum(values, 0) + least)
    # What `least` adds where Σ is the target's, so that the distance there is 0.
    excess = tf.reduce_sum(tf.sqrt(deviations**4 + least) - deviations**2, axis=1)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        half = deviations[:, :, None] * vectors
        found = tf.cast(tf.matmul(half / roots[:, None], half, transpose_b=True), dtype)
        return 0.5 * upstream[:, None, None] * found, None

    return tf.cast(tf.reduce_sum(roots, axis=1) - excess, dtype), gradient


def _covariance(moments: Statistics) -> tf.Tensor:
    return moments.second - moments.mean[:, None] * moments.mean[None, :]
