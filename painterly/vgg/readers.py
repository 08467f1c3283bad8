"""Readers of weights: Keras' `.h5`, MatConvNet's `.mat`, and `.npz`, plain or trained here.

A plain `.npz` has arrays `conv1_1_W` [3, 3, in, out], which takes R, G, B, and `conv1_1_b` [out],
and so on; lab/training/export.py describes trained files. None of the readers loads TensorFlow;
h5py and SciPy are loaded when a file is read.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from painterly.errors import WeightsError
from painterly.vgg.architectures import ARCHITECTURES, DISTILLED, MEAN_PIXEL, Weights
from painterly.vgg.foreign_formats import LARGEST_ARRAY, read_h5, read_mat
from painterly.words.wording import one_line, printable

LARGEST_ARRAY_BYTES = 4 * LARGEST_ARRAY  # for each array in a `.npz`
# The first letters of the arrays of a `.npz` that are read.
READ = ("conv", "format", "mean", "teacher_scale")

# Of trained files.
FORMAT = 2
LEAST_BLOCKS = 4  # The losses compare features down to conv4_1.

Arrays = Mapping[str, np.ndarray]


def read_file(path: Path, model: str, identity: str) -> Weights:
    """Read the weights of a model from a `.h5` (Keras), `.mat` (MatConvNet) or `.npz` file.

    A trained `.npz` has its own layers and widths, whatever the model. Raises WeightsError, in one
    line, naming the file and what was expected: the layer and its shape, or the published file.
    """
    try:
        match path.suffix.lower():
            case ".h5" | ".hdf5":
                expected = f"Keras' {ARCHITECTURES[model].expected_file}"
                arrays: Arrays = read_h5(path)
            case ".mat":
                expected = f"MatConvNet's imagenet-vgg-verydeep-{model[3:]}.mat"
                arrays = read_mat(path)
            case ".npz":
                expected = "arrays conv1_1_W, conv1_1_b, … or a file of lab/training/export.py"
                arrays = _read_npz(path)
            case _:
                raise WeightsError("it is no .h5, .mat or .npz")
        if "format" in arrays:
            return _trained(arrays, identity)
        return _published(arrays, model, identity)
    except WeightsError as error:
        raise WeightsError(f"weights file {path}: {error}") from None
    except Exception as error:  # A damaged file can make its parser fail in any way.
        raise WeightsError(
            f"weights file {path} cannot be used: {_damage(path) or one_line(error)}; "
            f"expected {expected}"
        ) from None


def _read_npz(path: Path) -> Arrays:
    # NumPy does not close a damaged file that it has opened itself.
    with path.open("rb") as body, np.load(body, allow_pickle=False) as file:
        wanted = READ if "format" in file else READ[:1]
        names = [name for name in file.files if name.startswith(wanted)]
        sizes = {each.filename.removesuffix(".npy"): each.file_size for each in file.zip.infolist()}
        if large := [name for name in names if sizes[name] > LARGEST_ARRAY_BYTES]:
            raise WeightsError(f"its {printable(large[0])} is far larger than a layer of VGG")
        return {name: file[name] for name in names}


def _damage(path: Path) -> str | None:
    """Describe a damage that the parser's message would not name, or return None."""
    with path.open("rb") as stream:
        head = stream.read(256).lstrip().lower()
    if head.startswith((b"<!", b"<html", b"<?xml")):
        return "it is a web page, saved in place of the file"
    return None if head else "it is empty"


def _published(arrays: Arrays, model: str, identity: str) -> Weights:
    shapes = ARCHITECTURES[model].shapes
    kernels = {layer: _layer(arrays, layer, shape) for layer, shape in shapes.items()}
    if others := _layers_of(arrays) - {*shapes}:  # VGG19 has every layer of VGG16.
        raise WeightsError(f"it has a layer {min(others)}, which {model} has not")
    mean = _numbers(arrays, "mean", (3,)) if "mean" in arrays else MEAN_PIXEL
    return Weights(model, identity, kernels, mean)


def _trained(arrays: Arrays, identity: str) -> Weights:
    if not np.array_equal(arrays["format"], FORMAT):
        raise WeightsError(f"it is not of format {FORMAT}; another version may have written it")
    known, stored = [*ARCHITECTURES["vgg19"].shapes], _layers_of(arrays)
    firsts = {f"conv{block}_1" for block in range(1, LEAST_BLOCKS + 1)}
    firsts |= {f"{layer[:5]}_1" for layer in stored}
    if wrong := (stored - {*known}) | (firsts - stored):
        raise WeightsError(
            f"its layers are wrong at {min(wrong)}; expected layers of VGG19, {known[0]} to "
            f"{known[-1]}, with the first one of each block, and {LEAST_BLOCKS} blocks at least"
        )
    kernels, channels = {}, 3
    for layer in filter(stored.__contains__, known):
        width = arrays.get(f"{layer}_b", np.empty(0)).size
        kernels[layer] = _layer(arrays, layer, (3, 3, channels, width))
        channels = width
    scales = _numbers(arrays, "teacher_scale", (len(kernels),))
    if not (scales > 0).all():
        raise WeightsError("its teacher_scale is not positive")
    by_layer = dict(zip(kernels, scales.tolist(), strict=True))
    return Weights(DISTILLED, identity, kernels, _numbers(arrays, "mean", (3,)), by_layer)


def _layers_of(arrays: Arrays) -> set[str]:
    return {name[:-2] for name in arrays if re.fullmatch(r"conv\d_\d_W", name)}


def _layer(
    arrays: Arrays, layer: str, shape: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    name, width = f"{layer}_W", shape[3:]
    bias, kernel = _numbers(arrays, f"{layer}_b", width), _numbers(arrays, name, shape)
    if arrays[name].dtype == np.int8:
        kernel *= _numbers(arrays, f"{layer}_scale", width)
    return kernel, bias


def _numbers(arrays: Arrays, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array in float32, contiguous. Raises WeightsError if it is missing, has another
    shape, or is not finite."""
    if name not in arrays:
        there = ", ".join(sorted(_layers_of(arrays))) or "none of its layers"
        raise WeightsError(f"it has no {name} of shape {shape}; found: {there}")
    array = np.asarray(arrays[name])
    if len(shape) == 1 and array.shape[-1:] == shape:
        array = array.reshape(-1)  # MATLAB has no vectors, only rows.
    if array.shape != shape:
        raise WeightsError(f"its {name} has shape {array.shape}; expected {shape}")
    numbers = np.array(array, np.float32, order="C")
    if not np.isfinite(numbers).all():
        raise WeightsError(f"its {name} of shape {shape} holds NaN or infinity")
    return numbers
