"""VGG over a picture in horizontal strips, block by block, so that only a strip's features are
held at a time, besides what goes from one block to the next."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import tensorflow as tf

from styletransfer.cutting import part
from styletransfer.vgg import POOLS, VGG, poolings_before


class Rows:
    """A tensor [1, h, w, C] in pieces, each some of its rows; taken from and added to by rows, and
    let go of from the top."""

    def __init__(self, *pieces: tf.Tensor) -> None:
        self._pieces: list[tuple[int, tf.Tensor]] = []
        self.height = 0
        for piece in pieces:
            self.append(piece)

    @property
    def spec(self) -> tf.TensorSpec:
        """What stands for any of its rows."""
        piece = self._pieces[-1][1]
        return tf.TensorSpec([1, None, None, piece.shape[3]], piece.dtype)

    def append(self, piece: tf.Tensor) -> None:
        """Adds rows [1, r, w, C] below."""
        if piece.shape[1]:
            self._pieces.append((self.height, piece))
            self.height += piece.shape[1]

    def take(self, first: int, last: int) -> tf.Tensor:
        """Rows first … last − 1, which must not have been let go of."""
        parts = [
            piece[:, max(first - start, 0) : last - start]
            for start, piece in self._pieces
            if start < last and start + piece.shape[1] > first
        ]
        return parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)

    def let_go(self, before: int) -> None:
        """Frees the pieces of which all rows are above row `before`."""
        while self._pieces and self._pieces[0][0] + self._pieces[0][1].shape[1] <= before:
            self._pieces.pop(0)


class Place(NamedTuple):
    """A strip of a block: the rows first … last − 1 that are its own, at the block's resolution,
    and the rows above … below − 1 of the block's input that they are computed from."""

    first: int
    last: int
    above: int
    below: int
    height: int
    reach: int

    @property
    def ends(self) -> tuple[int, int]:
        """Whether the picture's border is met above, and below; see `VGG.block`."""
        return int(self.first < self.reach), int(self.last + self.reach > self.height)


def places(height: int, rows: int, reach: int) -> list[Place]:
    """The strips of a block of this height, of `rows` rows at most, an even number, whose
    convolutions see `reach` rows beyond each side."""
    count = max(1, -(-height // rows))
    even = -(-height // count)
    even += even % 2  # So that no pooling spans two strips.
    # A last row alone would be none after a pooling.
    bounds = [*range(0, max(height - 1, 1), even), height]
    return [
        Place(first, last, max(0, first - reach), min(height, last + reach), height, reach)
        for first, last in pairwise(bounds)
    ]


def own_rows(
    vgg: VGG,
    strip: tf.Tensor,
    number: int,
    layers: Sequence[str],
    dtype: tf.DType,
    padding: str,
    where: Sequence[tf.Tensor],
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """`VGG.block` of a strip of the block's input, of which only the strip's own rows are given;
    where: a Place's first and last, and its two ends."""
    first, last, top, bottom = where
    features, out = vgg.block(strip, number, layers, dtype, padding, (top, bottom))
    to_come = {layer: left for left, layer in enumerate(reversed(vgg.needed(number, layers)))}

    def own(feature: tf.Tensor, convolutions_left: int) -> tf.Tensor:
        start = top * first + (1 - top) * convolutions_left
        return part(feature, (start, start + last - first))

    rows = {layer: own(feature, to_come[layer]) for layer, feature in features.items()}
    return rows, own(out, 0)


def sweep(
    vgg: VGG,
    image: tf.Tensor,
    layers: Sequence[str],
    pool: str,
    dtype: tf.DType,
    padding: str,
    rows: int,
) -> Iterator[tuple[Place, dict[str, tf.Tensor]]]:
    """`VGG.forward` in strips of `rows` rows: yields (place, features) of every strip, block by
    block, from top to bottom; the features' rows are the place's own."""
    deepest = max(map(poolings_before, layers)) + 1
    below = Rows(image)
    for number in range(1, deepest + 1):
        x, below = below, Rows()
        program = _block(vgg, number, tuple(sorted(layers)), dtype, padding, x.spec)
        for place in places(x.height, rows, len(vgg.needed(number, layers))):
            strip = x.take(place.above, place.below)
            features, out = program(strip, tf.constant([place.first, place.last, *place.ends]))
            if number < deepest:
                below.append(POOLS[pool](out, 2, 2, "VALID"))
            del strip, out
            x.let_go(place.last - place.reach)
            yield place, features


@lru_cache(maxsize=32)
def _block(
    vgg: VGG,
    number: int,
    layers: tuple[str, ...],
    dtype: tf.DType,
    padding: str,
    strip: tf.TensorSpec,
) -> tf.types.experimental.GenericFunction:
    @tf.function(autograph=False, input_signature=[strip, tf.TensorSpec([4], tf.int32)])
    def block(x: tf.Tensor, where: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return own_rows(vgg, x, number, layers, dtype, padding, tf.unstack(where))

    # Traced here: one place that traces a function for each block looks like retracing.
    return block.get_concrete_function()
