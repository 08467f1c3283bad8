"""The photo's structure, compared without a network: the contours of its luminance.

With a network's features alone, a face's eyes and mouth, or the storeys of a tower, can dissolve
into pattern. Here the gradients of luminance are compared directly, at two resolutions coarser than
brush strokes (like Laplacians in Li et al. 2017, "Laplacian-Steered Neural Style Transfer"). Each
is relative to the contrast around it, so that faint contours matter as well as strong ones, and a
clear sky or a wall hardly matters. Strokes grow with the picture, so both resolutions are coarser
in a large one.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple, TypeAlias

import tensorflow as tf

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
    """Return a photo's contours at COMPARED resolutions.

    The finest one is left out from COARSER_FROM px on, and one more each time that the picture is
    twice as large.

    Args:
        photo: The photo [1, H, W, 3], sRGB 0…1.
        mask: The part that is painted, [1, H, W, 1], or None for the whole picture. The norm is
            taken over it.
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
