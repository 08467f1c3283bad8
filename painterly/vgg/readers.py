"""Readers of weights: Keras' `.h5`, MatConvNet's `.mat`, and `.npz`, plain or trained here.

The format of trained files is described in lab/training/export.py. None of the readers loads
TensorFlow; h5py and SciPy are loaded when a file is read.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from painterly.errors import WeightsError
from painterly.settings.installation import PROGRAM
from painterly.vgg.architectures import ARCHITECTURES, DISTILLED, MEAN_PIXEL, Weights
from painterly.vgg.foreign_formats import LARGEST_ARRAY, RawWeights, matconvnet_name
from painterly.words.wording import memory_size, one_line, printable

LARGEST_ARRAY_BYTES = 4 * LARGEST_ARRAY  # for each array in a `.npz`
TIMEOUT_S = 300
SUFFIXES = (".h5", ".hdf5", ".mat", ".npz")
# The first letters of the arrays of a `.npz` that are read.
READ = ("conv", "format", "mean", "teacher_scale")

# Of trained files.
FORMAT = 2
LEAST_BLOCKS = 4  # The losses compare features down to conv4_1.

Layers = dict[str, tuple[np.ndarray, np.ndarray]]  # layer → float32 (kernel, bias)


def read_file(path: Path, model: str, identity: str) -> Weights:
    """Read the weights of a model from a `.h5` (Keras), `.mat` (MatConvNet) or `.npz` file.

    A trained `.npz` has its own layers and widths, whatever the model. Raises WeightsError, in one
    line, naming the file and what was expected: the layer and its shape, or the published file.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WeightsError(f"weights file {path} is no .h5, .mat or .npz")
    try:
        return _read(path, suffix, model, identity)
    except WeightsError as error:
        raise WeightsError(f"weights file {path}: {error}") from None
    except Exception as error:  # A damaged file can make its parser fail in any way.
        raise WeightsError(
            f"weights file {path} cannot be used: {_damage(path) or one_line(error)}; "
            f"expected {_expected(suffix, model)}"
        ) from None


def _read(path: Path, suffix: str, model: str, identity: str) -> Weights:
    if suffix == ".npz":
        # NumPy does not close a damaged file that it has opened itself.
        with path.open("rb") as body, np.load(body, allow_pickle=False) as arrays:
            _check_sizes(arrays.zip)
            if "format" in arrays:
                needed = {name: arrays[name] for name in arrays.files if name.startswith(READ)}
                return _trained(needed, identity)
            layers, mean = _plain_arrays(arrays), MEAN_PIXEL
    else:
        layers, mean = read_in_process(path, model)
    return Weights(model, identity, _published_layers(layers, model), mean)


def read_in_process(path: Path, model: str) -> RawWeights:
    """Call `foreign_formats.read_foreign` in a separate process with limited memory and time.

    A hostile file can crash its parser, or keep it busy without end. Raises WeightsError,
    ValueError.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "arrays.npz"
        command = [sys.executable, "-m", "painterly.vgg.foreign_formats"]
        try:
            done = subprocess.run(
                [*command, path.absolute(), model, out],
                cwd=PROGRAM,
                # One thread: each would take memory, which is limited.
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise ValueError("reading it takes too long") from None
        said = done.stdout.decode(errors="replace").strip()
        if done.returncode == WeightsError.exit_code:
            raise WeightsError(said)
        if done.returncode:
            raise ValueError(said or "it is damaged in a way that its reader does not survive")
        with np.load(out, allow_pickle=False) as arrays:
            return _plain_arrays(arrays), arrays["mean"]


def _expected(suffix: str, model: str) -> str:
    layer, shape = next(iter(ARCHITECTURES[model].shapes.items()))
    if suffix == ".mat":
        return (
            f"MatConvNet's {matconvnet_name(model)}, its layer {layer} with a kernel of shape "
            f"{shape}, and so on"
        )
    if suffix == ".npz":
        return (
            f"arrays {layer}_W of shape {shape}, {layer}_b of shape {shape[3:]}, and so on, or a "
            "file of lab/training/export.py"
        )
    return f"Keras' {ARCHITECTURES[model].expected_file}"


def _damage(path: Path) -> str | None:
    """Describe a damage that the parser's message would not name, or return None."""
    with path.open("rb") as stream:
        head = stream.read(256).lstrip()
    if not head:
        return "it is empty"
    if head.startswith((b"<!", b"<html", b"<HTML", b"<?xml")):
        return "it is a web page, saved in place of the file"
    return None


def _published_layers(layers: Mapping[str, tuple[Any, Any]], model: str) -> Layers:
    """Return all layers of a model, in order.

    Raises WeightsError for a layer that is missing, invalid, or another network's.
    """
    shapes = ARCHITECTURES[model].shapes
    others = sorted(set(layers) - set(shapes))
    if others and set(shapes) <= set(layers):
        # VGG19 has every layer of VGG16 in the same shape.
        block = others[0][4]
        last = max(layer for layer in shapes if layer[4] == block)
        raise WeightsError(
            f"it has a layer {others[0]} with a kernel of shape {np.shape(layers[others[0]][0])}, "
            f"which {model} has not: its block {block} is expected to end with {last} of shape "
            f"{shapes[last]}; it is another network's"
        )
    kernels = {}
    for layer, shape in shapes.items():
        if layer not in layers:
            there = ", ".join(sorted(layers)) or "none of its layers"
            raise WeightsError(
                f"it has no layer {layer} of {model}, {_expected_shape(shape)}; found: {there}"
            )
        kernels[layer] = _checked(layer, *layers[layer], shape)
    return kernels


