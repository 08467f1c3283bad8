"""Reader of the `.npz` files that training/export.py writes. The format is described there."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from styletransfer.errors import WeightsError
from styletransfer.vgg.registry import DISTILLED, Weights, layer_names

FORMAT = 2
READ_FORMATS = (1, FORMAT)  # In 1 all layers up to conv5_1 are there, and no teacher_scale.
TYPES = ("int8", "float16", "float32")
LAYERS = layer_names("vgg19")
LEAST_BLOCKS = 4  # The losses compare features down to conv4_1.


def read_trained(arrays: Mapping[str, Any], file: str, identity: str) -> Weights:
    """The weights in a file.

    arrays: of a `.npz` file. file: how messages name it. identity: see Weights. Raises
    WeightsError, in one line, for another version, and naming the layer for one that is unknown or
    missing, does not fit to the one before, or is not finite.
    """
    version = arrays["format"]
    if version.shape != () or version not in READ_FORMATS:
        raise WeightsError(
            f"weights file {file} is of format {version}, and this program reads formats "
            f"{' and '.join(map(str, READ_FORMATS))}; a newer version of the program may read it"
        )
    kernels, channels = {}, 3
    for layer in _layers(arrays, file):
        kernels[layer] = _layer(arrays, layer, channels, file)
        channels = kernels[layer][1].size
    mean = arrays.get("mean")
    if mean is None or mean.shape != (3,) or not _finite(mean):
        raise WeightsError(f"weights file {file} has no `mean` of three finite numbers")
    scale = arrays.get("teacher_scale", np.empty(0))
    if scale.size and not (scale.shape == (len(kernels),) and _finite(scale) and (scale > 0).all()):
        raise WeightsError(
            f"weights file {file}: teacher_scale is expected to be {len(kernels)} positive "
            "numbers, one for each layer"
        )
    scales = dict(zip(kernels, scale.tolist(), strict=False))
    return Weights(DISTILLED, identity, kernels, mean.astype(np.float32), scales)


def _layers(arrays: Mapping[str, Any], file: str) -> list[str]:
    """The file's layers, shallow to deep."""
    stored = {name[:-2] for name in arrays if name.endswith(("_W", "_b"))}
    if others := sorted(stored - set(LAYERS)):
        raise WeightsError(
            f"weights file {file} has a layer {others[0]}; expected layers of VGG19, {LAYERS[0]} "
            f"to {LAYERS[-1]}"
        )
    blocks = max([LEAST_BLOCKS, *(int(layer[4]) for layer in stored)])
    for first in (f"conv{block}_1" for block in range(1, blocks + 1)):
        if first not in stored:
            raise WeightsError(
                f"weights file {file} has no layer {first}; expected the first layer of each of "
                f"its blocks, which are {LEAST_BLOCKS} at least"
            )
    return [layer for layer in LAYERS if layer in stored]


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
