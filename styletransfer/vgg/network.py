"""VGG16 and VGG19 (Simonyan & Zisserman 2014) as far as style transfer needs them: the features
of an image, after each convolution's ReLU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from styletransfer.vgg import download, readers
from styletransfer.vgg.ops import repeated_around, zeros_around
from styletransfer.vgg.random_weights import random_weights
from styletransfer.vgg.registry import Weights, layer_shapes

PADDINGS = {"zero": zeros_around, "replicate": repeated_around}
POOLS = {"max": tf.nn.max_pool2d, "ave": tf.nn.avg_pool2d}
WHOLE = (1, 1)


def poolings_before(layer: str) -> int:
    """Number of poolings between the picture and a layer such as `conv4_2`: each halves it."""
    return int(layer[4]) - 1


class VGG:
    """A network with its weights; one object serves every photo, size and thread."""

    def __init__(self, weights: Weights) -> None:
        self.model = weights.model
        self.identity = weights.identity
        self.layers = tuple(weights.kernels)
        self._weights = weights
        self._tensors: dict[tf.DType, list[tuple[tf.Tensor, tf.Tensor]]] = {}

    def tensors(self, dtype: tf.DType) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Kernels and biases in the arithmetic asked for, converted once."""
        if dtype not in self._tensors:
            with tf.init_scope():
                self._tensors[dtype] = [
                    (tf.cast(kernel, dtype), tf.cast(bias, dtype))
                    for kernel, bias in self._weights.kernels.values()
                ]
        return self._tensors[dtype]

    def channels(self, layer: str) -> int:
        """Number of channels of a layer's feature."""
        return self._weights.kernels[layer][1].size

    def forward(
        self,
        image: tf.Tensor,
        layers: Sequence[str],
        pool: str,
        dtype: tf.DType,
        padding: str = "zero",
    ) -> dict[str, tf.Tensor]:
        """Features of image [1, H, W, 3] (sRGB 0…1) at `layers`: name → [1, h, w, C] in `dtype`,
        after ReLU, computed up to the deepest of them and no further.

        pool: `max` or `ave`. padding: what a convolution sees beyond the border, `zero` as VGG was
        trained, or `replicate`. Raises ValueError for others, or a layer the network has not.
        """
        unknown = set(layers) - set(self.layers)
        if unknown:
            raise ValueError(f"{self.model} has no layer {', '.join(sorted(unknown))}")
        if pool not in POOLS:
            raise ValueError(f"pool is {pool!r}, expected max or ave")
        if padding not in PADDINGS:
            raise ValueError(f"padding is {padding!r}, expected zero or replicate")
        return self.onward(image, 1, layers, pool, dtype, padding)

    def onward(
        self,
        x: tf.Tensor,
        first: int,
        layers: Sequence[str],
        pool: str,
        dtype: tf.DType,
        padding: str,
    ) -> dict[str, tf.Tensor]:
        """`forward` from the input of block `first` on, x [1, h, w, C]: for the first block the
        image, for others what the pooling before it gives."""
        features = {}
        for block in range(first, max(map(poolings_before, layers)) + 2):
            if block > first:
                x = POOLS[pool](x, 2, 2, "VALID")
            found, x = self.block(x, block, layers, dtype, padding)
            features |= found
        return features

    def block(
        self,
        x: tf.Tensor,
        number: int,
        layers: Sequence[str],
        dtype: tf.DType,
        padding: str,
        ends: tuple[tf.Tensor | int, tf.Tensor | int] = WHOLE,
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Features of block `number` (from 1) at those of the layers that are in it, and its
        output; x as in `onward`. The block's last convolutions are left out if no layer is deeper.

        ends: 1 or 0 each, whether x's first row is the picture's, and its last. Where not, each
        convolution takes a row off x instead of continuing it beyond the border.
        """
        if number == 1:
            x = tf.cast(x * 255.0 - tf.constant(self._weights.mean, x.dtype), dtype)
        features = {}
        tensors = dict(zip(self.layers, self.tensors(dtype), strict=True))
        for layer in self.needed(number, layers):
            kernel, bias = tensors[layer]
            if padding == "zero" and ends is WHOLE:
                x = tf.nn.conv2d(x, kernel, 1, "SAME")
            else:
                x = tf.nn.conv2d(PADDINGS[padding](x, *ends), kernel, 1, "VALID")
            x = tf.nn.relu(tf.nn.bias_add(x, bias))
            if layer in layers:
                features[layer] = x
        return features, x

    def needed(self, number: int, layers: Sequence[str]) -> tuple[str, ...]:
        """The convolutions of block `number` that must be computed for these layers."""
        deepest = max(map(self.layers.index, layers))
        return tuple(
            layer for layer in self.layers[: deepest + 1] if poolings_before(layer) == number - 1
        )

    def features(
        self, image: np.ndarray, layers: Sequence[str], pool: str = "max"
    ) -> dict[str, np.ndarray]:
        """Features of image (float32 [H, W, 3], sRGB 0…1): name → float32 [h, w, C] after ReLU.

        pool: `max` or `ave`. Raises ValueError for another, or a layer the network has not.
        """
        batch = tf.constant(np.asarray(image, np.float32)[None])
        found = self.forward(batch, layers, pool, tf.float32)
        return {layer: feature[0].numpy() for layer, feature in found.items()}


def load_vgg(model: str = "vgg19", weights: str | Path | None = None, seed: int = 0) -> VGG:
    """VGG16 or VGG19 with weights: None (the cache, else Keras' download), a path, or `random`.

    Raises WeightsError in one line where there are none, or they are damaged or of another
    network; ValueError for another model.
    """
    layer_shapes(model)  # Knows the models.
    if str(weights) == "random":
        return VGG(random_weights(model, seed))
    return VGG(readers.read(download.find(model, weights), model))
