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
    """The decoder's weights, arrays of float32. They become constants of a traced function, because
    oneDNN's convolutions are twice as fast with constants on CPUs with AVX2 alone.

    Attributes:
        layers: Layer → kernel [n, n, in, out] and bias [out].
        mean: The mean of each feature of a place [C].
        deviation: Its standard deviation [C].
        dtype: The type of its convolutions, float32 or bfloat16.
    """

    layers: dict[str, tuple[np.ndarray, np.ndarray]]
    mean: np.ndarray
    deviation: np.ndarray
    dtype: tf.DType = tf.float32

    def joined(self, features: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Passes places through the first layer, before its ReLU. It sees each place alone and is
        linear, so that the candidates are passed through it before they are matched and mixed.

        Args:
            features: Their features [..., C], float32.
            pixels: Their pixels [..., 48], sRGB 0…1, as `space_to_depth` orders them.

        Returns:
            float32 [..., 128].
        """
        kernel, bias = self.layers["join"]
        standard = (features - self.mean) / self.deviation
        places = tf.concat([standard, PIXEL_SCALE * (pixels - GREY)], -1)
        return tf.tensordot(places, kernel[0, 0], 1) + bias

    def __call__(self, joined: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Decodes the places of a part of a picture.

        Args:
            joined: The first layer of the places [1, h, w, 128].
            pixels: Their pixels [1, h, w, 48].

        Returns:
            The pixels [1, 4·h, 4·w, 3], float32, about 0…1.
        """
        collage = tf.nn.depth_to_space(tf.cast(PIXEL_SCALE * (pixels - GREY), self.dtype), PLACE)
        x = tf.nn.relu(tf.cast(joined, self.dtype))
        for layer in ("quarter1", "quarter2"):
            x += tf.nn.relu(self._convolved(layer, x))
        x = tf.nn.relu(self._doubled_and_convolved("half1", x))
        x = tf.concat([x, tf.nn.space_to_depth(collage, 2)], -1)
        x = tf.nn.relu(self._convolved("half2", x))
        x = tf.nn.depth_to_space(self._convolved("full1", x), 2)
        x = tf.concat([tf.nn.relu(x), collage], -1)
        x = tf.nn.relu(self._convolved("full2", x))
        x = tf.cast(self._convolved("full3", x), tf.float32)
        return GREY + tf.cast(collage, tf.float32) / PIXEL_SCALE + CORRECTION * x

    def _convolved(self, layer: str, x: tf.Tensor) -> tf.Tensor:
        kernel, bias = self.layers[layer]
        return self._convolution(pad_replicate(x), kernel, bias)

    def _doubled_and_convolved(self, layer: str, x: tf.Tensor) -> tf.Tensor:
        """Repeats each row and column of x [1, h, w, C], and convolves the result with a kernel of
        3 × 3.

        The four pixels made of one each see 2 × 2 pixels of x, some of them several times. So each
        is computed by a kernel of 2 × 2, with four ninths of the multiplications.
        """
        kernel, bias = self.layers[layer]
        x = pad_replicate(x)
        height, width = tf.shape(x)[1] - 1, tf.shape(x)[2] - 1
        seen = (0, 1), (0, 2)  # The first of the kernel's rows, or columns, for each pixel of x.
        pixels = []
        for down, rows in enumerate(seen):
            for right, columns in enumerate(seen):
                sums = np.add.reduceat(np.add.reduceat(kernel, rows, 0), columns, 1)
                part = x[:, down : down + height, right : right + width]
                pixels.append(self._convolution(part, sums, bias))
        return tf.nn.depth_to_space(tf.concat(pixels, -1), 2)

    def _convolution(self, x: tf.Tensor, kernel: np.ndarray, bias: np.ndarray) -> tf.Tensor:
        x = tf.nn.conv2d(x, tf.constant(kernel, self.dtype), 1, "VALID")
        return tf.nn.bias_add(x, tf.constant(bias, self.dtype))


@lru_cache(maxsize=16)  # For each device.
def traced(dtype: tf.DType, device: str) -> tf.types.experimental.GenericFunction:
    """Returns the decoder as a traced function on a device, for places of any height and width.
    TensorFlow then joins convolutions with what follows them."""
    read = decoder()._replace(dtype=dtype)
    width = len(read.layers["join"][1])
    specs = [tf.TensorSpec([1, None, None, depth]) for depth in (width, PIXELS_OF_PLACE)]
    with tf.device(device):
        return tf.function(read.__call__, specs, autograph=False).get_concrete_function()


@lru_cache(maxsize=1)
def decoder(path: Path = DECODER) -> Decoder:
    """Reads the decoder from its file."""
    with np.load(path, allow_pickle=False) as arrays:
        layers = {
            name: (
                arrays[f"{name}_W"].astype(np.float32) * arrays[f"{name}_scale"],
                arrays[f"{name}_b"],
            )
            for name in LAYERS
        }
        return Decoder(layers, arrays["mean"], arrays["deviation"])
