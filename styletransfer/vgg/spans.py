"""The spans of an image's rows or columns that tiles are made of; without TensorFlow.

They begin and end at multiples of MULTIPLE, so that no pooling spans two of them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from styletransfer.vgg.architectures import MULTIPLE, poolings_before

if TYPE_CHECKING:
    from styletransfer.vgg.ops import Index


class Span(NamedTuple):
    """A tile's rows or columns in px.

    Attributes:
        first: The first one.
        last: The first one after them.
        own_first: The first one of its own part.
        own_last: The first one after its own part.
    """

    first: "Index"
    last: "Index"
    own_first: "Index"
    own_last: "Index"


def halo_of(needed: Sequence[str]) -> int:
    """Return the px around a tile that its features depend on, a multiple of MULTIPLE, if `needed`
    are the convolutions that they pass through."""
    reach = sum(2 ** poolings_before(layer) for layer in needed)
    return reach + -reach % MULTIPLE


def spans(length: int, covered: tuple[int, int], side: int, halo: int) -> list[Span]:
    """Return spans of `length` px, all of one length if that is a multiple of MULTIPLE: for each
    shape, TensorFlow compiles kernels and keeps memory.

    Args:
        length: The image's px.
        covered: The first of the px to cover, a multiple of MULTIPLE, and the first after them.
        side: The longest side of an own part in px, a multiple of MULTIPLE; the last one may be up
            to MULTIPLE − 1 longer.
        halo: As in `halo_of`.
    """
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
