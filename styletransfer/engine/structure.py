"""The photo's structure, compared without a network: the contours of its luminance.

Features of a network let a face's eyes and mouth, or the storeys of a tower, dissolve into pattern.
Here the gradients of luminance are compared directly, at two resolutions coarser than brush
strokes (as Laplacians in Li et al. 2017, "Laplacian-Steered Neural Style Transfer"), each relative
to the contrast around it, so that faint contours count beside strong ones, and a clear sky or a
wall for next to nothing. Strokes grow with the picture, so both are coarser in a large one.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple, TypeAlias

import tensorflow as tf

LUMINANCE = (0.299, 0.587, 0.114)
FIRST_POOL = 4  # px per pixel of the finest resolution; twice as many in each one after it
COMPARED = 2  # resolutions
COARSER_FROM = 768  # px, the longer side from which the finest resolution is left out
NARROW = 6  # a longer side counts as at most so many times the shorter one
NEIGHBOURHOOD = 3  # pixels per side, in which contrast is measured
# The mean squared gradient from which contours count alike; flatter parts are left to the painting.
CONTRAST = 2e-3
# Of the relative error, beside the relative distance to the painting: faces are kept, with strokes.
SCALE = 0.01
# The norm is at least that of a photo with contours in this part of its pixels: otherwise the few
# contours of one photo would count for more than the many of another.
LEAST_CONTOURS = 0.1
FLAT = 1e-6  # the norm where nothing is painted


class Contours(NamedTuple):
    """A photo's contours at one resolution: the differences of luminance to the pixel below and to
    the pixel on the right, and the weight of each pixel, [1, h, w, 1] each; the norm, a scalar: the
    weighted sum of squared differences, but no less than LEAST_CONTOURS allow."""

    below: tf.Tensor
    right: tf.Tensor
    weight: tf.Tensor
    norm: tf.Tensor


# By resolution, from the finest on; empty where it is not compared.
PhotoContours: TypeAlias = tuple[Contours | tuple[()], ...]


def contours(photo: tf.Tensor, mask: tf.Tensor | None = None) -> PhotoContours:
    """The contours of photo [1, H, W, 3] (sRGB 0…1) at COMPARED resolutions. The finest is left out
    from COARSER_FROM px on, and one more each time the picture is twice as large. mask
    [1, H, W, 1]: what is painted, whose contours are the norm; None: everything."""
    shorter, longer = sorted(photo.shape[1:3])
    left_out = 0
    while min(longer, NARROW * shorter) >= COARSER_FROM * 2**left_out:
        left_out += 1
    found: list[Contours | tuple[()]] = []
    for number, (below, right) in enumerate(islice(_gradients(photo), left_out + COMPARED)):
        if mask is not None:
            mask = _pooled(mask, number)
        if number < left_out:
            found.append(())
            continue
        square = below**2 + right**2
        near = tf.nn.avg_pool2d(square, NEIGHBOURHOOD, 1, "SAME")
        weight = near**3 / (near + CONTRAST) ** 4
        painted = tf.ones_like(square) if mask is None else mask[:, :-1, :-1]
        norm = tf.reduce_sum(painted * weight * square)
        least = LEAST_CONTOURS * tf.reduce_sum(painted)
        found.append(Contours(below, right, weight, tf.maximum(norm, least) + FLAT))
    return tuple(found)


def structure_error(image: tf.Tensor, photo: PhotoContours) -> tf.Tensor:
    """SCALE times the squared error of the contours of image [1, H, W, 3] relative to the photo's,
    mean of all resolutions; a scalar. 0 without contours."""
    if not photo:
        return tf.constant(0.0)
    errors = [
        tf.reduce_sum(own.weight * (tf.square(below - own.below) + tf.square(right - own.right)))
        / own.norm
        for own, (below, right) in zip(photo, _gradients(image), strict=False)
        if isinstance(own, Contours)
    ]
    return SCALE * tf.add_n(errors) / len(errors)


def _gradients(image: tf.Tensor) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """The differences of luminance to the pixel below and on the right, at each resolution from the
    finest on, without end."""
    for number in count():
        image = _pooled(image, number)
        luminance = tf.reduce_sum(image * LUMINANCE, axis=-1, keepdims=True)
        corner = luminance[:, :-1, :-1]
        yield luminance[:, 1:, :-1] - corner, luminance[:, :-1, 1:] - corner


def _pooled(image: tf.Tensor, number: int) -> tf.Tensor:
    """An image or mask at a resolution, by number, from the one before it."""
    side = 2 if number else FIRST_POOL
    return tf.nn.avg_pool2d(image, side, side, "VALID")
