"""Convolutions in NumPy, of small tiles that are spread over the cores: the patches of a tile times
the kernel, or Winograd's algorithm.

A map is an array [h, w, C] of float32; a framed one has a border of one pixel around it, for
kernels of 3 × 3.
"""

import ctypes
import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from painterly.devices.processor import cores
from painterly.forks import per_process
from painterly.images.arrays import bands
from painterly.vgg.winograd_transforms import BLOCK, INPUTS, OUTPUTS, TILE, transformed

# Bytes of a tile's patches, which are still in a core's cache when they are multiplied, and twice
# those of its results.
TILE_BYTES = 1_200_000
# With fewer, the transforms of Winograd's algorithm take longer than it saves.
LEAST_CHANNELS = 64
_INPUTS, _OUTPUTS = INPUTS.astype(np.float32), OUTPUTS.astype(np.float32)

Work = TypeVar("Work")
Value = TypeVar("Value")
# Takes the values [h, w, n] of a tile, which it may overwrite, and their rows and columns.
Finish = Callable[[np.ndarray, slice, slice], object]


class Kernel(NamedTuple):
    """A kernel for `convolve`."""

    # In the order of a patch, and the bias as the last row [side² · C + 1, block² · n].
    weights: np.ndarray
    side: int  # the rows and columns of a patch
    stride: int  # the rows and columns from one patch to the next
    block: int  # a patch gives the values of block × block pixels

    @property
    def channels(self) -> int:
        """The number of values of a pixel."""
        return self.weights.shape[1] // self.block**2


