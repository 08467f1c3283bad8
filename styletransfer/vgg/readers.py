"""Readers of VGG weights: Keras' `.h5`, MatConvNet's `.mat`, and `.npz`, plain or trained here.

None loads TensorFlow; h5py and SciPy are loaded when a file is read.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from styletransfer.errors import WeightsError
from styletransfer.vgg.registry import (
    MEAN_PIXEL,
    TO_CONV5_1,
    Weights,
    architecture,
    layer_shapes,
)
from styletransfer.vgg.trained_file import Kernels, read_trained

# What a reader returns: layer → (kernel, bias), and the mean pixel. Not validated yet.
RawWeights = tuple[dict[str, tuple[Any, Any]], np.ndarray]


def file_identity(path: Path) -> str:
    """`md5:…` of a file's content. Raises WeightsError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return "md5:" + hashlib.file_digest(stream, "md5").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"weights file {path} cannot be read: {error.strerror or one_line(error)}"
        ) from None


def read_weights(path: Path, model: str) -> Weights:
    """The weights of `model` from a `.h5` (Keras), `.mat` (MatConvNet) or `.npz` file.

    A `.npz` in the format of training/export.py has layers and widths of its own, whatever the
    model. Raises WeightsError, in one line, naming the file and what was expected: the layer and
    its shape, or the published file.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise WeightsError(f"weights file {path} is no .h5, .mat or .npz")
    identity = file_identity(path)
    try:
        layout, kernels, mean = _read(path, suffix, model)
    except WeightsError:
        raise
    except Exception as error:  # A damaged file can make its parser fail in any way.
        raise WeightsError(
            f"weights file {path} cannot be used: {_damage(path) or one_line(error)}; "
            f"expected {_expected(suffix, model)}"
        ) from None
    return Weights(layout, identity, kernels, mean)


def one_line(error: BaseException) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def _read(path: Path, suffix: str, model: str) -> tuple[str, Kernels, np.ndarray]:
    """`Weights.model`, the validated kernels, and the mean pixel."""
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            if "format" in arrays:
                return TO_CONV5_1, *read_trained(dict(arrays), str(path))
    found, mean = _READERS[suffix](path, model)
    return model, _validated(found, path, model), mean


def _expected(suffix: str, model: str) -> str:
    layer, shape = next(iter(layer_shapes(model).items()))
    if suffix == ".mat":
        return (
            f"MatConvNet's {_matconvnet_name(model)}, its layer {layer} with a kernel of shape "
            f"{shape}, and so on"
        )
    if suffix == ".npz":
        return (
            f"arrays {layer}_W of shape {shape}, {layer}_b of shape {shape[3:]}, and so on, or a "
            "file of training/export.py"
        )
    return f"Keras' {architecture(model).published}"


def _matconvnet_name(model: str) -> str:
    return f"imagenet-vgg-verydeep-{model.removeprefix('vgg')}.mat"


def _damage(path: Path) -> str | None:
    """A damage that the parser's message would not name; None for any other."""
    with path.open("rb") as stream:
        head = stream.read(256).lstrip()
    if not head:
        return "it is empty"
    if head.startswith((b"<!", b"<html", b"<HTML", b"<?xml")):
        return "it is a web page, saved in place of the file"
    return None


def _validated(found: Mapping[str, tuple[Any, Any]], path: Path, model: str) -> Kernels:
    """Layer → float32 (kernel, bias) of all layers, in order. Raises WeightsError for a layer that
    is missing, of another shape, not finite, or another network's."""
    shapes = layer_shapes(model)
    others = sorted(set(found) - set(shapes))
    if others and set(shapes) <= set(found):
        # VGG19 has every layer of VGG16 in the same shape.
        block = others[0][4]
        last = max(layer for layer in shapes if layer[4] == block)
        raise WeightsError(
            f"weights file {path} has a layer {others[0]} with a kernel of shape "
            f"{np.shape(found[others[0]][0])}, which {model} has not: its block {block} is "
            f"expected to end with {last} of shape {shapes[last]}; it is another network's"
        )
    kernels = {}
    for layer, shape in shapes.items():
        expected = f"expected a kernel of shape {shape} and a bias of shape ({shape[3]},)"
        if layer not in found:
            there = ", ".join(sorted(found)) or "none of its layers"
            raise WeightsError(
                f"weights file {path} has no layer {layer} of {model}, {expected}; found: {there}"
            )
        kernel = np.asarray(found[layer][0], np.float32)
        bias = np.asarray(found[layer][1], np.float32).reshape(-1)
        if kernel.shape != shape or bias.shape != shape[3:]:
            raise WeightsError(
                f"weights file {path}: layer {layer} has a kernel of shape {kernel.shape} and a "
                f"bias of shape {bias.shape}; {model}: {expected}"
            )
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise WeightsError(
                f"weights file {path}: layer {layer} holds NaN or infinity; {expected}, all finite"
            )
        kernels[layer] = np.ascontiguousarray(kernel), bias
    return kernels


