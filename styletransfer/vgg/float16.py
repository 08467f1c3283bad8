"""A network in float16, for GPUs that multiply it fast, but not bfloat16.

Its numbers end at 65504, and below 6e-5 they lose digits, so features are kept near 1: without
biases a ReLU network is homogeneous, and with each bias multiplied like the layer it is of, its
features are exact multiples of what they were. The losses are relative, so multiples change nothing
in them. All factors are powers of two, which round nothing.
"""

import math
from collections.abc import Mapping

import numpy as np

LARGEST_FLOAT16 = 65504.0
INPUT_SCALE = 2.0**-7  # for a picture in 0…255: its gradient is not far from a feature's
# The mean feature. In a brighter picture than the sample features are a few times as large, and a
# few channels reach 10,000 times their layer's mean.
LARGEST_MEAN = 0.5


def scale_of(mean: float) -> float:
    """Return the power of two that brings a layer's mean feature to LARGEST_MEAN or half of it.

    It is 1 for a layer of zeros.
    """
    if not mean > 0:
        return 1.0
    return 2.0 ** math.floor(math.log2(LARGEST_MEAN / mean))


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
    found, before = {}, input_scale
    for layer, (kernel, bias) in kernels.items():
        scale = scales[layer]
        found[layer] = kernel * np.float32(scale / before), bias * np.float32(scale)
        before = scale
    return found
