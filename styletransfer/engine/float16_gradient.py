"""Gradients within float16's range.

A feature's part in a relative loss is one over the number of features, next to nothing in float16.
So the loss is multiplied before backpropagation, and the gradient divided after it, in float32.
"""

import tensorflow as tf

# Times the number of pixels: gradients are then about 1e-4; 1e8 times as much does not overflow.
# Down to a hundredth of it, nothing of the direction is lost.
_PART = 2.0**-10


def gradient_scale(dtype: tf.DType, weights: tf.Tensor, size: tf.Tensor) -> tf.Tensor | None:
    """What the loss is multiplied by where features have this dtype, a scalar; None: by nothing.

    weights: of the terms, of which the first two, content and style, are of features. size:
    (height, width) in px.
    """
    if dtype != tf.float16:
        return None
    pixels = tf.cast(tf.reduce_prod(size), weights.dtype)
    return _PART * pixels / tf.maximum(tf.reduce_sum(weights[:2]), 1e-30)