class Maps:
    """Memory for two framed maps: a layer's inputs, and its results, which are the next layer's
    inputs. It is used again and again, since the first use of new memory takes as long as a small
    layer's arithmetic."""

    def __init__(self) -> None:
        self._memory = [np.empty(0, np.float32)] * 2

    def framed(self, height: int, width: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a framed map and its inside, in the place of the one before the last."""
        shape = height + 2, width + 2, channels
        size = math.prod(shape)
        self._memory.reverse()
        if self._memory[0].size < size:
            self._memory[0] = np.empty(0, np.float32)  # Frees it first.
            self._memory[0] = np.empty(size, np.float32)
        x = self._memory[0][:size].reshape(shape)
        return x, x[1:-1, 1:-1]


class WinogradKernel(NamedTuple):
    """A kernel of 3 × 3 for `convolve` by Winograd's algorithm."""

    weights: np.ndarray  # transformed [36, C, n]
    bias: np.ndarray  # [n]

    @property
    def channels(self) -> int:
        """The number of values of a pixel."""
        return len(self.bias)


AnyKernel = Kernel | WinogradKernel


def kernel(weights: np.ndarray, bias: np.ndarray, block: int = 1) -> AnyKernel:
    """Prepare a kernel [side, side, C, n] and its bias [n]. Products are slow if n is small; with a
    larger block, they have more columns."""
    side, _, channels, width = weights.shape
    if side == 3 and min(channels, width) >= LEAST_CHANNELS:
        return WinogradKernel(transformed(weights).astype(np.float32), bias.astype(np.float32))
    enlarged = side + block - 1
    matrix = np.zeros((enlarged, enlarged, channels, block, block, width), np.float32)
    for down in range(block):
        for right in range(block):
            matrix[down : down + side, right : right + side, :, down, right] = weights
    rows = np.vstack([matrix.reshape(-1, block**2 * width), np.tile(bias, block**2)])
    return Kernel(rows.astype(np.float32), enlarged, block, block)


def doubled(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel [3, 3, C, 4·n] and its bias [4·n] for a map itself, from the kernel [3, 3, C,
    n] for the map with each pixel repeated 2 × 2 times. Its values are for the four pixels, row by
    row.

    It takes fewer multiplications, since neighbouring rows, or columns, of a kernel see the same
    pixel.
    """
    # Whether a pixel's row sees a row of the map by a row of the kernel; the same for columns.
    seen = np.array([[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])
    of_four = np.einsum("yai,xbj,ijcn->abcyxn", seen, seen, weights)
    return of_four.reshape(*weights.shape[:3], -1), np.tile(bias, 4)


def convolve(x: np.ndarray, kernel: AnyKernel, finish: Finish) -> None:
    """Convolve x [H, W, C], without padding, and pass the result to `finish` tile by tile, in
    several threads. Tiles have even numbers of rows and columns if the result has."""
    if isinstance(kernel, WinogradKernel):
        _convolve_by_winograd(x, kernel, finish)
    else:
        _convolve_directly(x, kernel, finish)


def _convolve_directly(x: np.ndarray, kernel: Kernel, finish: Finish) -> None:
    weights, side, stride, block = kernel
    height, width = ((length - side) // stride + 1 for length in x.shape[:2])
    length, depth = weights.shape
    down, right, item = x.strides
    shape = height, width, side, side * x.shape[2]
    strides = stride * down, stride * right, down, item
    patches = np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    fitting = max(4, TILE_BYTES // (4 * max(length, 2 * depth)))
    columns = _even_part(width, fitting // 2)
    rows = _even_part(height, fitting // columns)

    def work(tiles: Iterator[tuple[slice, slice]]) -> None:
        copies = np.ones((rows * columns, length), np.float32)  # The bias is multiplied by one.
        products = np.empty((rows * columns, depth), np.float32)
        for tile in tiles:
            shown = patches[tile]
            high, wide = shown.shape[:2]
            copied, values = copies[: high * wide], products[: high * wide]
            copied[:, :-1].reshape(shown.shape)[:] = shown
            np.matmul(copied, weights, out=values)
            squares = values.reshape(high, wide, block, block, -1).swapaxes(1, 2)
            pixels = squares.reshape(block * high, block * wide, -1)
            finish(pixels, *(slice(block * part.start, block * part.stop) for part in tile))

    spread(product(bands(height, rows), bands(width, columns)), work)


def _convolve_by_winograd(x: np.ndarray, kernel: WinogradKernel, finish: Finish) -> None:
    height, width = (length - 2 for length in x.shape[:2])
    channels, depth = kernel.weights.shape[1:]
    missing = [(0, -length % BLOCK) for length in (height, width)]
    if any(after for _, after in missing):
        x = np.pad(x, [*missing, (0, 0)], "edge")
    high, wide = (-(-length // BLOCK) for length in (height, width))
    down, right, item = x.strides
    shape, strides = (TILE, TILE, high, wide), (down, right, BLOCK * down, BLOCK * right)
    inputs = np.lib.stride_tricks.as_strided(
        x, (*shape, channels), (*strides, item), writeable=False
    )
    fitting = max(1, TILE_BYTES // (4 * TILE**2 * channels))
    columns = -(-wide // -(-wide // fitting))
    rows = max(1, fitting // columns)

    def work(tiles: Iterator[tuple[slice, slice]]) -> None:
        for tile in tiles:
            copied = inputs[:, :, *tile]
            tall, broad = copied.shape[2:4]
            turned = (_INPUTS @ copied.reshape(TILE**2, -1)).reshape(TILE**2, -1, channels)
            products = np.matmul(turned, kernel.weights).reshape(TILE**2, -1)
            squares = (_OUTPUTS @ products).reshape(BLOCK, BLOCK, tall, broad, depth)
            pixels = squares.transpose(2, 0, 3, 1, 4).reshape(BLOCK * tall, BLOCK * broad, depth)
            pixels += kernel.bias
            top, left = (BLOCK * part.start for part in tile)
            pixels = pixels[: height - top, : width - left]  # The last blocks may go beyond.
            finish(pixels, slice(top, top + len(pixels)), slice(left, left + pixels.shape[1]))

    spread(product(bands(high, rows), bands(wide, columns)), work)


def rectified(out: np.ndarray) -> Finish:
    """Return a function for `convolve` that stores values in a map, negative ones as 0."""
    return lambda values, rows, columns: np.maximum(values, 0, out=out[rows, columns])


def repeat_border(x: np.ndarray) -> np.ndarray:
    """Fill the frame of a map with the border of its inside, and return the map."""
    x[0], x[-1] = x[1], x[-2]
    x[:, 0], x[:, -1] = x[:, 1], x[:, -2]
    return x


def _even_part(length: int, most: int) -> int:
    """Return the length of equal parts that are about `most` long at most, an even number."""
    count = -(-length // most)
    return 2 * -(-length // (2 * count))


def spread(tasks: Iterable[Work], work: Callable[[Iterator[Work]], None]) -> None:
    """Call `work` in several threads, with an iterator that gives each task to one of them."""
    tasks = list(tasks)
    todo = iter(tasks)
    helpers = [later(work, todo) for _ in tasks[1 : threads()]]
    work(todo)
    for helper in helpers:
        if not helper.cancel():
            helper.result()


def each_of(tasks: Iterable[Work], function: Callable[[Work], Value]) -> list[Value]:
    """Return a function's values for tasks, computed in several threads."""
    tasks = list(tasks)
    values: dict[int, Value] = {}

    def work(todo: Iterator[tuple[int, Work]]) -> None:
        for number, task in todo:
            values[number] = function(task)

    spread(enumerate(tasks), work)
    return [values[number] for number in range(len(tasks))]


def later(function: Callable[..., Value], *arguments: object) -> Future[Value]:
    """Call a function in another thread."""
    return _pool().submit(function, *arguments)


@per_process
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), "convolution")


def threads() -> int:
    """Return the number of threads: one for each core, or BLAS' own OPENBLAS_NUM_THREADS if that is
    less, if NumPy's BLAS can be limited to one thread. Else BLAS spreads each product over the
    cores itself."""
    asked = os.environ.get("OPENBLAS_NUM_THREADS", "")
    most = int(asked) if asked.isdecimal() else math.inf
    return int(max(1, min(cores(), most))) if _blas_limits() else 1


@cache
def limit_blas() -> None:
    """Limit NumPy's BLAS to one thread for the rest of the process, if it can be, before products
    are spread over `threads`. The limit stays: without it, pictures that are being painted would
    change."""
    for limit in _blas_limits():
        limit(1)


@cache
def _blas_limits() -> list[Callable[[int], object]]:
    package = Path(np.__file__).parent
    libraries = [*package.glob("../numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]
    found = (
        getattr(ctypes.CDLL(str(path)), "scipy_openblas_set_num_threads64_", None)
        for path in libraries
    )
    return [limit for limit in found if limit is not None]
