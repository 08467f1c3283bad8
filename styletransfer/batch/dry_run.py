"""What a run would paint, how long it would take on this device, and how much memory it would
need: measured on a few steps."""

import dataclasses
import math
from time import perf_counter
from typing import Any

import numpy as np

from styletransfer.batch.context import RunContext
from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.plan import Task
from styletransfer.devices.tensorflow import Devices, peak_memory
from styletransfer.engine.pyramid import schedule
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.errors import StyleTransferError
from styletransfer.log import duration, event
from styletransfer.settings import Settings

MEASURED_STEPS = 3  # at each scale; the first includes the scale's set-up and is counted once
Size = tuple[int, int]  # height, width in px


@dataclasses.dataclass(frozen=True)
class TaskEstimate:
    """What painting one task would take: the photo's size, the picture's at the last step, the
    number of steps, seconds."""

    task: Task
    photo_size: Size
    painted_size: Size
    steps: int
    seconds: float


def report_dry_run(run: RunContext, devices: Devices) -> int:
    """Logs each task and the whole; the exit code: 0, or 1 where some cannot be painted.

    Raises UnavailableError and WeightsError as the run itself would.
    """
    event(f"painting on {devices}", device=str(devices))
    stopwatch = Stopwatch(run)
    sizes: dict[str, Size] = {}
    estimates, failed = [], 0
    for task in run.plan.todo:
        run.stop.obey()
        try:
            estimate = _estimate(task, run, stopwatch, sizes)
        except StyleTransferError as error:
            event(f"{task}: cannot be painted: {error}")
            failed += 1
        else:
            _log_task(estimate)
            estimates.append(estimate)
    _log_whole(estimates, failed, stopwatch)
    return 1 if failed else 0


class Stopwatch:
    """Measures step times, once for each look's settings, and memory."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._rates: dict[Settings, float] = {}

    def seconds(self, task: Task, size: Size) -> float:
        """Seconds that a task would take with a photo of this size."""
        settings = task.look.settings
        if settings not in self._rates:
            self._rates[settings] = self._seconds_per_pixel(task, size)
        return self._rates[settings] * _pixels(_step_sizes(size, settings))

    def peak_memory(self, task: Task, size: Size) -> int:
        """The most bytes that this process holds when it paints a photo of this size, on the GPU
        where there is one: tried with one step at each scale."""
        self._step_times(task, size, dataclasses.replace(task.look.settings, iterations=1))
        return peak_memory()

    def _seconds_per_pixel(self, task: Task, size: Size) -> float:
        """Seconds of a step by its pixels, averaged over all scales of a whole run."""
        few = dataclasses.replace(task.look.settings, iterations=MEASURED_STEPS, min_improvement=0)
        times: dict[Size, list[float]] = {}
        for scale, seconds in zip(
            _step_sizes(size, few), self._step_times(task, size, few), strict=True
        ):
            times.setdefault(scale, []).append(seconds)
        usual = {scale: float(np.median(of_scale[1:])) for scale, of_scale in times.items()}
        set_up = sum(of_scale[0] - usual[scale] for scale, of_scale in times.items())
        whole = _step_sizes(size, task.look.settings)
        return (sum(usual[scale] for scale in whole) + set_up) / _pixels(whole)

    def _step_times(self, task: Task, size: Size, settings: Settings) -> list[float]:
        """Seconds of each step of painting a gray photo of this size in the task's look."""
        style = StyleTargets(*read_look(task.look, self._run.buckets.style.read))
        vgg, photo = self._run.networks.load(settings), np.full((*size, 3), 0.5, np.float32)
        seconds, last = [], perf_counter()
        for step in StyleTransfer(photo, style, settings, vgg).steps():
            _ = step.losses  # Waits for the device.
            self._run.stop.obey()
            seconds.append(perf_counter() - last)
            last = perf_counter()
        _ = step.image  # With `rescale_image` it is larger than all before it.
        return seconds


def _estimate(
    task: Task, run: RunContext, stopwatch: Stopwatch, sizes: dict[str, Size]
) -> TaskEstimate:
    """sizes: of the photos read so far, by key."""
    key = task.photo.key
    if key not in sizes:
        sizes[key] = read_photo(task.photo, task.mask, run.buckets.source.read).picture.size
    steps = _step_sizes(sizes[key], task.look.settings)
    seconds = stopwatch.seconds(task, sizes[key])
    return TaskEstimate(task, sizes[key], steps[-1], len(steps), seconds)


def _log_task(estimate: TaskEstimate) -> None:
    task, seconds = estimate.task, estimate.seconds
    rescaled = task.look.settings.rescale_image
    height, width = estimate.photo_size if rescaled else estimate.painted_size
    event(
        f"{task}: would be painted, {width} × {height} px, {estimate.steps} steps, "
        f"about {duration(seconds)}",
        photo=task.photo.key,
        look=task.look.name,
        seconds=round(seconds, 1),
    )


def _log_whole(estimates: list[TaskEstimate], failed: int, stopwatch: Stopwatch) -> None:
    total_s = sum(each.seconds for each in estimates)
    message = f"dry run: {len(estimates)} to paint in about {duration(total_s)} on this device"
    fields: dict[str, Any] = {
        "to_paint": len(estimates),
        "seconds": round(total_s, 1),
        "failed": failed,
    }
    if failed:
        message += f", {failed} that cannot be painted"
    if estimates:
        largest = max(estimates, key=lambda each: math.prod(each.painted_size))
        gigabytes = stopwatch.peak_memory(largest.task, largest.photo_size) / 1e9
        height, width = largest.painted_size
        message += f"; {gigabytes:.1f} GB of memory for the largest, {width} × {height} px"
        fields["memory_gb"] = round(gigabytes, 2)
    event(f"{message}. Nothing was painted.", **fields)


def _step_sizes(size: Size, settings: Settings) -> list[Size]:
    """The picture's height and width at each step."""
    scales, counts = schedule(*size, settings)
    return [scale for scale, count in zip(scales, counts, strict=True) for _ in range(count)]


def _pixels(steps: list[Size]) -> int:
    return sum(height * width for height, width in steps)
