"""The losses of Gatys, Ecker & Bethge 2016 written out in float64, to hold the engine against."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from painterly.vgg.architectures import Weights
from painterly.vgg.random_weights import calibration_photo
from support.inetwork_formulas import features

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"


def gram(feature: tf.Tensor, region: np.ndarray | None) -> tf.Tensor:
    """Return Σ F Fᵀ / M of a feature [h, w, N] over its M positions, or those in a region [H, W] of
    zeros and ones in blocks of whole positions."""
    flat = tf.reshape(feature, (-1, feature.shape[-1]))
    if region is not None:
        side = region.shape[0] // feature.shape[0]
        flat = tf.boolean_mask(flat, region[::side, ::side].ravel() > 0)
    return tf.matmul(flat, flat, transpose_a=True) / flat.shape[0]


def loss(
    image: np.ndarray,
    photo: np.ndarray,
    paintings: Sequence[np.ndarray],
    shares: Sequence[float],
    weights: Weights,
    ratio: float,
    regions: Sequence[np.ndarray] | None = None,
) -> tuple[dict[str, float], np.ndarray]:
    """Return α·L_content and β·L_style for β = 1 and α = `ratio`, and their gradient.

    Paintings that share the picture are blended by their shares: the target is the mean of their
    Gram matrices. With regions, L_style is the mean over these.
    """
    numbers = [tf.constant(each, tf.float64) for each in (photo, *paintings)]
    mean = weights.mean.astype(np.float64)
    sample = features(tf.cast(calibration_photo()[0], tf.float64) - mean, weights, "max")
    size = {layer: tf.reduce_mean(feature) for layer, feature in sample.items()}

    def seen(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        at_layers = features(255.0 * picture - mean, weights, "ave")
        return {layer: feature / size[layer] for layer, feature in at_layers.items()}

    of_photo, *of_paintings = map(seen, numbers)
    layers = [layer for layer in STYLE_LAYERS if layer in size]
    if regions is None:
        blend = [(None, [share / sum(shares) for share in shares], of_paintings)]
    else:
        blend = [(region, [1.0], [one]) for region, one in zip(regions, of_paintings, strict=True)]
    variable = tf.Variable(image, dtype=tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        of_image = seen(variable)
        content = 0.5 * tf.reduce_sum((of_image[CONTENT_LAYER] - of_photo[CONTENT_LAYER]) ** 2)
        style = tf.constant(0.0, tf.float64)
        for region, parts, blended in blend:
            for layer in layers:
                wanted = sum(
                    part * gram(one[layer], None) for part, one in zip(parts, blended, strict=True)
                )
                far = gram(of_image[layer], region) - wanted
                count = far.shape[0]
                style += tf.reduce_sum(far**2) / (4 * count**2) / len(layers) / len(blend)
        total = ratio * content + style
    terms = {"content": float(ratio * content), "style": float(style), "total": float(total)}
    return terms, tape.gradient(total, variable).numpy()
