"""From coarse to fine: the sizes a picture is painted at, and pictures brought to them."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from styletransfer.images.arrays import fit_size
from styletransfer.settings import Settings
from styletransfer.vgg.ops import with_gradient

FIRST_SCALE = 128  # px, longer side
SMALLEST_SIDE = 32  # px; below it conv5_1 has too few positions for statistics
CANVAS_MULTIPLE = 16  # px; what VGG's four poolings shrink to one


def schedule(
    height: int, width: int, settings: Settings
) -> tuple[list[tuple[int, int]], list[int]]:
    """The scales, (height, width) each, that a photo of this size is painted at, coarse to fine,
    and the number of steps at each."""
    longer = max(height, width) if settings.size == "full" else int(settings.size)
    if not settings.maintain_aspect_ratio:
        height = width = longer
    if settings.recipe == "inetwork":
        return [fit_size(height, width, longer)], [settings.iterations]
    scales = scale_sizes(height, width, longer)
    return scales, [settings.iterations * (2 if n == 0 else 1) for n in range(len(scales))]


def scale_sizes(height: int, width: int, longer: int) -> list[tuple[int, int]]:
    """(height, width) of each scale, coarse to fine by √2: the last has the longer side asked
    for, the first about FIRST_SCALE, but no shorter side below SMALLEST_SIDE where that can be."""
    sizes = [fit_size(height, width, longer)]
    while True:
        smaller = fit_size(height, width, round(longer / 2 ** (len(sizes) / 2)))
        if max(smaller) < FIRST_SCALE * 0.99 or min(smaller) < SMALLEST_SIDE:
            return sizes[::-1]
        sizes.append(smaller)


def to_batch(image: np.ndarray) -> tf.Tensor:
    """A picture [H, W, 3], in floats or integers (see arrays.to_float), as a tensor float32
    [1, H, W, 3]. Raises ValueError for another shape."""
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"expected a picture of shape [H, W, 3], got {list(array.shape)}")
    if not np.issubdtype(array.dtype, np.integer):
        return tf.constant(np.asarray(array[None], np.float32))
    # As arrays.to_float, but nowhere else than in TensorFlow's memory.
    return tf.cast(tf.constant(array[None]), tf.float32) / np.float32(np.iinfo(array.dtype).max)


def resample(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """image [1, H, W, C] at another size; without aliasing when it shrinks."""
    if tuple(image.shape[1:3]) == tuple(size):
        return image
    shrinks = image.shape[1] > size[0]
    return tf.image.resize(image, size, "lanczos3" if shrinks else "bicubic", antialias=shrinks)


def shrunk(painting: tf.Tensor, longer: int) -> tf.Tensor:
    """A painting [1, H, W, 3] with its longer side at most `longer` px."""
    height, width = painting.shape[1:3]
    too_large = max(height, width) > longer
    return resample(painting, fit_size(height, width, longer)) if too_large else painting


def pad_to_multiple(image: tf.Tensor) -> tf.Tensor:
    """image [1, H, W, C] on a canvas whose sides are multiples of CANVAS_MULTIPLE, the picture
    mirrored into the margin below and to the right.

    So no pooling drops a row, every pixel is seen by every layer; and photos of many sizes share
    few shapes, for each of which oneDNN keeps compiled kernels (about 5 MB).
    """

    @with_gradient
    def laid(image: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        canvas, (height, width) = image, tf.unstack(tf.shape(image)[1:3])
        for axis, side in ((1, height), (2, width)):
            if image.shape[axis] is None or image.shape[axis] % CANVAS_MULTIPLE:
                margin = tf.gather(canvas, _mirrored(side), axis=axis)
                canvas = tf.concat([canvas, margin], axis)

        def slope(upstream: tf.Tensor) -> tf.Tensor:
            return _folded(_folded(upstream, 2, width), 1, height)

        return canvas, slope

    return laid(image)


def _mirrored(side: tf.Tensor) -> tf.Tensor:
    """The rows, or columns, of a picture that has `side` of them, in a canvas' margin: n−1, n−2, …,
    and again where the picture is narrower than the margin."""
    turn = tf.range(side, side + -side % CANVAS_MULTIPLE) % (2 * side)
    return tf.minimum(turn, 2 * side - 1 - turn)


def _folded(slope: tf.Tensor, axis: int, side: tf.Tensor) -> tf.Tensor:
    """The slope of a canvas' first `side` rows, or columns, to which those of the margin that
    mirror them are added."""
    seen = _mirrored(side)
    mirrored = tf.minimum(side, tf.size(seen))
    sizes = [side - mirrored, mirrored, tf.size(seen)]
    inner, edge, margin = tf.split(slope, sizes, axis)
    matrix = tf.one_hot(seen - sizes[0], mirrored, dtype=slope.dtype)
    edge += tf.einsum("ij,biwc->bjwc" if axis == 1 else "ij,bhic->bhjc", matrix, margin)
    return tf.concat([inner, edge], axis)
