"""Reader of the `.npz` files that training/export.py writes: VGG19's layers up to conv5_1, in any
widths. The format is described there."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from styletransfer.errors import WeightsError
from styletransfer.vgg.registry import TO_CONV5_1, layer_names

FORMAT = 1
TYPES = ("int8", "float16", "float32")

Kernels = dict[str, tuple[np.ndarray, np.ndarray]]


def read_trained(arrays: Mapping[str, Any], file: str) -> tuple[Kernels, np.ndarray]:
    """The kernels and the mean in a file: layer → float32 (kernel [3, 3, in, out], bias [out]),
    shallow to deep, and float32 [3], which is subtracted from R, G, B in 0…255.

    arrays: of a `.npz` file. file: how messages name it. Raises WeightsError, in one line, for
    another version, and naming the layer for one that is missing, does not fit to the one before,
    or is not finite.
    """
    version = arrays["format"]
    if version.shape != () or version != FORMAT:
        raise WeightsError(
            f"weights file {file} is of format {version}, and this program reads format {FORMAT}; "
            "a newer version of the program may read it"
        )
    layers = layer_names(TO_CONV5_1)
    stored = {name.removesuffix("_W") for name in arrays if name.endswith("_W")}
    if others := sorted(stored - set(layers)):
        raise WeightsError(
            f"weights file {file} has a layer {others[0]}; expected {layers[0]} to {layers[-1]}"
        )
    kernels, channels = {}, 3
    for layer in layers:
        kernel, bias = _layer(arrays, layer, channels, file)
        kernels[layer] = kernel, bias
        channels = bias.size
    mean = arrays.get("mean")
    if mean is None or mean.shape != (3,) or not _finite(mean):
        raise WeightsError(f"weights file {file} has no `mean` of three finite numbers")
    return kernels, mean.astype(np.float32)


def _layer(
    arrays: Mapping[str, Any], layer: str, channels: int, file: str
) -> tuple[np.ndarray, np.ndarray]:
    expected = f"expected a kernel of shape (3, 3, {channels}, n) and a bias of shape (n,)"
    kernel, bias = arrays.get(f"{layer}_W"), arrays.get(f"{layer}_b")
    if kernel is None or bias is None:
        raise WeightsError(f"weights file {file} has no layer {layer}, {expected}")
    width = kernel.shape[-1] if kernel.ndim else 0
    if not width or kernel.shape != (3, 3, channels, width) or bias.shape != (width,):
        raise WeightsError(
            f"weights file {file}: layer {layer} has a kernel of shape {kernel.shape} and a bias "
            f"of shape {bias.shape}; {expected}"
        )
    if kernel.dtype.name not in TYPES:
        raise WeightsError(
            f"weights file {file}: layer {layer} is of type {kernel.dtype}; expected one of "
            f"{', '.join(TYPES)}"
        )
    wide = kernel.astype(np.float32)
    if kernel.dtype == np.int8:
        scale = arrays.get(f"{layer}_scale")
        if scale is None or scale.shape != (width,):
            raise WeightsError(
                f"weights file {file}: layer {layer} is of type int8 and has no {layer}_scale of "
                f"shape ({width},)"
            )
        wide *= scale.astype(np.float32)
    if not (_finite(wide) and _finite(bias)):
        raise WeightsError(f"weights file {file}: layer {layer} holds NaN or infinity")
    return np.ascontiguousarray(wide), bias.astype(np.float32)


def _finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())
