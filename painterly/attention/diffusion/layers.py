"""Layers of a network by the names of their weights, on maps [B, H, W, C] and tokens [B, N, C].

Products are computed in the network's precision; norms, activations and softmax in float32. Their
gradients compute them again, so that no map of float32 is kept.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from painterly.attention.diffusion.weights import Tensors
from painterly.devices.choose import gpus_in_use
from painterly.vgg.ops import crop

GROUPS = 32
BORDER = [[0, 0], [1, 1], [1, 1], [0, 0]]  # one place around a map
# With no more places in a batch, a CPU takes half of the time to multiply their neighbourhoods by a
# matrix: a convolution reads and writes all of its kernel before, to put it in order.
FEW_PLACES = 512


class Layers:
    """The layers of a network whose weights are converted once, when they are first used.

    Each layer names the shape that it needs, and raises WeightsError if the weights have another.

    Args:
        tensors: The weights.
        dtype: The precision of products.
        joins: Whether XLA compiles norms, gates and attentions, each at its first use at a size. On
            a GPU this halves their memory and takes 0.6 of the time.
    """

    def __init__(self, tensors: Tensors, dtype: tf.DType, *, joins: bool = False) -> None:
        self.tensors, self.dtype, self._joins = tensors, dtype, joins
        self._on_cpu = not gpus_in_use()
        self.attention = recomputing(attention, 3, joins=joins)
        self.gated = recomputing(gated, 1, joins=joins)
        self._norms: dict[Any, Callable[..., tf.Tensor]] = {}
        self._converted: dict[str, tf.Tensor] = {}

    def vector(self, name: str, length: int) -> tf.Tensor:
        """Return the array [length]."""
        return self._tensor(name, (length,), ())

    def matrix(self, name: str, rows: int, columns: int) -> tf.Tensor:
        """Return the array [rows, columns]."""
        return self._tensor(name, (rows, columns), ())

    def linear(self, x: tf.Tensor, name: str, channels: int, *, bias: bool = True) -> tf.Tensor:
        """Multiply the last axis by a matrix, which the file has as [channels, C]."""
        kernel = self._tensor(f"{name}.weight", (channels, x.shape[-1]), (1, 0))
        return self._product(x, kernel, name if bias else None)

    def convolution(
        self, x: tf.Tensor, name: str, channels: int, *, side: int = 3, stride: int = 1
    ) -> tf.Tensor:
        """Convolve at each `stride`-th place; the border is zero, as wide on each side."""
        kernel = self._tensor(f"{name}.weight", (channels, x.shape[-1], side, side), (2, 3, 1, 0))
        if side == 3 and stride == 1 and self._on_cpu and math.prod(x.shape[:3]) <= FEW_PLACES:
            x, side = neighbourhoods(x), 1
        if side == 1:
            return self._product(x, tf.reshape(kernel, [-1, channels]), name)
        if stride == 1:
            return self._convolved(x, kernel, 1, "SAME", name)
        return self._convolved(tf.pad(x, BORDER), kernel, stride, "VALID", name)

    def halving(self, x: tf.Tensor, name: str, channels: int) -> tf.Tensor:
        """Convolve 3 × 3 at every other place; the border is zero, at the bottom and right only."""
        kernel = self._tensor(f"{name}.weight", (channels, x.shape[-1], 3, 3), (2, 3, 1, 0))
        return self._convolved(x, kernel, 2, "SAME", name)

    def group_norm(
        self, x: tf.Tensor, name: str, epsilon: float, *, activates: bool = False
    ) -> tf.Tensor:
        """Normalise each of 32 groups of channels over the whole map (Wu & He 2018), and apply
        SiLU if it `activates`."""
        shape = GROUPS, x.shape[-1] // GROUPS
        grouped = tf.reshape(x, [x.shape[0], -1, *shape])
        return tf.reshape(self._norm(grouped, name, shape, (1, 3), epsilon, activates), x.shape)

    def layer_norm(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """Normalise each token (Ba et al. 2016)."""
        return self._norm(x, name, x.shape[-1:], (-1,), 1e-5, False)

    def _convolved(
        self, x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str, name: str
    ) -> tf.Tensor:
        y = tf.nn.conv2d(x, kernel, stride, padding)
        return tf.nn.bias_add(y, self.vector(f"{name}.bias", y.shape[-1]))

    def _product(self, x: tf.Tensor, matrix: tf.Tensor, name: str | None) -> tf.Tensor:
        """Multiply the last axis by a matrix, and add the bias of this name if there is one."""
        *before, width = x.shape
        product, channels = tf.matmul(tf.reshape(x, [-1, width]), matrix), matrix.shape[-1]
        if name is not None:
            product = tf.nn.bias_add(product, self.vector(f"{name}.bias", channels))
        return tf.reshape(product, [*before, channels])

    def _norm(self, x: tf.Tensor, name: str, shape: tuple[int, ...], *how: Any) -> tf.Tensor:
        """Normalise; arguments after the first ones as in `normalised`."""
        if how not in self._norms:
            self._norms[how] = recomputing(partial(normalised, *how), 1, joins=self._joins)
        length = math.prod(shape)
        scale, offset = (
            tf.reshape(self.vector(f"{name}.{part}", length), shape) for part in ("weight", "bias")
        )
        return self._norms[how](x, scale, offset)

    def _tensor(self, name: str, shape: tuple[int, ...], order: tuple[int, ...]) -> tf.Tensor:
        """Return an array of this shape in the file, its axes in this order."""
        if name not in self._converted:
            with tf.init_scope():
                array = self.tensors.array(name, shape)
                given = tf.constant(array.transpose(order) if order else array)
                self._converted[name] = tf.cast(given, self.dtype)
        return self._converted[name]


def neighbourhoods(x: tf.Tensor) -> tf.Tensor:
    """Return the 3 × 3 places around each place of a map, zeros beyond it, as channels
    [B, H, W, 9 · C]."""
    _, height, width, _ = x.shape
    x, around = tf.pad(x, BORDER), range(3)
    parts = [
        crop(x, (down, down + height), (right, right + width))
        for down in around
        for right in around
    ]
    return tf.concat(parts, -1)


def widened(x: tf.Tensor) -> tf.Tensor:
    """Return x in float32, or in float64 as it is."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def recomputing(
    function: Callable[..., tf.Tensor], count: int, *, joins: bool
) -> Callable[..., tf.Tensor]:
    """Return a function whose gradient, by its first `count` arguments, computes it again: only its
    arguments are kept. If it `joins`, XLA compiles both."""

    def backwards(upstream: tf.Tensor, *given: tf.Tensor) -> list[tf.Tensor]:
        # Without a dependency, TensorFlow would find that it is the same, and keep all of it.
        with tf.control_dependencies([upstream]):
            given = tuple(map(tf.identity, given))
        with tf.GradientTape() as tape:
            tape.watch(given[:count])
            found = function(*given)
        gradients: list[tf.Tensor] = tape.gradient(found, given[:count], upstream)
        return gradients

    forwards = function
    if joins:
        forwards, backwards = (
            tf.function(each, autograph=False, jit_compile=True) for each in (function, backwards)
        )

    @tf.custom_gradient
    def computed(*given: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        others = [None] * (len(given) - count)
        return forwards(*given), lambda upstream: [*backwards(upstream, *given), *others]

    return lambda *given: computed(*(each for each in given if each is not None))


def normalised(
    axes: tuple[int, ...],
    epsilon: float,
    activates: bool,
    x: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
) -> tf.Tensor:
    """Return x with mean 0 and variance 1 over axes, times a scale plus an offset.

    Args:
        axes: The axes.
        epsilon: Is added to the variance.
        activates: Whether SiLU follows (Hendrycks & Gimpel 2016).
        x: The map.
        scale: The scale, of the last axes' shape.
        offset: The offset, as well.
    """
    wide = widened(x)

    def averaged(values: tf.Tensor) -> tf.Tensor:
        for axis in axes:  # One axis after the other takes a fifth of the time.
            values = tf.reduce_mean(values, axis, keepdims=True)
        return values

    mean = averaged(wide)
    variance = averaged(tf.math.squared_difference(wide, mean))
    factor = tf.math.rsqrt(variance + epsilon) * widened(scale)
    y = wide * factor + (widened(offset) - mean * factor)
    return tf.cast(tf.nn.silu(y) if activates else y, x.dtype)


def gated(x: tf.Tensor) -> tf.Tensor:
    """Return the first half of the last axis times the GELU of the other (Shazeer 2020, GEGLU)."""
    values, gates = tf.split(widened(x), 2, -1)
    # TensorFlow's own GELU has a constant of float32 in float64, too.
    gates *= 0.5 * tf.math.erfc(-gates * math.sqrt(0.5))
    return tf.cast(values * gates, x.dtype)


def attention(
    q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, allowed: tf.Tensor | None = None
) -> tf.Tensor:
    """Return softmax(q kᵀ / √d) v (Vaswani et al. 2017).

    Args:
        q: Queries [B, heads, N, d].
        k: Keys [B or 1, heads, M, d].
        v: Values [B or 1, heads, M, d].
        allowed: For each query, the keys that it may attend to [N, M], boolean.
    """
    logits = widened(tf.matmul(q * q.shape[-1] ** -0.5, k, transpose_b=True))
    if allowed is not None:
        logits = tf.where(allowed, logits, logits.dtype.min)
    return tf.matmul(tf.cast(tf.nn.softmax(logits), v.dtype), v)


def heads_of(x: tf.Tensor, heads: int) -> tf.Tensor:
    """Return tokens [B, N, C] as [B, heads, N, C / heads]."""
    split = tf.reshape(x, [*x.shape[:2], heads, x.shape[-1] // heads])
    return tf.transpose(split, [0, 2, 1, 3])


def joined(x: tf.Tensor) -> tf.Tensor:
    """Return heads [B, heads, N, d] as tokens [B, N, heads · d]."""
    batch, heads, count, width = x.shape
    return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, count, heads * width])


def tokens(x: tf.Tensor) -> tf.Tensor:
    """Return a map [B, H, W, C] as tokens [B, H · W, C]."""
    return tf.reshape(x, [x.shape[0], -1, x.shape[-1]])


def doubled(x: tf.Tensor) -> tf.Tensor:
    """Return a map with each place as 2 × 2."""
    batch, height, width, channels = x.shape
    wide = tf.broadcast_to(x[:, :, None, :, None], [batch, height, 2, width, 2, channels])
    return tf.reshape(wide, [batch, 2 * height, 2 * width, channels])


def residual(
    layers: Layers, x: tf.Tensor, name: str, channels: int, time: tf.Tensor | None, epsilon: float
) -> tf.Tensor:
    """Compute a residual block (He et al. 2016) of two convolutions, with the time [B, C] between
    them if there is one."""
    y = layers.group_norm(x, f"{name}.norm1", epsilon, activates=True)
    y = layers.convolution(y, f"{name}.conv1", channels)
    if time is not None:
        y += layers.linear(tf.nn.silu(time), f"{name}.time_emb_proj", channels)[:, None, None]
    y = layers.group_norm(y, f"{name}.norm2", epsilon, activates=True)
    y = layers.convolution(y, f"{name}.conv2", channels)
    if x.shape[-1] != channels:
        x = layers.convolution(x, f"{name}.conv_shortcut", channels, side=1)
    return x + y
