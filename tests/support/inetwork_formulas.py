"""INetwork's losses written out in float64, formula by formula, to hold the engine against.

Nothing here comes from the engine: masks go through Pillow, and all else is TensorFlow's.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from painterly.settings.settings import Settings
from painterly.vgg.architectures import Weights

Loss = Callable[[np.ndarray], tuple[dict[str, float], np.ndarray]]


def features(x: tf.Tensor, weights: Weights, pool: str) -> dict[str, tf.Tensor]:
    """Name → [h, w, C] after ReLU, of x = 255·sRGB − mean, [H, W, 3]."""
    found, x = {}, x[None]
    halved = {"max": tf.nn.max_pool2d, "ave": tf.nn.avg_pool2d}[pool]
    for layer in weights.kernels:
        if layer.endswith("_1") and layer != "conv1_1":
            x = halved(x, 2, 2, "VALID")
        kernel, bias = (array.astype(np.float64) for array in weights.kernels[layer])
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        # A distilled network's features count as large as its teacher's.
        found[layer] = weights.teacher_scale.get(layer, 1.0) * x[0]
    return found


def shifted_gram(feature: tf.Tensor) -> tf.Tensor:
    """G(F) = (F − 1)ᵀ(F − 1), F positions × channels."""
    flat = tf.reshape(feature, (-1, feature.shape[-1])) - 1.0
    return tf.matmul(flat, flat, transpose_a=True)


def masked(feature: tf.Tensor, mask: np.ndarray | None) -> tf.Tensor:
    """The feature times the mask (grey 0…1, [H, W]) resized to it: 0 up to 127, and 1 above."""
    if mask is None:
        return feature
    rows, columns, _ = feature.shape
    grey = Image.fromarray(np.round(255 * mask).astype(np.uint8))
    resized = np.asarray(grey.resize((columns, rows), Image.Resampling.BILINEAR))
    return feature * (resized > 127).astype(np.float64)[:, :, None]


def style_loss(
    x: Mapping[str, tf.Tensor],
    styles: Sequence[Mapping[str, tf.Tensor]],
    style_weights: Sequence[float],
    layers: Sequence[str],
    positions: int,
    content_mask: np.ndarray | None,
    style_masks: Sequence[np.ndarray | None],
    ends_early: bool = False,
) -> tf.Tensor:
    """Σ_{i=1}^{n−1} Σ_j w_j · 2^{−(n−1−i)} · (s_{j,i} − s_{j,i+1}), with
    s_{j,l} = Σ (G(S_j) − G(X))² / (4 · 3² · (H·W)²), and s_{j,n} = 0 after the layers of a network
    that ends before VGG does."""
    n = len(layers) + ends_early
    total = tf.constant(0.0, tf.float64)
    for w, style, style_mask in zip(style_weights, styles, style_masks, strict=True):
        mask_of_x = content_mask if content_mask is not None else style_mask
        s = {}
        for number, layer in enumerate(layers, start=1):
            of_style = shifted_gram(masked(style[layer], style_mask))
            of_x = shifted_gram(masked(x[layer], mask_of_x))
            s[number] = tf.reduce_sum((of_style - of_x) ** 2) / (4 * 3**2 * positions**2)
        s.setdefault(n, tf.constant(0.0, tf.float64))
        for i in range(1, n):
            total += w * 2.0 ** -(n - 1 - i) * (s[i] - s[i + 1])
    return total


def content_loss(x: tf.Tensor, photo: tf.Tensor, loss_type: int, positions: int) -> tf.Tensor:
    """m · Σ (F(X) − F(P))² at one layer, m by the type."""
    channels = x.shape[-1]
    m = {
        0: 1.0,
        1: 1.0 / (2.0 * np.sqrt(channels) * np.sqrt(positions)),
        2: 1.0 / (channels * positions),
    }[loss_type]
    return m * tf.reduce_sum((x - photo) ** 2)


def total_variation(x: tf.Tensor) -> tf.Tensor:
    """Σ (a + b)^1.25, the last row and column left out; x in the scale 0…255."""
    a = (x[:-1, :-1] - x[1:, :-1]) ** 2
    b = (x[:-1, :-1] - x[:-1, 1:]) ** 2
    return tf.reduce_sum((a + b) ** 1.25)


def loss_of(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    weights: Weights,
    shares: Sequence[float],
    settings: Settings,
    content_mask: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray] | None = None,
) -> Loss:
    """The function of a picture [H, W, 3] in sRGB 0…1 that gives its terms (content, style,
    total_variation, total) and d total / d picture, float64 [H, W, 3].

    Pictures are taken at the size they are given; masks are grey 0…1, [H, W].
    """
    layers = list(weights.kernels)
    mean = weights.mean.astype(np.float64)
    positions = content.shape[0] * content.shape[1]

    def seen(picture: np.ndarray) -> dict[str, tf.Tensor]:
        x = tf.constant(255.0 * picture.astype(np.float64) - mean)
        return features(x, weights, settings.pool_type)

    photo = seen(content)[settings.content_layer]
    paintings = [seen(style) for style in styles]
    style_weights = [share * settings.style_scale for share in shares]
    masks_of_paintings = style_masks or [None] * len(styles)

    def loss(picture: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        image = tf.constant(picture, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(image)
            x = 255.0 * image - mean
            found = features(x, weights, settings.pool_type)
            content_found = found[settings.content_layer]
            terms = {
                "content": settings.content_weight
                * content_loss(content_found, photo, settings.content_loss_type, positions),
                "style": style_loss(
                    found,
                    paintings,
                    style_weights,
                    layers,
                    positions,
                    content_mask,
                    masks_of_paintings,
                    ends_early=bool(weights.teacher_scale),
                ),
                "total_variation": settings.total_variation_weight * total_variation(x),
            }
            terms["total"] = tf.add_n(list(terms.values()))
        gradient = tape.gradient(terms["total"], image).numpy()
        return {name: float(term) for name, term in terms.items()}, gradient

    return loss
