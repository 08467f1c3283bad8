"""The photo's structure: the contours of its luminance, compared without a network, and its detail.

With a network's features alone, a face's eyes and mouth, or the storeys of a tower, can dissolve
into pattern. Here the gradients of luminance are compared directly, at two resolutions coarser than
brush strokes (like Laplacians in Li et al. 2017, "Laplacian-Steered Neural Style Transfer"). Each
is relative to the contrast around it, so that faint contours matter as well as strong ones, and a
clear sky or a wall hardly matters. Strokes grow with the picture, so both resolutions are coarser
in a large one.

A photo's flat parts (a clear sky, a wall) say nothing about where strokes have to be. The painting
decides there: the photo's features have little weight, and matches follow the picture so far. A
painting that is mostly bare paper leaves them bare: there the photo's features have more weight,
and matches follow them.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from painterly.engine.paintings import Paintings
from painterly.engine.tensors import blurred, scaled_photo
from painterly.images.colours.colour import LUMA
from painterly.vgg.ops import average_pool

FIRST_POOL = 4  # px per pixel of the finest resolution; twice as many in each one after it
COMPARED = 2  # resolutions
COARSER_FROM = 768  # px, the longer side from which the finest resolution is left out
NARROW = 6  # the longer side is taken as at most this multiple of the shorter one
NEIGHBOURHOOD = 3  # pixels per side, in which contrast is measured
# The mean squared gradient above which all contours have about the same weight. Flatter parts are
# left to the painting.
CONTRAST = 2e-3
# The factor of the relative error. Chosen by eye: with less, faces dissolve; with more, contours
# show no strokes.
SCALE = 0.01
# The lower bound of the norm: contours in this part of the pixels. Otherwise a few contours in one
# photo would have more weight than many in another.
LEAST_CONTOURS = 0.1
FLAT = 1e-6  # the norm if nothing is painted
# A picture is blurred by 1 / DETAIL_BLUR of its longer side before its gradients are taken, and
# their squares by 1 / DETAIL_REACH.
DETAIL_BLUR, DETAIL_REACH = 400, 50
HALF_DETAIL = 0.03 * 512  # the gradient that is half of a detail, per longer side of the picture
# A painting's squares of BARE_WINDOW px, at BARE_SIZE px, are bare if their tones deviate by less
# than BARE_CONTRAST; flat parts stay bare if more than MOST_BARE of the painting is.
BARE_SIZE, BARE_WINDOW, BARE_CONTRAST, MOST_BARE = 256, 5, 0.02, 0.25


class Contours(NamedTuple):
    """A photo's contours at one resolution."""

    below: tf.Tensor  # the differences of luminance to the pixel below, [1, h, w, 1]
    right: tf.Tensor  # the differences of luminance to the pixel on the right, [1, h, w, 1]
    weight: tf.Tensor  # the weight of each pixel, [1, h, w, 1]
    # The weighted sum of squared differences, a scalar, with a lower bound from LEAST_CONTOURS.
    norm: tf.Tensor


# The contours at each resolution, finest first; empty for one that is not compared.
PhotoContours: TypeAlias = tuple[Contours | tuple[()], ...]


def contours(photo: tf.Tensor, mask: tf.Tensor | None = None) -> PhotoContours:
    """Return a photo's contours at COMPARED resolutions. Norms are taken over the part that is
    painted, the mask [1, H, W, 1].

    The finest one is left out from COARSER_FROM px on, and one more each time that the picture is
    twice as large.
    """
    shorter, longer = sorted(photo.shape[1:3])
    left_out = 0
    while min(longer, NARROW * shorter) >= COARSER_FROM * 2**left_out:
        left_out += 1
    compared: list[Contours | tuple[()]] = []
    for number, (below, right) in enumerate(islice(_gradients(photo), left_out + COMPARED)):
        if mask is not None:
            mask = _pooled(mask, number)
        if number < left_out:
            compared.append(())
            continue
        square = below**2 + right**2
        near = tf.nn.avg_pool2d(square, NEIGHBOURHOOD, 1, "SAME")
        weight = near**3 / (near + CONTRAST) ** 4
        painted = tf.ones_like(square) if mask is None else mask[:, :-1, :-1]
        norm = tf.reduce_sum(painted * weight * square)
        least = LEAST_CONTOURS * tf.reduce_sum(painted)
        compared.append(Contours(below, right, weight, tf.maximum(norm, least) + FLAT))
    return tuple(compared)


def structure_error(image: tf.Tensor, photo: PhotoContours) -> tf.Tensor:
    """Return SCALE times the squared error of the contours of image [1, H, W, 3], relative to the
    photo's and averaged over resolutions: a scalar, 0 without contours."""
    if not photo:
        return tf.constant(0.0)
    errors = [
        tf.reduce_sum(
            photos.weight * (tf.square(below - photos.below) + tf.square(right - photos.right))
        )
        / photos.norm
        for photos, (below, right) in zip(photo, _gradients(image), strict=False)
        if isinstance(photos, Contours)
    ]
    return SCALE * tf.add_n(errors) / len(errors)


def _gradients(image: tf.Tensor) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yield the differences of luminance to the pixel below and on the right at each resolution,
    finest first, without end."""
    for number in count():
        image = _pooled(image, number)
        tones = luminance(image)
        corner = tones[:, :-1, :-1]
        yield tones[:, 1:, :-1] - corner, tones[:, :-1, 1:] - corner


def _pooled(image: tf.Tensor, number: int) -> tf.Tensor:
    """Return an image or mask at resolution `number`, given the one before it."""
    side = 2 if number else FIRST_POOL
    return average_pool(image, side)


def luminance(image: tf.Tensor) -> tf.Tensor:
    """Return the luminance [1, H, W, 1] of an image [1, H, W, 3]."""
    return tf.reduce_sum(image * tf.constant(LUMA, image.dtype), axis=-1, keepdims=True)


def detail(photo: tf.Tensor) -> tf.Tensor:
    """Return how much a photo [1, H, W, 3] shows around each pixel, [1, H, W, 1]: 0 in flat
    parts, nearly 1 at strong contours."""
    longer = max(photo.shape[1:3])
    shown = blurred(luminance(photo), max(0.7, longer / DETAIL_BLUR))
    below, right = tf.image.image_gradients(shown)
    square = longer**2 * blurred(below**2 + right**2, max(1.0, longer / DETAIL_REACH))
    return square / (square + HALF_DETAIL**2)


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
