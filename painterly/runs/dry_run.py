"""Reports what a run would paint, how long it would take on this device, and how much memory it
would need.

The bench begins each order as in the run, with a stand-in of the size in the photo's header. A few
steps of each kind of picture are measured.
"""

import dataclasses
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from logging import DEBUG, ERROR
from time import perf_counter
from typing import Any

import numpy as np

from painterly.bench.bench import Bench
from painterly.bench.easel import Easel
from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.reading import Inputs, PhotoInput, decodable_memory
from painterly.devices.budget import Limits, MemoryBudget
from painterly.devices.device import HOST, Device, Devices
from painterly.engine.memory_model import MemoryPlan
from painterly.engine.schedule import Schedule, work_of_steps
from painterly.engine.transfer import Transfer
from painterly.images.header import Header
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile, errors_named, read_header
from painterly.log import event
from painterly.orders.order import Order
from painterly.orders.plan import Plan
from painterly.orders.styles import Style
from painterly.runs.workers import READ_AHEAD
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry
from painterly.words.wording import duration, memory_size

MEMORY_COUNTS = "memory is that of the whole process, TensorFlow included, as in MEMORY_LIMIT"
# At the scales with the fewest steps. The first step at each scale includes its set-up and counts
# once.
MEASURED_ITERATIONS = 3
COLOUR = 130, 120, 110  # a stand-in for a photo: of a grey one, all pixels would be looked at
SIZE_CLASS = 4  # A picture with this many times the pixels of another is measured separately.
# Bytes to read from the start of a file. The first number suffices for most pictures, but a camera
# may put previews before the size. If the second number does not reach the size, the whole file is
# read.
STARTS = (32 << 10, 512 << 10)
MAX_HEADER_READERS = 16  # threads: each waits for the network, not for the processor
Size = tuple[int, int]  # height, width in px
StepKind = tuple[Size, bool]  # the picture's size, and whether it is rebuilt


def report_dry_run(bench: Bench, plan: Plan, devices: Devices, started: float) -> int:
    """Log what the plan would take.

    Args:
        bench: The bench.
        plan: A plan with orders.
        devices: The devices. The caller is in the scope of the first one.
        started: The time when the run began, as perf_counter returns it.

    Returns:
        The exit code: 0, or 1 if some pictures cannot be painted.

    Raises:
        UnavailableError: As in the run itself.
        Stopped: A signal has arrived.
    """
    event(f"painting on {devices}", device=str(devices))
    first = plan.todo[0]
    bench.networks.load(first.style.settings, devices.first.name, first.weights)
    start_up_s = perf_counter() - started
    estimates: list[OrderForecast] = []
    failed = len(plan.refused)
    with closing(Forecast(bench, plan, devices)) as forecast:
        for order in plan.todo:
            bench.stop.obey()
            try:
                estimate = forecast.of(order)
            except Exception as error:
                raise_if_fatal(error)
                event(f"{order}: cannot be painted: {reason_of(error)}", level=ERROR)
                failed += 1
            else:
                _log_order(estimate)
                estimates.append(estimate)
    _log_whole(estimates, failed, start_up_s + forecast.set_up_s)
    return 1 if failed else 0


@dataclasses.dataclass(frozen=True)
class OrderForecast:
    """The cost of painting one order. `size` is the size of the result, `steps` their number."""

    order: Order
    size: Size
    memory: MemoryPlan
    steps: int
    seconds: float


def _log_order(estimate: OrderForecast) -> None:
    memory = estimate.memory.in_all
    estimate.order.log(
        f"{estimate.order}: would be painted, {_shown_size(estimate)} px, {estimate.steps} steps, "
        f"about {duration(estimate.seconds)}, {memory_size(memory)} of memory",
        level=DEBUG,
        steps=estimate.steps,
        seconds=round(estimate.seconds, 1),
        memory_gb=round(memory / 1e9, 2),
    )


