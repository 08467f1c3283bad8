"""VGG over a picture in horizontal strips, block by block, so that only a strip's features are
held at a time, besides what goes from one block to the next."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import tensorflow as tf

from styletransfer.vgg.network import POOLS, VGG, poolings_before
from styletransfer.vgg.ops import Rows, part


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
    below = Rows.of(image)
    for number in range(1, deepest + 1):
        x, below = below, Rows(below.height // 2)
        program = _block(vgg, number, tuple(sorted(layers)), dtype, padding, x.spec)
        for place in places(x.height, rows, len(vgg.needed(number, layers))):
            strip = x.take(place.above, place.below)
            features, out = program(strip, tf.constant([place.first, place.last, *place.ends]))
            if number < deepest:
                below.put(place.first // 2, POOLS[pool](out, 2, 2, "VALID"))
            del strip, out
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
