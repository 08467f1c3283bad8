"""The statistic `moments`: a layer's features as a Gaussian, and its distance from a painting's.

The distance needs the optimal transport map between two Gaussians. For covariances P and Q it is
T = Q (P Q)^−½, the symmetric positive solution of T P T = Q (Olkin & Pukelsheim 1982). Only T − I
is needed, which is small between similar Gaussians: tr (T − I) P (T − I) is their squared
Wasserstein-2 distance, a sum of squares instead of a difference of large traces, and I − T its
gradient by P.

Both ways to compute T − I assume that the smallest variance is at least FLATTEST of the trace.
Eigenvectors are faster on a CPU. A GPU decomposes matrices slowly, and XLA even more slowly, so
`by_products` uses matrix products only.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.features.sums import Statistics

TINY = 1e-30  # added to norms that may be 0
# A part of the square of a feature's mean. Rounding errors of float32 sums over millions of
# positions are smaller, so a smaller variance may be computed as negative.
NOISE = 1e-5
# Covariances with at most this number of channels are compared in all directions, others in half of
# them: with the built-in network the other half has less than a tenth of a painting's variance.
ALL_DIRECTIONS = 128
FLATTEST = 3e-5
# The coefficients a, b, c of p(x) = a + b x + c x² for each iteration of `by_products`. Together,
# the iterations σ → σ p(σ²) map every σ between FLATTEST and 1 to 1 ± 3.3e-5. Each is the
# polynomial of its degree that is nearest to 1 on the interval that the iteration before maps to
# (Amsel et al. 2025, "The Polar Express"). The interval is extended by 1 %, since rounding errors
# beyond its end would grow, and starts at a twentieth of its end or above, since large σ that
# become very small in between would lose precision.
POLYNOMIALS = (
    (8.03127, -21.39657, 15.15978),
    (4.01466, -2.67457, 0.47386),
    (4.01027, -2.67358, 0.47403),
    (3.99276, -2.66968, 0.47472),
    (3.92448, -2.65481, 0.47761),
    (3.68002, -2.60707, 0.49118),
    (2.88876, -2.12288, 0.45469),
    (2.03519, -1.40315, 0.38036),
    (1.87645, -1.25161, 0.37516),
)

Matrices = Sequence[tf.Tensor]
# Takes covariances P [D, D], their targets Q and each Q^½; returns T − I. All are symmetric.
Displacements = Callable[[Matrices, Matrices, Matrices], Matrices]


class Gaussian(NamedTuple):
    """The target of `moments`."""

    mean: tf.Tensor  # the mean [C]
    # With more than ALL_DIRECTIONS channels, the D = C // 2 directions [C, D] in which the painting
    # varies most; else empty.
    basis: tuple[tf.Tensor, ...]
    # The covariance in these directions [D, D], with `floor` added to each variance.
    covariance: tf.Tensor
    root: tf.Tensor  # the covariance's square root
    floor: tf.Tensor  # the floor of variances
    rest: tf.Tensor  # the variance in all other directions
    norm: tf.Tensor  # the mean square, without floors


def gaussian(moments: Statistics) -> Gaussian:
    """Return the Gaussian with these moments, computed in float64."""
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
    target = Gaussian(mean, basis, covariance, root, floor, rest, norm)
    return tf.nest.map_structure(lambda each: tf.cast(each, moments.mean.dtype), target)


def moments_errors(
    moments: Sequence[Statistics], targets: Sequence[Gaussian], displacements: Displacements
) -> list[tf.Tensor]:
    """Return the squared Wasserstein-2 distance of two Gaussians at each layer, relative to the
    target's mean square,

        (‖μ − μ′‖² + tr Σ + tr Σ′ − 2 tr (Σ′^½ Σ Σ′^½)^½) / (‖μ′‖² + tr Σ′),

    as in crowsonkb's style-transfer-pytorch. A Gram matrix is dominated by the outer product of the
    mean with itself, which hides texture, the covariance; here both are weighted by how far they
    move features. A floor is added to both covariances, which may be rank-deficient. With more than
    ALL_DIRECTIONS channels, the directions in which the painting varies least are compared only by
    the sum of their variances.
    """
    covariances = [_covariance(each) for each in moments]
    inside = [
        tf.matmul(target.basis[0], tf.matmul(covariance, target.basis[0]), transpose_a=True)
        if target.basis
        else covariance
        for covariance, target in zip(covariances, targets, strict=True)
    ]
    floored = [
        _floored(covariance, has, target)
        for covariance, has, target in zip(inside, moments, targets, strict=True)
    ]
    spreads = _distances(floored, targets, displacements)
    errors = []
    for has, target, covariance, within, spread in zip(
        moments, targets, covariances, inside, spreads, strict=True
    ):
        error = tf.reduce_sum(tf.square(has.mean - target.mean)) + spread
        if target.basis:
            rest = tf.maximum(tf.linalg.trace(covariance) - tf.linalg.trace(within), 0)
            least = 1e-6 * target.norm  # The root's gradient at 0 is infinite.
            error += tf.square(tf.sqrt(rest + least) - tf.sqrt(target.rest + least))
        errors.append(error / target.norm)
    return errors


def _covariance(moments: Statistics) -> tf.Tensor:
    return moments.second - moments.mean[:, None] * moments.mean[None, :]


def _floored(covariance: tf.Tensor, has: Statistics, target: Gaussian) -> tf.Tensor:
    """Return a covariance [D, D] with the target's floor added, or a larger one if float32's
    rounding needs it: a photo may be far brighter than its painting."""
    floor = tf.maximum(target.floor, NOISE * tf.reduce_sum(tf.square(tf.stop_gradient(has.mean))))
    return covariance + floor * tf.eye(covariance.shape[0], dtype=covariance.dtype)


def _distances(
    covariances: Sequence[tf.Tensor], targets: Sequence[Gaussian], displacements: Displacements
) -> Sequence[tf.Tensor]:
    """Return tr (T − I) Σ (T − I) for each Gaussian: the squared distance from its covariance Σ [D,
    D] to its target's.

    The gradient is I − T, even at equal eigenvalues, for which a gradient through eigenvectors
    would fail.
    """

    @tf.custom_gradient
    def distances(*covariances: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        maps = displacements(
            covariances,
            [target.covariance for target in targets],
            [target.root for target in targets],
        )

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            return [-of_distance * each for of_distance, each in zip(upstream, maps, strict=True)]

        return [
            tf.reduce_sum((each @ covariance) * each)
            for each, covariance in zip(maps, covariances, strict=True)
        ], gradient

    return distances(*covariances)


def by_eigenvectors(covariances: Matrices, targets: Matrices, roots: Matrices) -> Matrices:
    """Implement `Displacements` in float64, since float32 rounds away small eigenvalues of P Q."""
    del targets
    sizes = [each.shape[0] for each in covariances]
    maps: dict[int, tf.Tensor] = {}
    for size in set(sizes):  # One batch for each size: a decomposition uses only one core.
        alike = [number for number, each in enumerate(sizes) if each == size]
        covariance, root = (
            tf.cast(tf.stack([of[number] for number in alike]), tf.float64)
            for of in (covariances, roots)
        )
        scaled = root @ covariance @ root
        # NaN would raise an error here; the other terms show it.
        values, vectors = tf.linalg.eigh(tf.where(tf.math.is_finite(scaled), scaled, 0))
        half = root @ vectors
        # Smaller or negative values can only be rounding errors.
        least = (0.1 * FLATTEST * tf.reduce_sum(root**2, axis=[1, 2])) ** 2 + 1e-300
        deviations = tf.sqrt(tf.maximum(values, least[:, None]))
        # T = Q^½ (Q^½ P Q^½)^−½ Q^½
        transport = tf.matmul(half / deviations[:, None], half, transpose_b=True)
        displacement = tf.cast(transport - tf.eye(size, dtype=tf.float64), covariances[0].dtype)
        maps |= zip(alike, tf.unstack(displacement), strict=True)
    return [maps[number] for number in range(len(sizes))]


def by_products(covariances: Matrices, targets: Matrices, roots: Matrices) -> Matrices:
    """Implement `Displacements` by a fixed number of products in the matrices' dtype.

    All matrices are one batch, padded to one size. Float32 is precise enough.

    In the iteration Y → Y p(Z Y), Z → p(Z Y) Z from P and Q (Higham 2008, "Functions of Matrices",
    chapter 6), the eigenvalues of Z Y are the polynomials' σ², the squared singular values of
    P^½ Q^½. They converge to 1, so Z converges to T. P Q alone is never computed, because its small
    eigenvalues would be rounded away: P and Q have only the square root of its condition number.
    """
    del roots
    sizes, dtype = [each.shape[0] for each in covariances], covariances[0].dtype
    size = max(sizes)
    # Constants, not TensorFlow's operations, and each only once in an exported program.
    identity = tf.constant(np.eye(size), dtype)
    padding = tf.constant(np.array([np.diag(np.arange(size) >= each) for each in sizes]), dtype)

    def padded(matrices: Matrices) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the matrices [n, D, D] divided by their traces, with 1 on the padded diagonal, and
        the traces [n, 1, 1]."""
        stacked = tf.stack([tf.pad(each, [[0, size - each.shape[0]]] * 2) for each in matrices])
        traces = tf.linalg.trace(stacked)[:, None, None]
        return stacked / traces + padding, traces

    (y, spread), (z, wanted) = padded(covariances), padded(targets)
    for number, (a, b, c) in enumerate(POLYNOMIALS, start=1):
        product = z @ y
        polynomial = a * identity + product @ (b * identity + c * product)
        z = polynomial @ z
        if number < len(POLYNOMIALS):
            y = y @ polynomial
    symmetric = 0.5 * (z + tf.linalg.matrix_transpose(z))
    displacement = tf.sqrt(wanted / spread) * symmetric - identity
    return [each[:own, :own] for each, own in zip(tf.unstack(displacement), sizes, strict=True)]
