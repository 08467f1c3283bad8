"""VGG's features in horizontal tiles, block by block: only one tile's features are in memory at a
time, and the input and output of one block."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple, TypeVar

import tensorflow as tf

from styletransfer.vgg.network import MULTIPLE, VGG, Block, NetworkOptions, poolings_before
from styletransfer.vgg.row_buffer import RowBuffer

T = TypeVar("T")
# The pixels of a band, without the rows beyond it that its features depend on, and its least rows.
BAND_PIXELS, LEAST_BAND = 1 << 20, 128
# No pooling may span two tiles, nor any place that features are compared at.
ROWS_TOGETHER = 4


class Tile(NamedTuple):
    """Rows of a block, and the rows of its input from which they are computed.

    Attributes:
        first, last: The first of the rows, and the first after them, at the block's resolution.
        input_first, input_last: The same in its input.
        height: The block's height.
        halo: The number of rows beyond its own that a tile's features depend on.
    """

    first: int
    last: int
    input_first: int
    input_last: int
    height: int
    halo: int

    @property
    def borders(self) -> tuple[int, int]:
        """1 or 0 for the image's top border and its bottom border: whether the halo has it."""
        return int(self.first < self.halo), int(self.last + self.halo > self.height)

    def where(self) -> tf.Tensor:
        """Return the tile for a traced function [5]: first, last, input_first, borders."""
        return tf.constant([self.first, self.last, self.input_first, *self.borders])


def tiles(height: int, rows: int, halo: int) -> list[Tile]:
    """Return the tiles of a block of this height, from top to bottom, of at most `rows` rows, a
    multiple of ROWS_TOGETHER."""
    count = max(1, -(-height // rows))
    even = -(-height // count)
    even += -even % ROWS_TOGETHER
    # A last tile of one row would be empty after pooling.
    bounds = [*range(0, max(height - 1, 1), even), height]
    return [
        Tile(first, last, max(0, first - halo), min(height, last + halo), height, halo)
        for first, last in pairwise(bounds)
    ]


def tiled_forward(
    vgg: VGG, image: tf.Tensor, layers: Sequence[str], options: NetworkOptions, rows: int
) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
    """Compute `VGG.forward` in tiles of at most `rows` rows.

    Yields each tile with the features of its own rows, block by block, from top to bottom.
    """
    deepest = max(map(poolings_before, layers)) + 1
    x = RowBuffer.from_tensor(image)
    for number in range(1, deepest + 1):
        block, output = Block(vgg, number, tuple(sorted(layers)), options), RowBuffer(x.height // 2)
        forward = _traced(block, x.spec, number == deepest)
        yield from through_block(forward, x, output, tiles(x.height, rows, block.halo))
        x = output


def banded_forward(
    vgg: VGG, image: tf.Tensor, layers: Sequence[str], options: NetworkOptions, rows: int
) -> Iterator[tuple[str, int, tf.Tensor]]:
    """Compute `tiled_forward` of one band of rows after another.

    Not even the input and output of a block of a large image are in memory. Yields a layer, the
    first row in its feature, and the feature from there on.
    """
    return chain.from_iterable(bands(vgg, image, layers, options, rows))


def bands(
    vgg: VGG,
    image: tf.Tensor,
    layers: Sequence[str],
    options: NetworkOptions,
    rows: int,
    band_rows: int | None = None,
) -> Iterator[Iterator[tuple[str, int, tf.Tensor]]]:
    """Yield the bands of `banded_forward`, from top to bottom.

    Use up each band before the next. `band_rows`, a multiple of MULTIPLE, is the height of each
    band except the last.
    """
    height, width = image.shape[1:3]
    own = band_rows or max(LEAST_BAND, BAND_PIXELS // width // MULTIPLE * MULTIPLE)
    deepest = max(map(poolings_before, layers)) + 1
    halos = (len(vgg.convolutions(number, layers)) for number in range(1, deepest + 1))
    reach = sum(halo * 2**number for number, halo in enumerate(halos))
    reach += -reach % MULTIPLE

    def band(first: int) -> Iterator[tuple[str, int, tf.Tensor]]:
        start = max(0, first - reach)
        seen = image[:, start : min(height, first + own + reach)]
        for tile, features in tiled_forward(vgg, seen, layers, options, rows):
            for layer, feature in features.items():
                side = 2 ** poolings_before(layer)
                top = tile.first + start // side
                wanted = max(top, first // side)
                found = feature[:, wanted - top : max(0, (first + own) // side - top)]
                if found.shape[1]:
                    yield layer, wanted, found

    return map(band, range(0, height, own))


def through_block(
    forward: Callable[[tf.Tensor, tf.Tensor], tuple[T, tuple[tf.Tensor, ...]]],
    x: RowBuffer,
    output: RowBuffer,
    all_tiles: Sequence[Tile],
) -> Iterator[tuple[Tile, T]]:
    """Pass a block's input x through the block.

    Args:
        forward: Takes a tile's input and `Tile.where`; returns a result, and the tile's own rows
            pooled (none for the deepest block).
        x: The block's input.
        output: The pooled rows are written there.
        all_tiles: The tiles, from top to bottom.

    Yields:
        Each tile with its result.
    """
    for tile in all_tiles:
        found, pooled = forward(x.read(tile.input_first, tile.input_last), tile.where())
        for each in pooled:
            output.write(tile.first // 2, each)
        del pooled
        yield tile, found


@lru_cache(maxsize=256)  # A network for each of eight devices has several for each of its blocks.
def _traced(
    block: Block, tile_input: tf.TensorSpec, deepest: bool
) -> tf.types.experimental.GenericFunction:
    @tf.function(autograph=False, input_signature=[tile_input, tf.TensorSpec([5], tf.int32)])
    def forward(
        x: tf.Tensor, where: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tuple[tf.Tensor, ...]]:
        features, out = block.forward_tile(x, where)
        return features, () if deepest else (block.options.downsample(out),)

    # Traced here: TensorFlow would take tracing a function for each block for retracing.
    return forward.get_concrete_function()
