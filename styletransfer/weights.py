"""Where VGG's weights come from: the files Keras publishes, files by path, and what is in them.

Nothing here loads TensorFlow until a download is needed, so that a run with nothing to paint
can tell which weights it would use.
"""

import hashlib
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from styletransfer.errors import WeightsError

REPOSITORY = Path(__file__).resolve().parent.parent
CACHE = REPOSITORY / "weights"
HUB_TIMEOUT_S = 4.0  # For a hub that does not answer at all; a refusal is known at once.
STALL_TIMEOUT_S = 30.0  # For a download that stops half-way.

# Mean of ImageNet's pixels in the order R, G, B and the scale 0…255, which the networks were
# trained without (Simonyan & Zisserman 2014).
MEAN_PIXEL = np.array([123.68, 116.779, 103.939], np.float32)

WAYS_OUT = (
    "three ways to give them: put {name} into the folder weights/ (or ~/.keras/models), "
    "set VGG_WEIGHTS to a .h5, .mat or .npz file, "
    "or set VGG_WEIGHTS=bucket:KEY for a file in the style bucket"
)


@dataclass(frozen=True)
class Published:
    """A weights file as Keras publishes it (`notop`: the convolutions alone)."""

    url: str
    md5: str
    size: int  # bytes

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


_HUB = "https://storage.googleapis.com/tensorflow/keras-applications"
PUBLISHED = {
    model: Published(f"{_HUB}/{model}/{model}_weights_tf_dim_ordering_tf_kernels_notop.h5", *rest)
    for model, *rest in (
        ("vgg16", "6d6bbae143d832006294945121d1f1fc", 58_889_256),
        ("vgg19", "253f8cb515780f3b799900260a226db6", 80_134_624),
    )
}


def layer_shapes(model: str) -> dict[str, tuple[int, int, int, int]]:
    """Layer name → its kernel's shape [3, 3, in, out], shallow to deep, for `vgg16` or `vgg19`."""
    last = {"vgg16": 3, "vgg19": 4}[model]
    shapes, channels = {}, 3
    for block, (depth, width) in enumerate(
        ((2, 64), (2, 128), (last, 256), (last, 512), (last, 512)), start=1
    ):
        for number in range(1, depth + 1):
            shapes[f"conv{block}_{number}"] = (3, 3, channels, width)
            channels = width
    return shapes


@dataclass(frozen=True)
class Weights:
    """kernels: layer → (float32 [3, 3, in, out], float32 [out]), the first one taking R, G, B in
    0…255 less `mean` (float32 [3]); `identity` tells two sets of weights apart."""

    model: str
    identity: str
    kernels: Mapping[str, tuple[np.ndarray, np.ndarray]]
    mean: np.ndarray


# --- where they are -------------------------------------------------------------------------


def file_identity(path: Path) -> str:
    """`md5:…` of a file's content. Raises WeightsError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return "md5:" + hashlib.file_digest(stream, "md5").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"weights file {path} cannot be read: {error.strerror or error}"
        ) from None


def cached(model: str) -> Path | None:
    """The published file where it lies already: in weights/ or in Keras' own cache."""
    from os import environ

    keras_home = Path(environ.get("KERAS_HOME") or Path.home() / ".keras")
    name = PUBLISHED[model].name
    for folder in (CACHE, keras_home / "models"):
        if (folder / name).is_file():
            return folder / name
    return None


def hub_problem(model: str, timeout_s: float = HUB_TIMEOUT_S) -> str | None:
    """Why the published file cannot be fetched, in a few words; None where it can.

    Known within `timeout_s` even where the name service hangs, which no socket timeout covers:
    the question is asked in a thread that may be left behind.
    """
    answer: list[str | None] = [f"no answer within {timeout_s:g} s"]

    def ask() -> None:
        request = urllib.request.Request(PUBLISHED[model].url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=timeout_s):
                answer[0] = None
        except urllib.error.URLError as error:
            answer[0] = str(getattr(error, "reason", error))
        except (OSError, ValueError) as error:
            answer[0] = str(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return answer[0]


def download(model: str) -> Path:
    """Fetches the published file into the cache, checked against its hash; its path.

    Raises WeightsError naming the three ways to give weights where the hub is out of reach,
    and what was expected where the file that came is not the published one.
    """
    published = PUBLISHED[model]
    problem = hub_problem(model)
    if problem:
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be reached ({problem}); "
            + WAYS_OUT.format(name=published.name)
        )
    from keras.utils import get_file

    folder = CACHE
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        folder = Path.home() / ".keras" / "models"
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_TIMEOUT_S)
    try:
        found = get_file(
            published.name,
            published.url,
            file_hash=published.md5,
            hash_algorithm="md5",
            cache_dir=str(folder.parent),
            cache_subdir=folder.name,
        )
    except Exception as error:  # Keras raises bare Exception for a failed download.
        raise WeightsError(
            f"no {model} weights: downloading {published.url} failed ({_first_line(error)}); "
            f"expected {published.size:,} bytes with MD5 {published.md5}; "
            + WAYS_OUT.format(name=published.name)
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return Path(found)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def find(model: str, weights: str | Path | None) -> Path:
    """The weights file to use: the one named, else the cached, else the downloaded one."""
    if weights is not None:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"weights file {path} does not exist; "
                + WAYS_OUT.format(name=PUBLISHED[model].name)
            )
        return path
    path = cached(model)
    if path is None:
        return download(model)
    published = PUBLISHED[model]
    identity = file_identity(path)
    if identity != f"md5:{published.md5}":
        raise WeightsError(
            f"weights file {path} is damaged: {path.stat().st_size:,} bytes with MD5 "
            f"{identity[4:]}, expected {published.size:,} bytes with MD5 {published.md5}; "
            "delete it to have it fetched again, or name it in VGG_WEIGHTS if it is meant"
        )
    return path


