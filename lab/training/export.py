"""The file of weights, `.npz`: what is in it, and how it is written.

For each layer, named as in VGG19, in any widths; layers may be left out, but a block begins with
its first:

    conv1_1_W        [3, 3, in, out]   int8, float16 or float32. `in` is 3 for conv1_1, else `out`
                                       of the layer before.
    conv1_1_b        [out]             float32
    conv1_1_scale    [out]             float32, with int8 alone: the kernel is W · scale, by output
                                       channel

and for the whole:

    mean             [3]               float32: subtracted from R, G, B in 0…255 before conv1_1
    teacher_scale    [layers]          float32: how many times as large the teacher's features are,
                                       as root mean squares of their norms, shallow to deep
    format           []                int64, 2: this format
    recipe           []                string: JSON, how the file was made, and its scores

A layer is ReLU(convolution(x, W) + b), its borders continued as the reader likes; before the first
layer of each block but the first is a 2 × 2 max-pooling. The mean activation of each layer is about
1 (Gatys, Ecker & Bethge 2016).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lab.training.network import Kernels, Layers, Student, features
from painterly.vgg.architectures import MEAN_PIXEL
from painterly.vgg.readers import FORMAT


@torch.no_grad()
def normalised(
    student: Student, teacher: Kernels, images: torch.Tensor
) -> tuple[Layers, np.ndarray]:
    """Return the student scaled to a mean activation of 1 in each layer.

    All channels of a layer share a scale. ReLU commutes with positive scales, so features keep
    their shape.

    Args:
        student: The trained network.
        teacher: The kernels that it was trained with.
        images: [N, 3, H, W], 0…255, on which activations are measured.

    Returns:
        The scaled layers, and the file's `teacher_scale` [layers].
    """
    found, wanted = student(images), features(teacher, images, student.widths)
    layers, teacher_scales, before = {}, [], 1.0
    for name, (kernel, bias) in student.layers().items():
        mean = found[name].mean().item()
        layers[name] = kernel * np.float32(before / mean), bias / np.float32(mean)
        teacher_scales.append(_size(wanted[name]) / _size(found[name]) * mean)
        before = mean
    return layers, np.array(teacher_scales, np.float32)


def _size(feature: torch.Tensor) -> float:
    """Return the root mean square of the norms of a feature [N, C, h, w]."""
    return feature.square().sum(1).mean().sqrt().item()


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """kernel [3, 3, in, out] as int8, −127…127, and a scale per output channel, float32 [out]."""
    scale = np.abs(kernel).max((0, 1, 2)) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(kernel / scale).astype(np.int8), scale


def write(
    path: Path,
    layers: Layers,
    teacher_scale: np.ndarray,
    recipe: Mapping[str, Any],
    dtype: str = "int8",
) -> None:
    """Write a file of weights. dtype: type of the kernels, int8, float16 or float32."""
    arrays: dict[str, np.ndarray] = {
        "mean": MEAN_PIXEL,
        "teacher_scale": teacher_scale,
        "format": np.array(FORMAT),
    }
    for layer, (kernel, bias) in layers.items():
        arrays[f"{layer}_b"] = bias
        if dtype == "int8":
            arrays[f"{layer}_W"], arrays[f"{layer}_scale"] = quantised(kernel)
        else:
            arrays[f"{layer}_W"] = kernel.astype(dtype)
    save(path, arrays, recipe)


def save(path: Path, arrays: Mapping[str, np.ndarray], recipe: Mapping[str, Any]) -> None:
    """Write arrays and the recipe of their training; the file is whole at any moment."""
    text = np.array(json.dumps(recipe, sort_keys=True))
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, allow_pickle=False, recipe=text, **arrays)
    partial.replace(path)
