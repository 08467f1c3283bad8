"""The UNet of Stable Diffusion 1.5 (Rombach et al. 2022), which knows what things in a picture are.

It predicts the noise in a latent. On the way, 16 self-attentions compare each place with all
others; the last ones are what recipe `attention` compares.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.attention.diffusion.layers import (
    Layers,
    doubled,
    heads_of,
    joined,
    residual,
    tokens,
    widened,
)
from painterly.attention.diffusion.weights import Tensors

WIDTHS = (320, 640, 1280, 1280)  # at 1/8, 1/16, 1/32 and 1/64 of the picture's size
LAYERS, HEADS = 2, 8
COMPARED = range(10, 16)  # self-attentions: three at 1/16, three at 1/8
EPSILON, TRANSFORMER_EPSILON = 1e-5, 1e-6
LONGEST_PERIOD = 10_000


class Attended(NamedTuple):
    """A self-attention: its queries, keys, values and outputs [B, heads, N, d]."""

    q: tf.Tensor
    k: tf.Tensor
    v: tf.Tensor
    out: tf.Tensor


class UNet:
    """The network with its weights; one object serves every size.

    Args:
        tensors: The weights.
        dtype: The precision of products.
        widths: The channels at each size.
        heads: Of each attention.
        joins: As in `Layers`.
    """

    def __init__(
        self,
        tensors: Tensors,
        dtype: tf.DType = tf.float32,
        *,
        widths: Sequence[int] = WIDTHS,
        heads: int = HEADS,
        joins: bool = False,
    ) -> None:
        self.layers = Layers(tensors, dtype, joins=joins)
        self._widths, self._heads = tuple(widths), heads
        self._prompts: dict[str, tuple[tf.Tensor, ...]] = {}

    def noise(self, latent: tf.Tensor, time: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Return the noise [B, h, w, 4] that the network sees in a latent.

        Args:
            latent: The latent [B, h, w, 4], with sides that are multiples of 8.
            time: The step of the diffusion [B], from 0 to 999.
            context: The prompt [1, 77, 768], as `text.empty_prompt` returns it; no part of a graph.
        """
        *_, (x, _) = self._maps(latent, time, context)
        x = self.layers.group_norm(x, "conv_norm_out", EPSILON, activates=True)
        return widened(self.layers.convolution(x, "conv_out", 4))

    def attentions(
        self,
        latent: tf.Tensor,
        time: tf.Tensor,
        context: tf.Tensor,
        compared: Sequence[int] = COMPARED,
    ) -> list[Attended]:
        """Return some self-attentions by their ascending numbers, and compute nothing after the
        last; arguments as in `noise`."""
        found: list[Attended] = []
        for _, attended in self._maps(latent, time, context):
            if attended is not None:
                found.append(attended)
            if len(found) > compared[-1]:
                break
        return [found[number] for number in compared]

    def _maps(
        self, latent: tf.Tensor, time: tf.Tensor, context: tf.Tensor
    ) -> Iterator[tuple[tf.Tensor, Attended | None]]:
        """Yield each block's map [B, h, w, C], and each self-attention before its block ends."""
        layers, widths, deepest = self.layers, self._widths, len(self._widths) - 1
        embedded = self._embedded(time)
        x = layers.convolution(tf.cast(latent, layers.dtype), "conv_in", widths[0])
        kept = [x]
        for depth, width in enumerate(widths):
            part = f"down_blocks.{depth}"
            for number in range(LAYERS):
                x = self._residual(x, f"{part}.resnets.{number}", width, embedded)
                if depth < deepest:
                    x = yield from self._transformer(x, f"{part}.attentions.{number}", context)
                kept.append(x)
            if depth < deepest:
                x = layers.convolution(x, f"{part}.downsamplers.0.conv", width, stride=2)
                kept.append(x)
        x = self._residual(x, "mid_block.resnets.0", width, embedded)
        x = yield from self._transformer(x, "mid_block.attentions.0", context)
        x = self._residual(x, "mid_block.resnets.1", width, embedded)
        for depth, width in enumerate(reversed(widths)):
            part = f"up_blocks.{depth}"
            for number in range(LAYERS + 1):
                x = tf.concat([x, kept.pop()], -1)
                x = self._residual(x, f"{part}.resnets.{number}", width, embedded)
                if depth > 0:
                    x = yield from self._transformer(x, f"{part}.attentions.{number}", context)
            if depth < deepest:
                x = layers.convolution(doubled(x), f"{part}.upsamplers.0.conv", width)
        yield x, None

    def _embedded(self, time: tf.Tensor) -> tf.Tensor:
        """Return the embedding of times [B], by sines and cosines first (Ho et al. 2020)."""
        layers, width = self.layers, self._widths[0]
        half = width // 2
        speeds = np.exp(-math.log(LONGEST_PERIOD) / half * np.arange(half))
        wide = tf.float64 if layers.dtype == tf.float64 else tf.float32
        angles = tf.cast(time, wide)[:, None] * tf.constant(speeds, wide)
        x = tf.cast(tf.concat([tf.cos(angles), tf.sin(angles)], 1), layers.dtype)
        x = layers.linear(x, "time_embedding.linear_1", 4 * width)
        return layers.linear(tf.nn.silu(x), "time_embedding.linear_2", 4 * width)

    def _residual(self, x: tf.Tensor, name: str, width: int, embedded: tf.Tensor) -> tf.Tensor:
        return residual(self.layers, x, name, width, embedded, EPSILON)

    def _transformer(
        self, x: tf.Tensor, name: str, context: tf.Tensor
    ) -> Generator[tuple[tf.Tensor, Attended], None, tf.Tensor]:
        """Attend from a map to itself, yield that, attend to the context, and return the map."""
        layers, width, block = self.layers, x.shape[-1], f"{name}.transformer_blocks.0"
        y = layers.group_norm(x, f"{name}.norm", TRANSFORMER_EPSILON)
        y = tokens(layers.convolution(y, f"{name}.proj_in", width, side=1))
        z = layers.layer_norm(y, f"{block}.norm1")
        q, k, v = (self._projected(z, f"{block}.attn1.to_{each}", width) for each in "qkv")
        out = layers.attention(q, k, v)
        yield x, Attended(q, k, v, out)
        y += layers.linear(joined(out), f"{block}.attn1.to_out.0", width)
        z = layers.layer_norm(y, f"{block}.norm2")
        q = self._projected(z, f"{block}.attn2.to_q", width)
        out = layers.attention(q, *self._of_prompt(context, f"{block}.attn2", width))
        y += layers.linear(joined(out), f"{block}.attn2.to_out.0", width)
        z = layers.layer_norm(y, f"{block}.norm3")
        z = layers.linear(z, f"{block}.ff.net.0.proj", 8 * width)
        y += layers.linear(layers.gated(z), f"{block}.ff.net.2", width)
        return x + layers.convolution(tf.reshape(y, x.shape), f"{name}.proj_out", width, side=1)

    def _of_prompt(self, context: tf.Tensor, name: str, width: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the keys and values of the prompt, which are the same in each pass."""
        known, *found = self._prompts.get(name, (None,))
        if known is not context:
            with tf.init_scope():
                x = tf.cast(context, self.layers.dtype)
                found = [self._projected(x, f"{name}.to_{each}", width) for each in "kv"]
            self._prompts[name] = context, *found
        k, v = found
        return k, v

    def _projected(self, x: tf.Tensor, name: str, width: int) -> tf.Tensor:
        """Return a linear function of tokens [B, N, C] as [B, heads, N, width / heads]."""
        return heads_of(self.layers.linear(x, name, width, bias=False), self._heads)
