"""The plan of a painting: its scales, its memory, and the fastest tiling that fits.

Memory is estimated before painting begins, in bytes per pixel of the picture, from the tensors that
must be in memory at the same time; docs/performance.md has the measurements.
"""

import math
from typing import NamedTuple

from styletransfer.engine import neighbours
from styletransfer.engine.memory_available import MemoryBudget, device_name
from styletransfer.engine.objective import Objective
from styletransfer.engine.postprocess import PICTURE_BYTES, postprocess_bytes
from styletransfer.engine.schedule import scale_sizes, schedule
from styletransfer.engine.tiled_gradient import UNTILED, Tiling
from styletransfer.errors import MemoryShortError
from styletransfer.log import gigabytes
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG, poolings_before
from styletransfer.vgg.tiled_forward import tiles

# Fastest first. For a large picture, each takes less memory than the one before.
TILINGS = (
    UNTILED,
    *(Tiling(block, 128) for block in (2, 3)),
    *(Tiling(6, rows) for rows in (128, 64, 32, 16)),
)
RGB = 12  # float32 [H, W, 3]
STATE = 4 * RGB  # image, Adam's two moments, the average
LAST_GOOD = 6  # the picture to go back to, bfloat16
LBFGS = 24 * 62  # SciPy's ten pairs of vectors, twice, and as many others, float64
MASK = 5.6  # one group's mask at all style layers, float32
MATCHES = 4 / neighbours.PLACE**2  # one painting's, int32
RESULT = 9  # the result in integers, twice, during encoding
COMPOSITED = 16  # content mask and background, float32
CONTOURS = 3 * 4 * (1 / 16 + 1 / 64)  # the photo's at two resolutions, with weights, float32
KERNELS = 24 << 20  # bytes of oneDNN's compiled kernels for each scale, for three scales at least
# TensorFlow's CPU allocator returns chunks of up to twice the size requested, and pictures in tiles
# request many sizes; with deep blocks at once, of more sizes still. Measured.
TILED_WASTE, PARTLY_TILED_WASTE = 1.35, 1.7
# An earlier scale may take this much more per pixel than the last, plus some bytes: allocators keep
# its chunks, and larger ones do not fit into them.
EARLIER_SCALE, EARLIER_BYTES = 1.5, 200 << 20
CUDNN = 256 << 20  # bytes per byte of the dtype, for convolutions of tiles on a GPU
COPIES = 3  # conv1_1's copies in an untiled step, in bytes per channel; measured

SCALING_BYTES = 8  # per pixel of the photo: one channel in floats, twice
MASK_BYTES = 8  # per pixel of the photo: a mask of its size, twice


class ExtraMemory(NamedTuple):
    """Properties of a painting that take memory in addition to the network's features.

    Attributes:
        lbfgs: Whether L-BFGS optimises it.
        paintings: The number of paintings.
        regions: The number of groups of paintings with masks.
        composited: Whether the picture is composited with its background.
        outside: Bytes outside of TensorFlow.
    """

    lbfgs: bool = False
    paintings: int = 1
    regions: int = 0
    composited: bool = False
    outside: int = 0


NO_EXTRA = ExtraMemory()


class MemoryPlan(NamedTuple):
    """The tiling for a picture, and its memory.

    Attributes:
        size: The picture's (height, width) in px.
        tiling: The tiling.
        bytes_needed: The bytes needed in addition to those in use.
        in_use: The bytes in use before.
    """

    size: tuple[int, int]
    tiling: Tiling
    bytes_needed: int
    in_use: int = 0

    @property
    def in_all(self) -> int:
        """The bytes that the process holds during painting; on a GPU, there."""
        return self.in_use + self.bytes_needed

    def __str__(self) -> str:
        height, width = self.size
        tiles = "" if self.tiling == UNTILED else f", in tiles of {self.tiling.rows} rows"
        return f"{width} × {height} px, {gigabytes(self.in_all)} of memory in all{tiles}"


