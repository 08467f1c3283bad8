"""Files of VGG's weights in the forms in which the real ones are published, filled with noise.

The real ones cannot be fetched everywhere; these have the same names, shapes and axes, and a
full VGG19 (80 MB) takes about a second. All are made from Caffe's blobs [out, in, height, width]
taking B, G, R, by the steps that Keras' and MatConvNet's authors took, so that a reader that
mixes up axes or channels reads different weights from different forms.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from styletransfer.vgg.registry import MEAN_PIXEL, Weights, layer_shapes

TOP = (("fc6", (7, 7, 4, 8)), ("fc7", (1, 1, 8, 8)), ("fc8", (1, 1, 8, 5)))


def weights(model: str = "vgg19", seed: int = 0, layers: Iterable[str] | None = None) -> Weights:
    """Return noise in the shapes of `model`, or of some of its layers, the same for the same seed.

    It is scaled after He et al. 2015, so that activations neither vanish nor explode.
    """
    rng = np.random.default_rng(seed)
    shapes = layer_shapes(model)
    kernels = {}
    for layer in shapes if layers is None else layers:
        shape = shapes[layer]
        kernel = rng.standard_normal(shape, np.float32)
        kernel *= np.float32(np.sqrt(2 / (shape[0] * shape[1] * shape[2])))
        kernels[layer] = kernel, rng.standard_normal(shape[3], np.float32) * 10
    return Weights(model, f"fabricated:{seed}", kernels, MEAN_PIXEL)


def save_h5(path: Path, weights: Weights) -> Path:
    """As Keras published its files in 2016: a group a layer, its arrays named after Theano's."""
    with h5py.File(path, "w") as file:
        layers = ["input_1"]
        for layer, (kernel, bias) in weights.kernels.items():
            if layer.endswith("_1") and layer != "conv1_1":
                layers.append(f"block{int(layer[4]) - 1}_pool")
            name = f"block{layer[4]}_conv{layer[6]}"
            layers.append(name)
            _h5_layer(file, name, _caffe_blob(layer, kernel).transpose(2, 3, 1, 0), bias)
        layers.append("block5_pool")
        for name in layers:
            if name not in file:
                file.create_group(name).attrs["weight_names"] = np.array([], "S1")
        file.attrs["layer_names"] = np.array(layers, "S")
    return path


def save_mat(path: Path, weights: Weights, layout: str = "new", net: bool = False) -> Path:
    """Write weights as MatConvNet's importer and its later `vl_simplenn_tidy` do.

    Args:
        layout: `new` (weights{1, 2} and meta.normalization.averageImage 1×1×3), `old`
            (weights{1, 2} and normalization.averageImage 224×224×3) or `oldest` (filters, biases
            and the same).
        net: Whether everything is under one variable `net`.
    """
    layers = []
    for layer, (kernel, bias) in weights.kernels.items():
        if layer.endswith("_1") and layer != "conv1_1":
            layers.append(_pool(int(layer[4]) - 1))
        stored = _caffe_blob(layer, kernel).transpose()  # MATLAB's axes are the other way round
        stored = stored.transpose(1, 0, 2, 3)  # and the importer puts height before width.
        if layer == "conv1_1":
            stored = stored[:, :, ::-1]  # "to RGB"
        layers.append(_conv(layer, stored, bias, layout))
        layers.append({"name": f"relu{layer[4:]}", "type": "relu"})
    layers.append(_pool(5))
    for name, shape in TOP:
        layers.append(
            _conv(name, np.ones(shape, np.float32), np.ones(shape[3], np.float32), layout)
        )
    layers.append({"name": "prob", "type": "softmax"})
    side = 1 if layout == "new" else 224
    average = np.broadcast_to(weights.mean, (side, side, 3)).astype(np.float32)
    normalization = {"averageImage": average, "interpolation": "bilinear"}
    variables = {"layers": cells(layers), "classes": {"name": cells(["n01440764", "n01443537"])}}
    new = {"meta": {"normalization": normalization}}
    variables |= new if layout == "new" else {"normalization": normalization}
    savemat(path, {"net": variables} if net else variables, oned_as="row")
    return path


def save_npz(path: Path, weights: Weights) -> Path:
    """The plain form: `conv1_1_W` [3, 3, in, out] taking R, G, B, `conv1_1_b` [out], …"""
    arrays = {}
    for layer, (kernel, bias) in weights.kernels.items():
        arrays |= {f"{layer}_W": kernel, f"{layer}_b": bias}
    np.savez(path, **arrays)
    return path


# As of the network that comes with the program: blocks of other lengths than VGG's.
SOME_LAYERS = ("conv1_1", "conv2_1", "conv2_2", "conv3_1", "conv3_3", "conv4_1")


def trained_arrays(
    widths: Sequence[int] = (4, 6, 5, 7, 3),
    dtype: str = "float32",
    seed: int = 0,
    layers: Iterable[str] | None = None,
) -> dict[str, np.ndarray]:
    """Return the arrays of a file as training/export.py writes it: noise in these widths, by block.

    Args:
        layers: The layers, or None for VGG19's up to conv5_1.
    """
    rng = np.random.default_rng(seed)
    arrays = {"format": np.array(2), "mean": np.float32([120, 110, 100]), "recipe": np.array("{}")}
    layers = list(layer_shapes("vgg19"))[:13] if layers is None else tuple(layers)
    arrays["teacher_scale"] = rng.uniform(2, 9, len(layers)).astype(np.float32)
    channels = 3
    for layer in layers:
        width = widths[int(layer[4]) - 1]
        kernel = rng.standard_normal((3, 3, channels, width)) / np.sqrt(4.5 * channels)
        if dtype == "int8":
            arrays[f"{layer}_scale"] = rng.uniform(0.005, 0.02, width).astype(np.float32)
            kernel = rng.integers(-127, 128, kernel.shape)
        arrays[f"{layer}_W"] = kernel.astype(dtype)
        arrays[f"{layer}_b"] = rng.standard_normal(width).astype(np.float32)
        channels = width
    return arrays


def cells(items: Iterable[object]) -> np.ndarray:
    """A MATLAB cell array 1×N for savemat."""
    items = list(items)
    array = np.empty((1, len(items)), object)
    array[0, :] = items
    return array


def _caffe_blob(layer: str, kernel: np.ndarray) -> np.ndarray:
    """Our kernel [3, 3, in, out] as the blob [out, in, height, width] of the network that was
    trained, which takes B, G, R."""
    return (kernel[:, :, ::-1] if layer == "conv1_1" else kernel).transpose(3, 2, 0, 1)


def _h5_layer(file: h5py.File, name: str, kernel: np.ndarray, bias: np.ndarray) -> None:
    group = file.create_group(name)
    names = [f"{name}_W_1:0", f"{name}_b_1:0"]
    group.attrs["weight_names"] = np.array(names, "S")
    for each, array in zip(names, (kernel, bias), strict=True):
        group.create_dataset(each, data=array)


def _conv(name: str, kernel: np.ndarray, bias: np.ndarray, layout: str) -> dict[str, object]:
    kernel, bias = kernel.astype(np.float32), bias.reshape(1, -1)
    oldest = {"filters": kernel, "biases": bias}
    stored = oldest if layout == "oldest" else {"weights": cells([kernel, bias])}
    return {"name": name, "type": "conv", **stored, "stride": np.ones((1, 2))}


def _pool(block: int) -> dict[str, object]:
    return {"name": f"pool{block}", "type": "pool", "pool": np.full((1, 2), 2.0)}
