"""How long each task would take on this device, and with how much memory: planned as the run plans
it, and measured on a few steps."""

import dataclasses
import math
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

import numpy as np

from styletransfer.batch.context import RunContext
from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.pyramid import schedule
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.engine.tiled_gradient import Tiling
from styletransfer.settings import Settings
from styletransfer.storage.base import UnavailableError

MEASURED_STEPS = 3  # at each scale; the first includes the scale's set-up and is counted once
SIZE_CLASS = 4  # Pictures of so many times as many pixels are measured anew.
Size = tuple[int, int]  # height, width in px
_Found = TypeVar("_Found")


@dataclasses.dataclass(frozen=True)
class PhotoHeader:
    """What an estimate needs of a photo: its size, and whether it is masked."""

    size: Size
    masked: bool


@dataclasses.dataclass(frozen=True)
class TaskEstimate:
    """What painting one task would take. size: of the result. steps: their number."""

    task: Task
    size: Size
    memory: MemoryPlan
    steps: int
    seconds: float


class Trial:
    """Plans each task as the run would, and paints a few steps for each kind of picture."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._memory = PrefetchMemory(run.config.memory_limit)
        self._rates: dict[tuple[Settings, Tiling, bool, int], float] = {}
        self._photos: dict[str, PhotoHeader | Exception] = {}
        self._look: Look | None = None
        self._style: StyleTargets | Exception | None = None
        self.set_up_s = 0.0  # seconds that a run spends once

    def estimate(self, task: Task) -> TaskEstimate:
        """Raises what makes painting the task impossible."""
        photo, settings = self._photo(task), task.look.settings
        # Raises MemoryShortError where it does not fit.
        plan = self._transfer(task, photo, settings).memory_plan
        steps = _step_sizes(photo.size, settings)
        size_class = round(math.log(math.prod(steps[-1]), SIZE_CLASS))
        kind = settings, plan.tiling, photo.masked, size_class
        if kind not in self._rates:
            self._rates[kind] = self._seconds_per_pixel(task, photo)
        size = photo.size if settings.rescale_image else steps[-1]
        return TaskEstimate(task, size, plan, len(steps), self._rates[kind] * _pixels(steps))

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


def _step_sizes(size: Size, settings: Settings) -> list[Size]:
    """The picture's height and width at each step."""
    scales, counts = schedule(*size, settings)
    return [scale for scale, count in zip(scales, counts, strict=True) for _ in range(count)]


def _pixels(steps: list[Size]) -> int:
    return sum(height * width for height, width in steps)
