"""Files of VGG's weights in the forms in which the real ones are published, filled with noise.

The real ones cannot be fetched everywhere; these have the same names, shapes and axes, and a
full VGG19 (80 MB) takes about a second. Keras' networks take B, G, R, as Caffe's did, and
MatConvNet's take R, G, B, so a reader that mixes up channels reads different weights.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np

from painterly.vgg.architectures import ARCHITECTURES, MEAN_PIXEL, Weights


def weights(model: str = "vgg19", seed: int = 0, layers: Iterable[str] | None = None) -> Weights:
    """Return noise in the shapes of `model`, or of some of its layers, the same for the same seed.

    It is scaled after He et al. 2015, so that activations neither vanish nor explode.
    """
    rng = np.random.default_rng(seed)
    shapes = ARCHITECTURES[model].shapes
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
        for layer, (kernel, bias) in weights.kernels.items():
            name = f"block{layer[4]}_conv{layer[6]}"
            kernel = kernel[:, :, ::-1] if layer == "conv1_1" else kernel
            arrays = {f"{name}_W_1:0": kernel, f"{name}_b_1:0": bias}
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array(list(arrays), "S")
            for each, array in arrays.items():
                group[each] = array
        file.attrs["layer_names"] = np.array(list(file), "S")
        file["fc1/fc1_W_1:0"], file["fc1/fc1_b_1:0"] = np.ones((16, 8)), np.ones(8)  # Not read.
    return path


def save_mat(path: Path, weights: Weights, layout: str = "new", net: bool = False) -> Path:
    """Write weights as MatConvNet's importer and its later `vl_simplenn_tidy` do.

    Args:
        layout: `new` (weights{1, 2} and meta.normalization.averageImage 1×1×3), `old`
            (weights{1, 2} and normalization.averageImage 224×224×3) or `oldest` (filters, biases
            and the same).
        net: Whether everything is under one variable `net`.
    """
    layers = [{"name": "relu1_1", "type": "relu"}]
    classifier = {"fc8": (np.ones((1, 1, 8, 5), np.float32), np.ones(5, np.float32))}  # Not read.
    for name, (kernel, bias) in (dict(weights.kernels) | classifier).items():
        pair = [kernel, bias.reshape(1, -1)]
        oldest = {"filters": pair[0], "biases": pair[1]}
        stored = oldest if layout == "oldest" else {"weights": cells(pair)}
        layers.append({"name": name, "type": "conv", **stored, "stride": np.ones((1, 2))})
    side = 1 if layout == "new" else 224
    average = np.broadcast_to(weights.mean, (side, side, 3)).astype(np.float32)
    normalization = {"normalization": {"averageImage": average, "interpolation": "bilinear"}}
    variables = {"layers": cells(layers)}
    variables |= {"meta": normalization} if layout == "new" else normalization
    from scipy.io import savemat  # Slow to load, and few workers need it.

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
    """Return the arrays that lab/training/export.py writes: noise in these widths, by block.

    Args:
        layers: The layers, or None for VGG19's up to conv5_1.
    """
    rng = np.random.default_rng(seed)
    arrays = {"format": np.array(2), "mean": np.float32([120, 110, 100]), "recipe": np.array("{}")}
    layers = list(ARCHITECTURES["vgg19"].shapes)[:13] if layers is None else tuple(layers)
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


def cells(items: Sequence[object]) -> np.ndarray:
    """A MATLAB cell array 1×N for savemat."""
    array = np.empty((1, len(items)), object)
    array[0, :] = items
    return array
