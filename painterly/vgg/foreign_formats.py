"""Parsers of weights in HDF5 (Keras' `.h5`) and in MATLAB's format (MatConvNet's `.mat`).

Both formats are parsed in C, where a hostile file can do more than raise an error. So this module
is also a program, which `readers` runs in a separate process, with limits:

    python -m painterly.vgg.foreign_formats FILE MODEL OUT.npz

It writes the arrays as a plain `.npz`. If it cannot, it prints one line and exits with 3, or with 1
if the line is a library's.
"""

import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from painterly.errors import WeightsError
from painterly.settings import limits
from painterly.vgg.architectures import MEAN_PIXEL
from painterly.words.wording import one_line

# The result of a parser, not validated: layer → (kernel, bias), and the mean pixel.
RawWeights = tuple[dict[str, tuple[Any, Any]], np.ndarray]

LARGEST_ARRAY = 4 * 3 * 3 * 512 * 512  # values: four times VGG's largest kernel
MEMORY, CPU_SECONDS = 3_000_000_000, 120  # limits for the process


def read_foreign(path: Path, model: str) -> RawWeights:
    """Read the arrays of a `.h5`, `.hdf5` or `.mat` file.

    Raises WeightsError, and any exception of the format's library for a damaged file.
    """
    return _read_mat(path, model) if path.suffix.lower() == ".mat" else _read_h5(path)


def main(words: list[str]) -> int:
    """Run the program, and return its exit code."""
    file, model, out = words
    try:
        if not limits.EXIST:
            raise WeightsError(
                "it is read on Linux and macOS only, because this system cannot limit what a "
                "damaged file may do; convert it to .npz there"
            )
        limits.limit_time(CPU_SECONDS)
        limits.limit_memory(MEMORY)
        layers, mean = read_foreign(Path(file), model)
        arrays = {f"{layer}_W": kernel for layer, (kernel, _) in layers.items()}
        arrays |= {f"{layer}_b": bias for layer, (_, bias) in layers.items()}
        numbers = {name: np.asarray(each, np.float32) for name, each in arrays.items()}
        np.savez(out, allow_pickle=False, mean=mean, **numbers)
    except Exception as error:  # A damaged file can fail in any way.
        print(one_line(error))
        return WeightsError.exit_code if isinstance(error, WeightsError) else 1
    return 0


def matconvnet_name(model: str) -> str:
    """Return the name of the file that MatConvNet publishes."""
    return f"imagenet-vgg-verydeep-{model.removeprefix('vgg')}.mat"


def _read_h5(path: Path) -> RawWeights:
    """Read Keras' three layouts.

    The published files have the legacy one, with a group for each layer; a whole model saved in it
    has the same under `model_weights`; and in Keras 3's `.weights.h5`, layers are numbered by kind
    (`layers/conv2d_1/vars/0`) and have their name as an attribute.
    """
    import h5py

    layers: dict[str, tuple[Any, Any]] = {}
    with h5py.File(path, "r") as file:
        root = file
        for name in ("model_weights", "layers"):
            root = _local(root, name) if name in root else root
        for key in root:
            group = _local(root, key)
            if not isinstance(group, h5py.Group):
                continue
            name = group["vars"].attrs.get("name", key) if "vars" in group else key
            named = re.fullmatch(r"block(\d)_conv(\d)", name)
            if named is None:
                continue
            layer = f"conv{named[1]}_{named[2]}"
            datasets: list[Any] = []
            group.visititems(
                lambda _, item, into=datasets: (
                    into.append(item) if isinstance(item, h5py.Dataset) else None
                )
            )
            arrays = [_array(each, layer) for each in datasets if each.ndim in (1, 4)]
            kernel = next((each for each in arrays if each.ndim == 4), np.empty(0))
            bias = next((each for each in arrays if each.ndim == 1), np.empty(0))
            if layer == "conv1_1" and kernel.ndim == 4:
                kernel = kernel[:, :, ::-1]  # Keras feeds its VGG B, G, R, as Caffe did.
            layers[layer] = kernel, bias
    return layers, MEAN_PIXEL


def _local(group: Any, name: str) -> Any:
    """Return a member of a group. Raises WeightsError if it is in another file."""
    import h5py

    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise WeightsError("it links to another file, which is not read")
    return group[name]


def _array(dataset: Any, layer: str) -> np.ndarray:
    """Return a dataset's values.

    Raises WeightsError if they are in another file, far more than in VGG, or not numbers.
    """
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"it has layer {layer} in another file; not read")
    if math.prod(dataset.shape) > LARGEST_ARRAY or dataset.dtype.kind not in "fiu":
        raise WeightsError(
            f"layer {layer} has an array of shape {dataset.shape} and type {dataset.dtype}, which "
            "is no layer of VGG"
        )
    values: np.ndarray = dataset[()]
    return values


def _read_mat(path: Path, model: str) -> RawWeights:
    """Read MatConvNet's layouts.

    Kernels are [height, width, in, out] and take R, G, B: MatConvNet's importer transposes Caffe's
    and reverses the channels (utils/import-caffe.py).

    Older: layers{i}.filters, .biases or .weights{1, 2}, and normalization; newer: .weights and
    meta.normalization. Both may be fields of a variable `net`.
    """
    import h5py
    from scipy.io import loadmat

    if h5py.is_hdf5(path):
        raise WeightsError(
            "it is in MATLAB's format 7.3, which cannot be read here; save it again in MATLAB with "
            f"save(…, '-v7'), or use MatConvNet's own {matconvnet_name(model)}"
        )
    names = ["layers", "net", "meta", "normalization"]
    file = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=names)
    net = file.get("net")
    top = vars(net) if hasattr(net, "_fieldnames") else file
    layers: dict[str, tuple[Any, Any]] = {}
    for layer in np.atleast_1d(top.get("layers", [])):
        name = str(getattr(layer, "name", ""))
        if not re.fullmatch(r"conv\d_\d", name):
            continue
        pair = np.atleast_1d(getattr(layer, "weights", []))
        if len(pair) >= 2:
            layers[name] = pair[0], pair[1]
        else:
            empty = np.empty(0)
            layers[name] = getattr(layer, "filters", empty), getattr(layer, "biases", empty)
    normalization = getattr(top.get("meta"), "normalization", top.get("normalization"))
    average = np.asarray(getattr(normalization, "averageImage", MEAN_PIXEL), np.float64)
    if average.shape[-1:] != (3,):  # The importer writes [0, 0] if it has no mean.
        return layers, MEAN_PIXEL
    mean = average.reshape(-1, 3).mean(0).astype(np.float32)
    if not np.isfinite(mean).all():
        raise WeightsError(f"averageImage holds NaN or infinity; expected about {MEAN_PIXEL}")
    return layers, mean


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
