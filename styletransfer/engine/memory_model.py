"""How much memory painting takes, estimated before it begins, and the tiling that fits.

The numbers are bytes a pixel, from what must be alive at the same time; docs/performance.md has
what was measured against them.
"""

from itertools import pairwise
from typing import NamedTuple

from styletransfer.engine.memory_available import MemoryBudget, _device
from styletransfer.engine.objective import Objective
from styletransfer.engine.pyramid import scale_sizes
from styletransfer.engine.tiled_gradient import UNTILED, Tiling
from styletransfer.errors import MemoryShortError
from styletransfer.vgg.network import poolings_before

# Fastest first, and each takes less memory than the one before.
TILINGS = (
    UNTILED,
    *(Tiling(block, 64) for block in (2, 3, 4, 6)),
    Tiling(6, 32),
    Tiling(6, 16),
)
STATE = 4 * 12  # image, Adam's two moments, the average; float32 [H, W, 3] each
GOOD = 6  # the last good picture, bfloat16
LBFGS = 24 * 62  # SciPy's ten pairs of vectors, twice, and as many others, float64
MASK = 16 / 3  # of a group of paintings, at all layers, float32
RESULT = 9  # the result in integers, twice, while it becomes a file
COMPOSED = 16  # the content mask and the photo that shows through, float32
KERNELS = 24 << 20  # that oneDNN makes at each scale, and keeps
# TensorFlow's allocator on a processor hands out pieces of up to twice the size asked for; strips
# ask for many sizes. Measured.
WASTE_IN_STRIPS = 1.2
# What an earlier scale takes a pixel, at most, times what the last one does, and some more bytes:
# allocators keep its pieces, into which those of the last fit badly.
EARLIER, SOME_MORE = 1.5, 200 << 20
CUDNN = 256 << 20  # times a number's size: what convolutions of strips take besides, on a GPU
COPIES = {"CPU": 7, "GPU": 3}  # of conv1_1 that a whole step makes besides, in bytes a channel


class ExtraMemory(NamedTuple):
    """What a painting takes memory for besides what its size and tiling tell. lbfgs: it descends by
    L-BFGS; regions: so many groups of paintings have masks of their own; composed: the photo shows
    through while it is painted; besides: bytes outside of TensorFlow."""

    lbfgs: bool = False
    regions: int = 0
    composed: bool = False
    besides: int = 0


PLAIN = ExtraMemory()


class MemoryPlan(NamedTuple):
    """How a picture of this size, (height, width) in px, is computed, and the bytes it takes."""

    size: tuple[int, int]
    tiling: Tiling
    bytes_needed: int

    def __str__(self) -> str:
        strips = "" if self.tiling == UNTILED else f", in strips of {self.tiling.rows} rows"
        return f"{self.size[1]} × {self.size[0]} px, {amount(self.bytes_needed)} of memory{strips}"


