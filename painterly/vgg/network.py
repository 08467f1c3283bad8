"""VGG16 and VGG19 (Simonyan & Zisserman 2014) up to their last convolution, in any widths: the
features of an image after each convolution's ReLU."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from painterly.devices.choose import gpus_in_use
from painterly.forks import cached_property
from painterly.log import event
from painterly.settings.settings import Settings
from painterly.vgg import sources, winograd
from painterly.vgg.architectures import ARCHITECTURES, Weights, poolings_before
from painterly.vgg.ops import average_pool, convolution, max_pool, pad_replicate
from painterly.vgg.random_weights import calibration_photo

# Weights of networks up to this size are constants of traced functions: with AVX2, oneDNN's forward
# convolutions are 1.5 to 2 times as fast, since it orders weights for its best kernels only if it
# may do so once. Each function has several copies of its constants, so larger networks' are
# constants only if asked for.
MAX_CONSTANT_BYTES = 8_000_000
# float16 is for GPUs that multiply it fast, but not bfloat16. Its numbers end at 65504, and below
# 6e-5 they lose digits, so features are kept near 1: without biases a ReLU network is homogeneous,
# and if each bias is multiplied like its layer, its features are exact multiples of the originals.
# The losses are relative, so multiples change nothing in them. All factors are powers of two, which
# round nothing.
LARGEST_FLOAT16 = 65504.0
INPUT_SCALE = 2.0**-7  # for a picture in 0…255: its gradient is not far from a feature's
# The mean feature. In a picture brighter than the calibration photo, features are a few times as
# large, and a few channels reach 10,000 times their layer's mean.
LARGEST_MEAN = 0.5
Pair: TypeAlias = tuple[np.ndarray | tf.Tensor, np.ndarray | tf.Tensor]

_POOLS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "max": max_pool,
    "ave": partial(average_pool, side=2),
}


@dataclass(frozen=True)
class NetworkOptions:
    """Options for running a network."""

    pool: str = "max"  # `max` or `ave`
    # The type of convolutions and features. In float16 these are rescaled.
    dtype: tf.DType = tf.float32
    padding: str = "zero"  # the padding of convolutions: `zero`, as VGG was trained, or `replicate`
    # Whether a large network's weights are constants, too, and wide layers are convolved by
    # Winograd's algorithm; see `gains_from_memory`.
    spends_memory: bool = False


class VGG:
    """A network with its weights; one object serves every photo, size and thread."""

    def __init__(self, weights: Weights) -> None:
        self.model = weights.model
        self.identity = weights.identity
        self.mean = weights.mean
        self.layers = tuple(weights.kernels)
        self._weights, self._kernels = weights, weights.kernels
        self._adapted: set[str] = set()  # layers that the log has named
        self._converted: dict[tuple[tf.DType, bool], dict[str, Pair]] = {}
        self._transformed: dict[tuple[str, tf.DType], winograd.TransformedKernel] = {}

    def kernels(self, dtype: tf.DType, constant: bool = False) -> dict[str, Pair]:
        """Return layer → (kernel, bias) in this dtype, converted once.

        They are arrays, which become constants of a traced function, if the network is small or
        `constant` is true, else tensors.
        """
        constant |= self.weight_bytes(self.layers) <= MAX_CONSTANT_BYTES
        key = dtype, constant
        if key not in self._converted:
            kernels = self._kernels
            if dtype == tf.float16:
                kernels = rescaled(kernels, self.scales, INPUT_SCALE)
            with tf.init_scope():
                self._converted[key] = {
                    layer: (_converted(kernel, dtype, constant), _converted(bias, dtype, constant))
                    for layer, (kernel, bias) in kernels.items()
                }
        return self._converted[key]

    def gains_from_memory(self, layers: Sequence[str], dtype: tf.DType) -> bool:
        """Return whether `forward` is faster with `spends_memory` on the device in use: whether a
        layer is convolved by Winograd's algorithm."""
        kernels = [self._kernels[layer][0] for layer in self.needed(layers)]
        return not gpus_in_use() and any(winograd.pays(kernel, dtype) for kernel in kernels)

    def transformed(self, layer: str, dtype: tf.DType) -> winograd.TransformedKernel:
        """Return a layer's kernel for Winograd's algorithm, computed once."""
        key = layer, dtype
        if key not in self._transformed:
            with tf.init_scope():
                kernel, _ = self._kernels[layer]
                self._transformed[key] = winograd.TransformedKernel.of(kernel, dtype)
        return self._transformed[key]

    def weight_bytes(self, layers: Sequence[str]) -> int:
        """Return the number of bytes of the kernels of `layers` in float32."""
        return sum(self._kernels[layer][0].nbytes for layer in layers)

    @cached_property
    def mean_features(self) -> dict[str, float]:
        """The mean of each layer's features on the calibration photo."""
        with tf.init_scope():
            photo = calibration_photo() / 255
            features = self.forward(photo, self.layers, NetworkOptions())
            return {layer: float(tf.reduce_mean(each)) for layer, each in features.items()}

    @cached_property
    def scales(self) -> dict[str, float]:
        """The factor of each layer's features in float16: a power of two that fits their
        `mean_features` into its range."""
        return {layer: scale_of(mean) for layer, mean in self.mean_features.items()}

    @cached_property
    def fits_float16(self) -> bool:
        """Whether all weights, rescaled, are within its range."""
        pairs = rescaled(self._kernels, self.scales, INPUT_SCALE).values()
        return max(float(np.abs(each).max()) for pair in pairs for each in pair) < LARGEST_FLOAT16

    @cached_property
    def as_large_as_teacher(self) -> "VGG":
        """This network with features as large as its teacher's, if their size is known."""
        scales = self._weights.teacher_scale
        if not scales:
            return self
        kernels = rescaled(self._kernels, scales)
        return VGG(replace(self._weights, kernels=kernels, teacher_scale={}))

    def channels(self, layer: str) -> int:
        """Return the number of channels of a layer's feature."""
        return self._kernels[layer][1].size

    def adapted(self, settings: Settings) -> Settings:
        """Return the settings for this network.

        A missing `content_layer` is replaced by the deepest layer that is not deeper. That is
        logged once.
        """
        wanted = settings.content_layer
        if wanted in self.layers:
            return settings
        layer = max(each for each in self.layers if each < wanted)
        if wanted not in self._adapted:
            self._adapted.add(wanted)
            event(f"this network has no content_layer {wanted}: {layer} is used instead")
        return replace(settings, content_layer=layer)

    def needed(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Return the convolutions that the features at `layers` depend on, shallow to deep."""
        deepest = max(map(self.layers.index, layers))
        return self.layers[: deepest + 1]

    def forward(
        self, image: tf.Tensor, layers: Sequence[str], options: NetworkOptions
    ) -> dict[str, tf.Tensor]:
        """Compute the features of image [1, H, W, 3] (sRGB 0…1) at `layers`, and nothing deeper.

        They are name → [1, h, w, C] in the options' dtype, after ReLU; in float16 times `scales`.

        Raises ValueError for a layer that the network does not have.
        """
        if unknown := set(layers) - set(self.layers):
            raise ValueError(f"{self.model} has no layer {', '.join(sorted(unknown))}")
        dtype, kernels = options.dtype, self.kernels(options.dtype, options.spends_memory)
        x = image * 255.0 - tf.constant(self.mean, image.dtype)
        x = tf.cast(x * INPUT_SCALE if dtype == tf.float16 else x, dtype)
        features, poolings = {}, 0
        for layer in self.needed(layers):
            for _ in range(poolings_before(layer) - poolings):
                x = _POOLS[options.pool](x)
            poolings = poolings_before(layer)
            kernel, bias = kernels[layer]
            if options.spends_memory and winograd.pays(kernel, dtype):
                x = winograd.convolution(x, self.transformed(layer, dtype), options.padding)
            elif options.padding == "replicate":
                x = convolution(pad_replicate(x), tf.convert_to_tensor(kernel), "VALID")
            else:
                x = convolution(x, tf.convert_to_tensor(kernel), "SAME")
            x = tf.nn.relu(tf.nn.bias_add(x, tf.convert_to_tensor(bias)))
            if layer in layers:
                features[layer] = x
        return features


def scale_of(mean: float) -> float:
    """Return the power of two that brings a layer's mean feature to LARGEST_MEAN or half of it.

    It is 1 for a layer of zeros.
    """
    return 2.0 ** math.floor(math.log2(LARGEST_MEAN / mean)) if mean > 0 else 1.0


def rescaled(
    kernels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    scales: Mapping[str, float],
    input_scale: float = 1.0,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return layer → (kernel, bias) of a network with its input and features multiplied.

    Args:
        kernels: Layer → (kernel, bias) of the network.
        scales: Layer → factor of its features.
        input_scale: The factor of the input.
    """
    multiplied, before = {}, input_scale
    for layer, (kernel, bias) in kernels.items():
        scale = scales[layer]
        multiplied[layer] = kernel * np.float32(scale / before), bias * np.float32(scale)
        before = scale
    return multiplied


def _converted(array: np.ndarray, dtype: tf.DType, constant: bool) -> np.ndarray | tf.Tensor:
    if constant:
        return array.astype(dtype.as_numpy_dtype, copy=False)
    return tf.cast(array, dtype)


def load_vgg(model: str = "vgg19", weights: str | Path | None = None, seed: int = 0) -> VGG:
    """Load a network.

    Args:
        model: `vgg16` or `vgg19`. The built-in network is the same for both.
        weights: A path; `published` for the weights that Keras publishes for the model, from the
            cache or else downloaded; `random`; or, by default, `builtin`, the network that comes
            with the program.
        seed: The seed for random weights.

    Raises:
        WeightsError: In one line, if weights are missing, damaged or another network's.
        ValueError: For another model.
    """
    if model not in ARCHITECTURES:
        raise ValueError(f"model is {model!r}, expected {' or '.join(ARCHITECTURES)}")
    source = sources.BUILT_IN if weights is None else str(weights)
    return VGG(sources.read_source(sources.named_source(source, model, seed), model, seed))