def _checked(
    layer: str, kernel: Any, bias: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel and a bias in float32. Raises WeightsError if they have another shape than
    the kernel's or are not finite."""
    kernel = np.ascontiguousarray(kernel, np.float32)
    bias = np.asarray(bias, np.float32).reshape(-1)
    expected = _expected_shape(shape)
    if kernel.shape != shape or bias.shape != shape[3:]:
        raise WeightsError(
            f"layer {layer} has a kernel of shape {kernel.shape} and a bias of shape {bias.shape}; "
            f"{expected}"
        )
    if not (_finite(kernel) and _finite(bias)):
        raise WeightsError(f"layer {layer} holds NaN or infinity; {expected}, all finite")
    return kernel, bias


def _expected_shape(shape: tuple[int, ...]) -> str:
    return f"expected a kernel of shape {shape} and a bias of shape {shape[3:]}"


def _plain_arrays(file: Any) -> dict[str, tuple[Any, Any]]:
    """Read plain arrays `conv1_1_W` [3, 3, in, out] and `conv1_1_b` [out], …, taking R, G, B."""
    layers = [name[:-2] for name in file.files if re.fullmatch(r"conv\d_\d_W", name)]
    return {
        layer: (file[f"{layer}_W"], file[f"{layer}_b"]) for layer in layers if f"{layer}_b" in file
    }


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise WeightsError, from the archive's table, for an array far larger than VGG has."""
    for member in archive.infolist():
        if member.filename.startswith(READ) and member.file_size > LARGEST_ARRAY_BYTES:
            raise WeightsError(
                f"{printable(member.filename)} has {memory_size(member.file_size)}, which is no "
                "layer of VGG"
            )


def _trained(arrays: Mapping[str, Any], identity: str) -> Weights:
    """Return the weights of a trained file from its arrays.

    Raises WeightsError, in one line, for another version, and naming the layer for one that is
    unknown or missing, does not fit the one before, or is not finite.
    """
    version = arrays["format"]
    if version.shape != () or version != FORMAT:
        raise WeightsError(
            f"it is of format {version}, and this program reads format {FORMAT}; another "
            "version of the program may read it"
        )
    kernels, channels = {}, 3
    for layer in _trained_layers(arrays):
        kernels[layer] = _trained_layer(arrays, layer, channels)
        channels = kernels[layer][1].size
    mean = arrays.get("mean")
    if mean is None or mean.shape != (3,) or not _finite(mean):
        raise WeightsError("it has no `mean` of three finite numbers")
    scale = arrays.get("teacher_scale", np.empty(0))
    if not (scale.shape == (len(kernels),) and _finite(scale) and (scale > 0).all()):
        raise WeightsError(
            f"teacher_scale is expected to be {len(kernels)} positive numbers, one for each layer"
        )
    scales = dict(zip(kernels, scale.tolist(), strict=True))
    return Weights(DISTILLED, identity, kernels, mean.astype(np.float32), scales)


def _trained_layers(arrays: Mapping[str, Any]) -> list[str]:
    """Return a trained file's layers, shallow to deep."""
    known = list(ARCHITECTURES["vgg19"].shapes)
    stored = {name[:-2] for name in arrays if name.endswith(("_W", "_b"))}
    if others := sorted(stored - set(known)):
        raise WeightsError(
            f"it has a layer {others[0]}; expected layers of VGG19, {known[0]} to {known[-1]}"
        )
    blocks = max([LEAST_BLOCKS, *(int(layer[4]) for layer in stored)])
    for first in (f"conv{block}_1" for block in range(1, blocks + 1)):
        if first not in stored:
            raise WeightsError(
                f"it has no layer {first}; expected the first layer of each of its blocks, which "
                f"are {LEAST_BLOCKS} at least"
            )
    return [layer for layer in known if layer in stored]


def _trained_layer(
    arrays: Mapping[str, Any], layer: str, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's kernel, which takes `channels` channels, and bias."""
    kernel, bias = arrays.get(f"{layer}_W"), arrays.get(f"{layer}_b")
    if kernel is None or bias is None:
        raise WeightsError(f"it has no layer {layer} with a kernel and a bias")
    shape = (3, 3, channels, max(1, bias.size))
    if kernel.dtype == np.int8 and kernel.shape == shape:
        scale = arrays.get(f"{layer}_scale")
        if scale is None or scale.shape != bias.shape:
            raise WeightsError(
                f"layer {layer} is of type int8 and has no {layer}_scale of shape {bias.shape}"
            )
        kernel = kernel.astype(np.float32) * scale.astype(np.float32)
    return _checked(layer, kernel, bias, shape)


def _finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())
