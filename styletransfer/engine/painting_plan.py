"""The scales, steps and memory of a painting, known before there are pictures."""

import math
from typing import NamedTuple

from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.memory_model import ExtraMemory, MemoryPlan, MemoryPlanner
from styletransfer.engine.objective import Objective
from styletransfer.engine.postprocess import PICTURE_BYTES, postprocess_bytes
from styletransfer.engine.schedule import schedule
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG

SCALING_BYTES = 8  # per pixel of the photo: one channel in floats, twice
MASK_BYTES = 8  # per pixel of the photo: a mask of its size, twice


class PaintingInputs(NamedTuple):
    """What decides the memory of a painting.

    size: (height, width) of the photo in px. masked: whether it has a mask. regions: number of
    groups of paintings with masks, see StyleTargets.masked_groups. has_init: whether it starts from
    a given picture. paintings: their number.
    """

    size: tuple[int, int]
    masked: bool = False
    regions: int = 0
    has_init: bool = False
    paintings: int = 1


class PaintingPlan(NamedTuple):
    """How a painting is computed.

    sizes: (height, width) of each scale, coarse to fine. counts: steps at each. memory: the plan of
    the last scale, which takes the most. planner: of the others.
    """

    objective: Objective
    sizes: list[tuple[int, int]]
    counts: list[int]
    planner: MemoryPlanner
    memory: MemoryPlan


def plan_painting(
    inputs: PaintingInputs, settings: Settings, vgg: VGG, budget: MemoryBudget
) -> PaintingPlan:
    """The plan for a painting within a budget. Raises PictureError for a picture too narrow for its
    recipe, MemoryShortError if it cannot be computed in the available memory."""
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
