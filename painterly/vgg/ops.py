"""Convolutions, poolings, crops, padding and products of feature maps that are fast where they run.

On a CPU, TensorFlow's gradient of a slice takes about fifty times as long as the equivalent zero
padding, and its mirror padding several times as long as gathering the same positions. On a GPU one
operation is better than six, unless XLA joins them: then a pooling made of simple operations costs
nothing more, while the gradient of a whole one takes an eighth of a step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import tensorflow as tf

from painterly.devices.choose import gpus_in_use

Index: TypeAlias = tf.Tensor | int
Range: TypeAlias = tuple[Index, Index | None]
_ALL: Range = (0, None)
_MARGINS = [[0, 0], [1, 1], [1, 1], [0, 0]]  # one pixel around [n, h, w, C]
FEW_CHANNELS = 4

_for_xla: ContextVar[bool] = ContextVar("for_xla", default=False)


@contextmanager
def traced_for_xla() -> Iterator[None]:
    """Return a context in which functions are traced into operations that XLA joins well."""
    token = _for_xla.set(True)
    try:
        yield
    finally:
        _for_xla.reset(token)


def with_gradient(function: Callable[..., tuple[Any, Callable]]) -> Callable[..., Any]:
    """tf.custom_gradient while tracing; in eager mode the plain function.

    function: arguments → (value, function from the upstream gradient to the arguments' gradients).
    An eager custom gradient keeps whole feature maps in reference cycles until Python collects
    garbage, so there TensorFlow's own gradient is used.
    """
    if tf.executing_eagerly():
        return lambda *arguments: function(*arguments)[0]
    return tf.custom_gradient(function)


def crop(x: tf.Tensor, rows: Range = _ALL, columns: Range = _ALL) -> tf.Tensor:
    """x[:, first:last, left:right] of x [1, h, w, C]; first and left must not be negative."""
    (first, last), (left, right) = rows, columns

    @with_gradient
    def cropped(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        part, (height, width) = x[:, first:last, left:right], tf.unstack(tf.shape(x)[1:3])

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            tall, wide = tf.unstack(tf.shape(upstream)[1:3])
            margins = [first, height - first - tall], [left, width - left - wide]
            return tf.pad(upstream, [[0, 0], *margins, [0, 0]])

        return part, gradient

    return cropped(x)


def convolution(x: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """x [1, h, w, C] convolved with a kernel [n, n, C, C′], padding `SAME` or `VALID`."""
    if x.dtype == tf.float16 and not gpus_in_use():
        # A CPU's float16 is slow, and adds in float16. As on a GPU, only the result is rounded.
        wide = tf.nn.conv2d(tf.cast(x, tf.float32), tf.cast(kernel, tf.float32), 1, padding)
        return tf.cast(wide, tf.float16)
    if padding == "VALID" and x.shape[3] <= FEW_CHANNELS and not (gpus_in_use() or _for_xla.get()):
        return _convolved_few(x, kernel)
    return tf.nn.conv2d(x, kernel, 1, padding)


def _convolved_few(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolve x [1, h, w, C] of few channels, such as a picture, padding `VALID`.

    A CPU multiplies at least 16 numbers at once. So the gradient is computed for blocks of 2 × 2
    positions, 4 · C channels, by a larger kernel in half the time.
    """

    @with_gradient
    def convolved(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            height, width = tf.unstack(tf.shape(x)[1:3])
            flipped = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
            shifted = [
                tf.pad(flipped, [[down, 1 - down], [right, 1 - right], [0, 0], [0, 0]])
                for down in (0, 1)
                for right in (0, 1)
            ]
            before = kernel.shape[0] - 1
            margins = [[0, 0], [before, before + 1], [before, before + 1], [0, 0]]
            blocks = tf.nn.conv2d(upstream, tf.concat(shifted, 3), 2, margins)
            return tf.nn.depth_to_space(blocks, 2)[:, :height, :width]

        return tf.nn.conv2d(x, kernel, 1, "VALID"), gradient

    return convolved(x)


def max_pool(x: tf.Tensor) -> tf.Tensor:
    """Return the largest of each 2 × 2 positions of x [1, h, w, C]; an odd last row or column is
    left out.

    The gradient goes to the first of several equal ones.
    """
    if x.dtype == tf.float16 and not gpus_in_use():
        # With ONEDNN_MAX_CPU_ISA, a CPU that has float16 refuses it here.
        return tf.cast(tf.nn.max_pool2d(tf.cast(x, tf.float32), 2, 2, "VALID"), tf.float16)
    if not _for_xla.get():
        return tf.nn.max_pool2d(x, 2, 2, "VALID")

    @with_gradient
    def pooled(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        parts = [part for row in tf.unstack(x, axis=2) for part in tf.unstack(row, axis=3)]
        largest = tf.maximum(tf.maximum(*parts[:2]), tf.maximum(*parts[2:]))

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            shares, left = [], tf.ones_like(upstream, tf.bool)
            for part in parts:
                first = (part == largest) & left
                shares.append(tf.where(first, upstream, tf.zeros_like(upstream)))
                left &= ~first
            return tf.stack([tf.stack(shares[:2], 3), tf.stack(shares[2:], 3)], 2)

        return largest, gradient

    return pooled(_blocks(x, 2))


def average_pool(x: tf.Tensor, side: int) -> tf.Tensor:
    """Return the mean of each side × side positions of x [1, h, w, C]; rows and columns that are
    left over at the end are left out."""
    if _for_xla.get():
        return tf.reduce_mean(_blocks(x, side), [2, 4])
    if gpus_in_use():
        return tf.nn.avg_pool2d(x, side, side, "VALID")

    @with_gradient
    def pooled(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        height, width = tf.unstack(tf.shape(x)[1:3])

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(upstream / side**2, [-1, x.shape[3]])
            # No block has the places that are left over, so they get the zeros after the last one.
            flat = tf.pad(flat, [[0, 1], [0, 0]])
            return tf.gather(flat, _block_of_each(height, width, side))[None]

        return tf.nn.avg_pool2d(x, side, side, "VALID"), gradient

    return pooled(x)


def position_count(x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return the number h · w of positions of x [1, h, w, C], a scalar.

    A GPU counts them itself. TensorFlow has shapes in the host's memory, and before it sends
    anything to a GPU, it waits until that has finished all earlier work.
    """
    if gpus_in_use() and not _for_xla.get():
        return tf.reduce_sum(tf.ones_like(x[..., 0], dtype))
    return tf.cast(tf.reduce_prod(tf.shape(x)[:3]), dtype)


def _blocks(x: tf.Tensor, side: int) -> tf.Tensor:
    """x [1, h, w, C] as [1, h // side, side, w // side, side, C]."""
    rows, columns = (each // side for each in tf.unstack(tf.shape(x)[1:3]))
    whole = crop(x, (0, rows * side), (0, columns * side))
    return tf.reshape(whole, [1, rows, side, columns, side, x.shape[3]])


def transposed_product(left: tf.Tensor, right: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """leftᵀ · right of matrices [n, C] and [n, C′], added in `dtype`, which is not narrower."""
    if _for_xla.get() and left.dtype == right.dtype != dtype:
        return tf.raw_ops.BatchMatMulV3(x=left, y=right, Tout=dtype, adj_x=True)
    wide = tf.cast(right, dtype)
    return tf.matmul(wide if left is right else tf.cast(left, dtype), wide, transpose_a=True)


def pad_replicate(x: tf.Tensor) -> tf.Tensor:
    """x [n, h, w, C] with its first and last rows and columns repeated."""
    if gpus_in_use():
        return tf.pad(x, _MARGINS, "SYMMETRIC")

    @with_gradient
    def padded(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        height, width = tf.unstack(tf.shape(x)[1:3])
        flat = tf.reshape(x, [-1, height * width, x.shape[3]])
        return tf.gather(flat, _repeated(height, width), axis=1), replicate_gradient

    return padded(x)


def replicate_gradient(upstream: tf.Tensor) -> tf.Tensor:
    """Return the gradient of `pad_replicate` [n, h, w, C] from the upstream gradient [n, h + 2,
    w + 2, C]."""
    return tf.raw_ops.MirrorPadGrad(input=upstream, paddings=_MARGINS, mode="SYMMETRIC")


# A function of its own is traced once for all layers.
@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 2)
def _repeated(height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Return the place in a picture of each position of the padded one, [height + 2, width + 2]."""
    rows, columns = (
        tf.clip_by_value(tf.range(-1, side + 1), 0, side - 1) for side in (height, width)
    )
    return rows[:, None] * width + columns


# Traced once for all layers, like `_repeated`.
@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 3)
def _block_of_each(height: tf.Tensor, width: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Return the number of each position's block, [height, width]. A position that is left over has
    the number after the last one."""
    down, across = height // side, width // side
    row, column = tf.range(height)[:, None] // side, tf.range(width) // side
    number = row * across + column
    return tf.where((row < down) & (column < across), number, down * across)
