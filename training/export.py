"""The file of weights, `.npz`: what is in it, and how it is written and read.

For each of the 13 layers conv1_1 … conv5_1 of VGG19, in any width:

    conv1_1_W        [3, 3, in, out]   int8, float16 or float32. `in` is 3 for conv1_1, else `out`
                                       of the layer before.
    conv1_1_b        [out]             float32
    conv1_1_scale    [out]             float32, with int8 alone: the kernel is W · scale, by output
                                       channel

and for the whole:

    mean             [3]               float32: subtracted from R, G, B in 0…255 before conv1_1
    format           []                int64, 1: this format
    recipe           []                string: JSON, how the file was made, and its scores

A layer is ReLU(convolution(x, W) + b), its borders continued as the reader likes; before conv2_1,
conv3_1, conv4_1 and conv5_1 is a 2 × 2 max-pooling. The mean activation of each layer is about 1.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from styletransfer.vgg.registry import MEAN_PIXEL
from styletransfer.vgg.trained_file import FORMAT, TYPES, read_trained
from training.fold import Layers, colour_layers, normalised, side_by_side
from training.network import Kernels
from training.scenes import SIDE, TexturePool, draw_batch
from training.train import HELD_OUT_SEED

SAMPLES = Path(__file__).parent.parent / "samples"
CALIBRATION_SCENES = 48


def calibration_images() -> np.ndarray:
    """What mean activations are measured on: held-out scenes and crops of the project's own sample
    pictures, uint8 [n, 128, 128, 3]."""
    pool = TexturePool(HELD_OUT_SEED, 96)
    pool.advance(0)
    crops = []
    for path in sorted(SAMPLES.rglob("*.jpg")):
        with Image.open(path) as picture:
            small = picture.convert("RGB")
            small.thumbnail((384, 384))
        pixels = np.asarray(small)
        for row in range(0, pixels.shape[0] - SIDE + 1, SIDE):
            for column in range(0, pixels.shape[1] - SIDE + 1, SIDE):
                crops.append(pixels[row : row + SIDE, column : column + SIDE])
    drawn = draw_batch(pool, HELD_OUT_SEED, 2**20, CALIBRATION_SCENES).image
    return np.concatenate([drawn, np.stack(crops)]) if crops else drawn


def finished(trained: Layers, colour_channels: int, images: np.ndarray) -> dict[str, Kernels]:
    """A trained network as it is used: normalised, with its colour channels."""
    if colour_channels:
        trained = side_by_side(colour_layers(colour_channels), trained)
    return normalised(trained, images)


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """kernel [3, 3, in, out] as int8, −127…127, and a scale per output channel, float32 [out]."""
    scale = np.abs(kernel).max((0, 1, 2)) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(kernel / scale).astype(np.int8), scale


def write(path: Path, layers: Layers, recipe: Mapping[str, Any], dtype: str = "int8") -> None:
    """Writes a file of weights. dtype: of the kernels, in TYPES; raises ValueError for others."""
    if dtype not in TYPES:
        raise ValueError(f"type of the weights is {dtype!r}, expected one of {', '.join(TYPES)}")
    arrays: dict[str, np.ndarray] = {
        "mean": MEAN_PIXEL,
        "format": np.array(FORMAT),
        "recipe": np.array(json.dumps(recipe, sort_keys=True)),
    }
    for layer, (kernel, bias) in layers.items():
        arrays[f"{layer}_b"] = bias
        if dtype == "int8":
            arrays[f"{layer}_W"], arrays[f"{layer}_scale"] = quantised(kernel)
        else:
            arrays[f"{layer}_W"] = kernel.astype(dtype)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def read(path: Path) -> tuple[dict[str, Kernels], dict[str, Any]]:
    """The layers of a file, kernels in float32, and its recipe."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    layers, _ = read_trained(arrays, str(path))
    recipe = json.loads(str(arrays["recipe"])) if "recipe" in arrays else {}
    return {layer: Kernels(*each) for layer, each in layers.items()}, recipe
