"""What a run would do, how long it would take on this device, and the memory it would need:
measured on a few steps, not guessed."""

import dataclasses
import math
import resource
import sys
from time import perf_counter

import numpy as np
import tensorflow as tf

from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import Plan, Task
from styletransfer.engine.pyramid import schedule
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import stylize
from styletransfer.errors import StyleTransferError
from styletransfer.log import duration, event
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket

MEASURED_STEPS = 3  # at each scale; the first one carries its set-up and is counted once


def report(plan: Plan, source: Bucket, style: Bucket, networks: NetworkPool) -> int:
    """Tells of every task, then of the whole; returns 0, or 1 where some cannot be painted.

    Raises UnavailableError and WeightsError as the run itself would.
    """
    measured = _Measured(style, networks)
    sizes: dict[str, tuple[int, int]] = {}
    largest: tuple[tuple[int, int], Task] | None = None  # painted size
    failed, total_s = 0, 0.0
    for task in plan.todo:
        settings = task.look.settings
        try:
            if task.photo.key not in sizes:
                photo = read_photo(task.photo, task.mask, source.read)
                sizes[task.photo.key] = photo.picture.size
            size = sizes[task.photo.key]
            steps = _steps(size, settings)
            seconds = measured.seconds_per_pixel(task, size) * _pixels(steps)
        except StyleTransferError as error:
            event(f"{task}: cannot be painted: {error}")
            failed += 1
            continue
        if largest is None or math.prod(steps[-1]) > math.prod(largest[0]):
            largest = steps[-1], task
        height, width = size if settings.rescale_image else steps[-1]
        total_s += seconds
        event(
            f"{task}: would be painted, {width} × {height} px, {len(steps)} steps, "
            f"about {duration(seconds)}",
            **{"photo": task.photo.key, "look": task.look.name, "seconds": round(seconds, 1)},
        )
    count = len(plan.todo) - failed
    told = f"dry run: {count} to paint in about {duration(total_s)} on this device"
    if failed:
        told += f", {failed} that cannot be painted"
    numbers = {"to_paint": count, "seconds": round(total_s, 1), "failed": failed}
    if largest is not None:
        (height, width), task = largest
        gigabytes = measured.gigabytes(task, sizes[task.photo.key])
        told += f"; {gigabytes:.1f} GB of memory at {width} × {height} px, the largest"
        numbers["memory_gb"] = round(gigabytes, 2)
    event(f"{told}. Nothing was painted.", **numbers)
    return 1 if failed else 0


class _Measured:
    """Step times, measured once for each look's settings, and memory."""

    def __init__(self, style: Bucket, networks: NetworkPool) -> None:
        self._bucket, self._networks = style, networks
        self._rates: dict[Settings, float] = {}

    def seconds_per_pixel(self, task: Task, size: tuple[int, int]) -> float:
        """Seconds of a step by its pixels, over all scales as a whole run has them."""
        settings = task.look.settings
        if settings not in self._rates:
            few = dataclasses.replace(settings, iterations=MEASURED_STEPS, min_improvement=0)
            times: dict[tuple[int, int], list[float]] = {}
            for step_size, seconds in zip(
                _steps(size, few), self._timed(task, size, few), strict=True
            ):
                times.setdefault(step_size, []).append(seconds)
            usual = {each: float(np.median(told[1:])) for each, told in times.items()}
            set_up = sum(told[0] - usual[each] for each, told in times.items())
            whole = _steps(size, settings)
            total = sum(usual[each] for each in whole) + set_up
            self._rates[settings] = total / _pixels(whole)
        return self._rates[settings]

    def gigabytes(self, task: Task, size: tuple[int, int]) -> float:
        """The most memory that this process holds when it paints a photo of `size`, on the GPU
        where there is one: it is tried, for one step at each scale."""
        self._timed(task, size, dataclasses.replace(task.look.settings, iterations=1))
        if tf.config.get_visible_devices("GPU"):
            return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9

    def _timed(self, task: Task, size: tuple[int, int], settings: Settings) -> list[float]:
        """Seconds of each step of painting a photo of `size` in the task's look."""
        look = StyleTargets(*read_look(task.look, self._bucket.read))
        vgg, photo = self._networks.load(settings), np.full((*size, 3), 0.5, np.float32)
        seconds, last = [], perf_counter()
        for step in stylize(photo, look, settings, vgg):
            _ = step.losses  # Waits for the device.
            seconds.append(perf_counter() - last)
            last = perf_counter()
        _ = step.image  # With `rescale_image` it is larger than all before it.
        return seconds


def _steps(size: tuple[int, int], settings: Settings) -> list[tuple[int, int]]:
    """The picture's (height, width) at every step."""
    scales, counts = schedule(*size, settings)
    return [scale for scale, count in zip(scales, counts, strict=True) for _ in range(count)]


def _pixels(steps: list[tuple[int, int]]) -> int:
    return sum(height * width for height, width in steps)
