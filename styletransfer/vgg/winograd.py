"""Winograd's convolution F(4 × 4, 3 × 3) (Lavin & Gray 2016, "Fast Algorithms for Convolutional
Neural Networks").

It computes a block of 4 × 4 results from 6 × 6 inputs with a quarter of a direct convolution's
multiplications. The points are 0, ±1, ½ and −2 (Barabasz et al. 2020, "Error Analysis and Improving
the Accuracy of Winograd Convolution"): with 0, ±1 and ±2 the error is 1.6 times as large.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.vgg.ops import with_gradient

BLOCK, TILE = 4, 6  # positions of a side of the results and of the inputs
# Layers with fewer channels spend more time on the transforms than they save.
MIN_CHANNELS = 128
# The matrices that transform one dimension of inputs, kernels and products.
_INPUT = np.array(
    [
        [1, -3 / 2, -2, 3 / 2, 1, 0],
        [0, -1, 1 / 2, 5 / 2, 1, 0],
        [0, 1, -5 / 2, 1 / 2, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 1 / 2, -1, -1 / 2, 1, 0],
        [0, 1, -3 / 2, -2, 3 / 2, 1],
    ]
)
_KERNEL = np.array(
    [
        [1, 0, 0],
        [1 / 3, 1 / 3, 1 / 3],
        [-1 / 3, 1 / 3, -1 / 3],
        [-16 / 15, -8 / 15, -4 / 15],
        [1 / 15, -2 / 15, 4 / 15],
        [0, 0, 1],
    ]
)
_OUTPUT = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 1 / 2, -2, 0],
        [0, 1, 1, 1 / 4, 4, 0],
        [0, 1, -1, 1 / 8, -8, 1],
    ]
)
# The transforms of both dimensions: one product is faster than two along different axes.
_INPUTS = np.kron(_INPUT, _INPUT).astype(np.float32)
_OUTPUTS = np.kron(_OUTPUT, _OUTPUT).astype(np.float32)


class TransformedKernel(NamedTuple):
    """A kernel from C to C′ channels as the products need it.

    Attributes:
        kernel: Float32 [36, C, C′].
        backward: The same of the flipped kernel, which the gradient is convolved with [36, C′, C].
    """

    kernel: tf.Tensor
    backward: tf.Tensor

    @classmethod
    def of(cls, kernel: np.ndarray) -> "TransformedKernel":
        """Return a kernel [3, 3, C, C′] transformed."""
        flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        return cls(_transformed(kernel), _transformed(flipped))


def _transformed(kernel: np.ndarray) -> tf.Tensor:
    doubles = kernel.astype(np.float64)
    found = np.einsum("ai,bj,ijcd->abcd", _KERNEL, _KERNEL, doubles, optimize=True)
    return tf.constant(found.reshape(TILE**2, *kernel.shape[2:]), tf.float32)


def applies(kernel: np.ndarray | tf.Tensor) -> bool:
    """Whether a layer with this kernel [3, 3, C, C′] has enough channels."""
    return min(kernel.shape[2:]) >= MIN_CHANNELS


def convolution(x: tf.Tensor, kernel: TransformedKernel, padding: str) -> tf.Tensor:
    """Convolve x [1, h, w, C] in float32, as `ops.convolution` does."""
    margin = 1 if padding == "SAME" else 0

    @with_gradient
    def convolved(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return _convolved(upstream, kernel.backward, 2 - margin)

        return _convolved(x, kernel.kernel, margin), gradient

    return convolved(x)


def _convolved(x: tf.Tensor, kernel: tf.Tensor, margin: int) -> tf.Tensor:
    """Convolve x [1, h, w, C] with a margin of that many zeros around it."""
    channels, results = kernel.shape[1:]
    height, width = (side + 2 * margin - 2 for side in tf.unstack(tf.shape(x)[1:3]))
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    wide = columns * BLOCK + TILE - BLOCK
    below = rows * BLOCK + TILE - BLOCK - tf.shape(x)[1] - margin
    beside = wide - tf.shape(x)[2] - margin
    x = tf.pad(x, [[0, 0], [margin, below], [margin, beside], [0, 0]])
    # One operation gathers all tiles in the order of the products: [36, blocks, C].
    corners = BLOCK * (tf.range(rows)[:, None] * wide + tf.range(columns))
    places = tf.range(TILE)[:, None] * wide + tf.range(TILE)
    tiles = tf.gather(
        tf.reshape(x, [-1, channels]), tf.reshape(places, [-1, 1]) + tf.reshape(corners, [1, -1])
    )
    blocks = rows * columns
    inputs = tf.matmul(_INPUTS, tf.reshape(tiles, [TILE**2, blocks * channels]))
    products = tf.matmul(tf.reshape(inputs, [TILE**2, blocks, channels]), kernel)
    found = tf.matmul(_OUTPUTS, tf.reshape(products, [TILE**2, blocks * results]))
    found = tf.reshape(found, [BLOCK, BLOCK, rows, columns, results])
    found = tf.transpose(found, [2, 0, 3, 1, 4])
    return tf.reshape(found, [1, rows * BLOCK, columns * BLOCK, results])[:, :height, :width]
