"""Winograd's convolution (winograd_transforms.py) in TensorFlow."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.devices.choose import has_bfloat16_without_amx
from painterly.vgg.ops import replicate_gradient, with_gradient
from painterly.vgg.winograd_transforms import BLOCK, INPUTS, OUTPUTS, TILE, transformed

# Layers with fewer channels spend more time on the transforms than they save. Measured; with AMX, a
# direct convolution in bfloat16 is faster for all.
MIN_CHANNELS = {tf.float32: 128, tf.bfloat16: 256}


class TransformedKernel(NamedTuple):
    """A kernel from C to C′ channels as the products need it."""

    kernel: tf.Tensor  # [36, C, C′]
    # The same of the flipped kernel, which the gradient is convolved with [36, C′, C].
    backward: tf.Tensor

    @classmethod
    def of(cls, kernel: np.ndarray, dtype: tf.DType) -> "TransformedKernel":
        """Return a kernel [3, 3, C, C′] transformed, in this dtype."""
        flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        both = (transformed(each).astype(np.float32) for each in (kernel, flipped))
        return cls(*(tf.cast(each, dtype) for each in both))


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
    inputs = tf.matmul(tf.constant(INPUTS, x.dtype), tf.reshape(tiles, [TILE**2, -1]))
    products = tf.matmul(tf.reshape(inputs, [TILE**2, -1, channels]), kernel)
    outputs = tf.matmul(tf.constant(OUTPUTS, x.dtype), tf.reshape(products, [TILE**2, -1]))
    return tf.gather(tf.reshape(outputs, [-1, results]), order)[None]


# A function of its own is traced once for all layers.
@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 3)
def _places(
    height: tf.Tensor, width: tf.Tensor, repeated: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the places that two gathers put in order.

    Args:
        height: The height of the picture that is convolved, with its margin of zeros.
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
