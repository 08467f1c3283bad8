"""The statistic `moments`: a layer's features as a Gaussian, and its distance from a painting's."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from styletransfer.engine.transport import FLATTEST, Displacements

TINY = 1e-30  # where a norm may be 0
# Part of the square of a feature's mean: float32 rounds sums over millions of positions by less, so
# a variance that is smaller may come out negative.
NOISE = 1e-5
# Channels up to which covariances are compared in all directions. Of more, half are compared: with
# the built-in network the others hold less than a tenth of a painting's variance.
ALL_DIRECTIONS = 128


class Statistics(NamedTuple):
    """A layer's features over a region: their mean [C] and raw second moment [C, C], which is the
    Gram matrix divided by the number of positions."""

    mean: tf.Tensor
    second: tf.Tensor


class Gaussian(NamedTuple):
    """The target of `moments`.

    mean: [C]. basis: with more than ALL_DIRECTIONS channels the D = C // 2 directions [C, D] in
    which the painting varies most; else empty. covariance, root: in these directions [D, D], with
    `floor` added to the variance in each, and its square root. rest: the variance in all other
    directions. norm: the mean square, without floors.
    """

    mean: tf.Tensor
    basis: tuple[tf.Tensor, ...]
    covariance: tf.Tensor
    root: tf.Tensor
    floor: tf.Tensor
    rest: tf.Tensor
    norm: tf.Tensor


def gaussian(moments: Statistics) -> Gaussian:
    """The Gaussian with these moments, computed in float64."""
    mean, second = (tf.cast(each, tf.float64) for each in moments)
    values, vectors = tf.linalg.eigh(_covariance(Statistics(mean, second)))
    values = tf.maximum(values, 0)  # In ascending order.
    channels = mean.shape[0]
    left_out = channels - channels // 2 if channels > ALL_DIRECTIONS else 0
    rest, of_mean = tf.reduce_sum(values[:left_out]), tf.reduce_sum(mean**2)
    norm = of_mean + tf.reduce_sum(values) + TINY
    basis: tuple[tf.Tensor, ...] = ()
    if left_out:
        basis = (vectors[:, left_out:],)
        values, vectors = values[left_out:], tf.eye(channels - left_out, dtype=tf.float64)
    floor = tf.maximum(FLATTEST * tf.reduce_sum(values), NOISE * of_mean) + TINY**0.5
    values += floor
    covariance, root = (
        tf.matmul(vectors * each, vectors, transpose_b=True) for each in (values, tf.sqrt(values))
    )
    found = Gaussian(mean, basis, covariance, root, floor, rest, norm)
    return tf.nest.map_structure(lambda each: tf.cast(each, moments.mean.dtype), found)


def moments_errors(
    found: Sequence[Statistics], targets: Sequence[Gaussian], displacements: Displacements
) -> list[tf.Tensor]:
    """The squared Wasserstein-2 distance of two Gaussians at each layer, relative to the target's
    mean square,

        (‖μ − μ′‖² + tr Σ + tr Σ′ − 2 tr (Σ′^½ Σ Σ′^½)^½) / (‖μ′‖² + tr Σ′),

    as in crowsonkb's style-transfer-pytorch. A Gram matrix is dominated by the outer product of the
    mean with itself, which drowns texture, the covariance; here each counts by how far it moves
    features. A floor is added to both covariances, which may be of short rank. With more than
    ALL_DIRECTIONS channels, the directions in which the painting varies least are compared only by
    the sum of their variances.
    """
    covariances = [_covariance(each) for each in found]
    inside = [
        tf.matmul(target.basis[0], tf.matmul(covariance, target.basis[0]), transpose_a=True)
        if target.basis
        else covariance
        for covariance, target in zip(covariances, targets, strict=True)
    ]
    floored = [
        _floored(covariance, has, target)
        for covariance, has, target in zip(inside, found, targets, strict=True)
    ]
    spreads = _distances(floored, targets, displacements)
    errors = []
    for has, target, covariance, seen, spread in zip(
        found, targets, covariances, inside, spreads, strict=True
    ):
        error = tf.reduce_sum(tf.square(has.mean - target.mean)) + spread
        if target.basis:
            rest = tf.maximum(tf.linalg.trace(covariance) - tf.linalg.trace(seen), 0)
            least = 1e-6 * target.norm  # The root's gradient at 0 is infinite.
            error += tf.square(tf.sqrt(rest + least) - tf.sqrt(target.rest + least))
        errors.append(error / target.norm)
    return errors


def _covariance(moments: Statistics) -> tf.Tensor:
    return moments.second - moments.mean[:, None] * moments.mean[None, :]


def _floored(covariance: tf.Tensor, has: Statistics, target: Gaussian) -> tf.Tensor:
    """A covariance [D, D] with the target's floor, or what float32's rounding needs if it is more:
    a photo may be far brighter than its painting."""
    floor = tf.maximum(target.floor, NOISE * tf.reduce_sum(tf.square(tf.stop_gradient(has.mean))))
    return covariance + floor * tf.eye(covariance.shape[0], dtype=covariance.dtype)


def _distances(
    covariances: Sequence[tf.Tensor], targets: Sequence[Gaussian], displacements: Displacements
) -> Sequence[tf.Tensor]:
    """tr (T − I) Σ (T − I), the squared distance from a Gaussian's covariance Σ [D, D] to its
    target's, for each. Its gradient is I − T, at equal eigenvalues too, where one through their
    vectors would fail."""

    @tf.custom_gradient
    def distances(*covariances: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        found = displacements(
            covariances,
            [target.covariance for target in targets],
            [target.root for target in targets],
        )

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            return [-own * each for own, each in zip(upstream, found, strict=True)]

        return [
            tf.reduce_sum((each @ covariance) * each)
            for each, covariance in zip(found, covariances, strict=True)
        ], gradient

    return distances(*covariances)
