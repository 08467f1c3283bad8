"""Sums over the positions of features, and the statistics that are computed from them.

Sums are in float32 or wider for any dtype of features. The sums over parts of a picture add up to
the sums over the whole, so that it can be computed in tiles.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from painterly.vgg.ops import convolution, position_count, transposed_product, with_gradient

NORM_ROWS = 64  # rows of features that are widened at a time


class Sums(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·F·Fᵀ
    [C, C]."""

    weight: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


class Statistics(NamedTuple):
    """A layer's features over a region: their mean [C] and raw second moment [C, C], which is the
    Gram matrix divided by the number of positions."""

    mean: tf.Tensor
    second: tf.Tensor


class Spread(NamedTuple):
    """Sums over the positions of a feature F, each with a weight w: Σ w, Σ w·F [C], Σ w·‖F‖²."""

    weight: tf.Tensor
    first: tf.Tensor
    square: tf.Tensor


def sum_dtype(dtype: tf.DType) -> tf.DType:
    """Return the dtype of sums over features of this dtype: float32, or float64 for float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def widened(feature: tf.Tensor) -> tf.Tensor:
    """Return a feature in `sum_dtype`."""
    return tf.cast(feature, sum_dtype(feature.dtype))


def add_sums(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the sums over another part of a picture to `sums`."""
    for name, value in more.items():
        known = name in sums
        sums[name] = tf.nest.map_structure(tf.add, sums[name], value) if known else value


def moment_sums(feature: tf.Tensor, mask: tf.Tensor | None = None) -> Sums:
    """Return the sums over a feature [1, h, w, C]. A mask [1, h, w, 1] weights the positions."""
    dtype = sum_dtype(feature.dtype)
    weights = None if mask is None else tf.cast(mask, dtype)
    positions = position_count(feature, dtype)
    weight = positions if weights is None else tf.reduce_sum(weights)
    return Sums(weight, *_first_and_second(feature, weights, positions))


def _first_and_second(
    feature: tf.Tensor, weights: tf.Tensor | None, positions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return Σ w·F [C] and Σ w·F·Fᵀ [C, C] of a feature F [1, h, w, C], in float32 or wider;
    without weights [1, h, w, 1], all are 1.

    The custom gradient needs only the feature, not its copy in float32, and one matrix product
    instead of two. It is a 1 × 1 convolution, into which oneDNN fuses the gradient of the first
    sums.
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
            kernel, bias, other = of_second + tf.transpose(of_second), of_first, feature
            if feature.dtype != wide.dtype:
                # The mean is most of a feature. Its product and `of_first` nearly cancel, so
                # bfloat16 would leave little of the difference. The mean may be rounded if it is
                # the same in both places.
                mean = tf.cast(first / positions, feature.dtype)
                other = tf.nn.bias_add(feature, -mean)
                bias += tf.linalg.matvec(kernel, tf.cast(mean, first.dtype))
            kernel, bias = (tf.cast(each, feature.dtype) for each in (kernel, bias))
            of_feature = tf.nn.bias_add(convolution(other, kernel[None, None], "VALID"), bias)
            return of_feature if weights is None else tf.cast(weights, feature.dtype) * of_feature

        return (first, second), gradient

    return summed(feature)


def statistics(sums: Sums) -> Statistics:
    """Return mean and raw second moment, from sums over positions."""
    # A small region may have no position at a deep layer.
    weight = tf.maximum(sums.weight, tf.constant(1e-6, sums.weight.dtype))
    return Statistics(sums.first / weight, sums.second / weight)


def spread(feature: tf.Tensor, mask: tf.Tensor | None) -> Spread:
    """Return the sums that the variance of a feature [1, h, w, C] is computed from, in float64. A
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
    """Return the mean of ‖F − mean F‖² over positions."""
    weight = tf.maximum(spread.weight, 1e-6)
    return (spread.square - tf.reduce_sum(spread.first**2) / weight) / weight
