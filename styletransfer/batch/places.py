"""Decides how many pictures a device paints at a time.

A GPU is idle for most of a small picture's step, while the host launches the next operation: other
workers' operations fill that time, as far as all pictures fit into the memory. How much that gains
depends on the GPU, the host, and the pictures, so it is measured before the first one. A CPU gains
less than MIN_GAIN, so it paints several only if asked.
"""

import math
from collections.abc import Callable, Sequence
from logging import WARNING
from typing import NamedTuple

import tensorflow as tf

from styletransfer.batch.failures import PICTURE_FAILURES
from styletransfer.batch.plan import Task
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.memory_model import (
    MemoryPlan,
    PaintingInputs,
    PaintingPlan,
    plan_painting,
)
from styletransfer.engine.step_rate import StepRate
from styletransfer.log import event, one_line
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG

MAX_WORKERS = 8
# Times the steps a second that twice as many workers have to take: each needs its part of the
# memory, and shows its pictures later.
MIN_GAIN = 1.15


class DeviceShare(NamedTuple):
    """The number of workers that paint on a device, and the most bytes that a picture may take, or
    None for all that is free."""

    workers: int = 1
    bytes: int | None = None


def device_share(
    asked: int | None,
    tasks: Sequence[Task],
    devices: Sequence[str],
    budget: MemoryBudget,
    network: Callable[[Settings], VGG],
) -> DeviceShare:
    """Returns the share of each worker of a device.

    Args:
        asked: PAINTERS, or None for as many as fit and pay.
        tasks: The tasks of the run.
        devices: TensorFlow's names of the devices, such as `GPU:0`, all of one kind.
        budget: The memory of one of them.
        network: Loads the network for settings.
    """
    most = math.ceil(len(tasks) / len(devices))
    count = min(asked or 1, most)
    if asked is None and devices[0].startswith("GPU"):
        plans = _largest_pictures(tasks, budget, network)
        most = min(most, workers_that_fit([plan.memory for plan, _ in plans], budget.bytes))
        if most > 1:
            plan, settings = max(plans, key=lambda each: math.prod(each[0].memory.size))
            count = _measured_workers(most, plan, settings, devices[0])
    return DeviceShare() if count == 1 else DeviceShare(count, budget.bytes // count)


def _largest_pictures(
    tasks: Sequence[Task], budget: MemoryBudget, network: Callable[[Settings], VGG]
) -> list[tuple[PaintingPlan, Settings]]:
    """The plan of the largest picture that each style can have, a square; none if a style has
    pictures of whatever size the photos have."""
    found = []
    for task in {(task.style.name, task.mask is None): task for task in tasks}.values():
        settings = task.style.settings
        if settings.size == "full":
            return []
        inputs = painting_inputs(task, (int(settings.size), int(settings.size)))
        try:
            plan = plan_painting(inputs, settings, network(settings), budget)
        except PICTURE_FAILURES:
            continue  # As its pictures will.
        found.append((plan, settings))
    return found


def painting_inputs(task: Task, size: tuple[int, int]) -> PaintingInputs:
    """Returns the inputs to plan a task with a photo of this (height, width)."""
    # As StyleTargets.masked_groups and StyleTargets.painted, by the regions' content.
    regions = {each.region and each.region.etag for each in task.style.paintings}
    masked = task.mask is not None or None not in regions
    groups = len(regions) if task.mask is not None else len(regions - {None})
    return PaintingInputs(size, masked, groups, paintings=len(task.style.paintings))


def workers_that_fit(plans: Sequence[MemoryPlan], free: int) -> int:
    """The number of pictures that fit into a device's free bytes at a time, each like the
    largest; at most MAX_WORKERS, and 1 if a picture is computed in tiles."""
    if not plans or any(plan.side is not None for plan in plans):
        return 1
    fit = free // max(plan.bytes_needed for plan in plans)
    return max(1, min(MAX_WORKERS, fit))


def workers_that_pay(most: int, measure: Callable[[int], float]) -> int:
    """The number of workers, at most `most`: doubled as long as that makes a device faster by
    MIN_GAIN. `measure` returns the steps a second of this number of workers together."""
    count, rates = 1, {1: measure(1)}
    while 2 * count <= most:
        rates[2 * count] = measure(2 * count)
        if rates[2 * count] < MIN_GAIN * rates[count]:
            break
        count *= 2
    found = ", ".join(f"{rate:.0f} with {number}" for number, rate in rates.items())
    event(f"steps a second by the number of pictures at a time: {found}", event="rates")
    return count


def _measured_workers(most: int, plan: PaintingPlan, settings: Settings, device: str) -> int:
    if settings.recipe == "instant":  # It has no steps to measure.
        return 1
    try:
        rate = StepRate(plan.objective, plan.memory.size, settings, device)
        return workers_that_pay(most, rate.measure)
    except (tf.errors.OpError, MemoryError) as error:
        event(f"one picture at a time: {one_line(error)[:200]}", level=WARNING)
        return 1
