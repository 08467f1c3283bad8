"""The text encoder of Stable Diffusion 1.5: CLIP's (Radford et al. 2021), for the empty prompt."""

import numpy as np
import tensorflow as tf

from painterly.attention.diffusion.layers import Layers, attention, heads_of, joined
from painterly.attention.diffusion.weights import Tensors

WIDTH, HEADS, DEPTH = 768, 12, 12
WORDS, LENGTH = 49408, 77
WORD_VECTORS = "embeddings.token_embedding.weight"
START, END = 49406, 49407  # The empty text is a start, and the end up to LENGTH.


def empty_prompt(
    tensors: Tensors, *, width: int = WIDTH, heads: int = HEADS, depth: int = DEPTH
) -> tf.Tensor:
    """Return the encoded empty text [1, 77, 768], float32."""
    layers, part = Layers(tensors, tf.float32), "text_model."
    if f"{part}{WORD_VECTORS}" not in tensors:
        part = ""  # as transformers writes it from version 5 on
    words = layers.matrix(f"{part}{WORD_VECTORS}", WORDS, width)
    places = layers.matrix(f"{part}embeddings.position_embedding.weight", LENGTH, width)
    x = (tf.gather(words, [START] + [END] * (LENGTH - 1)) + places)[None]
    earlier = tf.constant(np.tri(LENGTH, dtype=bool))  # No word sees a later one.
    for number in range(depth):
        block = f"{part}encoder.layers.{number}"
        y = layers.layer_norm(x, f"{block}.layer_norm1")
        q, k, v = (
            heads_of(layers.linear(y, f"{block}.self_attn.{each}_proj", width), heads)
            for each in "qkv"
        )
        y = joined(attention(q, k, v, earlier))
        x += layers.linear(y, f"{block}.self_attn.out_proj", width)
        y = layers.linear(
            layers.layer_norm(x, f"{block}.layer_norm2"), f"{block}.mlp.fc1", 4 * width
        )
        y *= tf.sigmoid(1.702 * y)  # a fast approximation of GELU
        x += layers.linear(y, f"{block}.mlp.fc2", width)
    return layers.layer_norm(x, f"{part}final_layer_norm")
