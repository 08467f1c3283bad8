"""The memory of a painting, and the largest tiles that fit. Without TensorFlow.

Memory is estimated before painting begins, by rows that were fitted to measured peaks:
memory_table.py, which lab/benchmarks/memory.py writes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from painterly.devices.budget import MemoryBudget
from painterly.engine.memory_table import ADDITIONS, MARGIN, ROWS
from painterly.errors import MemoryShortError
from painterly.settings.settings import Settings
from painterly.words.wording import memory_size

Size = tuple[int, int]  # (height, width)

# The side of tiles in px, None for the picture at once; see `Objective.gradient`. Fastest first.
# For a large picture, each takes no more memory than the one before.
SIDES = (None, 960, 704, 448, 320, 192)
SCALING_BYTES = 8  # per pixel of the photo: one channel in floats, twice
# An earlier scale may take this much more per pixel than the last, plus some bytes: allocators keep
# its chunks, and larger ones do not fit into them.
EARLIER_SCALE, EARLIER_BYTES = 1.5, 200 << 20


class PaintingInputs(NamedTuple):
    """The properties of a painting's inputs that its memory depends on.

    Attributes:
        size: The photo's (height, width) in px.
        masked: True if the photo has a mask.
        regions: The number of groups of paintings with masks, see Paintings.masked_groups.
        has_init: True if the optimisation starts from a given picture.
        paintings: The number of paintings.
        drawn: True if the photo is made into a drawing first.
    """

    size: Size
    masked: bool = False
    regions: int = 0
    has_init: bool = False
    paintings: int = 1
    drawn: bool = False


class Extent(NamedTuple):
    """The quantities that a picture's memory is proportional to.

    Attributes:
        pixels: The pixels of its canvas.
        maps: The bytes of the feature maps that are computed at a time; in recipe `instant`, the
            pixels of a band.
        places: The bytes of the places that are matched at a time.
    """

    pixels: float
    maps: float
    places: float


class Row(NamedTuple):
    """A row of the table: bytes that are always taken, and bytes for each unit of an `Extent`."""

    fixed: float
    pixel: float
    map: float
    place: float

    @classmethod
    def of(cls, name: str, inputs: PaintingInputs, settings: Settings) -> "Row":
        """Return a row by its name, with its margin and what the inputs and settings add."""
        counts = additions(inputs, settings)
        added = ADDITIONS["instant" if name == "instant" else "optimised"]
        rows = [ROWS[name], *([counts[each] * x for x in row] for each, row in added.items())]
        return cls(*(MARGIN * sum(column) for column in zip(*rows, strict=True)))

    def bytes_for(self, extent: Extent) -> int:
        """Return the bytes of a picture."""
        return int(self.fixed + sum(map(math.prod, zip(self[1:], extent, strict=True))))


def additions(inputs: PaintingInputs, settings: Settings) -> dict[str, int]:
    """Return how many times each addition of the table counts."""
    return {
        "painting": inputs.paintings - 1,
        "region": inputs.regions,
        "mask": int(inputs.masked),
        "drawing": int(inputs.drawn),
        "lbfgs": int(settings.optimizer == "lbfgs"),
    }


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The memory of a painting at any size.

    Attributes:
        at_once: The row for a picture that is computed at once.
        in_tiles: The row for one in tiles.
        extent: Returns the extent of a picture of this (height, width) with tiles of this side.
        what_fits: As in `Settings`.
        outside: Bytes in addition that depend on other sizes than the picture's.
        copies: The bytes of the weights' copies in a faster step, or 0 if none is faster.
    """

    at_once: Row
    in_tiles: Row
    extent: Callable[[Size, int | None], Extent]
    what_fits: Callable[[int], str] = field(repr=False, compare=False)
    outside: int = 0
    copies: int = 0

    def row(self, side: int | None) -> Row:
        """Return the row for tiles of this side in px, or None."""
        return self.at_once if side is None else self.in_tiles

    def bytes_needed(self, size: Size, side: int | None, fast: bool = False) -> int:
        """Return the bytes that painting takes in addition to those in use.

        Args:
            size: The picture's (height, width).
            side: The side of its tiles in px, or None to compute it at once.
            fast: Whether a step spends memory on speed.
        """
        needed = self.row(side).bytes_for(self.extent(size, side))
        return needed + self.outside + (self.copies if fast else 0)

    def is_fast(self, size: Size, free: int) -> bool:
        """Return whether a step spends memory on speed: a picture of this (height, width) then
        still fits into `free` bytes at once.

        A step of VGG19 then takes half the time in float32 with AVX2, and four fifths in bfloat16
        without AMX. In tiles, memory is short.
        """
        return bool(self.copies) and self.bytes_needed(size, None, fast=True) <= free


