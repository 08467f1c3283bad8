"""The optimal transport map between two Gaussians, by matrix products alone.

Of covariances P and Q it is T = Q (P Q)^−½, the symmetric positive solution of T P T = Q (Olkin &
Pukelsheim 1982). What is wanted of it is T − I, small between Gaussians that are alike:
tr (T − I) P (T − I) is their squared Wasserstein-2 distance, a sum of squares instead of a
difference of large traces, and I − T its gradient by P.

Eigenvectors would give it too, but a GPU decomposes slowly, XLA slower still, and a CPU on one
core. It is for covariances whose smallest variance is at least FLATTEST of their trace.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

FLATTEST = 3e-5
# For each iteration a, b, c of p(x) = a + b x + c x². One after the other,
# σ → σ p(σ²) takes every σ from FLATTEST to 1 to 1 ± 3e-5. Each is the polynomial of its degree
# that comes nearest to 1 on what the one before leaves of that interval (Amsel et al. 2025, "The
# Polar Express"); but the interval is taken as 1 % longer, since rounding errors beyond its end
# would grow, and to begin at a twentieth of its end at least, since large σ that become very small
# on the way would lose their digits.
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
# Covariances P [D, D] and their targets Q → T − I, all symmetric.
Displacements = Callable[[Matrices, Matrices], Matrices]


def one_by_one(found: Matrices, targets: Matrices) -> Matrices:
    """See Displacements. For a CPU, which multiplies batches of matrices more slowly."""
    return [
        _displacement(*_of_trace_1(covariance), *_of_trace_1(target))
        for covariance, target in zip(found, targets, strict=True)
    ]


def in_one_batch(found: Matrices, targets: Matrices) -> Matrices:
    """See Displacements. All matrices are one batch, padded to one size, for a GPU, which spends
    more time on launching products than on computing them."""
    sizes, dtype = [each.shape[0] for each in found], found[0].dtype
    size = max(sizes)
    # A constant, not TensorFlow's operations, and only once in an exported program.
    padding = tf.constant(np.array([np.diag(np.arange(size) >= each) for each in sizes]), dtype)

    def padded(matrices: Matrices) -> tuple[tf.Tensor, tf.Tensor]:
        """The matrices [n, D, D] by their traces [n, 1, 1], with 1 where they are padded."""
        normal, traces = _of_trace_1(
            tf.stack([tf.pad(each, [[0, size - each.shape[0]]] * 2) for each in matrices])
        )
        return normal + padding, traces

    displacement = _displacement(*padded(found), *padded(targets))
    return [each[:own, :own] for each, own in zip(tf.unstack(displacement), sizes, strict=True)]


def _of_trace_1(matrices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Matrices [..., D, D] by their traces [..., 1, 1]."""
    traces = tf.linalg.trace(matrices)[..., None, None]
    return matrices / traces, traces


def _displacement(
    found: tf.Tensor, spread: tf.Tensor, target: tf.Tensor, wanted: tf.Tensor
) -> tf.Tensor:
    """T − I of spread · found and wanted · target, [..., D, D] with traces [..., 1, 1]; a fixed
    number of products, in the matrices' dtype, of which float32 is enough.

    The iteration Y → Y p(Z Y), Z → p(Z Y) Z from P and Q (Higham 2008, "Functions of Matrices",
    chapter 6) leaves Z Y the polynomials' σ², squared singular values of P^½ Q^½, which become 1,
    and so Z becomes T. It never holds P Q alone, whose small eigenvalues would drown: P and Q have
    only the square root of its condition.
    """
    identity, y, z = tf.constant(np.eye(found.shape[-1]), found.dtype), found, target
    for number, (a, b, c) in enumerate(POLYNOMIALS, start=1):
        product = z @ y
        polynomial = a * identity + product @ (b * identity + c * product)
        z = polynomial @ z
        if number < len(POLYNOMIALS):
            y = y @ polynomial
    symmetric = 0.5 * (z + tf.linalg.matrix_transpose(z))
    return tf.sqrt(wanted / spread) * symmetric - identity
