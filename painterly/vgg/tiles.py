"""Tiles of an image, with exactly the features of the whole image.

A feature depends on the pixels around it. So a tile is cut out with them, its halo, and only the
features of its own part are used: padding at the tile's sides affects its halo alone. Tiles begin
and end at multiples of MULTIPLE, so that no pooling spans two of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import tensorflow as tf

from painterly.vgg.architectures import MULTIPLE
from painterly.vgg.network import VGG, NetworkOptions, poolings_before
from painterly.vgg.ops import Index, crop

# px of a tile's own part if only features are computed, and if memory is short. The halo of small
# ones takes longer than they do.
FORWARD_SIDE, SMALL_FORWARD_SIDE = 704, 384


class Span(NamedTuple):
    """A tile's rows or columns in px."""

    first: Index  # the first one
    last: Index  # the first one after them
    own_first: Index  # the first one of its own part
    own_last: Index  # the first one after its own part


class Tile(NamedTuple):
    """A part of an image. As an argument of a traced function, it is a tensor [2, 4]."""

    rows: Span
    columns: Span

    @classmethod
    def of(cls, tensor: tf.Tensor) -> "Tile":
        """Return the tile from its tensor."""
        return cls(*(Span(*tf.unstack(each)) for each in tf.unstack(tensor)))


# For the functions below, the tile None is the whole image.


def cut(image: tf.Tensor, tile: Tile | None) -> tf.Tensor:
    """Cut a tile with its halo out of image [1, H, W, C]."""
    if tile is None:
        return image
    rows, columns = tile
    return image[:, rows.first : rows.last, columns.first : columns.last]


def own(whole: tf.Tensor, tile: Tile | None, side: int) -> tf.Tensor:
    """Cut a tile's own part out of a map [1, h, w, C] with a position for `side` × `side` px."""
    if tile is None:
        return whole
    rows, columns = (slice(each.own_first // side, each.own_last // side) for each in tile)
    return whole[:, rows, columns]


def inner(feature: tf.Tensor, tile: Tile | None, side: int, beyond: int = 0) -> tf.Tensor:
    """Crop a map [1, h, w, C] of a tile with its halo, with a position for `side` × `side` px, to
    the own part, and to `beyond` positions below and on the right of it if the halo has them."""
    if tile is None:
        return feature
    starts = [(each.own_first - each.first) // side for each in tile]
    stops = [each.own_last // side - each.first // side + beyond for each in tile]
    return crop(feature, *zip(starts, stops, strict=True))


def tiles(
    vgg: VGG,
    size: tuple[int, int],
    layers: Sequence[str],
    side: int,
    rows: tuple[int, int] | None = None,
) -> list[list[Tile]]:
    """Return the tiles of an image for its features at `layers`, by rows from top to bottom.

    Args:
        size: The image's (height, width).
        side: The longest side of an own part in px, a multiple of MULTIPLE; the last tile's may be
            up to MULTIPLE − 1 longer.
        rows: The first of the rows to cover, a multiple of MULTIPLE, and the first after them; all
            by default.
    """
    halo = halo_of(vgg, layers)
    height, width = size
    across = _spans(width, (0, width), side, halo)
    down = _spans(height, rows or (0, height), side, halo)
    return [[Tile(each, columns) for columns in across] for each in down]


def halo_of(vgg: VGG, layers: Sequence[str]) -> int:
    """Return the px around a tile that its features depend on, a multiple of MULTIPLE."""
    reach = sum(2 ** poolings_before(layer) for layer in vgg.needed(layers))
    return reach + -reach % MULTIPLE


def _spans(length: int, covered: tuple[int, int], side: int, halo: int) -> list[Span]:
    """Return spans of `length` px, all of one length if that is a multiple of MULTIPLE: for each
    shape, TensorFlow compiles kernels and keeps memory."""
    first, last = covered
    count = -(-(last - first) // side)
    part = -(-(last - first) // count)
    part += -part % MULTIPLE
    shown = min(length, part + 2 * halo)
    latest = (length - shown) // MULTIPLE * MULTIPLE
    spans = []
    # The last one is no shorter than MULTIPLE: it would be empty after the poolings.
    starts = [*range(first, max(last - MULTIPLE + 1, first + 1), part), last]
    for own_first, own_last in pairwise(starts):
        start = max(0, min(own_first - halo, latest))
        end = length if own_last + halo >= length else start + shown
        spans.append(Span(start, end, own_first, own_last))
    return spans


def own_features(
    vgg: VGG, image: tf.Tensor, tile: Tile | None, layers: Sequence[str], options: NetworkOptions
) -> dict[str, tf.Tensor]:
    """Compute `VGG.forward` of a tile that is cut out, cropped to its own part."""
    at_layers = vgg.forward(image, layers, options)
    return {
        layer: inner(feature, tile, 2 ** poolings_before(layer))
        for layer, feature in at_layers.items()
    }


def tiled_features(
    vgg: VGG,
    image: tf.Tensor,
    layers: Sequence[str],
    options: NetworkOptions,
    rows: tuple[int, int] | None = None,
    saves_memory: bool = False,
) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
    """Compute `VGG.forward` in tiles, small ones if this saves memory; `rows` as in `tiles`.

    Yields each tile with the features of its own part, by rows from top to bottom.
    """
    forward = _forward(vgg, tuple(layers), options, image.dtype)
    size = tuple(image.shape[1:3])
    side = SMALL_FORWARD_SIDE if saves_memory else FORWARD_SIDE
    for row in tiles(vgg, size, layers, side, rows):
        for tile in row:
            yield tile, forward(image, tf.constant(tile))


def joined(parts: Iterable[tuple[Tile, dict[str, tf.Tensor]]]) -> dict[str, tf.Tensor]:
    """Join each layer's maps [..., h, w, C] of the tiles of some rows, as `tiled_features` yields
    them."""
    by_rows: dict[Index, list[dict[str, tf.Tensor]]] = defaultdict(list)
    for tile, maps in parts:
        by_rows[tile.rows.own_first].append(maps)
    first, *_ = by_rows.values()
    return {
        layer: tf.concat(
            [tf.concat([each[layer] for each in row], -2) for row in by_rows.values()], -3
        )
        for layer in first[0]
    }


@lru_cache(maxsize=64)  # A network for each of eight devices has several.
def _forward(
    vgg: VGG, layers: tuple[str, ...], options: NetworkOptions, dtype: tf.DType
) -> tf.types.experimental.GenericFunction:
    specs = [tf.TensorSpec([1, None, None, 3], dtype), tf.TensorSpec([2, 4], tf.int32)]

    @tf.function(autograph=False, input_signature=specs)
    def forward(image: tf.Tensor, tensor: tf.Tensor) -> dict[str, tf.Tensor]:
        return own_features(vgg, cut(image, Tile.of(tensor)), Tile.of(tensor), layers, options)

    # Traced here: TensorFlow would take tracing a function for each network for retracing.
    return forward.get_concrete_function()
