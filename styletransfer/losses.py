"""Content, style and total variation: pure functions of features.

Every term is relative to its target's norm, so that the balance between them hinges neither on
the scale of the weights nor on the photo or its size. Sums are in float32 at least, whatever the
features are in.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from styletransfer.vgg import VGG

# The layers of Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
# Networks", and how much each counts. Shallow layers carry palette and stroke, deep ones motif.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
STYLE_LAYER_WEIGHTS = (0.2, 0.2, 0.2, 0.2, 0.2)
TERMS = ("content", "style", "total_variation")


class Targets(NamedTuple):
    """What a picture is drawn to: the photo's feature at the content layer [1, h, w, C], and one
    blended Gram matrix [C, C] for each of STYLE_LAYERS."""

    content: tf.Tensor
    grams: tuple[tf.Tensor, ...]


def exact(x: tf.Tensor) -> tf.Tensor:
    """x in float32 where it is in less."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


def gram(feature: tf.Tensor) -> tf.Tensor:
    """Gram matrix [C, C] of a feature [1, h, w, C], divided by the number of positions h·w."""
    flat = exact(tf.reshape(feature, [-1, feature.shape[-1]]))
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(tf.shape(flat)[0], flat.dtype)


def relative_error(x: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """‖x − target‖² / ‖target‖², a scalar; 1 for x = 0."""
    x, target = exact(x), exact(target)
    tiny = tf.constant(1e-12, x.dtype)  # An all-black photo may have a target of norm 0.
    return tf.reduce_sum((x - target) ** 2) / (tf.reduce_sum(target**2) + tiny)


def total_variation(image: tf.Tensor) -> tf.Tensor:
    """Mean squared difference to the pixel below plus that to the right, of image [1, H, W, 3]
    (Mahendran & Vedaldi 2015, with β = 2)."""
    below = image[:, 1:] - image[:, :-1]
    right = image[:, :, 1:] - image[:, :, :-1]
    return tf.reduce_mean(below**2) + tf.reduce_mean(right**2)


def style_grams(
    vgg: VGG, styles: Sequence[tf.Tensor], shares: Sequence[float], pool: str, dtype: tf.DType
) -> tuple[tf.Tensor, ...]:
    """The Gram matrices of paintings [1, H, W, 3], blended in `shares` (which sum to 1).

    Blending in the target is what makes a step cost the same for 1 painting or 16: with
    quadratic losses the sum over paintings differs from the loss to the mean by a constant.
    """
    blended: list[tf.Tensor] = []
    for style, share in zip(styles, shares, strict=True):
        features = vgg.forward(style, STYLE_LAYERS, pool, dtype)
        grams = [share * gram(features[layer]) for layer in STYLE_LAYERS]
        blended = [a + b for a, b in zip(blended, grams, strict=True)] if blended else grams
    return tuple(blended)


def weighted_terms(
    vgg: VGG,
    image: tf.Tensor,
    targets: Targets,
    weights: tf.Tensor,
    content_layer: str,
    pool: str,
    dtype: tf.DType,
) -> tf.Tensor:
    """The contributions [3] of content, style and total variation to the loss of image
    [1, H, W, 3] (sRGB 0…1), each multiplied by its of `weights` [3]; their sum is the loss."""
    features = vgg.forward(image, {*STYLE_LAYERS, content_layer}, pool, dtype)
    style = tf.add_n(
        [
            tf.cast(weight, image.dtype) * relative_error(gram(features[layer]), target)
            for layer, weight, target in zip(
                STYLE_LAYERS, STYLE_LAYER_WEIGHTS, targets.grams, strict=True
            )
        ]
    )
    content = relative_error(features[content_layer], targets.content)
    return weights * tf.stack([content, style, total_variation(image)])
