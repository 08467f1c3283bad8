"""How each task of a dry run would be painted on a device: how large, with how much memory, and how
long. Planned as the run plans it, from the headers of files, and measured on a few steps."""

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

import numpy as np

from styletransfer.batch.context import RunContext
from styletransfer.batch.looks import Look
from styletransfer.batch.places import painting_inputs
from styletransfer.batch.plan import Task
from styletransfer.batch.reading import decodable_memory, read_look, read_photo
from styletransfer.batch.waiting import result_of
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.memory_model import MemoryPlan
from styletransfer.engine.painting_plan import PaintingInputs, PaintingPlan, plan_painting
from styletransfer.engine.schedule import LEAST_STEPS, schedule, total_work
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.engine.tiled_gradient import Tiling
from styletransfer.errors import PictureError, StorageError
from styletransfer.images.header import Header, check_memory, read_header
from styletransfer.settings import Settings
from styletransfer.storage.base import Bucket, Entry

# Three at the scales that take the fewest. The first at each includes the scale's set-up and is
# counted once.
MEASURED_ITERATIONS = round(3 / LEAST_STEPS)
SIZE_CLASS = 4  # Pictures of so many times as many pixels are measured anew.
# Bytes of a file's start. The first suffice for most pictures; a camera may put previews before the
# size. A file whose size is not in the second is read as a whole.
STARTS = (32 << 10, 512 << 10)
MAX_HEADER_READERS = 16  # threads: each waits for the network, not for the processor
Size = tuple[int, int]  # height, width in px


@dataclasses.dataclass(frozen=True)
class TaskForecast:
    """What painting one task would take. size: of the result. steps: their number."""

    task: Task
    size: Size
    memory: MemoryPlan
    steps: int
    seconds: float


class Forecast:
    """Plans each task as the run would, and paints a few steps for each kind of picture."""

    def __init__(self, run: RunContext, device: str) -> None:
        """Begins to read the headers of all photos; `close` ends that.

        Args:
            run: The run.
            device: TensorFlow's name of the device that paints.
        """
        self._run, self._device = run, device
        self._decodable = decodable_memory(run.config.memory_limit)
        self._budget = MemoryBudget(run.config.memory_limit)
        self._plans: dict[tuple[Settings, PaintingInputs], PaintingPlan] = {}
        self._rates: dict[tuple[Settings, Tiling, bool, int], float] = {}
        self._sizes: dict[str, Size] = {}  # of photos, by key
        self._look: Look | None = None
        self._targets: StyleTargets | None = None
        self._refused: Exception | None = None  # why nothing can be painted in this look
        self._pool = ThreadPoolExecutor(MAX_HEADER_READERS)
        source, todo = run.buckets.source, {task.photo.key: task for task in run.plan.todo}
        self._files = {
            key: self._pool.submit(_photo_files, task, source) for key, task in todo.items()
        }
        self.set_up_s = 0.0  # seconds that a run spends once

    def close(self) -> None:
        """Reads no further file."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def of(self, task: Task) -> TaskForecast:
        """The forecast of one of the run's tasks. Raises what makes painting it impossible,
        Stopped."""
        settings = task.look.settings
        self._look_targets(task.look)
        inputs = painting_inputs(task, self._size(task))
        plan = self._plan(inputs, settings)
        last = plan.sizes[-1]
        kind = settings, plan.memory.tiling, inputs.masked, _size_class(last)
        if kind not in self._rates:
            self._rates[kind] = self._seconds_per_work(task, inputs)
        return TaskForecast(
            task,
            inputs.size if settings.rescale_image else last,
            plan.memory,
            sum(plan.counts),
            self._rates[kind] * total_work(*inputs.size, settings),
        )

    def _size(self, task: Task) -> Size:
        """The photo's size. Raises PictureError for a photo or mask that cannot be used,
        MemoryShortError for one that is too large."""
        key = task.photo.key
        files = result_of(self._files[key], self._run.stop)
        for name, header in files:
            if isinstance(header, Exception):
                raise header.with_traceback(None)
            if header is not None:
                check_memory(header.bytes_to_decode, self._decodable, name)
        if isinstance(header := files[0].header, Header):
            return header.size
        if key not in self._sizes:
            read = self._run.buckets.source.read_listed
            found = read_photo(task.photo, task.mask, read, lambda _: self._decodable)
            self._sizes[key] = found.picture.size
        return self._sizes[key]

    def _look_targets(self, look: Look) -> StyleTargets:
        """The look's targets. Raises what makes every task of the look fail."""
        if look != self._look:
            self._look, self._targets, self._refused = look, None, None
            try:
                read = self._run.buckets.style.read_listed
                self._targets = StyleTargets(*read_look(look, read, lambda _: self._decodable))
                self._run.networks.load(look.settings, self._device)
            except Exception as error:
                self._refused = error
        if self._refused is not None:
            raise self._refused.with_traceback(None)
        assert self._targets is not None
        return self._targets

    def _plan(self, inputs: PaintingInputs, settings: Settings) -> PaintingPlan:
        key = settings, inputs
        if key not in self._plans:
            network = self._run.networks.load(settings, self._device)
            self._plans[key] = plan_painting(inputs, settings, network, self._budget)
        return self._plans[key]

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
            self._look_targets(task.look),
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


class _File(NamedTuple):
    """A file's name in errors, and its header: None if the file's start does not say it, the error
    if the file cannot be used."""

    name: str
    header: Header | PictureError | None


def _photo_files(task: Task, source: Bucket) -> list[_File]:
    """A task's photo, and its mask if it has one."""
    files = [(task.photo.key, task.photo)]
    if task.mask is not None:
        files.append((f"mask {task.mask.key}", task.mask))
    return [_File(name, _header(entry, name, source)) for name, entry in files]


def _header(entry: Entry, name: str, bucket: Bucket) -> Header | PictureError | None:
    try:
        for count in STARTS:
            found = read_header(bucket.read_start(entry.key, count), name, entry.size)
            if found is not None:
                return found
    except PictureError:
        # Nothing checks that the first bytes arrived as they are. A whole file is checked.
        try:
            data = bucket.read_listed(entry)
            return read_header(data, name, len(data))
        except PictureError as error:
            return error
        except StorageError:
            return None
    except StorageError:  # Reading the whole file shows whether that lasts, and names it.
        return None
    return None


def _size_class(size: Size) -> int:
    return round(math.log(math.prod(size), SIZE_CLASS))


def _step_sizes(size: Size, settings: Settings) -> list[Size]:
    """The picture's height and width at each step."""
    scales, counts = schedule(*size, settings)
    return [scale for scale, count in zip(scales, counts, strict=True) for _ in range(count)]
