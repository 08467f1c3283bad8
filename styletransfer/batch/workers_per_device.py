"""How many pictures a device paints at a time.

A GPU is idle for most of a small picture's step, while the host launches the next operation: other
workers' operations fill that time, as far as all pictures fit into the memory. A CPU has no such
time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from styletransfer.batch.failures import PICTURE_FAILURES
from styletransfer.batch.feasibility import Feasibility
from styletransfer.batch.plan import Task
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.tiled_gradient import UNTILED

MOST_WORKERS = 4
# Not measured yet: of a step at 512 × 341 px a GPU computed for a quarter of the time.
PIXELS_AT_A_TIME = MOST_WORKERS * 512 * 341


class DeviceShare(NamedTuple):
    """Of a device: how many workers paint on it, and the most bytes that a picture may take; None
    for all that is free."""

    workers: int = 1
    bytes: int | None = None


def device_share(
    asked: int | None, tasks: Sequence[Task], feasibility: Feasibility, devices: Sequence[str]
) -> DeviceShare:
    """The share of each worker of a device. asked: PAINTERS, None for as many as fit and pay.
    feasibility: what is known of the pictures, and of the memory, before the first one. devices:
    their names, as `GPU:0`."""
    count = asked
    if count is None:
        plans = [plan for task in tasks if (plan := _plan(feasibility, task))]
        count = workers_that_fit(plans, feasibility.free) if devices[0].startswith("GPU") else 1
    count = min(count, math.ceil(len(tasks) / len(devices)))
    return DeviceShare() if count == 1 else DeviceShare(count, feasibility.free // count)


def workers_that_fit(plans: Sequence[MemoryPlan], free: int) -> int:
    """The number of pictures that a GPU paints at a time: as many as it has time for, and as fit
    into its free bytes, each like the largest."""
    if not plans or any(plan.tiling != UNTILED for plan in plans):
        return 1
    pixels = max(math.prod(plan.size) for plan in plans)
    fit = free // max(plan.bytes_needed for plan in plans)
    return max(1, min(MOST_WORKERS, PIXELS_AT_A_TIME // pixels, fit))


def _plan(feasibility: Feasibility, task: Task) -> MemoryPlan | None:
    """A task's plan, as far as it is known; None for one that cannot be painted, too."""
    try:
        inputs = feasibility.inputs(task)
        return inputs and feasibility.plan(inputs, task.look.settings).memory
    except PICTURE_FAILURES:
        return None
