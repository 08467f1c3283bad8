"""The decoder of recipe `instant`: from the matches of a picture's places to the picture.

The pixels of the matches, put side by side, are a collage: the painting's own strokes, with a seam
around every place. The decoder is a small convolutional network that sees the collage and the
features of the matches, and adds what is missing. It is trained by training/train_decoder.py.

Its file, `decoder.npz`, has for each layer, named as in LAYERS:

    NAME_W        int8 [n, n, in, out]
    NAME_scale    float32 [out]: the kernel is W · scale, by output channel
    NAME_b        float32 [out]

and `mean` and `deviation`, float32 [features]: places' features are standardised by them.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.engine.constants import (
    CORRECTION,
    DECODER,
    GREY,
    PIXEL_SCALE,
    PIXELS_OF_PLACE,
    PLACE,
)
from styletransfer.vgg.ops import pad_replicate

# Shallow to deep, i.e. from features to pixels: at a quarter, a half, and the whole of the size.
LAYERS = ("join", "quarter1", "quarter2", "half1", "half2", "full1", "full2", "full3")
HALO = 16  # px around a part of a picture that its pixels depend on, a multiple of PLACE
PART_SIDE = 384  # px of a part that is decoded at a time, without its halo


class Decoder(NamedTuple):
    """The decoder's weights on a device.

    Attributes:
        layers: Layer → kernel [n, n, in, out] and bias [out].
        mean: The mean of each feature of a place [C].
        deviation: Its standard deviation [C].
    """

    layers: dict[str, tuple[tf.Tensor, tf.Tensor]]
    mean: tf.Tensor
    deviation: tf.Tensor

    def __call__(self, features: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Decodes the places of a part of a picture.

        Args:
            features: Their features [1, h, w, C], float32.
            pixels: Their pixels [1, h, w, 48], sRGB 0…1, as `space_to_depth` orders them.

        Returns:
            The pixels [1, 4·h, 4·w, 3], float32, about 0…1.
        """
        dtype = self.layers["join"][0].dtype
        pixels = tf.cast(PIXEL_SCALE * (pixels - GREY), dtype)
        collage = tf.nn.depth_to_space(pixels, PLACE)
        features = tf.cast((features - self.mean) / self.deviation, dtype)
        x = tf.nn.relu(self._convolved("join", tf.concat([features, pixels], -1)))
        for layer in ("quarter1", "quarter2"):
            x += tf.nn.relu(self._convolved(layer, x))
        x = tf.nn.relu(self._convolved("half1", _doubled(x)))
        x = tf.concat([x, tf.nn.space_to_depth(collage, 2)], -1)
        x = tf.nn.relu(self._convolved("half2", x))
        x = tf.nn.depth_to_space(self._convolved("full1", x), 2)
        x = tf.concat([tf.nn.relu(x), collage], -1)
        x = tf.nn.relu(self._convolved("full2", x))
        x = tf.cast(self._convolved("full3", x), tf.float32)
        return GREY + tf.cast(collage, tf.float32) / PIXEL_SCALE + CORRECTION * x

    def _convolved(self, layer: str, x: tf.Tensor) -> tf.Tensor:
        kernel, bias = self.layers[layer]
        if kernel.shape[0] > 1:
            x = pad_replicate(x)
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)


@lru_cache(maxsize=16)  # For each device.
def traced(dtype: tf.DType, device: str) -> tf.types.experimental.GenericFunction:
    """Returns the decoder as a traced function, for places of any height and width. TensorFlow
    then joins convolutions with what follows them. Arguments as for `decoder`."""
    read = decoder(dtype, device)
    specs = [
        tf.TensorSpec([1, None, None, channels]) for channels in (len(read.mean), PIXELS_OF_PLACE)
    ]
    return tf.function(read.__call__, specs, autograph=False).get_concrete_function()


def decoder(dtype: tf.DType, device: str, path: Path = DECODER) -> Decoder:
    """Reads the decoder.

    Args:
        dtype: The type of its convolutions, float32 or bfloat16.
        device: The device that it is used on.
        path: Its file.
    """
    with np.load(path, allow_pickle=False) as arrays, tf.device(device):
        layers = {}
        for name in LAYERS:
            kernel = arrays[f"{name}_W"].astype(np.float32) * arrays[f"{name}_scale"]
            layers[name] = tf.constant(kernel, dtype), tf.constant(arrays[f"{name}_b"], dtype)
        return Decoder(layers, tf.constant(arrays["mean"]), tf.constant(arrays["deviation"]))


def _doubled(x: tf.Tensor) -> tf.Tensor:
    """Repeats each row and column of x [1, h, w, C]."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
