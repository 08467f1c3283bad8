"""How many pictures a device paints at a time.

A GPU is idle for most of a small picture's step, while the host launches the next operation: other
workers' operations fill that time, as far as all pictures fit into the memory. How much that gains
depends on the GPU, the host, and the pictures, so it is measured before the first one. A CPU has no
such time.
"""

import math
from collections.abc import Callable, Sequence
from logging import WARNING
from typing import NamedTuple

import tensorflow as tf

from styletransfer.batch.failures import PICTURE_FAILURES
from styletransfer.batch.feasibility import Feasibility
from styletransfer.batch.plan import Task
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.painting_plan import PaintingPlan
from styletransfer.engine.step_rate import StepRate
from styletransfer.engine.tiled_gradient import UNTILED
from styletransfer.log import event, one_line
from styletransfer.settings import Settings

MOST_WORKERS = 8
# Times the steps a second that twice as many workers have to take: each needs its part of the
# memory, and shows its pictures later.
LEAST_GAIN = 1.15


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
    their names, as `GPU:0`; all of one kind."""
    most = math.ceil(len(tasks) / len(devices))
    count = min(asked or 1, most)
    if asked is None and devices[0].startswith("GPU"):
        known = [(plan, task.look) for task in tasks if (plan := _plan(feasibility, task))]
        most = min(most, workers_that_fit([plan.memory for plan, _ in known], feasibility.free))
        if most > 1:
            plan, look = max(known, key=lambda each: math.prod(each[0].memory.size))
            count = _measured_workers(most, plan, look.settings, devices[0])
    return DeviceShare() if count == 1 else DeviceShare(count, feasibility.free // count)


def workers_that_fit(plans: Sequence[MemoryPlan], free: int) -> int:
    """The number of pictures that fit into a device's free bytes at a time, each like the
    largest; at most MOST_WORKERS, and 1 where one is computed in tiles."""
    if not plans or any(plan.tiling != UNTILED for plan in plans):
        return 1
    fit = free // max(plan.bytes_needed for plan in plans)
    return max(1, min(MOST_WORKERS, fit))


def workers_that_pay(most: int, measure: Callable[[int], float]) -> int:
    """The number of workers, at most `most`: doubled as long as that makes a device faster by
    LEAST_GAIN. measure: steps a second of so many workers together."""
    count, rates = 1, {1: measure(1)}
    while 2 * count <= most:
        rates[2 * count] = measure(2 * count)
        if rates[2 * count] < LEAST_GAIN * rates[count]:
            break
        count *= 2
    found = ", ".join(f"{rate:.0f} with {number}" for number, rate in rates.items())
    event(f"steps a second by the number of pictures at a time: {found}", event="rates")
    return count


def _measured_workers(most: int, plan: PaintingPlan, settings: Settings, device: str) -> int:
    try:
        rate = StepRate(plan.objective, plan.memory.size, settings, device)
        return workers_that_pay(most, rate.measure)
    except (tf.errors.OpError, MemoryError) as error:
        event(f"one picture at a time: {one_line(error)[:200]}", level=WARNING)
        return 1


def _plan(feasibility: Feasibility, task: Task) -> PaintingPlan | None:
    """A task's plan, as far as it is known; None for one that cannot be painted, too."""
    try:
        inputs = feasibility.inputs(task)
        return inputs and feasibility.plan(inputs, task.look.settings)
    except PICTURE_FAILURES:
        return None
