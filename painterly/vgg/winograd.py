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

from painterly.devices.choose import has_bfloat16_without_amx
from painterly.vgg.ops import replicate_gradient, with_gradient

BLOCK, TILE = 4, 6  # positions of a side of the results and of the inputs
# Layers with fewer channels spend more time on the transforms than they save. Measured; with AMX, a
# direct convolution in bfloat16 is faster for all.
MIN_CHANNELS = {tf.float32: 128, tf.bfloat16: 256}
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
# The transforms of both dimensions: one product is faster than two along different axes. bfloat16
# holds the elements of _INPUTS and _OUTPUTS exactly.
_INPUTS, _KERNELS, _OUTPUTS = (np.kron(each, each) for each in (_INPUT, _KERNEL, _OUTPUT))


class TransformedKernel(NamedTuple):
    """A kernel from C to C′ channels as the products need it.

    Attributes:
        kernel: [36, C, C′].
        backward: The same of the flipped kernel, which the gradient is convolved with [36, C′, C].
    """

    kernel: tf.Tensor
    backward: tf.Tensor

    @classmethod
    def of(cls, kernel: np.ndarray, dtype: tf.DType) -> "TransformedKernel":
        """Return a kernel [3, 3, C, C′] transformed, in this dtype."""
        flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        return cls(_transformed(kernel, dtype), _transformed(flipped, dtype))


def _transformed(kernel: np.ndarray, dtype: tf.DType) -> tf.Tensor:
    blocks = _KERNELS @ kernel.reshape(9, -1).astype(np.float64)
    return tf.cast(blocks.reshape(TILE**2, *kernel.shape[2:]), dtype)


def pays(kernel: np.ndarray | tf.Tensor, dtype: tf.DType) -> bool:
    """Return whether a layer with this kernel [3, 3, C, C′] is faster on this CPU than by a direct
    convolution."""
    if dtype == tf.bfloat16 and not has_bfloat16_without_amx():
        return False
    return dtype in MIN_CHANNELS and min(kernel.shape[2:]) >= MIN_CHANNELS[dtype]


def convolution(x: tf.Tensor, kernel: TransformedKernel, padding: str) -> tf.Tensor:
    """Convolve x [1, h, w, C] in its dtype, with `padding` as in NetworkOptions."""
    repeated = int(padding == "replicate")

    @with_gradient
    def convolved(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            of_padded = _convolved(upstream, kernel.backward, zeros=1 + repeated)
            return replicate_gradient(of_padded) if repeated else of_padded

        return _convolved(x, kernel.kernel, zeros=1 - repeated, repeated=repeated), gradient

    return convolved(x)


def _convolved(x: tf.Tensor, kernel: tf.Tensor, zeros: int, repeated: int = 0) -> tf.Tensor:
    """Convolve x [1, h, w, C] with a margin of `zeros` zeros, or of `repeated` repeated values, 0
    or 1."""
    channels, results = kernel.shape[1:]
    if zeros:
        x = tf.pad(x, [[0, 0], [zeros, zeros], [zeros, zeros], [0, 0]])
    places, order = _places(*tf.unstack(tf.shape(x)[1:3]), repeated)
    tiles = tf.gather(tf.reshape(x, [-1, channels]), places)
    transformed = tf.matmul(tf.constant(_INPUTS, x.dtype), tf.reshape(tiles, [TILE**2, -1]))
    products = tf.matmul(tf.reshape(transformed, [TILE**2, -1, channels]), kernel)
    outputs = tf.matmul(tf.constant(_OUTPUTS, x.dtype), tf.reshape(products, [TILE**2, -1]))
    return tf.gather(tf.reshape(outputs, [-1, results]), order)[None]


# A function of its own is traced once for all layers.
@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 3)
def _places(
    height: tf.Tensor, width: tf.Tensor, repeated: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the places that two gathers put in order.

    Args:
        height: The height of the picture that is convolved, with its margin of zeros.
        width: Its width.
        repeated: 1 if its outermost values are repeated in a margin of one pixel, else 0.

    Returns:
        The place in the picture of each input of each block, [36, blocks]. The place in the blocks'
        results [16, blocks] of each position of the result, [h′, w′].
    """
    tall, wide = (side + 2 * repeated - TILE + BLOCK for side in (height, width))
    rows, columns = -(-tall // BLOCK), -(-wide // BLOCK)
    # The last blocks also have places beyond the margin, for results that are left out.
    down, across = (
        tf.clip_by_value(tf.range(TILE)[:, None] + BLOCK * tf.range(blocks) - repeated, 0, side - 1)
        for blocks, side in ((rows, height), (columns, width))
    )
    places = (down * width)[:, None, :, None] + across[:, None, :]
    y, x = tf.range(tall), tf.range(wide)
    row = y // BLOCK * columns + y % BLOCK * (BLOCK * rows * columns)
    column = x // BLOCK + x % BLOCK * (rows * columns)
    return tf.reshape(places, [TILE**2, -1]), row[:, None] + column