def _log_whole(estimates: Sequence[OrderForecast], failed: int, once_s: float) -> None:
    """Log a line with the time of all pictures and of the start, and with the largest picture and
    the most memory."""
    fields: dict[str, Any] = {"to_paint": len(estimates), "seconds": 0.0}
    about = memory_counts = ""
    if estimates:
        largest = max(estimates, key=lambda each: math.prod(each.size))
        seconds = once_s + sum(each.seconds for each in estimates)
        memory = max(each.memory.in_all for each in estimates)
        fields |= {"seconds": round(seconds, 1), "memory_gb": round(memory / 1e9, 2)}
        about = (
            f" in about {duration(seconds)} on this device, the largest {_shown_size(largest)} px, "
            f"with {memory_size(memory)} of memory"
        )
        memory_counts = f"; {MEMORY_COUNTS}"
    cannot = f", {failed} that cannot be painted" if failed else ""
    event(
        f"dry run: {len(estimates)} to paint{about}{cannot}{memory_counts}. Nothing was painted.",
        failed=failed,
        **fields,
    )


def _shown_size(estimate: OrderForecast) -> str:
    height, width = estimate.size
    return f"{width} × {height}"


class Forecast:
    """Lets the bench begin each order, and measures a few steps for each kind of picture.

    Photos are not decoded: an even picture of the same size stands in for each.
    """

    def __init__(self, bench: Bench, plan: Plan, devices: Devices) -> None:
        """Begin to read the headers of all photos, until `close`.

        Args:
            bench: The bench.
            plan: The plan.
            devices: The devices.
        """
        self._bench, self._easel = bench, Easel(devices.first)
        self._memory_limit = bench.config.memory_limit
        self._decodable = decodable_memory(self._memory_limit)
        # Measured once: later, measurements have left some memory in use.
        limits = Limits(self._memory_limit)
        self._budgets = {each: each.budget(limits) for each in (devices.first, HOST)}
        self._rates: dict[tuple[Settings, int | None, bool, int], float] = {}
        # The style read last: orders are in the order of their styles.
        self._style: Style | None = None
        self._decoding = Future[Inputs]()
        # A style does not wait for all headers.
        self._pool, self._style_pool = ThreadPoolExecutor(MAX_HEADER_READERS), ThreadPoolExecutor(1)
        todo = {order.photo.key: order for order in plan.todo}
        self._headers = {
            key: self._pool.submit(_photo_headers, order, bench.source)
            for key, order in todo.items()
        }
        self.set_up_s = 0.0  # seconds that a run spends once

    def close(self) -> None:
        """Stop reading files."""
        for pool in (self._pool, self._style_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def of(self, order: Order) -> OrderForecast:
        """Return the forecast of one of the run's orders, as it is painted in this memory. Raises
        the error that makes painting it impossible, or Stopped."""
        header = self._header(order)
        pixels = np.broadcast_to(np.array(COLOUR, np.uint8), (*header.size, 3))
        mask = None if order.mask is None else np.ones((1, 1), np.float32)
        photo = PhotoInput(Picture(pixels, None, ""), mask)
        if order.style != self._style:
            decoding = self._style_pool.submit(self._bench.reader.decode, order, photo)
            self._style, self._decoding = order.style, decoding
        style = self._bench.stop.result_of(self._decoding).style
        # The photo, and the files of the next ones, which may be as large as its own.
        held = header.bytes_decoded + READ_AHEAD * (order.photo.size or header.bytes_decoded)
        device = self._easel.device_for(order.style.settings)
        budget = self._budgets[device].with_more_in_use(held)
        order, inputs, transfer = self._begun(order, Inputs(photo, style), device, budget)
        settings, memory, schedule = order.style.settings, transfer.memory_plan, transfer.schedule
        kind = settings, memory.side, transfer.is_masked, _size_class(memory.size)
        if kind not in self._rates:
            self._rates[kind] = self._seconds_per_work(order, inputs, device, held, schedule)
        seconds = self._rates[kind] * sum(work_of_steps(schedule, settings))
        return OrderForecast(order, transfer.result_size, memory, schedule.total, seconds)

    def _begun(
        self, order: Order, inputs: Inputs, device: Device, budget: MemoryBudget
    ) -> tuple[Order, Inputs, Transfer]:
        """Begin an order as the run does. Raises as `of`."""
        with device.scope():
            networks = self._bench.networks.load(order.style.settings, device.name, order.weights)
            return self._bench.begin(order, inputs, self._easel, networks, budget)

    def _header(self, order: Order) -> Header:
        """Return the photo's header. Raises PictureError for a photo or mask that cannot be used,
        MemoryShortError for one that is too large, StorageError."""
        headers = self._bench.stop.result_of(self._headers[order.photo.key])
        for name, header in headers:
            with errors_named(name):
                header.check_memory(self._decodable)
        return headers[0][1]

    def _seconds_per_work(
        self, order: Order, inputs: Inputs, device: Device, held: int, schedule: Schedule
    ) -> float:
        """Return the seconds of a step by its work, averaged over all scales of a whole run. Time
        that a run spends once, such as on TensorFlow's programs, is added to `set_up_s`.

        Args:
            order: The order.
            inputs: Its stand-in and its style.
            device: Its device.
            held: The bytes that painting leaves free for the photo, since the stand-in takes none.
            schedule: The steps of the whole run.
        """
        settings = order.style.settings
        few = dataclasses.replace(settings, iterations=MEASURED_ITERATIONS, min_improvement=0)
        measured = order.with_settings(few)

        def step_times() -> tuple[list[StepKind], list[float]]:
            """Return the kind of each step, and its seconds."""
            budget = device.budget(Limits(self._memory_limit, held))
            transfer = self._begun(measured, inputs, device, budget)[-1]
            seconds = []
            with device.scope():
                last = perf_counter()
                for step in transfer.steps():
                    _ = step.losses  # Waits for the device.
                    self._bench.stop.obey()
                    seconds.append(perf_counter() - last)
                    last = perf_counter()
            return _step_kinds(transfer.schedule), seconds

        (_, first), (kinds, second) = step_times(), step_times()
        self.set_up_s += max(0.0, sum(first) - sum(second))
        times: dict[StepKind, list[float]] = {}
        for kind, seconds in zip(kinds, second, strict=True):
            times.setdefault(kind, []).append(seconds)
        usual = {kind: float(np.median(each[1:] or each)) for kind, each in times.items()}
        set_up = sum(max(0.0, each[0] - usual[kind]) for kind, each in times.items())
        whole = sum(usual[kind] for kind in _step_kinds(schedule))
        return (whole + set_up) / sum(work_of_steps(schedule, settings))


def _photo_headers(order: Order, source: Bucket) -> list[tuple[str, Header]]:
    """Read the headers of an order's photo, and of its mask if it has one, each with the file's
    name in errors. Raises PictureError, StorageError."""
    files = [(order.photo.key, order.photo)]
    if order.mask is not None:
        files.append((f"mask {order.mask.key}", order.mask))
    return [(name, _header(entry, name, source)) for name, entry in files]


def _header(entry: Entry, name: str, bucket: Bucket) -> Header:
    for count in STARTS:
        header = read_header(bucket.read_part(entry.key, 0, count), name, entry.size)
        if header is not None:
            return header
    return PictureFile(bucket.read(entry.key), name).header


def _size_class(size: Size) -> int:
    return round(math.log(math.prod(size), SIZE_CLASS))


def _step_kinds(schedule: Schedule) -> list[StepKind]:
    """Return the kind of each step. Steps of one kind take equally long."""
    scales, counts, rebuilds = schedule
    kinds = [
        (scale, False) for scale, count in zip(scales, counts, strict=True) for _ in range(count)
    ]
    return [*kinds, (scales[-1], True)] if rebuilds else kinds
