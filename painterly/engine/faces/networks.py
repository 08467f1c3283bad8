"""The two networks that find faces, in NumPy: MediaPipe's detector of full range and its mesh of
landmarks. lab/faces/convert.py writes their files, of float16:

    layers   uint8: JSON, the list of layers in order. Each is its kind, the number of its result,
             the numbers of its inputs, and its arguments (see `_applied`). Map 0 is the image.
    NUMBER   an array that a layer names
"""

import itertools
import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from painterly.engine.features.convolutions import Kernel, convolve, limit_blas

SIDE = 192  # px of the image that each network sees
MEMORY = 8_000_000  # bytes, more than a layer takes


def outputs(name: str, image: np.ndarray) -> list[np.ndarray]:
    """Return the maps [h, w, C] that a network ends with, for an image [SIDE, SIDE, 3] in the range
    that the network expects."""
    limit_blas()
    layers, results = _network(name)
    maps = {0: np.ascontiguousarray(image, np.float32)}
    for kind, result, inputs, arguments in layers:
        maps[result] = _applied(kind, [maps[each] for each in inputs], arguments)
    return [maps[each] for each in results]


def _applied(kind: str, inputs: list[np.ndarray], arguments: Any) -> np.ndarray:
    x = inputs[0]
    if kind == "conv":
        return _convolved(x, *arguments)
    if kind == "depthwise":
        return _filtered(x, *arguments)
    if kind == "add":  # The second map may have more channels.
        y = inputs[1].copy()
        y[..., : x.shape[2]] += x
        return y
    if kind == "prelu":
        return np.maximum(x, 0) + arguments * np.minimum(x, 0)
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "pool":
        return np.maximum.reduce([x[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    assert kind == "double"
    return _doubled(_doubled(x).swapaxes(0, 1)).swapaxes(0, 1)


def _convolved(x: np.ndarray, kernel: Kernel, padding: tuple[int, int]) -> np.ndarray:
    x = _padded(x, padding)
    height, width = ((side - kernel.side) // kernel.stride + 1 for side in x.shape[:2])
    y = np.empty((height, width, kernel.channels), np.float32)
    convolve(x, kernel, lambda values, *part: y.__setitem__(part, values))
    return y


def _filtered(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: int, padding: tuple[int, int]
) -> np.ndarray:
    """Convolve each channel with its own weights [side, side, C]."""
    x, side, channels = _padded(x, padding), len(weights), len(bias)
    height, width = ((length - side) // stride + 1 for length in x.shape[:2])
    # Loops are as long as a row of pixels: of one pixel's channels, they would be slow.
    weights = np.broadcast_to(weights[:, :, None], (side, side, width, channels))
    weights = weights.reshape(side, side, -1)
    columns = [x[:, first::stride].reshape(len(x), -1) for first in range(stride)]
    y = np.empty((height, width * channels), np.float32)
    y.reshape(-1, channels)[:] = bias
    product = np.empty_like(y)
    for i, j in itertools.product(range(side), range(side)):
        start = j // stride * channels
        seen = columns[j % stride][i : i + stride * height : stride, start : start + y.shape[1]]
        y += np.multiply(seen, weights[i, j], out=product)
    return y.reshape(height, width, -1)


def _padded(x: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    if not any(padding):
        return x
    height, width, channels = x.shape
    first, more = padding[0], sum(padding)
    y = np.zeros((height + more, width + more, channels), np.float32)
    y[first : first + height, first : first + width] = x
    return y


def _doubled(x: np.ndarray) -> np.ndarray:
    """Interpolate a map linearly to twice the rows."""
    wide = np.pad(x, ((1, 1), (0, 0), (0, 0)), "edge")
    y = np.empty((2 * len(x), *x.shape[1:]), np.float32)
    y[::2], y[1::2] = 0.25 * wide[:-2] + 0.75 * x, 0.75 * x + 0.25 * wide[2:]
    return y


@cache
def _network(name: str) -> tuple[list[tuple[str, int, list[int], Any]], list[int]]:
    """Read a network: its layers, and the numbers of the maps that it ends with."""
    # Frees it again: glibc then keeps as much freed memory, instead of giving back that of each
    # layer, which takes half as long as all arithmetic.
    np.empty(MEMORY, np.uint8)
    with np.load(Path(__file__).with_name(f"{name}.npz"), allow_pickle=False) as file:
        graph = json.loads(bytes(file["layers"]))
        arrays = {each: file[each].astype(np.float32) for each in file.files if each != "layers"}
    read = partial(_arguments, arrays)
    layers = [(kind, out, inputs, read(kind, rest)) for kind, out, inputs, *rest in graph["layers"]]
    return layers, graph["outputs"]


def _arguments(arrays: dict[str, np.ndarray], kind: str, rest: list[Any]) -> Any:
    if kind == "prelu":
        return arrays[rest[0]]
    if kind not in ("conv", "depthwise"):
        return None
    weights, bias, stride, padding = arrays[rest[0]], arrays[rest[1]], *rest[2:]
    if kind == "depthwise":
        return weights, bias, stride, padding
    rows = np.vstack([weights.reshape(-1, len(bias)), bias])
    return Kernel(rows, len(weights), stride, 1), padding