def bytes_needed(
    objective: Objective, size: tuple[int, int], tiling: Tiling, extras: ExtraMemory = PLAIN
) -> int:
    """The bytes that painting a picture of this (height, width) takes, besides what is held."""
    height, width = size
    item = objective.options.dtype.size
    deepest = max(map(poolings_before, objective.layers)) + 1
    blocks = range(1, deepest + 1)
    # A block's features at one convolution, and their number; of its input.
    channels = {
        block: objective.vgg.channels(f"conv{block}_1") / 4 ** (block - 1) for block in blocks
    }
    features = {
        block: item * channels[block] * len(objective.vgg.convolutions(block, objective.layers))
        for block in blocks
    }
    inputs = {block: item * channels[block - 1] / 4 for block in blocks[1:]}
    content = item * objective.vgg.channels(objective.losses.content_layer)
    content /= 4 ** poolings_before(objective.losses.content_layer)
    base = STATE + GOOD + content + MASK * extras.regions + (COMPOSED if extras.composed else 0)

    first_whole = min(tiling.first_whole_block, deepest + 1)
    whole = [block for block in blocks if block >= first_whole]
    computing = sum(inputs[block] for block in blocks[1:] if block <= first_whole)
    if whole:
        # Everything that is led back through, and at the widest convolution four maps besides.
        later = sum(inputs[block] for block in whole if block > first_whole)
        computing += sum(features[block] for block in whole) + later
        computing += 4 * item * channels[whole[0]]
    computer = _device().partition(":")[0]
    descending = 2 * 12  # The gradient on its way back from the canvas.
    if tiling == UNTILED:
        # The photo and its canvas; in float32 for sums, and what TensorFlow computes ahead,
        # measured; the next state beside this one, and some more.
        base += 12
        computing += 12 + (COPIES[computer] + 4 * extras.regions) * channels[1]
        descending = STATE + 7 * 12
    pixels = height * width
    besides = KERNELS * _scales(objective, size) + extras.besides
    besides += pixels * (RESULT + (LBFGS if extras.lbfgs else 0))
    if computer == "GPU":
        besides = 0 if tiling == UNTILED else CUDNN * item
    strip = max(
        (
            _of_strip(objective, block, size, tiling.rows, extras.regions)
            for block in blocks
            if block < first_whole
        ),
        default=0,
    )
    waste = WASTE_IN_STRIPS if strip and computer == "CPU" else 1.0
    return int(waste * (pixels * (base + max(computing, descending)) + strip) + besides)


def _of_strip(
    objective: Objective, block: int, size: tuple[int, int], rows: int, regions: int
) -> float:
    """The bytes that a strip of a block takes while it is led back through: what its convolutions
    give, seven maps more and one in float32, and another one for each masked group; measured."""
    convolutions = len(objective.vgg.convolutions(block, objective.layers))
    height, width = (side / 2 ** (block - 1) for side in size)
    values = min(rows + 2 * convolutions, height) * width * objective.vgg.channels(f"conv{block}_1")
    return values * (objective.options.dtype.size * (convolutions + 7) + 4 * (1 + regions))


def _scales(objective: Objective, size: tuple[int, int]) -> int:
    """How many scales a picture of this size is painted at in the end."""
    return len(scale_sizes(*size, max(size))) if objective.losses.pads_images else 1


def plan_memory(
    objective: Objective,
    size: tuple[int, int],
    room: MemoryBudget,
    extras: ExtraMemory = PLAIN,
    last: MemoryPlan | None = None,
) -> MemoryPlan:
    """The fastest way to compute a picture of this (height, width) that fits into the room.

    last: how the last scale will be computed, for an earlier one, which then takes less, too.
    Raises MemoryShortError, naming the largest size that fits, where none does.
    """
    height, width = size
    free = room.bytes
    if last:
        share = height * width / (last.size[0] * last.size[1])
        free = min(free, int(EARLIER * share * last.bytes_needed + SOME_MORE))
    for tiling in TILINGS:
        takes = bytes_needed(objective, size, tiling, extras)
        if takes <= free:
            return MemoryPlan(size, tiling, takes)
    if last:  # Which fits, so that this does.
        return MemoryPlan(size, tiling, takes)
    low, high = 0, max(size)
    while high - low > 1:
        middle = (low + high) // 2
        scaled = tuple(max(1, side * middle // max(size)) for side in size)
        fits = bytes_needed(objective, scaled, TILINGS[-1], extras) <= free
        low, high = (middle, high) if fits else (low, middle)
    most = f"the largest size that fits is {low}" if low else "no size fits"
    raise MemoryShortError(
        f"painting {width} × {height} px needs {amount(takes)} of memory even in the narrowest "
        f"strips, and {amount(free)} can be had; {most} (MEMORY_LIMIT is the most to be taken)"
    )


def smaller(tiling: Tiling) -> Tiling | None:
    """The next tiling that takes less memory; None after the last."""
    return dict(pairwise(TILINGS)).get(tiling)


def amount(size: float) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