class MemoryPlanner:
    """Plans the memory of one painting at its scales, within a budget."""

    def __init__(self, objective: Objective, budget: MemoryBudget, extra: ExtraMemory) -> None:
        self._objective, self._budget, self._extra = objective, budget, extra

    def plan_memory(self, size: tuple[int, int], last: MemoryPlan | None = None) -> MemoryPlan:
        """Returns the fastest plan within the budget.

        Args:
            size: The picture's (height, width).
            last: The last scale's plan if this is an earlier scale, which must take less.

        Raises:
            MemoryShortError: No plan fits; the error names the largest size that does.
        """
        free = self._budget.bytes
        if last:
            share = size[0] * size[1] / (last.size[0] * last.size[1])
            free = min(free, int(EARLIER_SCALE * share * last.bytes_needed + EARLIER_BYTES))
        for tiling in TILINGS:
            plan = self._plan(size, tiling)
            if plan.bytes_needed <= free:
                return plan
        if last:  # The larger last scale fits, so this one does.
            return plan
        largest = self._largest_side(size, free)
        if largest:
            advice = f"the largest size that fits is {largest}"
        elif self._extra.outside > free:
            photo = f"the photo alone, at its own size, takes {gigabytes(self._extra.outside)}"
            advice = f"{photo}; send a smaller one"
        else:
            advice = "no size fits"
        raise MemoryShortError(
            f"painting {size[1]} × {size[0]} px needs {gigabytes(plan.bytes_needed)} of memory "
            f"even in the smallest tiles, and {gigabytes(free)} are available; {advice} "
            f"(MEMORY_LIMIT is the upper bound)"
        )

    def plan_with_less(self, failed: MemoryPlan) -> MemoryPlan:
        """Returns the next plan with less memory after `failed` ran out of it, and lowers the
        budget for later plans. Raises MemoryShortError if there is none."""
        later = TILINGS[TILINGS.index(failed.tiling) + 1 :]
        for plan in (self._plan(failed.size, tiling) for tiling in later):
            if plan.bytes_needed < failed.bytes_needed:
                self._budget.lower(failed.bytes_needed)
                return plan
        raise MemoryShortError("memory ran out even in the smallest tiles; choose a smaller size")

    def _plan(self, size: tuple[int, int], tiling: Tiling) -> MemoryPlan:
        needed = bytes_needed(self._objective, size, tiling, self._extra)
        return MemoryPlan(size, tiling, needed, self._budget.in_use)

    def _largest_side(self, size: tuple[int, int], free: int) -> int:
        """Returns the longer side in px of the largest picture of these proportions that fits, or
        0."""
        low, high = 0, max(size)
        while high - low > 1:
            middle = (low + high) // 2
            height, width = (max(1, side * middle // max(size)) for side in size)
            fits = self._plan((height, width), TILINGS[-1]).bytes_needed <= free
            low, high = (middle, high) if fits else (low, middle)
        return low


class PaintingInputs(NamedTuple):
    """The properties of a painting's inputs that its memory depends on.

    Attributes:
        size: The photo's (height, width) in px.
        masked: True if the photo has a mask.
        regions: The number of groups of paintings with masks, see StyleTargets.masked_groups.
        has_init: True if the optimisation starts from a given picture.
        paintings: The number of paintings.
    """

    size: tuple[int, int]
    masked: bool = False
    regions: int = 0
    has_init: bool = False
    paintings: int = 1


class PaintingPlan(NamedTuple):
    """The plan of a painting.

    Attributes:
        objective: The objective.
        sizes: The (height, width) of each scale, coarse to fine.
        counts: The number of steps at each scale.
        planner: Plans the memory of earlier scales.
        memory: The plan of the last scale, which takes the most.
    """

    objective: Objective
    sizes: list[tuple[int, int]]
    counts: list[int]
    planner: MemoryPlanner
    memory: MemoryPlan


def plan_painting(
    inputs: PaintingInputs, settings: Settings, vgg: VGG, budget: MemoryBudget
) -> PaintingPlan:
    """Returns the plan for a painting within a budget.

    Raises:
        PictureError: The picture is too narrow for its recipe.
        MemoryShortError: It cannot be computed in the available memory.
    """
    objective = Objective.of(settings, vgg)
    sizes, counts = schedule(*inputs.size, settings)
    last = sizes[-1]
    objective.canvas(last).check()
    outside = postprocess_bytes(inputs.size, last, settings, inputs.masked)
    if inputs.has_init and len(sizes) == 1:
        outside += PICTURE_BYTES * math.prod(last)
    if settings.color_match != "none":  # The photo in other colours, up to the last scale.
        outside += (PICTURE_BYTES + MASK_BYTES * inputs.masked) * math.prod(inputs.size)
    extra = ExtraMemory(
        lbfgs=settings.optimizer == "lbfgs",
        paintings=inputs.paintings,
        regions=inputs.regions,
        composited=inputs.masked and objective.losses.composites,
        outside=outside,
    )
    planner = MemoryPlanner(objective, budget, extra)
    memory = planner.plan_memory(last)
    if inputs.size != last:  # Before a scale begins, so not in addition to it.
        budget.check(SCALING_BYTES * math.prod(inputs.size), "scaling the photo")
    return PaintingPlan(objective, sizes, counts, planner, memory)


def bytes_needed(
    objective: Objective, size: tuple[int, int], tiling: Tiling, extra: ExtraMemory = NO_EXTRA
) -> int:
    """Returns the bytes that painting a picture of this (height, width) takes in addition to those
    in use."""
    device = device_name().partition(":")[0]
    size = objective.canvas(size).size
    pixels = size[0] * size[1]
    held = _held(objective, extra)
    inputs, whole = _features(objective, tiling)
    updating = 4 * RGB  # The gradient, the structure term's gradient, and composited pictures.
    if tiling == UNTILED:
        # The photo on its canvas; float32 copies for sums and tensors that TensorFlow's executor
        # computes early, measured; the next state in addition to the present one, and temporaries.
        held += RGB
        whole += RGB + (COPIES + 4 * extra.regions) * objective.vgg.channels("conv1_1")
        updating = STATE + 7 * RGB
    waste = 1.0
    if tiling != UNTILED and device == "CPU":
        whole_blocks = tiling.first_whole_block <= _deepest_block(objective)
        waste = PARTLY_TILED_WASTE if whole_blocks else TILED_WASTE
    matching = candidates = 0
    if objective.losses.matched_layers:
        channels = objective.matched_channels
        matching = neighbours.matching_bytes(size, channels)
        candidates = extra.paintings * neighbours.candidate_bytes(size, channels)
        held += RGB + MATCHES * extra.paintings  # The photo.
    # The blocks that are computed whole are freed before the others' tiles.
    tile = _largest_tile(objective, size, tiling, extra.regions)
    most = max(
        pixels * (held + max(inputs + whole, updating)),
        pixels * (held + max(inputs, updating)) + tile,
    )
    most = max(waste * most, waste * pixels * held + matching)
    if device == "GPU":
        fixed = 0 if tiling == UNTILED else CUDNN * objective.options.dtype.size
    else:
        fixed = KERNELS * max(3, _scale_count(objective, size)) + extra.outside
        fixed += pixels * (RESULT + (LBFGS if extra.lbfgs else 0))
    return int(most + candidates + fixed)


def _held(objective: Objective, extra: ExtraMemory) -> float:
    """Returns the bytes per pixel that are in use at all times."""
    layer = objective.losses.content_layer
    content = objective.options.dtype.size * objective.vgg.channels(layer)
    content /= 4 ** poolings_before(layer)
    held = STATE + LAST_GOOD + content + MASK * extra.regions
    return held + CONTOURS * objective.structure + COMPOSITED * extra.composited


def _features(objective: Objective, tiling: Tiling) -> tuple[float, float]:
    """Returns the bytes per pixel of feature maps that are in memory at the same time: the blocks'
    inputs, and the features of the blocks that are computed without tiles."""
    item = objective.options.dtype.size
    blocks = range(1, _deepest_block(objective) + 1)
    first_whole = min(tiling.first_whole_block, len(blocks) + 1)
    inputs = {block: item * _channels(objective, block - 1) / 4 for block in blocks if block > 1}
    held = sum(each for block, each in inputs.items() if block <= first_whole)
    whole = [block for block in blocks if block >= first_whole]
    if not whole:
        return held, 0.0
    # Everything that is backpropagated through, and four maps of the widest convolution.
    later = sum(inputs[block] for block in whole if block > first_whole)
    features = sum(
        item * _channels(objective, block) * _convolutions(objective, block) for block in whole
    )
    widest = max(_channels(objective, block) for block in whole)
    return held, features + later + 4 * item * widest


def _largest_tile(
    objective: Objective, size: tuple[int, int], tiling: Tiling, regions: int
) -> float:
    """Returns the bytes of the largest tile during backpropagation, 0 without tiles: its
    convolutions' outputs, seven more maps, one map in float32, and one more for each masked group;
    measured."""
    first_whole = min(tiling.first_whole_block, _deepest_block(objective) + 1)
    found = [0.0]
    for block in range(1, first_whole):
        convolutions = _convolutions(objective, block)
        height, width = (side // 2 ** (block - 1) for side in size)
        tile = tiles(height, tiling.rows, convolutions)[0]
        positions = min(tile.last + 2 * convolutions, height) * width
        values = positions * _width(objective, block)
        item = objective.options.dtype.size
        found.append(values * (item * (convolutions + 7) + 4 * (1 + regions)))
    return max(found)


def _deepest_block(objective: Objective) -> int:
    return max(map(poolings_before, objective.layers)) + 1


def _channels(objective: Objective, block: int) -> float:
    """Returns the channels of a block's features per pixel of the picture."""
    return _width(objective, block) / 4 ** (block - 1)


def _width(objective: Objective, block: int) -> int:
    """Returns the channels of a block's widest convolution."""
    layers = objective.vgg.convolutions(block, objective.layers)
    return max(map(objective.vgg.channels, layers))


def _convolutions(objective: Objective, block: int) -> int:
    return len(objective.vgg.convolutions(block, objective.layers))


def _scale_count(objective: Objective, size: tuple[int, int]) -> int:
    """Returns the number of scales of a painting of this size."""
    return len(scale_sizes(*size, max(size))) if objective.losses.pads_images else 1
