"""Convolutions in NumPy: the patches of a small tile times the kernel, tiles spread over the cores.

A map is an array [h, w, C] of float32. A framed map has a border of one pixel around it, for
kernels of 3 × 3.
"""

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

TILE_BYTES = 1_200_000  # of a tile's patches: they stay in a core's cache until they are multiplied

Work = TypeVar("Work")
# Takes the values [h, w, n] of a tile, which it may overwrite, and the tile's rows and columns.
Finish = Callable[[np.ndarray, slice, slice], object]


class Kernel(NamedTuple):
    """A kernel for `convolve`.

    Attributes:
        weights: In the order of a patch, and the bias as the last row [side² · C + 1, n].
        side: Its rows and columns.
        stride: Rows and columns from one patch to the next.
    """

    weights: np.ndarray
    side: int
    stride: int = 1

    @property
    def channels(self) -> int:
        """The values of each pixel."""
        return self.weights.shape[1] // self.stride**2


def kernel(weights: np.ndarray, bias: np.ndarray, block: int = 1) -> Kernel:
    """Prepare a kernel.

    Args:
        weights: [side, side, C, n].
        bias: [n].
        block: The values of block × block pixels are computed at once, as the channels
            [block, block, n] of one: a product is slow if n is small.
    """
    side, _, channels, width = weights.shape
    large = np.zeros((block + side - 1, block + side - 1, channels, block, block, width), "f4")
    for down in range(block):
        for right in range(block):
            large[down : down + side, right : right + side, :, down, right] = weights
    matrix = large.reshape(-1, block**2 * width)
    return Kernel(np.vstack([matrix, np.tile(bias, block**2)]), block + side - 1, block)


def doubled_kernels(weights: np.ndarray, bias: np.ndarray) -> dict[tuple[int, int], Kernel]:
    """Prepare a kernel of 3 × 3 for maps whose rows and columns are repeated.

    The four pixels that repeat one see 2 × 2 pixels of the map, some of them several times. So each
    is computed by a kernel of 2 × 2, with four ninths of the multiplications.

    Returns:
        The kernel of each of the four, by the row and column where it starts in the framed map.
    """
    of_pixels = (0, 1), (0, 2)  # The first of the kernel's rows, or columns, for each pixel.
    return {
        (down, right): kernel(
            np.add.reduceat(np.add.reduceat(weights, rows, 0), columns, 1), bias
        )
        for down, rows in enumerate(of_pixels)
        for right, columns in enumerate(of_pixels)
    }


def convolve(x: np.ndarray, kernel: Kernel, finish: Finish) -> None:
    """Convolve an array [H, W, C] without a border of its own, and pass each tile to `finish`.

    `finish` is called in several threads. Tiles have even numbers of rows and columns as long as
    the result has.
    """
    side, stride, channels = kernel.side, kernel.stride, x.shape[2]
    height, width = ((length - side) // stride + 1 for length in x.shape[:2])
    length, depth = kernel.weights.shape
    down, right, item = x.strides
    patches = np.lib.stride_tricks.as_strided(
        x,
        (height, width, side, side * channels),
        (stride * down, stride * right, down, item),
        writeable=False,
    )
    fitting = max(4, TILE_BYTES // (4 * length))
    columns = even_part(width, fitting // 2)
    rows = even_part(height, fitting // columns)

    def work(tiles: Iterator[tuple[slice, slice]]) -> None:
        copied = np.ones((rows, columns, length), np.float32)  # The bias is multiplied by one.
        values = np.empty(rows * columns * depth, np.float32)
        for rows_of, columns_of in tiles:
            shown = patches[rows_of, columns_of]
            high, wide = shown.shape[:2]
            copies = copied.reshape(-1, length)[: high * wide]
            copies[:, :-1].reshape(shown.shape)[:] = shown
            out = values[: high * wide * depth].reshape(high, wide, depth)
            np.matmul(copies, kernel.weights, out=out.reshape(-1, depth))
            finish(out, rows_of, columns_of)

    spread(((down, right) for down in parts(height, rows) for right in parts(width, columns)), work)


def rectified(out: np.ndarray, block: int = 1) -> Finish:
    """Return a function for `convolve` that stores values in a map, negative ones as 0; `block` as
    in `tile`."""

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        stored = tile(out, rows, columns, block)
        np.maximum(values.reshape(stored.shape), 0, out=stored)

    return finish


def tile(x: np.ndarray, rows: slice, columns: slice, block: int) -> np.ndarray:
    """Return a view [h, w, block, block, C] of a tile of a map, whose rows and columns are counted
    in blocks of block × block pixels."""
    pixels = x[
        rows.start * block : rows.stop * block, columns.start * block : columns.stop * block
    ]
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // block, block, width // block, block, channels)
    return blocks.transpose(0, 2, 1, 3, 4)


def framed(height: int, width: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Allocate a framed map, and return it and its inside."""
    x = np.empty((height + 2, width + 2, channels), np.float32)
    return x, x[1:-1, 1:-1]


def repeat_border(x: np.ndarray) -> np.ndarray:
    """Fill the frame of a map with the border of its inside, and return the map."""
    x[0], x[-1] = x[1], x[-2]
    x[:, 0], x[:, -1] = x[:, 1], x[:, -2]
    return x


def even_part(length: int, most: int) -> int:
    """Return the even length, at least 2, of equal parts that are about `most` long at most."""
    count = max(1, -(-length // max(2, most)))
    return max(2, 2 * -(-length // (2 * count)))


def parts(length: int, of_part: int) -> Iterator[slice]:
    """Yield the parts of a length; the last one may be shorter."""
    for first in range(0, length, of_part):
        yield slice(first, min(first + of_part, length))


def spread(tasks: Iterable[Work], work: Callable[[Iterator[Work]], None]) -> None:
    """Call `work` in all threads with an iterator that gives each task to one of them."""
    todo, pool = iter(list(tasks)), _pool()
    for done in [pool.submit(work, todo) for _ in range(_threads())]:
        done.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_threads(), "convolution")


@cache
def _threads() -> int:
    """Return the number of threads: one for each core, unless NumPy's own library has as many.

    With a thread of the library for each of ours, all would wait for each other. It is limited to
    one for good: a later change would change the results of pictures that are being painted.
    """
    numpy = Path(np.__file__).parent
    ours = False
    for path in [*numpy.glob("../numpy.libs/*openblas*"), *numpy.glob(".dylibs/*openblas*")]:
        set_threads = getattr(ctypes.CDLL(str(path)), "scipy_openblas_set_num_threads64_", None)
        if set_threads is not None:
            set_threads(1)
            ours = True
    return len(os.sched_getaffinity(0)) if ours else 1
