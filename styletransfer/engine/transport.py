"""The optimal transport map between two Gaussians, by eigenvectors or by matrix products alone.

Of covariances P and Q it is T = Q (P Q)^−½, the symmetric positive solution of T P T = Q (Olkin &
Pukelsheim 1982). What is wanted of it is T − I, small between Gaussians that are alike:
tr (T − I) P (T − I) is their squared Wasserstein-2 distance, a sum of squares instead of a
difference of large traces, and I − T its gradient by P.

Both ways are for covariances whose smallest variance is at least FLATTEST of their trace. On a CPU
eigenvectors are faster. A GPU decomposes slowly, and XLA slower still; products are what it is for.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

FLATTEST = 3e-5
# For each iteration of `by_products` a, b, c of p(x) = a + b x + c x². One after the other,
# σ → σ p(σ²) takes every σ from FLATTEST to 1 to 1 ± 3.3e-5. Each is the polynomial of its degree
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
# Covariances P [D, D], their targets Q, and each Q^½ → T − I, all symmetric.
Displacements = Callable[[Matrices, Matrices, Matrices], Matrices]


def by_eigenvectors(found: Matrices, targets: Matrices, roots: Matrices) -> Matrices:
    """See Displacements. In float64: small eigenvalues of P Q drown in float32's rounding."""
    del targets
    sizes = [each.shape[0] for each in found]
    maps: dict[int, tf.Tensor] = {}
    for size in set(sizes):  # Those of a size are a batch: a decomposition uses only one core.
        alike = [number for number, each in enumerate(sizes) if each == size]
        covariance, root = (
            tf.cast(tf.stack([of[number] for number in alike]), tf.float64) for of in (found, roots)
        )
        scaled = root @ covariance @ root
        # NaN would be an error here; it shows in the other terms.
        values, vectors = tf.linalg.eigh(tf.where(tf.math.is_finite(scaled), scaled, 0))
        half = root @ vectors
        # Rounding alone makes values that are smaller or negative.
        least = (0.1 * FLATTEST * tf.reduce_sum(root**2, axis=[1, 2])) ** 2 + 1e-300
        deviations = tf.sqrt(tf.maximum(values, least[:, None]))
        # T = Q^½ (Q^½ P Q^½)^−½ Q^½
        transport = tf.matmul(half / deviations[:, None], half, transpose_b=True)
        displacement = tf.cast(transport - tf.eye(size, dtype=tf.float64), found[0].dtype)
        maps |= zip(alike, tf.unstack(displacement), strict=True)
    return [maps[number] for number in range(len(sizes))]


def by_products(found: Matrices, targets: Matrices, roots: Matrices) -> Matrices:
    """See Displacements. All matrices are one batch, padded to one size; a fixed number of
    products, in the matrices' dtype, of which float32 is enough.

    The iteration Y → Y p(Z Y), Z → p(Z Y) Z from P and Q (Higham 2008, "Functions of Matrices",
    chapter 6) leaves Z Y the polynomials' σ², squared singular values of P^½ Q^½, which become 1,
    and so Z becomes T. It never holds P Q alone, whose small eigenvalues would drown: P and Q have
    only the square root of its condition.
    """
    del roots
    sizes, dtype = [each.shape[0] for each in found], found[0].dtype
    size = max(sizes)
    # Constants, not TensorFlow's operations, and each only once in an exported program.
    identity = tf.constant(np.eye(size), dtype)
    padding = tf.constant(np.array([np.diag(np.arange(size) >= each) for each in sizes]), dtype)

    def padded(matrices: Matrices) -> tuple[tf.Tensor, tf.Tensor]:
        """The matrices [n, D, D] by their traces [n, 1, 1], with 1 where they are padded."""
        stacked = tf.stack([tf.pad(each, [[0, size - each.shape[0]]] * 2) for each in matrices])
        traces = tf.linalg.trace(stacked)[:, None, None]
        return stacked / traces + padding, traces

    (y, spread), (z, wanted) = padded(found), padded(targets)
    for number, (a, b, c) in enumerate(POLYNOMIALS, start=1):
        product = z @ y
        polynomial = a * identity + product @ (b * identity + c * product)
        z = polynomial @ z
        if number < len(POLYNOMIALS):
            y = y @ polynomial
    symmetric = 0.5 * (z + tf.linalg.matrix_transpose(z))
    displacement = tf.sqrt(wanted / spread) * symmetric - identity
    return [each[:own, :own] for each, own in zip(tf.unstack(displacement), sizes, strict=True)]
