"""Pictures as tensors, and their resampling from scale to scale."""

import numpy as np
import tensorflow as tf

from styletransfer.images.arrays import to_float

OVERSHOOT = 0.5  # accepted beyond 0…1, for resampled pictures that are not clipped
# The device for pictures at their own size: TensorFlow has no kernel that resamples them on a GPU.
HOST = "CPU:0"


def picture_size(image: np.ndarray) -> tuple[int, int]:
    """Returns the (height, width) of a picture [H, W, 3]. Raises ValueError for another shape."""
    shape = np.shape(image)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"expected a picture of shape [H, W, 3], got {list(shape)}")
    return shape[0], shape[1]


def check_values(image: np.ndarray, name: str) -> None:
    """Raises ValueError, naming the picture, for integers that are not uint8 or uint16, and for
    floats that are outside 0…1 by more than OVERSHOOT."""
    array = np.asarray(image)
    if np.issubdtype(array.dtype, np.integer):
        if array.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"{name} is {array.dtype}; expected uint8, uint16, or floats in 0…1")
    elif not (array.min() >= -OVERSHOOT and array.max() <= 1 + OVERSHOOT):
        raise ValueError(
            f"{name} has values from {array.min():g} to {array.max():g}; expected floats in 0…1, "
            "or full-range uint8 or uint16"
        )


def check_mask(mask: np.ndarray, name: str) -> None:
    """Raises ValueError, naming the mask, for another shape than [h, w] and for values that
    `check_values` refuses."""
    if np.ndim(mask) != 2:
        raise ValueError(f"{name} has the shape {list(np.shape(mask))}; expected grey, [h, w]")
    check_values(mask, name)


def to_batch(image: np.ndarray) -> tf.Tensor:
    """Returns a picture [H, W, 3], floats or full-range integers, as a float32 tensor [1, H, W, 3],
    0…1, in the host's memory. Raises ValueError for another shape."""
    picture_size(image)
    array = np.asarray(image)
    with tf.device(HOST):
        if not np.issubdtype(array.dtype, np.integer):
            return tf.constant(np.asarray(array[None], np.float32))
        # The same as arrays.to_float, without a copy outside of TensorFlow.
        return tf.cast(tf.constant(array[None]), tf.float32) / np.float32(np.iinfo(array.dtype).max)


def scaled_photo(photo: np.ndarray, size: tuple[int, int]) -> tf.Tensor:
    """Returns a photo as `to_batch` does, resampled to a (height, width) as by `resample`.

    Its channels are resampled one after another, because a large photo in floats would take more
    memory than painting does.
    """
    if picture_size(photo) == tuple(size):
        return to_batch(photo)
    channels = (to_float(photo[..., number])[None, ..., None] for number in range(3))
    with tf.device(HOST):
        return tf.concat([resample(tf.constant(each), size) for each in channels], -1)


def resample(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns image [1, H, W, C] at another (height, width): antialiased along an axis that
    shrinks, interpolated along one that grows. At the same size it is the same tensor."""
    height, width = size
    smaller = (min(image.shape[1], height), min(image.shape[2], width))
    if tuple(image.shape[1:3]) != smaller:
        image = tf.image.resize(image, smaller, "lanczos3", antialias=True)
    return image if smaller == (height, width) else tf.image.resize(image, size, "bicubic")
