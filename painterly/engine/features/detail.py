"""The detail of photos, and the bare parts of paintings.

A photo's flat parts (a clear sky, a wall) say nothing about where strokes have to be. The painting
decides there: the photo's features have little weight, and matches follow the picture so far. A
painting that is mostly bare paper leaves them bare: there the photo's features have more weight,
and matches follow them.
"""

import numpy as np
import tensorflow as tf

from painterly.engine.features.structure import luminance
from painterly.engine.paintings import Paintings
from painterly.engine.tensors import blurred, scaled_photo

# A picture is blurred by 1 / BLUR of its longer side before its gradients are taken, and their
# squares by 1 / REACH.
BLUR, REACH = 400, 50
CONTRAST = 0.03 * 512  # the gradient that is half of a detail, per longer side of the picture
# A painting's squares of BARE_WINDOW px, at BARE_SIZE px, are bare if their tones deviate by less
# than BARE_CONTRAST; flat parts stay bare if more than MOST_BARE of the painting is.
BARE_SIZE, BARE_WINDOW, BARE_CONTRAST, MOST_BARE = 256, 5, 0.02, 0.25


def detail(photo: tf.Tensor) -> tf.Tensor:
    """Return how much a photo [1, H, W, 3] shows around each pixel, [1, H, W, 1]: 0 in flat
    parts, nearly 1 at strong contours."""
    longer = max(photo.shape[1:3])
    shown = blurred(luminance(photo), max(0.7, longer / BLUR))
    below, right = tf.image.image_gradients(shown)
    square = longer**2 * blurred(below**2 + right**2, max(1.0, longer / REACH))
    return square / (square + CONTRAST**2)


def leaves_bare(paintings: Paintings) -> bool:
    """Return whether a photo's flat parts stay bare in the style of paintings."""
    parts = map(bare_part, paintings.paintings)
    weighted = sum(share * part for share, part in zip(paintings.shares, parts, strict=True))
    return weighted > MOST_BARE * sum(paintings.shares)


def bare_part(painting: np.ndarray) -> float:
    """Return the part of a painting [H, W, 3] that is even, such as bare paper, 0…1."""
    scale = min(1.0, BARE_SIZE / max(painting.shape[:2]))
    height, width = (max(2 * BARE_WINDOW, round(scale * side)) for side in painting.shape[:2])
    small = luminance(scaled_photo(painting, (height, width)))
    mean, square = (tf.nn.avg_pool2d(each, BARE_WINDOW, 1, "VALID") for each in (small, small**2))
    even = square - mean**2 < BARE_CONTRAST**2
    return float(tf.reduce_mean(tf.cast(even, tf.float32)))
