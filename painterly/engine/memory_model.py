"""The memory of a painting: its footprint, and the largest tiles that fit. Without TensorFlow.

Memory is estimated before painting begins, in bytes per pixel of the picture, from the tensors that
must be in memory at the same time; lab/RESULTS.md has the measurements.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from painterly.devices.budget import MemoryBudget
from painterly.engine.places import PLACE
from painterly.engine.schedule import canvas_side, scale_sizes
from painterly.errors import MemoryShortError
from painterly.vgg.architectures import MULTIPLE
from painterly.words.wording import memory_size

# The side of tiles in px, None for the picture at once; see `Objective.gradient`. Fastest first.
# For a large picture, each takes no more memory than the one before.
SIDES = (None, 960, 704, 448, 320, 192)
RGB = 12  # float32 [H, W, 3]
STATE = 4 * RGB  # image, Adam's two moments, the average
LBFGS = 24 * 62  # SciPy's ten pairs of vectors, twice, and as many others, float64
MATCHES = 8 / PLACE**2  # one painting's, int64
RESULT = 9  # the result in integers, twice, during encoding
SHAPE = 3 / 2  # proportions of pictures that are known by their longer side alone
SCALING_BYTES = 8  # per pixel of the photo: one channel in floats, twice
KERNELS = 24 << 20  # bytes of oneDNN's compiled kernels for each scale, for three scales at least
# TensorFlow's CPU allocator returns chunks of up to twice the size requested, and pictures in tiles
# request many sizes. Measured.
TILED_WASTE = 1.4
# An earlier scale may take this much more per pixel than the last, plus some bytes: allocators keep
# its chunks, and larger ones do not fit into them.
EARLIER_SCALE, EARLIER_BYTES = 1.5, 200 << 20
# A CPU's allocator keeps chunks of earlier scales that are too small for an update of the whole
# picture, though not for tiles: bytes per pixel, and at most, without TILED_WASTE. Measured.
LEFTOVERS, MOST_LEFTOVERS = 280, 165_000_000
MASKED_LEFTOVERS = 30_000_000  # bytes of more such chunks, also with tiles, for each masked group
# While Adam updates the state, without and with tiles: the gradient, the next state in addition to
# the present one, and temporaries.
UPDATING, TILED_UPDATING = STATE + 7 * RGB, STATE + RGB
# While NumPy rebuilds a finished picture, in addition to what TensorFlow's CPU allocator keeps.
# Bytes: patches, and what looking at paintings leaves; measured. Bytes per pixel: the picture with
# families of colours, the sums of patches with their weights, and the steadied means; the share of
# each group; and with several groups, the picture that the earlier ones have changed.
REBUILD_BYTES, REBUILD, SHARE = 85_000_000, RGB + (RGB + 4) + RGB, 4
CUDNN = 256 << 20  # bytes per byte of the dtype, for convolutions of tiles on a GPU
# float32 copies of places while they are compared with matches, without and with tiles; measured.
COPIES_OF_PLACES, TILED_COPIES_OF_PLACES = 2.5, 1

# --- the places of pictures ----------------------------------------------------------------------

ROTATIONS = 4  # by right angles, the painting as it is among them
# Bytes of a painting's candidates, about 8,000 of the built-in network's; matching takes time in
# proportion, and twice as many do not bring places nearer to the painting.
MAX_CANDIDATE_BYTES = 20_000_000
MOST_KEPT_CANDIDATES = 80_000_000  # bytes; one painting's take 73 MB with pictures of 1024 px
QUERIES_AT_ONCE = 512  # compared with all candidates at a time
# While places are matched, with what TensorFlow's allocator keeps of them; measured.
BAND_COPIES, CANDIDATE_COPIES = 8, 2


# The most bytes of a picture's places that are in memory all at a time, and about the bytes of a
# larger picture's bands. Each band's halo takes its time, so they are high unless memory is short.
BANDS, SMALL_BANDS = (120_000_000, 60_000_000), (30_000_000, 20_000_000)
LEAST_ROWS = 64


def place_bytes(channels: int) -> float:
    """Return the bytes per pixel of a picture's places."""
    return 4 * channels / PLACE**2