def _read_h5(path: Path, model: str) -> RawWeights:
    """Keras' three layouts: the legacy one of the published files (one group per layer), a whole
    model saved in it (the same under `model_weights`), and Keras 3's `.weights.h5`, whose layers
    are numbered by kind (`layers/conv2d_1/vars/0`) and have their name as an attribute."""
    import h5py

    layers = list(layer_shapes(model))
    found: dict[str, tuple[Any, Any]] = {}
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        root = root.get("layers", root)
        for key, group in root.items():
            if not isinstance(group, h5py.Group):
                continue
            variables = group.get("vars")
            name = key if variables is None else variables.attrs.get("name", key)
            if named := re.fullmatch(r"block(\d)_conv(\d)", name):
                layer = f"conv{named[1]}_{named[2]}"
            elif numbered := re.fullmatch(r"conv2d(?:_(\d+))?", name):  # Keras 3's first releases.
                number = int(numbered[1] or 0)
                layer = layers[number] if number < len(layers) else name
            else:
                continue
            arrays: list[np.ndarray] = []
            group.visititems(
                lambda _, item, into=arrays: (
                    into.append(item[()]) if isinstance(item, h5py.Dataset) else None
                )
            )
            kernel = next((each for each in arrays if each.ndim == 4), np.empty(0))
            bias = next((each for each in arrays if each.ndim == 1), np.empty(0))
            if layer == "conv1_1" and kernel.ndim == 4:
                kernel = kernel[:, :, ::-1]  # Keras feeds its VGG B, G, R, as Caffe did.
            found[layer] = kernel, bias
    return found, MEAN_PIXEL


def _read_mat(path: Path, model: str) -> RawWeights:
    """MatConvNet's layouts. Its kernels are [height, width, in, out] and take R, G, B: its
    importer transposes Caffe's and reverses the channels (utils/import-caffe.py).

    Older: layers{i}.filters, .biases or .weights{1, 2}, and normalization; newer: .weights and
    meta.normalization. Both may be fields of a variable `net`.
    """
    import h5py
    from scipy.io import loadmat

    if h5py.is_hdf5(path):
        raise WeightsError(
            f"weights file {path} is in MATLAB's format 7.3, which cannot be read here; save "
            "it again in MATLAB with save(…, '-v7'), or use MatConvNet's own "
            f"{_matconvnet_name(model)}"
        )
    file = loadmat(path, struct_as_record=False, squeeze_me=True)
    net = file.get("net")
    top = vars(net) if hasattr(net, "_fieldnames") else file
    found: dict[str, tuple[Any, Any]] = {}
    for layer in np.atleast_1d(top.get("layers", [])):
        name = str(getattr(layer, "name", ""))
        if not re.fullmatch(r"conv\d_\d", name):
            continue
        pair = np.atleast_1d(getattr(layer, "weights", []))
        if len(pair) >= 2:
            found[name] = pair[0], pair[1]
        else:
            empty = np.empty(0)
            found[name] = getattr(layer, "filters", empty), getattr(layer, "biases", empty)
    normalization = getattr(top.get("meta"), "normalization", top.get("normalization"))
    average = np.asarray(getattr(normalization, "averageImage", MEAN_PIXEL), np.float64)
    if average.shape[-1:] != (3,):  # The importer writes [0, 0] if it has no mean.
        return found, MEAN_PIXEL
    mean = average.reshape(-1, 3).mean(0).astype(np.float32)
    if not np.isfinite(mean).all():
        raise WeightsError(
            f"weights file {path}: averageImage holds NaN or infinity; expected about {MEAN_PIXEL}"
        )
    return found, mean


def _read_npz(path: Path, model: str) -> RawWeights:
    """Plain arrays `conv1_1_W` [3, 3, in, out] and `conv1_1_b` [out], …, taking R, G, B."""
    with np.load(path, allow_pickle=False) as file:
        layers = [name[:-2] for name in file.files if re.fullmatch(r"conv\d_\d_W", name)]
        return {
            layer: (file[f"{layer}_W"], file[f"{layer}_b"])
            for layer in layers
            if f"{layer}_b" in file
        }, MEAN_PIXEL


_READERS = {".h5": _read_h5, ".hdf5": _read_h5, ".mat": _read_mat, ".npz": _read_npz}
