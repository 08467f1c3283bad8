"""The plan of a painting: its scales, its memory, and the largest tiles that fit.

Memory is estimated before painting begins, in bytes per pixel of the picture, from the tensors that
must be in memory at the same time; bench/RESULTS.md has the measurements.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf

from styletransfer.engine import neighbours
from styletransfer.engine.constants import MATCHED_DIRECTIONS, PIXELS_OF_PLACE, PLACE
from styletransfer.engine.decoder import HALO, PART_SIDE
from styletransfer.engine.memory_available import MemoryBudget, device_name
from styletransfer.engine.objective import Objective
from styletransfer.engine.postprocess import PICTURE_BYTES, postprocess_bytes
from styletransfer.engine.schedule import scale_sizes, schedule
from styletransfer.engine.style_targets import INSTANT_CANDIDATE_BYTES, MAX_KEPT
from styletransfer.errors import MemoryShortError
from styletransfer.log import gigabytes
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG, poolings_before
from styletransfer.vgg.tiles import tiles

# The side of tiles in px, None for the picture at once; see `Objective.gradient`. Fastest first.
# For a large picture, each takes no more memory than the one before.
SIDES = (None, 960, 704, 448, 320, 192)
RGB = 12  # float32 [H, W, 3]
STATE = 4 * RGB  # image, Adam's two moments, the average
LAST_GOOD = 6  # the picture to go back to, bfloat16
LBFGS = 24 * 62  # SciPy's ten pairs of vectors, twice, and as many others, float64
MASK = 5.6  # one group's mask at all style layers, float32
MATCHES = 8 / neighbours.PLACE**2  # one painting's, int64
RESULT = 9  # the result in integers, twice, during encoding
COMPOSITED = 16  # content mask and background, float32
CONTOURS = 3 * 4 * (1 / 16 + 1 / 64)  # the photo's at two resolutions, with weights, float32
KERNELS = 24 << 20  # bytes of oneDNN's compiled kernels for each scale, for three scales at least
# More maps of the widest layer in float32, untiled: oneDNN orders channels in blocks for AVX2, in
# copies of a convolution's input and output. Measured.
ORDERED_MAPS = 2
WEIGHT_COPIES = 14  # copies of weights: constant, transformed, and in oneDNN; measured
# TensorFlow's CPU allocator returns chunks of up to twice the size requested, and pictures in tiles
# request many sizes. Measured.
TILED_WASTE = 1.4
# An earlier scale may take this much more per pixel than the last, plus some bytes: allocators keep
# its chunks, and larger ones do not fit into them.
EARLIER_SCALE, EARLIER_BYTES = 1.5, 200 << 20
# A CPU's allocator keeps chunks of earlier scales that are too small for an update of the whole
# picture, though not for tiles: bytes per pixel, and at most, without TILED_WASTE. Measured with
# 1024 to 6000 px.
LEFTOVERS, MOST_LEFTOVERS = 200, 140_000_000
# While Adam updates the state, without and with tiles: the gradient, the next state in addition to
# the present one, and temporaries.
UPDATING, TILED_UPDATING = STATE + 7 * RGB, STATE + RGB
CUDNN = 256 << 20  # bytes per byte of the dtype, for convolutions of tiles on a GPU
COPIES = 3  # conv1_1's copies in an untiled step, in bytes per channel; measured
MASKED_COPIES = 8  # in addition for each group with a mask: weighted, and their gradient, float32
# float32 copies of places while they are compared with matches, without and with tiles; measured.
COPIES_OF_PLACES, TILED_COPIES_OF_PLACES = 2.5, 1
INSTANT_COPIES = 6  # copies of the picture, photo and result among them
DECODING = 1000  # bytes per pixel of a part that is decoded

SCALING_BYTES = 8  # per pixel of the photo: one channel in floats, twice


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
    """The tiles for a picture, and its memory.

    Attributes:
        size: The picture's (height, width) in px.
        side: The side of its tiles in px, or None to compute it at once.
        bytes_needed: The bytes needed in addition to those in use.
        in_use: The bytes in use before.
    """

    size: tuple[int, int]
    side: int | None
    bytes_needed: int
    in_use: int = 0

    @property
    def in_all(self) -> int:
        """The bytes that the process holds during painting; on a GPU, there."""
        return self.in_use + self.bytes_needed

    def __str__(self) -> str:
        height, width = self.size
        tiles = "" if self.side is None else f", in tiles of {self.side} px"
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
            weights = _weight_copies(self._objective)  # They are the same at all scales.
            scaled = EARLIER_SCALE * share * (last.bytes_needed - weights)
            free = min(free, int(scaled + weights + EARLIER_BYTES))
        for side in SIDES:
            plan = self._plan(size, side)
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
        """Returns the next plan with smaller tiles after `failed` ran out of memory, and lowers the
        budget for later plans. Raises MemoryShortError if there is none."""
        for side in SIDES[SIDES.index(failed.side) + 1 :]:
            plan = self._plan(failed.size, side)
            if plan.bytes_needed <= failed.bytes_needed:
                self._budget.lower(failed.bytes_needed)
                return plan
        raise MemoryShortError("memory ran out even in the smallest tiles; choose a smaller size")

    def _plan(self, size: tuple[int, int], side: int | None) -> MemoryPlan:
        needed = bytes_needed(self._objective, size, side, self._extra)
        return MemoryPlan(size, side, needed, self._budget.in_use)

    def _largest_side(self, size: tuple[int, int], free: int) -> int:
        """Returns the longer side in px of the largest picture of these proportions that fits, or
        0."""
        low, high = 0, max(size)
        while high - low > 1:
            middle = (low + high) // 2
            height, width = (max(1, side * middle // max(size)) for side in size)
            fits = self._plan((height, width), SIDES[-1]).bytes_needed <= free
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
    extra = ExtraMemory(
        lbfgs=settings.optimizer == "lbfgs",
        paintings=inputs.paintings,
        regions=inputs.regions,
        composited=inputs.masked and objective.losses.composites,
        outside=outside,
    )
    objective = fastest_within(budget, objective, last, settings, extra)
    planner = MemoryPlanner(objective, budget, extra)
    memory = planner.plan_memory(last)
    objective = replace(objective, saves_memory=memory.side is not None)
    if inputs.size != last:  # Before a scale begins, so not in addition to it.
        budget.check(SCALING_BYTES * math.prod(inputs.size), "scaling the photo")
    return PaintingPlan(objective, sizes, counts, planner, memory)


def fastest_within(
    budget: MemoryBudget,
    objective: Objective,
    size: tuple[int, int],
    settings: Settings,
    extra: ExtraMemory = NO_EXTRA,
) -> Objective:
    """Returns the objective that spends memory on speed, if a picture of this (height, width) then
    fits at once, or else the same one.

    A step of VGG19 then takes half the time in float32 with AVX2, and four fifths in bfloat16
    without AMX. In tiles, memory is short.
    """
    gains = objective.vgg.gains_from_memory(objective.layers, objective.options.dtype)
    # Free memory may not change the pictures of `deterministic`.
    if not gains or settings.deterministic:
        return objective
    faster = objective.spending_memory(True)
    fits = bytes_needed(faster, size, None, extra) <= budget.bytes
    return faster if fits else objective


def bytes_needed(
    objective: Objective, size: tuple[int, int], side: int | None, extra: ExtraMemory = NO_EXTRA
) -> int:
    """Returns the bytes that painting a picture of this (height, width) takes in addition to those
    in use."""
    device = device_name().partition(":")[0]
    scales, size = _scale_count(objective, size), objective.canvas(size).size
    if objective.losses.keeps_pixels:
        return instant_bytes(objective, size, scales, extra, device, side is not None)
    pixels, tile = math.prod(size), 0
    held, features = _held(objective, extra), _features(objective, extra.regions)
    places = neighbours.place_bytes(objective.matched_channels)
    if side is None:
        waste = 1.0
        features += COPIES_OF_PLACES * places
        if _in_float32_on_cpu(objective):
            features += ORDERED_MAPS * max(_feature_sizes(objective).values())
        held += RGB  # The photo on its canvas.
        most = pixels * (held + max(features, UPDATING))
    else:
        first = tiles(objective.vgg, size, objective.layers, side)[0][0]
        tile = math.prod(each.last - each.first for each in first)
        features += TILED_COPIES_OF_PLACES * places
        waste = TILED_WASTE if device == "CPU" else 1.0
        updating = pixels * (held + TILED_UPDATING)
        if device == "CPU" and scales > 1:
            updating += min(LEFTOVERS * pixels, MOST_LEFTOVERS)
        most = max(updating, pixels * (held + 2 * RGB) + tile * features)
    matching = candidates = 0
    if objective.losses.matched_layers:
        channels = objective.matched_channels
        saves_memory = side is not None
        matching = neighbours.matching_bytes(size, channels, saves_memory)
        most += neighbours.kept_bytes(size, channels, saves_memory)
        candidates = extra.paintings * neighbours.candidate_bytes(size, channels)
        most += pixels * (RGB + MATCHES * extra.paintings)  # The photo.
        held += RGB + MATCHES * extra.paintings
    most = max(waste * most, waste * pixels * held + matching)
    if device == "GPU":
        fixed = 0 if side is None else CUDNN * objective.options.dtype.size
    else:
        fixed = KERNELS * max(3, scales) + extra.outside
        fixed += pixels * (RESULT + (LBFGS if extra.lbfgs else 0))
    fixed += _weight_copies(objective)
    return int(most + candidates + fixed)


def instant_bytes(
    objective: Objective,
    size: tuple[int, int],
    scales: int,
    extra: ExtraMemory,
    device: str,
    saves_memory: bool,
) -> int:
    """Returns the bytes that recipe instant takes for a picture on a canvas of this (height,
    width): while its places are matched, or while a part of it is decoded.

    Args:
        objective: The objective.
        size: The canvas's.
        scales: The number of scales.
        extra: As in `bytes_needed`.
        device: Its kind, "CPU" or "GPU".
        saves_memory: As in `Objective`.
    """
    channels, pixels = objective.matched_channels, math.prod(size)
    of_place = channels + PIXELS_OF_PLACE + MATCHED_DIRECTIONS
    kept = min(INSTANT_CANDIDATE_BYTES / channels, 4 * max(size) ** 2 / PLACE**2) * of_place
    part = min(pixels, (PART_SIDE + 2 * HALO) ** 2)
    most = max(neighbours.matching_bytes(size, channels, saves_memory), DECODING * part)
    held = pixels * (INSTANT_COPIES * RGB + MATCHES * extra.paintings + MASK * extra.regions)
    # Candidates of all scales are kept for the next photo, up to MAX_KEPT.
    count = min(extra.paintings * scales, MAX_KEPT + extra.paintings)
    fixed = 0 if device == "GPU" else 3 * KERNELS + extra.outside + pixels * RESULT
    return int(held + most + count * kept + fixed)


def _in_float32_on_cpu(objective: Objective) -> bool:
    return device_name().startswith("CPU") and objective.options.dtype == tf.float32


def _weight_copies(objective: Objective) -> int:
    """Returns the bytes of the copies of weights that speed takes."""
    if not objective.options.spends_memory:
        return 0
    return WEIGHT_COPIES * objective.vgg.weight_bytes(objective.vgg.needed(objective.layers))


def _held(objective: Objective, extra: ExtraMemory) -> float:
    """Returns the bytes per pixel that are in use at all times."""
    layer = objective.losses.content_layer
    content = objective.options.dtype.size * objective.vgg.channels(layer)
    content /= 4 ** poolings_before(layer)
    held = STATE + LAST_GOOD + content + MASK * extra.regions
    return held + CONTOURS * objective.structure + COMPOSITED * extra.composited


def _features(objective: Objective, regions: int) -> float:
    """Returns the bytes per pixel that it takes to compute features and to backpropagate through
    them: all of them, four more maps of the widest layer, float32 copies for sums, and what
    TensorFlow's executor computes early; measured."""
    sizes = _feature_sizes(objective)
    deepest_of_blocks = {poolings_before(layer): layer for layer in sizes}
    *pooled, _ = (sizes[layer] / 4 for layer in deepest_of_blocks.values())
    copies = (COPIES + MASKED_COPIES * regions) * objective.vgg.channels("conv1_1")
    return sum(sizes.values()) + sum(pooled) + 4 * max(sizes.values()) + RGB + copies


def _feature_sizes(objective: Objective) -> dict[str, float]:
    """Returns layer → bytes of its features per pixel of the picture."""
    item, vgg = objective.options.dtype.size, objective.vgg
    layers = vgg.needed(objective.layers)
    return {each: item * vgg.channels(each) / 4 ** poolings_before(each) for each in layers}


def _scale_count(objective: Objective, size: tuple[int, int]) -> int:
    """Returns the number of scales of a painting of this size."""
    return len(scale_sizes(*size, max(size))) if objective.losses.pads_images else 1