@dataclass(frozen=True)
class MemoryPlan:
    """The tiles for a picture, and its memory.

    Attributes:
        size: The picture's (height, width) in px.
        side: The side of its tiles in px, or None to compute it at once.
        bytes_needed: The bytes needed in addition to those in use.
        in_use: The bytes in use before.
        fast: Whether a step spends memory on speed.
        footprint: The painting's footprint.
        budget: The memory that it may take.
    """

    size: Size
    side: int | None
    bytes_needed: int
    in_use: int
    fast: bool
    footprint: Footprint = field(repr=False, compare=False)
    budget: MemoryBudget = field(repr=False, compare=False)

    @property
    def in_all(self) -> int:
        """The bytes that the process holds during painting; on a GPU, there."""
        return self.in_use + self.bytes_needed

    def __str__(self) -> str:
        height, width = self.size
        tiles = "" if self.side is None else f", in tiles of {self.side} px"
        return f"{width} × {height} px, needs {memory_size(self.in_all)} of memory{tiles}"

    def for_scale(self, size: Size) -> "MemoryPlan":
        """Return the plan of the same painting at one of its scales.

        An earlier one must take less than the last one, which this plan is of. Raises
        MemoryShortError if the last one does not fit after all.
        """
        if size == self.size:
            return _fastest(size, self.footprint, self.budget, self.fast)
        share = size[0] * size[1] / (self.size[0] * self.size[1])
        # These bytes are the same at all scales.
        copies = self.footprint.copies if self.fast else 0
        same = copies + self.footprint.row(self.side).fixed
        scaled = EARLIER_SCALE * share * (self.bytes_needed - same)
        always = self.footprint.at_once.fixed + copies + EARLIER_BYTES
        free = min(self.budget.bytes, int(always + scaled))
        plans = [self._with(size, side) for side in SIDES]
        # The larger last scale fits, so the smallest tiles do.
        return next((plan for plan in plans if plan.bytes_needed <= free), plans[-1])

    def with_less(self) -> "MemoryPlan":
        """Return the next plan with smaller tiles after this one ran out of memory, and lower the
        budget for later plans. Raises MemoryShortError if there is none."""
        smaller = SIDES[SIDES.index(self.side) + 1 :]
        if not smaller:
            raise MemoryShortError(
                "memory ran out even in the smallest tiles; choose a smaller size"
            )
        self.budget.lower(self.bytes_needed)
        return self._with(self.size, smaller[0])

    def _with(self, size: Size, side: int | None) -> "MemoryPlan":
        needed = self.footprint.bytes_needed(size, side, self.fast)
        return replace(self, size=size, side=side, bytes_needed=needed)


def fastest_plan(size: Size, photo: Size, footprint: Footprint, budget: MemoryBudget) -> MemoryPlan:
    """Return the fastest plan for a picture within the budget.

    Args:
        size: The picture's (height, width).
        photo: The photo's (height, width).
        footprint: The painting's footprint.
        budget: The memory that it may take.

    Raises:
        MemoryShortError: None fits; the error names the largest size that does.
    """
    fastest = _fastest(size, footprint, budget, footprint.is_fast(size, budget.bytes))
    if photo != size:  # Before a scale begins, so not in addition to it.
        budget.check(SCALING_BYTES * math.prod(photo), "scaling the photo")
    return fastest


def _fastest(size: Size, footprint: Footprint, budget: MemoryBudget, fast: bool) -> MemoryPlan:
    for side in SIDES:
        needed = footprint.bytes_needed(size, side, fast)
        if needed <= budget.bytes:
            return MemoryPlan(size, side, needed, budget.in_use, fast, footprint, budget)
    largest = _largest_side(size, footprint, budget.bytes)
    if largest:
        advice = footprint.what_fits(largest)
    elif footprint.outside > budget.bytes:
        photo = f"the photo alone, at its own size, takes {memory_size(footprint.outside)}"
        advice = f"{photo}; send a smaller one"
    else:
        advice = "no size fits"
    raise MemoryShortError(
        f"painting {size[1]} × {size[0]} px needs {memory_size(needed)} of memory even in the "
        f"smallest tiles, and {memory_size(budget.bytes)} are available; {advice} "
        "(MEMORY_LIMIT is the upper bound)"
    )


def _largest_side(size: Size, footprint: Footprint, free: int) -> int:
    """Return the longer side in px of the largest picture of these proportions that fits, or 0."""
    low, high = 0, max(size)
    while high - low > 1:
        middle = (low + high) // 2
        height, width = (max(1, side * middle // max(size)) for side in size)
        fits = footprint.bytes_needed((height, width), SIDES[-1]) <= free
        low, high = (middle, high) if fits else (low, middle)
    return low