# --- what is in them ------------------------------------------------------------------------


def read(path: Path, model: str) -> Weights:
    """The weights of `model` from a `.h5` (Keras), `.mat` (MatConvNet) or `.npz` file.

    Raises WeightsError naming the file, and the layer and shape that were expected.
    """
    readers = {".h5": _read_h5, ".hdf5": _read_h5, ".mat": _read_mat, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise WeightsError(f"weights file {path} is no .h5, .mat or .npz")
    identity = file_identity(path)
    try:
        found, mean = reader(path, model)
    except WeightsError:
        raise
    except Exception as error:  # A damaged file can make its parser fail in any way.
        published = PUBLISHED[model]
        hint = (
            f"; Keras' {published.name} has {published.size:,} bytes and MD5 {published.md5}"
            if reader is _read_h5
            else ""
        )
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size:,} bytes) cannot be read as "
            f"{path.suffix.lower()[1:]}: {_first_line(error)}{hint}"
        ) from None
    return Weights(model, identity, _checked(found, path, model), mean)


def _checked(
    found: Mapping[str, tuple[Any, Any]], path: Path, model: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    kernels = {}
    for layer, shape in layer_shapes(model).items():
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
            raise WeightsError(f"weights file {path}: layer {layer} holds NaN or infinity")
        kernels[layer] = np.ascontiguousarray(kernel), bias
    return kernels


def _read_h5(path: Path, model: str) -> tuple[dict[str, tuple[Any, Any]], np.ndarray]:
    """Keras' three layouts: the legacy one (a group a layer), a whole model saved in it, and
    `.weights.h5` of Keras 3, whose convolutions are numbered (conv2d, conv2d_1, …)."""
    import h5py

    found: dict[str, tuple[Any, Any]] = {}
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        root = root.get("layers", root)
        for number, layer in enumerate(layer_shapes(model)):
            keras_name = f"block{layer[4]}_conv{layer[6]}"
            numbered = "conv2d" if number == 0 else f"conv2d_{number}"
            group = root.get(keras_name, root.get(numbered))
            if group is None:
                continue
            arrays: list[np.ndarray] = []
            group.visititems(
                lambda _, item, into=arrays: (
                    into.append(item[()]) if isinstance(item, h5py.Dataset) else None
                )
            )
            kernel = next((each for each in arrays if each.ndim == 4), np.empty(0))
            bias = next((each for each in arrays if each.ndim == 1), np.empty(0))
            found[layer] = kernel, bias
    if "conv1_1" in found and found["conv1_1"][0].ndim == 4:
        # Keras feeds its VGG B, G, R, as Caffe did.
        kernel, bias = found["conv1_1"]
        found["conv1_1"] = kernel[:, :, ::-1], bias
    return found, MEAN_PIXEL


def _read_mat(path: Path, model: str) -> tuple[dict[str, tuple[Any, Any]], np.ndarray]:
    """MatConvNet's two layouts. Its kernels are [height, width, in, out] and take R, G, B: its
    importer transposes Caffe's and turns the channels round (utils/import-caffe.py).

    Older: layers{i}.filters, .biases and normalization; newer: layers{i}.weights{1, 2} and
    meta.normalization; both may lie under a variable `net`.
    """
    from scipy.io import loadmat

    file = loadmat(path, struct_as_record=False, squeeze_me=True)
    net = file.get("net")
    top = vars(net) if hasattr(net, "_fieldnames") else file
    found: dict[str, tuple[Any, Any]] = {}
    for layer in np.atleast_1d(top.get("layers", [])):
        name = str(getattr(layer, "name", ""))
        if name not in layer_shapes(model):
            continue
        pair = getattr(layer, "weights", None)
        if pair is None or len(np.atleast_1d(pair)) < 2:
            pair = getattr(layer, "filters", np.empty(0)), getattr(layer, "biases", np.empty(0))
        found[name] = pair[0], pair[1]
    normalization = getattr(top.get("meta"), "normalization", top.get("normalization"))
    average = np.asarray(getattr(normalization, "averageImage", MEAN_PIXEL), np.float32)
    mean = average.reshape(-1, 3).mean(0) if average.size and average.shape[-1] == 3 else MEAN_PIXEL
    return found, mean


def _read_npz(path: Path, model: str) -> tuple[dict[str, tuple[Any, Any]], np.ndarray]:
    """Arrays `conv1_1_W` [3, 3, in, out] and `conv1_1_b` [out], …, taking R, G, B."""
    with np.load(path, allow_pickle=False) as file:
        found = {
            layer: (file[f"{layer}_W"], file[f"{layer}_b"])
            for layer in layer_shapes(model)
            if f"{layer}_W" in file and f"{layer}_b" in file
        }
    return found, MEAN_PIXEL
