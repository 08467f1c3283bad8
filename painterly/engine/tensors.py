"""Pictures as tensors: on their canvas, resampled from scale to scale, and blurred."""

import numpy as np
import tensorflow as tf

from painterly.engine.abstraction.filters import gaussian
from painterly.engine.picture import Canvas, picture_size
from painterly.images.arrays import to_float

# The device for pictures at their own size: TensorFlow has no kernel that resamples them on a GPU.
HOST_DEVICE = "CPU:0"


def to_batch(image: np.ndarray) -> tf.Tensor:
    """Return a picture [H, W, 3], floats or full-range integers, as a float32 tensor [1, H, W, 3],
    0…1, in the host's memory. Raises ValueError for another shape."""
    picture_size(image)
    array = np.asarray(image)
    with tf.device(HOST_DEVICE):
        if not np.issubdtype(array.dtype, np.integer):
            return tf.constant(np.asarray(array[None], np.float32))
        # The same as arrays.to_float, without a copy outside of TensorFlow.
        return tf.cast(tf.constant(array[None]), tf.float32) / np.float32(np.iinfo(array.dtype).max)


def scaled_photo(photo: np.ndarray, size: tuple[int, int]) -> tf.Tensor:
    """Return a photo as `to_batch` does, resampled to a (height, width) as by `resample`.

    Its channels are resampled one after another, because a large photo in floats would take more
    memory than painting does.
    """
    if picture_size(photo) == tuple(size):
        return to_batch(photo)
    channels = (to_float(photo[..., number])[None, ..., None] for number in range(3))
    with tf.device(HOST_DEVICE):
        return tf.concat([resample(tf.constant(each), size) for each in channels], -1)


def resample(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return image [1, H, W, C] at another (height, width): antialiased along an axis that
    shrinks, interpolated along one that grows. At the same size it is the same tensor."""
    height, width = size
    smaller = (min(image.shape[1], height), min(image.shape[2], width))
    if tuple(image.shape[1:3]) != smaller:
        image = tf.image.resize(image, smaller, "lanczos3", antialias=True)
    return image if smaller == (height, width) else tf.image.resize(image, size, "bicubic")


def padded(canvas: Canvas, image: tf.Tensor) -> tf.Tensor:
    """Return a picture [1, h, w, C] on its canvas: [1, H, W, C]."""
    for axis, shown in enumerate(canvas.shown(), start=1):
        if len(shown) != image.shape[axis]:
            image = tf.gather(image, shown, axis=axis)
    return image


def blurred(image: tf.Tensor, deviation: float) -> tf.Tensor:
    """Return image [1, h, w, C], blurred by a Gaussian of this standard deviation in px."""
    line = tf.constant(gaussian(deviation), image.dtype)
    radius = len(line) // 2
    canvas = Canvas(tuple(image.shape[1:3]), (radius, radius), (radius, radius))
    channels = tf.transpose(padded(canvas, image), [3, 1, 2, 0])
    for kernel in (line[:, None], line[None]):
        channels = tf.nn.conv2d(channels, kernel[..., None, None], 1, "VALID")
    return tf.transpose(channels, [3, 1, 2, 0])
