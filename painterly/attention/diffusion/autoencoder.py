"""The autoencoder of Stable Diffusion 1.5: pictures ↔ latents of an eighth of their size."""

from collections.abc import Sequence

import tensorflow as tf

from painterly.attention.diffusion.layers import Layers, doubled, residual, tokens, widened
from painterly.attention.diffusion.weights import Tensors

WIDTHS = (128, 256, 512, 512)
LAYERS = 2
EPSILON = 1e-6
SIDE = 8  # px of a latent's place
SCALE = 0.18215  # With it, latents have a variance of about 1.
# The names of the attention's layers, and of those in the published file.
NAMES, PUBLISHED_NAMES = (
    ("to_q", "to_k", "to_v", "to_out.0"),
    ("query", "key", "value", "proj_attn"),
)


class Autoencoder:
    """The networks with their weights; one object serves every size.

    Args:
        tensors: The weights.
        dtype: The precision of products.
        widths: The channels at each size, the picture's first.
        joins: As in `Layers`.
    """

    def __init__(
        self,
        tensors: Tensors,
        dtype: tf.DType = tf.float32,
        *,
        widths: Sequence[int] = WIDTHS,
        joins: bool = False,
    ) -> None:
        self.layers, self._widths = Layers(tensors, dtype, joins=joins), tuple(widths)

    def encode(self, image: tf.Tensor) -> tf.Tensor:
        """Return the mean latent [B, H / 8, W / 8, 4] of pictures [B, H, W, 3], sRGB 0…1, scaled;
        sides are multiples of 8."""
        layers, widths = self.layers, self._widths
        x = tf.cast(image * 2 - 1, layers.dtype)
        x = layers.convolution(x, "encoder.conv_in", widths[0])
        for depth, width in enumerate(widths):
            part = f"encoder.down_blocks.{depth}"
            for number in range(LAYERS):
                x = residual(layers, x, f"{part}.resnets.{number}", width, None, EPSILON)
            if depth < len(widths) - 1:
                x = layers.halving(x, f"{part}.downsamplers.0.conv", width)
        x = self._middle(x, "encoder.mid_block")
        x = layers.group_norm(x, "encoder.conv_norm_out", EPSILON, activates=True)
        x = layers.convolution(x, "encoder.conv_out", 8)
        x = layers.convolution(x, "quant_conv", 8, side=1)
        return SCALE * widened(x[..., :4])

    def decode(self, latent: tf.Tensor) -> tf.Tensor:
        """Return the pictures [B, 8 · h, 8 · w, 3], sRGB 0…1, of latents [B, h, w, 4]."""
        layers, widths = self.layers, self._widths[::-1]
        x = layers.convolution(tf.cast(latent / SCALE, layers.dtype), "post_quant_conv", 4, side=1)
        x = layers.convolution(x, "decoder.conv_in", widths[0])
        x = self._middle(x, "decoder.mid_block")
        for depth, width in enumerate(widths):
            part = f"decoder.up_blocks.{depth}"
            for number in range(LAYERS + 1):
                x = residual(layers, x, f"{part}.resnets.{number}", width, None, EPSILON)
            if depth < len(widths) - 1:
                x = layers.convolution(doubled(x), f"{part}.upsamplers.0.conv", width)
        x = layers.group_norm(x, "decoder.conv_norm_out", EPSILON, activates=True)
        x = layers.convolution(x, "decoder.conv_out", 3)
        return tf.clip_by_value(widened(x) / 2 + 0.5, 0, 1)

    def _middle(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """Compute two residual blocks with an attention of one head between them."""
        layers, width, part = self.layers, x.shape[-1], f"{name}.attentions.0"
        x = residual(layers, x, f"{name}.resnets.0", width, None, EPSILON)
        published = f"{part}.query.weight" in layers.tensors
        *parts, last = PUBLISHED_NAMES if published else NAMES
        y = tokens(layers.group_norm(x, f"{part}.group_norm", EPSILON))
        q, k, v = (layers.linear(y, f"{part}.{each}", width)[:, None] for each in parts)
        y = layers.linear(layers.attention(q, k, v)[:, 0], f"{part}.{last}", width)
        x += tf.reshape(y, x.shape)
        return residual(layers, x, f"{name}.resnets.1", width, None, EPSILON)