def band_rows(size: tuple[int, int], channels: int, saves_memory: bool) -> int:
    """Return the number of rows of a picture that are matched at a time: a multiple of MULTIPLE.

    Args:
        size: The picture's (height, width).
        channels: The sum over all matched layers.
        saves_memory: As in `Extractor`.
    """
    height, width = size
    most, in_band = SMALL_BANDS if saves_memory else BANDS
    row_bytes = place_bytes(channels) * width
    if height * row_bytes <= most:
        return height + -height % MULTIPLE
    return max(LEAST_ROWS, int(in_band / row_bytes) // MULTIPLE * MULTIPLE)


def candidate_bytes(size: tuple[int, int], channels: int) -> int:
    """Return the bytes of the candidates of a painting as long as a picture of this (height,
    width)."""
    most = ROTATIONS * max(size) ** 2 * place_bytes(channels)
    return min(MAX_CANDIDATE_BYTES, int(most))


def keeps_candidates(of_all_scales: int) -> bool:
    """Return whether all paintings' candidates at all scales, of this number of bytes, are kept for
    further photos if a picture is computed at once."""
    return of_all_scales <= MOST_KEPT_CANDIDATES


def matching_bytes(size: tuple[int, int], channels: int, saves_memory: bool) -> int:
    """Return the bytes that it takes to match the places of a picture; arguments as in
    `band_rows`."""
    height, width = size
    in_band = min(height, band_rows(size, channels, saves_memory)) * width
    of_candidates = candidate_bytes(size, channels)
    similarities = QUERIES_AT_ONCE * of_candidates // channels
    of_band = int(BAND_COPIES * in_band * place_bytes(channels)) + similarities
    return CANDIDATE_COPIES * of_candidates + of_band


def kept_bytes(size: tuple[int, int], channels: int, saves_memory: bool) -> int:
    """Return the bytes of the photo's places that are kept for all matches; arguments as in
    `band_rows`."""
    height, width = size
    if band_rows(size, channels, saves_memory) < height:
        return 0
    return int(height * width * place_bytes(channels))


# --- a painting ---------------------------------------------------------------------------------


def tile_side(length: int, side: int, halo: int) -> int:
    """Return the px of a tile with its halo.

    Args:
        length: The px of the picture's canvas.
        side: The longest side of a tile's own part.
        halo: The px around it that its features depend on.
    """
    part = -(-length // -(-length // side))
    part += -part % MULTIPLE
    return length if part + halo >= length else min(length, part + 2 * halo)


class PaintingInputs(NamedTuple):
    """The properties of a painting's inputs that its memory depends on.

    Attributes:
        size: The photo's (height, width) in px.
        masked: True if the photo has a mask.
        regions: The number of groups of paintings with masks, see Paintings.masked_groups.
        has_init: True if the optimisation starts from a given picture.
        paintings: The number of paintings.
        blends: The number of groups of several paintings.
        drawn: True if the photo is made into a drawing first.
    """

    size: tuple[int, int]
    masked: bool = False
    regions: int = 0
    has_init: bool = False
    paintings: int = 1
    blends: int = 0
    drawn: bool = False


@dataclass(frozen=True, kw_only=True)
class MemoryNeeds(ABC):
    """The properties that the memory of a painting follows from, at any size.

    Attributes:
        outside: Bytes outside of TensorFlow.
        copies: The bytes of the weights' copies in a faster step, or 0 if none is faster.
        what_fits: As in `Settings`.
    """

    what_fits: Callable[[int], str] = field(repr=False, compare=False)
    outside: int = 0
    copies: int = 0

    def is_fast(self, size: tuple[int, int], free: int) -> bool:
        """Return whether a step spends memory on speed: a picture of this (height, width) then
        still fits into `free` bytes at once.

        A step of VGG19 then takes half the time in float32 with AVX2, and four fifths in bfloat16
        without AMX. In tiles, memory is short.
        """
        return bool(self.copies) and self.bytes_needed(size, None, fast=True) <= free

    def without_last_step(self) -> "MemoryNeeds":
        """Return the needs before the last picture is rebuilt: by default, the same."""
        return self

    @abstractmethod
    def bytes_needed(self, size: tuple[int, int], side: int | None, fast: bool = False) -> int:
        """Return the bytes that painting takes in addition to those in use.

        Args:
            size: The picture's (height, width).
            side: The side of its tiles in px, or None to compute it at once.
            fast: Whether a step spends memory on speed.
        """


@dataclass(frozen=True, kw_only=True)
class Footprint(MemoryNeeds):
    """The properties of a painting that minimises a loss; see footprint.py.

    Attributes:
        on_gpu: Whether a GPU computes.
        pads: Whether the picture has a margin.
        grows: Whether it is painted at small sizes first.
        halo: The px around a tile that its features depend on.
        number: The bytes of a number in features.
        held: The bytes per pixel that are in use at all times.
        features: The bytes per pixel that it takes to compute features and to backpropagate.
        ordered: The bytes per pixel of more copies in a step without tiles.
        channels: The channels of all layers at which places are matched, or 0.
        lbfgs: Whether L-BFGS optimises the picture.
        rebuilds: Whether the finished picture is rebuilt from patches.
        paintings: The number of paintings.
        regions: The number of groups of paintings with masks.
        blends: The number of groups of several paintings.
    """

    on_gpu: bool
    pads: bool
    grows: bool
    halo: int
    number: int
    held: float
    features: float
    ordered: float
    channels: int
    lbfgs: bool = False
    rebuilds: bool = False
    paintings: int = 1
    regions: int = 0
    blends: int = 0

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of the canvas of a picture."""
        height, width = map(canvas_side, size) if self.pads else size
        return height, width

    def bytes_needed(self, size: tuple[int, int], side: int | None, fast: bool = False) -> int:
        """Return the bytes that painting takes in addition to those in use."""
        pictures, size = scale_sizes(*size, max(size), self.grows), self.canvas(size)
        scales = len(pictures)
        pixels, tile, held = math.prod(size), 0, self.held
        places = place_bytes(self.channels)
        if side is None:
            waste = 1.0
            features = self.features + COPIES_OF_PLACES * places + self.ordered
            held += RGB + self.blends * places  # The photo on its canvas, and blended matches.
            most = pixels * (held + max(features, UPDATING))
        else:
            tile = math.prod(tile_side(length, side, self.halo) for length in size)
            features = self.features + TILED_COPIES_OF_PLACES * places
            waste = 1.0 if self.on_gpu else TILED_WASTE
            updating = pixels * (held + TILED_UPDATING)
            if not self.on_gpu and scales > 1:
                updating += min(LEFTOVERS * pixels, MOST_LEFTOVERS)
            most = max(updating, pixels * (held + 2 * RGB) + tile * features)
        matching = candidates = 0
        if self.channels:
            saves_memory = side is not None
            matching = matching_bytes(size, self.channels, saves_memory)
            most += kept_bytes(size, self.channels, saves_memory)
            candidates = self.paintings * candidate_bytes(size, self.channels)
            of_all_scales = self.paintings * sum(
                candidate_bytes(self.canvas(each), self.channels) for each in pictures
            )
            if side is None and keeps_candidates(of_all_scales):
                candidates = of_all_scales
            most += pixels * (RGB + MATCHES * self.paintings)  # The photo.
            held += RGB + MATCHES * self.paintings
        most = max(waste * most, waste * pixels * held + matching)
        if self.on_gpu:
            fixed = 0 if side is None else CUDNN * self.number
        else:
            fixed = KERNELS * max(3, scales) + self.outside
            fixed += MASKED_LEFTOVERS * self.regions if scales > 1 else 0
            fixed += max(pixels * RESULT, self._rebuild_bytes(pixels))
            fixed += pixels * LBFGS if self.lbfgs else 0
        fixed += self.copies if fast else 0
        return int(most + candidates + fixed)

    def without_last_step(self) -> "Footprint":
        """Return the needs of all steps but the one that rebuilds a picture after its scales."""
        return replace(self, rebuilds=False)

    def _rebuild_bytes(self, pixels: int) -> int:
        """Return the bytes that it takes to rebuild a picture, with what looking at its paintings
        has left; 0 if the recipe does not."""
        if not self.rebuilds:
            return 0
        groups = max(1, self.regions)
        of_pixel = REBUILD + SHARE * groups + (RGB if groups > 1 else 0)
        return REBUILD_BYTES + of_pixel * pixels


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

    size: tuple[int, int]
    side: int | None
    bytes_needed: int
    in_use: int
    fast: bool
    footprint: MemoryNeeds = field(repr=False, compare=False)
    budget: MemoryBudget = field(repr=False, compare=False)

    @property
    def in_all(self) -> int:
        """The bytes that the process holds during painting; on a GPU, there."""
        return self.in_use + self.bytes_needed

    def __str__(self) -> str:
        height, width = self.size
        tiles = "" if self.side is None else f", in tiles of {self.side} px"
        return f"{width} × {height} px, {memory_size(self.in_all)} of memory in all{tiles}"

    def for_scale(self, size: tuple[int, int]) -> "MemoryPlan":
        """Return the plan of the same painting at one of its scales.

        An earlier one must take less than the last one, which this plan is of. Raises
        MemoryShortError if the last one does not fit after all.
        """
        if size == self.size:
            return _fastest(size, self.footprint, self.budget, self.fast)
        share = size[0] * size[1] / (self.size[0] * self.size[1])
        copies = self.footprint.copies if self.fast else 0  # They are the same at all scales.
        # Only the last one's picture is rebuilt.
        steps = replace(self, footprint=self.footprint.without_last_step())
        needed = steps._with(self.size, self.side).bytes_needed
        scaled = EARLIER_SCALE * share * (needed - copies)
        free = min(self.budget.bytes, int(scaled + copies + EARLIER_BYTES))
        plans = [steps._with(size, side) for side in SIDES]
        # The larger last scale fits, so the smallest tiles do.
        return next((plan for plan in plans if plan.bytes_needed <= free), plans[-1])

    def with_less(self) -> "MemoryPlan":
        """Return the next plan with smaller tiles after this one ran out of memory, and lower the
        budget for later plans. Raises MemoryShortError if there is none."""
        for side in SIDES[SIDES.index(self.side) + 1 :]:
            plan = self._with(self.size, side)
            if plan.bytes_needed <= self.bytes_needed:
                self.budget.lower(self.bytes_needed)
                return plan
        raise MemoryShortError("memory ran out even in the smallest tiles; choose a smaller size")

    def _with(self, size: tuple[int, int], side: int | None) -> "MemoryPlan":
        needed = self.footprint.bytes_needed(size, side, self.fast)
        return replace(self, size=size, side=side, bytes_needed=needed)


def fastest_plan(
    size: tuple[int, int], photo: tuple[int, int], footprint: MemoryNeeds, budget: MemoryBudget
) -> MemoryPlan:
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


def _fastest(
    size: tuple[int, int], footprint: MemoryNeeds, budget: MemoryBudget, fast: bool
) -> MemoryPlan:
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


def _largest_side(size: tuple[int, int], footprint: MemoryNeeds, free: int) -> int:
    """Return the longer side in px of the largest picture of these proportions that fits, or 0."""
    low, high = 0, max(size)
    while high - low > 1:
        middle = (low + high) // 2
        height, width = (max(1, side * middle // max(size)) for side in size)
        fits = footprint.bytes_needed((height, width), SIDES[-1]) <= free
        low, high = (middle, high) if fits else (low, middle)
    return low


def lacking(sides: Iterable[int], footprint: MemoryNeeds, budget: MemoryBudget) -> dict[int, int]:
    """Return the bytes that pictures need, by their longer side in px, if the budget has less.

    Args:
        sides: The longer sides in px of pictures of SHAPE.
        footprint: Their footprint.
        budget: The memory that they may take.
    """
    needed = {
        side: footprint.bytes_needed((round(side / SHAPE), side), SIDES[-1]) for side in sides
    }
    return {side: number for side, number in needed.items() if number > budget.bytes}
