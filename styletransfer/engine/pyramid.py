"""The sizes of the scales, coarse to fine, and resampling and padding of pictures."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from styletransfer.images.arrays import fit_size
from styletransfer.settings import Settings
from styletransfer.vgg.ops import with_gradient

FIRST_SCALE = 128  # px, longer side
SMALLEST_SIDE = 32  # px; below it conv5_1 has too few positions for statistics
PADDING_MULTIPLE = 16  # px; VGG's four poolings reduce them to one


def schedule(
    height: int, width: int, settings: Settings
) -> tuple[list[tuple[int, int]], list[int]]:
    """The (height, width) of each scale for a photo of this size, coarse to fine, and the number of
    steps at each."""
    longer = max(height, width) if settings.size == "full" else int(settings.size)
    if not settings.maintain_aspect_ratio:
        height = width = longer
    if settings.recipe == "inetwork":
        return [fit_size(height, width, longer)], [settings.iterations]
    scales = scale_sizes(height, width, longer)
    return scales, [settings.iterations * (2 if n == 0 else 1) for n in range(len(scales))]


def scale_sizes(height: int, width: int, longer: int) -> list[tuple[int, int]]:
    """(height, width) of each scale, growing by √2. The last has the longer side requested; the
    first about FIRST_SCALE, but a shorter side of at least SMALLEST_SIDE where possible."""
    sizes = [fit_size(height, width, longer)]
    while True:
        smaller = fit_size(height, width, round(longer / 2 ** (len(sizes) / 2)))
        if max(smaller) < FIRST_SCALE * 0.99 or min(smaller) < SMALLEST_SIDE:
            return sizes[::-1]
        sizes.append(smaller)


def picture_size(image: np.ndarray) -> tuple[int, int]:
    """(height, width) of a picture [H, W, 3]. Raises ValueError for another shape."""
    shape = np.shape(image)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"expected a picture of shape [H, W, 3], got {list(shape)}")
    return shape[0], shape[1]


def to_batch(image: np.ndarray) -> tf.Tensor:
    """A picture [H, W, 3], floats or full-range integers, as a float32 tensor [1, H, W, 3], 0…1.
    Raises ValueError for another shape."""
    picture_size(image)
    array = np.asarray(image)
    if not np.issubdtype(array.dtype, np.integer):
        return tf.constant(np.asarray(array[None], np.float32))
    # The same as arrays.to_float, without a copy outside of TensorFlow.
    return tf.cast(tf.constant(array[None]), tf.float32) / np.float32(np.iinfo(array.dtype).max)


def resample(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """image [1, H, W, C] at another (height, width): antialiased along an axis that shrinks,
    interpolated along one that grows. At the same size it is the same tensor."""
    height, width = size
    smaller = (min(image.shape[1], height), min(image.shape[2], width))
    if tuple(image.shape[1:3]) != smaller:
        image = tf.image.resize(image, smaller, "lanczos3", antialias=True)
    return image if smaller == (height, width) else tf.image.resize(image, size, "bicubic")


def shrunk(painting: tf.Tensor, longer: int) -> tf.Tensor:
    """A painting [1, H, W, 3] with a longer side of at most `longer` px."""
    height, width = painting.shape[1:3]
    too_large = max(height, width) > longer
    return resample(painting, fit_size(height, width, longer)) if too_large else painting


def pad_to_multiple(image: tf.Tensor) -> tf.Tensor:
    """image [1, H, W, C] padded below and on the right to sides that are multiples of
    PADDING_MULTIPLE; the margin mirrors the image.

    With it no pooling drops a row, and every layer sees every pixel. Also, photos of many sizes
    share few shapes: oneDNN keeps compiled kernels for each (about 5 MB).
    """

    @with_gradient
    def padded(image: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        whole, (height, width) = image, tf.unstack(tf.shape(image)[1:3])
        for axis, side in ((1, height), (2, width)):
            if image.shape[axis] is None or image.shape[axis] % PADDING_MULTIPLE:
                margin = tf.gather(whole, _mirrored(side), axis=axis)
                whole = tf.concat([whole, margin], axis)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return _folded(_folded(upstream, 2, width), 1, height)

        return whole, gradient

    return padded(image)


def _mirrored(side: tf.Tensor) -> tf.Tensor:
    """The rows (or columns) of an image with `side` of them that the margin shows: n−1, n−2, …, and
    back up where the image is narrower than the margin."""
    turn = tf.range(side, side + -side % PADDING_MULTIPLE) % (2 * side)
    return tf.minimum(turn, 2 * side - 1 - turn)


def _folded(gradient: tf.Tensor, axis: int, side: tf.Tensor) -> tf.Tensor:
    """The gradient of the first `side` rows (or columns) of a padded image, plus that of the
    margin's rows that mirror them."""
    seen = _mirrored(side)
    mirrored = tf.minimum(side, tf.size(seen))
    sizes = [side - mirrored, mirrored, tf.size(seen)]
    inner, edge, margin = tf.split(gradient, sizes, axis)
    matrix = tf.one_hot(seen - sizes[0], mirrored, dtype=gradient.dtype)
    edge += tf.einsum("ij,biwc->bjwc" if axis == 1 else "ij,bhic->bhjc", matrix, margin)
    return tf.concat([inner, edge], axis)
