"""Reports what a run would paint, how long it would take on this device, and how much memory it
would need.

Each order is planned as the run plans it, from the headers of its files, and measured on a few
steps.
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
from painterly.bench.cpu_time import log_cpu_time
from painterly.bench.failures import raise_if_fatal, reason_of
from painterly.bench.reading import decodable_memory, decode_style, read_paintings
from painterly.devices.budget import Limits
from painterly.devices.device import HOST, Devices
from painterly.engine.instant.instant import plan_memory
from painterly.engine.memory_model import MemoryPlan, PaintingInputs
from painterly.engine.paintings import Paintings
from painterly.engine.schedule import Schedule, total_work
from painterly.engine.stylize import prepared
from painterly.engine.transfer import TransferInputs
from painterly.errors import MemoryShortError
from painterly.images.header import Header
from painterly.images.picture_file import PictureFile, errors_named, read_header
from painterly.log import event
from painterly.orders.order import Order
from painterly.orders.plan import Plan
from painterly.orders.styles import Style
from painterly.runs.workers import READ_AHEAD
from painterly.settings.paper import part_shown
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry
from painterly.words.wording import duration, memory_size

MEMORY_COUNTS = "memory is that of the whole process, TensorFlow included, as in MEMORY_LIMIT"
# At the scales with the fewest steps. The first step at each scale includes its set-up and counts
# once.
MEASURED_ITERATIONS = 3
MEASURED_OF_DIFFUSION = 5  # Every second step looks at the photo and the paintings as well.
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
    """Plans each order as the run would, and measures a few steps for each kind of picture."""

    def __init__(self, bench: Bench, plan: Plan, devices: Devices) -> None:
        """Begin to read the headers of all photos, until `close`.

        Args:
            bench: The bench.
            plan: The plan.
            devices: The devices.
        """
        self._bench, self._device = bench, devices.first.name
        self._memory_limit = bench.config.memory_limit
        self._decodable = decodable_memory(self._memory_limit)
        self._devices = {True: devices.first, False: HOST}  # by Traits.optimises
        self._budgets = {
            optimises: device.budget(Limits(self._memory_limit))
            for optimises, device in self._devices.items()
        }
        self._rates: dict[tuple[Settings, int | None, bool, int], float] = {}
        # The style read last, and its paintings: orders are in the order of their styles.
        self._style: Style | None = None
        self._paintings = Future[Paintings]()
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
        paintings, photo = self._paintings_of(order.style), self._header(order)
        while True:
            try:
                return self._at_size(order, paintings, photo)
            except MemoryShortError:
                smaller = order.halved()
                if smaller is None:
                    raise
                order = smaller

    def _at_size(self, order: Order, paintings: Paintings, photo: Header) -> OrderForecast:
        """Return the forecast of an order at the size of its settings. Raises as `of`."""
        settings = order.style.settings
        is_masked = order.mask is not None
        sheet = settings.sheet(*photo.size)
        inputs = PaintingInputs(
            part_shown(photo.size, sheet).size if sheet else photo.size,
            is_masked or paintings.painted_part(None) is not None,
            paintings.masked_groups(is_masked),
            paintings=len(paintings.paintings),
            blends=paintings.blends,
        )
        schedule = Schedule.of(*inputs.size, settings)
        # The photo, and the files of the next ones, which may be as large as its own.
        held = photo.bytes_decoded + READ_AHEAD * order.photo.size
        memory = self._memory(order, paintings, inputs, schedule.sizes, held)
        kind = settings, memory.side, inputs.masked, _size_class(memory.size)
        if kind not in self._rates:
            log_cpu_time(order, self._device, schedule)
            self._rates[kind] = self._seconds_per_work(paintings, inputs, settings, held)
        return OrderForecast(
            order,
            inputs.size if settings.rescale_image else memory.size,
            memory,
            schedule.total,
            self._rates[kind] * total_work(*inputs.size, settings),
        )

    def _memory(
        self,
        order: Order,
        paintings: Paintings,
        inputs: PaintingInputs,
        sizes: Sequence[Size],
        held: int,
    ) -> MemoryPlan:
        """Return the memory plan of an order, at scales of these sizes, if `held` bytes more are in
        use. Raises PictureError, MemoryShortError."""
        settings = order.style.settings
        budget = self._budgets[settings.traits.optimises].with_more_in_use(held)
        network = self._bench.networks.load(settings, self._device, order.weights)
        diffusion = self._bench.networks.load_diffusion(settings, order.weights)
        if diffusion is not None:
            from painterly.engine import attention_transfer

            assert network is not None
            return attention_transfer.plan(inputs, sizes, settings, diffusion, network, budget)
        if network is None:
            return plan_memory(inputs, sizes[-1], paintings, settings, budget)
        from painterly.engine.style_transfer import plan_painting

        return plan_painting(inputs, sizes, settings, network, budget).memory

    def _header(self, order: Order) -> Header:
        """Return the photo's header. Raises PictureError for a photo or mask that cannot be used,
        MemoryShortError for one that is too large, StorageError."""
        headers = self._bench.stop.result_of(self._headers[order.photo.key])
        for name, header in headers:
            with errors_named(name):
                header.check_memory(self._decodable)
        return headers[0][1]

    def _paintings_of(self, style: Style) -> Paintings:
        """Return the style's paintings. Raises the error that makes every order of it fail."""

        def read() -> Paintings:
            files = read_paintings(style, self._bench.style.read)
            return Paintings(*decode_style(files, style.settings, self._decodable))

        if style != self._style:
            self._style, self._paintings = style, self._style_pool.submit(read)
        return self._bench.stop.result_of(self._paintings)

    def _seconds_per_work(
        self, paintings: Paintings, inputs: PaintingInputs, settings: Settings, held: int
    ) -> float:
        """Return the seconds of a step by its work, averaged over all scales of a whole run. Time
        that a run spends once, such as on TensorFlow's programs, is added to `set_up_s`."""
        of_diffusion = settings.traits.network == "diffusion"
        count = MEASURED_OF_DIFFUSION if of_diffusion else MEASURED_ITERATIONS
        typical = np.mean if of_diffusion else np.median
        few = dataclasses.replace(settings, iterations=count, min_improvement=0)
        first, second = (self._step_times(paintings, inputs, few, held) for _ in range(2))
        self.set_up_s += max(0.0, sum(first) - sum(second))
        times: dict[StepKind, list[float]] = {}
        for kind, seconds in zip(_step_kinds(inputs.size, few), second, strict=True):
            times.setdefault(kind, []).append(seconds)
        usual = {kind: float(typical(of_kind[1:] or of_kind)) for kind, of_kind in times.items()}
        set_up = sum(max(0.0, of_kind[0] - usual[kind]) for kind, of_kind in times.items())
        whole = sum(usual[kind] for kind in _step_kinds(inputs.size, settings))
        return (whole + set_up) / total_work(*inputs.size, settings)

    def _step_times(
        self, paintings: Paintings, inputs: PaintingInputs, settings: Settings, held: int
    ) -> list[float]:
        """Return the seconds of each step of painting a grey photo of this size. Painting leaves
        `held` bytes free for the photo itself, since the grey one takes none."""
        photo = np.broadcast_to(np.uint8(128), (*inputs.size, 3))
        mask = np.ones((1, 1), np.float32) if inputs.masked else None
        transfer = prepared(
            TransferInputs(photo, paintings, settings, mask),
            self._bench.networks.load(settings, self._device),
            self._devices[settings.traits.optimises].budget(Limits(self._memory_limit, held)),
            self._bench.networks.load_diffusion(settings),
        )
        seconds, last = [], perf_counter()
        for step in transfer.steps():
            _ = step.losses  # Waits for the device.
            self._bench.stop.obey()
            seconds.append(perf_counter() - last)
            last = perf_counter()
        return seconds


def _photo_headers(order: Order, source: Bucket) -> list[tuple[str, Header]]:
    """Read the headers of an order's photo, and of its mask if it has one, each with the file's
    name in errors. Raises PictureError, StorageError."""
    files = [(order.photo.key, order.photo)]
    if order.mask is not None:
        files.append((f"mask {order.mask.key}", order.mask))
    return [(name, _header(entry, name, source)) for name, entry in files]


def _header(entry: Entry, name: str, bucket: Bucket) -> Header:
    for count in STARTS:
        header = read_header(bucket.read_start(entry.key, count), name, entry.size)
        if header is not None:
            return header
    return PictureFile(bucket.read(entry.key), name).header


def _size_class(size: Size) -> int:
    return round(math.log(math.prod(size), SIZE_CLASS))


def _step_kinds(size: Size, settings: Settings) -> list[StepKind]:
    """Return the kind of each step. Steps of one kind take equally long."""
    scales, counts, rebuilds = Schedule.of(*size, settings)
    kinds = [
        (scale, False) for scale, count in zip(scales, counts, strict=True) for _ in range(count)
    ]
    return [*kinds, (scales[-1], True)] if rebuilds else kinds
