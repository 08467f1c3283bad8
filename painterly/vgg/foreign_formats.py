"""Parsers of weights in HDF5 (Keras' `.h5`) and in MATLAB's format (MatConvNet's `.mat`).

They return arrays under the names of a plain `.npz` (readers.py) and check no shapes and no values.
For a damaged file, they raise any exception of its library.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from painterly.errors import WeightsError

LARGEST_ARRAY = 4 * 3 * 3 * 512 * 512  # values: four times VGG's largest kernel


def read_h5(path: Path) -> dict[str, np.ndarray]:
    """Read Keras' three layouts.

    The published files have the legacy one, with a group for each layer; a whole model saved in it
    has the same under `model_weights`; and in Keras 3's `.weights.h5`, layers are numbered by kind
    (`layers/conv2d_1/vars/0`) and have their name as an attribute.

    Raises WeightsError if values are in another file, far more than in VGG, or not numbers.
    """
    import h5py

    arrays: dict[str, Any] = {}
    with h5py.File(path, "r") as file:
        root = file
        for name in ("model_weights", "layers"):
            root = _member(root, name) or root
        for key in root:
            group = _member(root, key)
            if not isinstance(group, h5py.Group):
                continue
            variables = _member(group, "vars")
            name = variables.attrs.get("name", key) if variables else key
            if named := re.fullmatch(r"block(\d)_conv(\d)", name):
                layer = f"conv{named[1]}_{named[2]}"
                arrays |= {f"{layer}_W": _array(group, 4), f"{layer}_b": _array(group, 1)}
    if (first := arrays.get("conv1_1_W")) is not None:
        arrays["conv1_1_W"] = first[:, :, ::-1]  # Keras feeds its VGG B, G, R, as Caffe did.
    return {name: array for name, array in arrays.items() if array is not None}


def _member(group: Any, name: str) -> Any:
    """Return a member of a group, or None. Only hard links, the only ones that Keras writes, are
    sure to stay in the file."""
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise WeightsError(f"its {name} links to another place or file, which is not read")
    return group[name]


def _array(group: Any, dimensions: int) -> Any:
    """Return the first array with this number of dimensions in a group, or None."""
    import h5py

    dataset = group.visititems(
        lambda _, item: item if getattr(item, "ndim", None) == dimensions else None
    )
    if not isinstance(dataset, h5py.Dataset):
        return None
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"it has {group.name} in another file, which is not read")
    if math.prod(dataset.shape) > LARGEST_ARRAY or dataset.dtype.kind not in "fiu":
        raise WeightsError(f"its {group.name} is far larger than a layer of VGG, or no numbers")
    return dataset[()]


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """Read MatConvNet's layouts; the mean pixel is called `mean`.

    Kernels are [height, width, in, out] and take R, G, B: MatConvNet's importer transposes Caffe's
    and reverses the channels (utils/import-caffe.py).

    Older: layers{i}.filters, .biases or .weights{1, 2}, and normalization; newer: .weights and
    meta.normalization. Both may be fields of a variable `net`.

    Raises WeightsError for MATLAB's format 7.3, which is HDF5.
    """
    import h5py
    from scipy.io import loadmat

    if h5py.is_hdf5(path):
        raise WeightsError(
            "it is in MATLAB's format 7.3, which cannot be read here; save it again in MATLAB with "
            "save(…, '-v7'), or use MatConvNet's own file"
        )
    names = ["layers", "net", "meta", "normalization"]
    file = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=names)
    net = file.get("net")
    top = vars(net) if hasattr(net, "_fieldnames") else file
    arrays: dict[str, Any] = {}
    for layer in np.atleast_1d(top.get("layers", [])):
        fields = getattr(layer, "__dict__", {})
        pair = list(np.atleast_1d(fields.get("weights", [])))
        if len(pair) < 2:
            pair = [fields[name] for name in ("filters", "biases") if name in fields]
        for kind, array in zip("Wb", pair, strict=False):
            arrays[f"{fields.get('name')}_{kind}"] = array
    normalization = getattr(top.get("meta"), "normalization", top.get("normalization"))
    average = np.asarray(getattr(normalization, "averageImage", 0), np.float64)
    if average.shape[-1:] == (3,):  # The importer writes [0, 0] if it has no mean.
        arrays["mean"] = average.reshape(-1, 3).mean(0)
    return arrays
