"""How long each task would take on a device, and with how much memory: planned as the run plans it,
from the headers of files, and measured on a few steps."""

import dataclasses
import math
from time import perf_counter

import numpy as np

from styletransfer.batch.context import RunContext
from styletransfer.batch.feasibility import Feasibility
from styletransfer.batch.headers import Headers
from styletransfer.batch.inputs import read_look, read_photo
from styletransfer.batch.looks import Look
from styletransfer.batch.plan import Task
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.painting_plan import PaintingInputs
from styletransfer.engine.schedule import LEAST_STEPS, schedule, total_work
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.engine.tiled_gradient import Tiling
from styletransfer.settings import Settings

# Three at the scales that take the fewest. The first at each includes the scale's set-up and is
# counted once.
MEASURED_ITERATIONS = round(3 / LEAST_STEPS)
SIZE_CLASS = 4  # Pictures of so many times as many pixels are measured anew.
Size = tuple[int, int]  # height, width in px


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

    def __init__(self, run: RunContext, device: str) -> None:
        """device: TensorFlow's name of the device that paints. Begins to read the files' headers;
        `close` ends that."""
        self._run, self._device = run, device
        self._memory = PrefetchMemory(run.config.memory_limit)
        self._headers = Headers(run.plan.todo, run.buckets.source, run.buckets.style)
        self._feasibility = Feasibility(run, self._headers, self._memory, device)
        self._rates: dict[tuple[Settings, Tiling, bool, int], float] = {}
        self._sizes: dict[str, Size] = {}  # of photos that were read
        self._look: Look | None = None
        self._style: StyleTargets | None = None
        self.set_up_s = 0.0  # seconds that a run spends once

    def close(self) -> None:
        """Reads no further file."""
        self._headers.close()

    def estimate(self, task: Task) -> TaskEstimate:
        """Raises what makes painting the task impossible."""
        settings = task.look.settings
        inputs = self._feasibility.inputs(task) or self._inputs_by_reading(task)
        plan = self._feasibility.plan(inputs, settings)
        last = plan.sizes[-1]
        kind = settings, plan.memory.tiling, inputs.masked, _size_class(last)
        if kind not in self._rates:
            self._rates[kind] = self._seconds_per_work(task, inputs)
        return TaskEstimate(
            task,
            inputs.size if settings.rescale_image else last,
            plan.memory,
            sum(plan.counts),
            self._rates[kind] * total_work(*inputs.size, settings),
        )

    def _inputs_by_reading(self, task: Task) -> PaintingInputs:
        """Of a photo whose header does not say its size."""
        key, masked = task.photo.key, task.mask is not None
        if key not in self._sizes:
            found = read_photo(task.photo, task.mask, self._run.buckets.source.read, self._admit)
            self._sizes[key] = found.picture.size
        targets = self._targets(task.look)
        composited = masked or targets.painted(None, task.look.settings.recipe) is not None
        return PaintingInputs(
            self._sizes[key],
            composited,
            targets.masked_groups(masked),
            paintings=len(targets.paintings),
        )

    def _targets(self, look: Look) -> StyleTargets:
        if self._style is None or look is not self._look:
            self._style = StyleTargets(*read_look(look, self._run.buckets.style.read, self._admit))
            self._look = look
        return self._style

    def _admit(self, needed: int) -> int:
        return self._memory.available()

    def _seconds_per_work(self, task: Task, inputs: PaintingInputs) -> float:
        """Seconds of a step by its work, averaged over all scales of a whole run. What is only
        spent once, as on TensorFlow's programs, counts once: in `set_up_s`."""
        settings = task.look.settings
        few = dataclasses.replace(settings, iterations=MEASURED_ITERATIONS, min_improvement=0)
        first, second = (self._step_times(task, inputs, few) for _ in range(2))
        self.set_up_s += max(0.0, sum(first) - sum(second))
        times: dict[Size, list[float]] = {}
        for scale, seconds in zip(_step_sizes(inputs.size, few), second, strict=True):
            times.setdefault(scale, []).append(seconds)
        usual = {scale: float(np.median(of_scale[1:])) for scale, of_scale in times.items()}
        set_up = sum(max(0.0, of_scale[0] - usual[scale]) for scale, of_scale in times.items())
        whole = sum(usual[scale] for scale in _step_sizes(inputs.size, settings))
        return (whole + set_up) / total_work(*inputs.size, settings)

    def _step_times(self, task: Task, inputs: PaintingInputs, settings: Settings) -> list[float]:
        """Seconds of each step of painting a grey photo of this size, which takes no memory, in the
        task's look."""
        transfer = StyleTransfer(
            np.broadcast_to(np.uint8(128), (*inputs.size, 3)),
            self._targets(task.look),
            settings,
            self._run.networks.load(settings, self._device),
            content_mask=np.ones((1, 1), np.float32) if inputs.masked else None,
            memory_limit=self._run.config.memory_limit,
        )
        seconds, last = [], perf_counter()
        for step in transfer.steps():
            _ = step.losses  # Waits for the device.
            self._run.stop.obey()
            seconds.append(perf_counter() - last)
            last = perf_counter()
        return seconds


def _size_class(size: Size) -> int:
    return round(math.log(math.prod(size), SIZE_CLASS))


def _step_sizes(size: Size, settings: Settings) -> list[Size]:
    """The picture's height and width at each step."""
    scales, counts = schedule(*size, settings)
    return [scale for scale, count in zip(scales, counts, strict=True) for _ in range(count)]
