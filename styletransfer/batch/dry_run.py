"""What a run would paint, how long it would take on this device, and how much memory it would
need: measured on a few steps."""

import dataclasses
import math
from collections.abc import Callable
from logging import ERROR
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.devices.tensorflow import Devices, peak_memory
from styletransfer.engine.pyramid import schedule
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.log import duration, event
from styletransfer.settings import Settings
from styletransfer.storage.base import UnavailableError

MEASURED_STEPS = 3  # at each scale; the first includes the scale's set-up and is counted once
Size = tuple[int, int]  # height, width in px
_Found = TypeVar("_Found")


@dataclasses.dataclass(frozen=True)
class PhotoHeader:
    """What an estimate needs of a photo: its size, and whether it is masked."""

    size: Size
    masked: bool


@dataclasses.dataclass(frozen=True)
class TaskEstimate:
    """What painting one task would take: the photo, the picture's size at the last step, the number
    of steps, seconds."""

    task: Task
    photo: PhotoHeader
    painted_size: Size
    steps: int
    seconds: float


def report_dry_run(run: RunContext, devices: Devices) -> int:
    """Logs each task and the whole; the exit code: 0, or 1 where some cannot be painted.

    Raises UnavailableError as the run itself would.
    """
    event(f"painting on {devices}", device=str(devices))
    trial = Trial(run)
    estimates, failed = [], 0
    for task in run.plan.todo:
        run.stop.obey()
        try:
            estimate = trial.estimate(task)
        except Exception as error:
            event(f"{task}: cannot be painted: {picture_failure(error)}", level=ERROR)
            failed += 1
        else:
            _log_task(estimate)
            estimates.append(estimate)
    _log_whole(estimates, failed, trial)
    return 1 if failed else 0


class Trial:
    """Plans each task as the run would, and paints a few steps for each look's settings."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._memory = PrefetchMemory(run.config.memory_limit)
        self._rates: dict[Settings, float] = {}
        self._photos: dict[str, PhotoHeader | Exception] = {}
        self._look: Look | None = None
        self._style: StyleTargets | Exception | None = None
        self.set_up_s = 0.0  # seconds that a run spends once

    def estimate(self, task: Task) -> TaskEstimate:
        """Raises what makes painting the task impossible."""
        photo, settings = self._photo(task), task.look.settings
        self._transfer(task, photo, settings)  # Raises MemoryShortError where it does not fit.
        if settings not in self._rates:
            self._rates[settings] = self._seconds_per_pixel(task, photo)
        steps = _step_sizes(photo.size, settings)
        return TaskEstimate(
            task, photo, steps[-1], len(steps), self._rates[settings] * _pixels(steps)
        )

    def peak_memory(self, estimate: TaskEstimate) -> int:
        """The most bytes that this process holds when it paints such a picture, on the GPU where
        there is one: tried with one step at each scale."""
        task = estimate.task
        self._step_times(
            task, estimate.photo, dataclasses.replace(task.look.settings, iterations=1)
        )
        return peak_memory()

    def _photo(self, task: Task) -> PhotoHeader:
        """Each photo is read once, whatever comes of it."""
        key = task.photo.key
        if key not in self._photos:
            self._photos[key] = _tried(lambda: self._header(task))
        return _unless_failed(self._photos[key])

    def _header(self, task: Task) -> PhotoHeader:
        found = read_photo(task.photo, task.mask, self._run.buckets.source.read, self._admit)
        return PhotoHeader(found.picture.size, found.mask is not None)

    def _targets(self, look: Look) -> StyleTargets:
        if self._style is None or look is not self._look:
            self._look = look
            read = self._run.buckets.style.read
            self._style = _tried(lambda: StyleTargets(*read_look(look, read, self._admit)))
        return _unless_failed(self._style)

    def _admit(self, needed: int) -> int:
        return self._memory.available()

    def _transfer(self, task: Task, photo: PhotoHeader, settings: Settings) -> StyleTransfer:
        """A grey picture in the photo's place: it has the same size, and takes no memory."""
        return StyleTransfer(
            np.broadcast_to(np.uint8(128), (*photo.size, 3)),
            self._targets(task.look),
            settings,
            self._run.networks.load(settings),
            content_mask=np.ones((1, 1), np.float32) if photo.masked else None,
            memory_limit=self._run.config.memory_limit,
        )

    def _seconds_per_pixel(self, task: Task, photo: PhotoHeader) -> float:
        """Seconds of a step by its pixels, averaged over all scales of a whole run. What is only
        spent once, as on TensorFlow's programs, counts once: in `set_up_s`."""
        few = dataclasses.replace(task.look.settings, iterations=MEASURED_STEPS, min_improvement=0)
        first, second = (self._step_times(task, photo, few) for _ in range(2))
        self.set_up_s += max(0.0, sum(first) - sum(second))
        times: dict[Size, list[float]] = {}
        for scale, seconds in zip(_step_sizes(photo.size, few), second, strict=True):
            times.setdefault(scale, []).append(seconds)
        usual = {scale: float(np.median(of_scale[1:])) for scale, of_scale in times.items()}
        set_up = sum(max(0.0, of_scale[0] - usual[scale]) for scale, of_scale in times.items())
        whole = _step_sizes(photo.size, task.look.settings)
        return (sum(usual[scale] for scale in whole) + set_up) / _pixels(whole)

    def _step_times(self, task: Task, photo: PhotoHeader, settings: Settings) -> list[float]:
        """Seconds of each step of painting a grey photo of this size in the task's look."""
        seconds, last = [], perf_counter()
        for step in self._transfer(task, photo, settings).steps():
            _ = step.losses  # Waits for the device.
            self._run.stop.obey()
            seconds.append(perf_counter() - last)
            last = perf_counter()
        _ = step.image  # With `rescale_image` it is larger than all before it.
        return seconds


def _tried(read: Callable[[], _Found]) -> "_Found | Exception":
    """What `read` gives, or the error it raises, to be kept. Raises UnavailableError."""
    try:
        return read()
    except UnavailableError:
        raise
    except Exception as error:
        return error


def _unless_failed(found: "_Found | Exception") -> "_Found":
    if isinstance(found, Exception):
        raise found
    return found


def _log_task(estimate: TaskEstimate) -> None:
    task, seconds = estimate.task, estimate.seconds
    rescaled = task.look.settings.rescale_image
    height, width = estimate.photo.size if rescaled else estimate.painted_size
    event(
        f"{task}: would be painted, {width} × {height} px, {estimate.steps} steps, "
        f"about {duration(seconds)}",
        photo=task.photo.key,
        look=task.look.name,
        seconds=round(seconds, 1),
    )


def _log_whole(estimates: list[TaskEstimate], failed: int, trial: Trial) -> None:
    total_s = trial.set_up_s + sum(each.seconds for each in estimates)
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
        gigabytes = trial.peak_memory(largest) / 1e9
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
