"""Readers of VGG weights: Keras' `.h5`, MatConvNet's `.mat`, and `.npz`, plain or trained here.

None loads TensorFlow; h5py and SciPy are loaded when a file is read.
"""

import hashlib
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from styletransfer.errors import WeightsError
from styletransfer.log import gigabytes, one_line, printable
from styletransfer.paths import PROGRAM
from styletransfer.vgg.foreign_formats import (
    LARGEST_ARRAY,
    RawWeights,
    matconvnet_name,
    read_foreign,
)
from styletransfer.vgg.registry import (
    ARCHITECTURES,
    MEAN_PIXEL,
    Weights,
    architecture,
    layer_shapes,
)
from styletransfer.vgg.trained_file import read_trained

LARGEST_FILE = 2_000_000_000  # bytes; VGG with its classifier has 600 million
LARGEST_ARRAY_BYTES = 4 * LARGEST_ARRAY  # of one array in a `.npz`
TIMEOUT_S = 300
SUFFIXES = (".h5", ".hdf5", ".mat", ".npz")
# The first letters of the arrays of a `.npz` that are read.
READ = ("conv", "format", "mean", "teacher_scale")


def file_identity(path: Path) -> str:
    """`md5:…` of a file's content. Raises WeightsError if it cannot be read."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_FILE:
            raise WeightsError(
                f"weights file {path} is no file of at most {gigabytes(LARGEST_FILE)}"
            )
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
    if suffix not in SUFFIXES:
        raise WeightsError(f"weights file {path} is no .h5, .mat or .npz")
    identity = file_identity(path)
    try:
        return _read(path, suffix, model, identity)
    except WeightsError:
        raise
    except Exception as error:  # A damaged file can make its parser fail in any way.
        raise WeightsError(
            f"weights file {path} cannot be used: {_damage(path) or one_line(error)}; "
            f"expected {_expected(suffix, model)}"
        ) from None


def _read(path: Path, suffix: str, model: str, identity: str) -> Weights:
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            _check_sizes(arrays.zip, path)
            if "format" in arrays:
                return read_trained(_needed(arrays), str(path), identity)
            found, mean = _plain_arrays(arrays), MEAN_PIXEL
    elif identity in (f"md5:{each.published.md5}" for each in ARCHITECTURES.values()):
        found, mean = read_foreign(path, model)
    else:
        found, mean = read_in_process(path, model)
    return Weights(model, identity, _validated(found, path, model), mean)


def read_in_process(path: Path, model: str) -> RawWeights:
    """`read_foreign` in a process of its own, whose memory and time are limited: a hostile file can
    crash its parser, or keep it busy for ever. Raises WeightsError, ValueError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "arrays.npz"
        paths = [str(PROGRAM), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        # One thread: each would take address space, which is limited.
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "styletransfer.vgg.foreign_formats"]
        try:
            done = subprocess.run(
                [*command, str(path.absolute()), model, str(out)],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise ValueError("reading it takes too long") from None
        said = done.stdout.decode(errors="replace").splitlines()
        if done.returncode == WeightsError.exit_code and said:
            if said[-1].startswith(" "):  # The library's words.
                raise ValueError(said[-1].strip())
            raise WeightsError(said[-1])
        if done.returncode:
            raise ValueError("it is damaged in a way that its reader does not survive")
        with np.load(out, allow_pickle=False) as arrays:
            return _plain_arrays(arrays), arrays["mean"]


def _expected(suffix: str, model: str) -> str:
    layer, shape = next(iter(layer_shapes(model).items()))
    if suffix == ".mat":
        return (
            f"MatConvNet's {matconvnet_name(model)}, its layer {layer} with a kernel of shape "
            f"{shape}, and so on"
        )
    if suffix == ".npz":
        return (
            f"arrays {layer}_W of shape {shape}, {layer}_b of shape {shape[3:]}, and so on, or a "
            "file of training/export.py"
        )
    return f"Keras' {architecture(model).published}"


def _damage(path: Path) -> str | None:
    """A damage that the parser's message would not name; None for any other."""
    with path.open("rb") as stream:
        head = stream.read(256).lstrip()
    if not head:
        return "it is empty"
    if head.startswith((b"<!", b"<html", b"<HTML", b"<?xml")):
        return "it is a web page, saved in place of the file"
    return None


def _validated(
    found: Mapping[str, tuple[Any, Any]], path: Path, model: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
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


def _plain_arrays(file: Any) -> dict[str, tuple[Any, Any]]:
    """Plain arrays `conv1_1_W` [3, 3, in, out] and `conv1_1_b` [out], …, taking R, G, B."""
    layers = [name[:-2] for name in file.files if re.fullmatch(r"conv\d_\d_W", name)]
    return {
        layer: (file[f"{layer}_W"], file[f"{layer}_b"]) for layer in layers if f"{layer}_b" in file
    }


def _needed(file: Any) -> dict[str, np.ndarray]:
    return {name: file[name] for name in file.files if name.startswith(READ)}


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    """Raises WeightsError for an array far larger than any of VGG's, from the archive's table."""
    for member in archive.infolist():
        if member.filename.startswith(READ) and member.file_size > LARGEST_ARRAY_BYTES:
            raise WeightsError(
                f"weights file {path}: {printable(member.filename)} has "
                f"{gigabytes(member.file_size)}, which is no layer of VGG"
            )
