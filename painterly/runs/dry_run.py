"""Reports what a run would paint, how much memory it would need, and how long it would take by the
records of pictures that this machine has painted.

The painter begins each order as in the run, with a stand-in of the size in the photo's header.
"""

import contextlib
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import DEBUG, ERROR
from pathlib import PurePosixPath
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from painterly.devices.budget import Limits
from painterly.devices.device import HOST, Device, Devices
from painterly.engine.schedule import total_work
from painterly.errors import PainterlyError
from painterly.images.header import Header
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile, errors_named, read_header
from painterly.log import event
from painterly.orders.order import Order
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.painters.failures import raise_if_fatal, reason_of
from painterly.painters.painter import DeviceSlot, Painter
from painterly.painters.reading import READ_AHEAD, PhotoInput, decodable_memory
from painterly.progress import Tally
from painterly.settings.clips import EXTENSIONS
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket, Entry
from painterly.words.wording import duration, memory_size, plural

MEMORY_COUNTS = "memory is that of the whole process, TensorFlow included, as in MEMORY_LIMIT"
NO_TIME = "the time is unknown until this device has painted such a picture here"
COLOUR = 130, 120, 110  # a stand-in for a photo: of a grey one, all pixels would be looked at
# Bytes to read from the start of a file. The first number suffices for most pictures, but a camera
# may put previews before the size. If the second number does not reach the size, the whole file is
# read.
STARTS = (32 << 10, 512 << 10)
MAX_HEADER_READERS = 16  # threads: each waits for the network, not for the processor
_Rates = dict[tuple[str, str, str], float]  # by device, recipe and network


class Forecast(NamedTuple):
    """The size of a result in px, the bytes of memory that painting it needs, and the seconds that
    it takes, if they are known."""

    size: tuple[int, int]
    memory: int
    seconds: float | None

    def __str__(self) -> str:
        return f"{self.size[1]} × {self.size[0]} px, with {memory_size(self.memory)} of memory"


def report_dry_run(
    painter: Painter, plan: Plan, devices: Devices, records: Iterable[Record]
) -> int:
    """Log what the plan would take, and return the number of pictures that cannot be painted.

    Args:
        painter: The painter.
        plan: A plan with orders.
        devices: The devices.
        records: The records of all results in the bucket.

    Raises:
        UnavailableError: As in the run itself.
        Stopped: A signal has arrived.
    """
    event(f"painting on {devices}", device=str(devices))
    slot, limit, stop = DeviceSlot(devices.first), painter.config.memory_limit, painter.stop
    rates, decodable = _rates(records, (devices.first, HOST)), decodable_memory(limit)
    budgets = {each: each.budget(Limits(limit)) for each in (devices.first, HOST)}
    # A style does not wait for all headers.
    pool, style_pool = ThreadPoolExecutor(MAX_HEADER_READERS), ThreadPoolExecutor(1)
    photos = {order.photo.key: order for order in plan.todo}
    headers = {key: pool.submit(_headers, each, painter.source) for key, each in photos.items()}

    def forecast(order: Order) -> Forecast:
        of_files = stop.result_of(headers[order.photo.key])
        for name, each in of_files:
            with errors_named(name):
                each.check_memory(decodable)
        _, header = of_files[0]
        pixels = np.broadcast_to(np.array(COLOUR, np.uint8), (*header.size, 3))
        mask = None if order.mask is None else np.ones((1, 1), np.float32)
        photo = PhotoInput(Picture(pixels, None, ""), mask)
        inputs = stop.result_of(style_pool.submit(painter.reader.decode, order, photo))
        # The photo, and the files of the next ones, which may be as large as its own.
        held = header.bytes_decoded + READ_AHEAD * (order.photo.size or header.bytes_decoded)
        device = slot.device_for(order.style.settings)
        with device.scope():
            vgg = painter.networks.load(order.style.settings, device.name, order.weights)
            budget = budgets[device].with_more_in_use(held)
            order, _, transfer = painter.begin(order, inputs, slot, vgg, budget)
        settings = order.style.settings
        rate = rates.get((str(device), settings.recipe, order.network))
        seconds = rate and rate * total_work(*header.size, settings, _is_gpu(device))
        return Forecast(transfer.result_size, transfer.memory_plan.in_all, seconds)

    forecasts, failed = list[Forecast](), len(plan.refused)
    tally = Tally(f"measuring {plural(len(plan.todo), 'photo')}")
    try:
        for order in plan.todo:
            tally.show(len(forecasts))
            stop.obey()
            try:
                forecasts.append(forecast(order))
            except Exception as error:
                raise_if_fatal(error)
                event(f"{order}: cannot be painted: {reason_of(error)}", level=ERROR)
                failed += 1
            else:
                memory_gb = round(forecasts[-1].memory / 1e9, 2)
                text = f"{order}: would be painted, {forecasts[-1]}"
                order.log(text, level=DEBUG, memory_gb=memory_gb, seconds=forecasts[-1].seconds)
    finally:
        for each in (pool, style_pool):
            each.shutdown(wait=False, cancel_futures=True)
    _log_whole(forecasts, failed)
    return failed


def _rates(records: Iterable[Record], devices: Iterable[Device]) -> _Rates:
    """Return the seconds per work (schedule.py) of pictures that these devices have painted."""
    on_gpu = {str(each): _is_gpu(each) for each in devices}
    rates: dict[tuple[str, str, str], list[float]] = {}
    for record in records:
        is_clip = PurePosixPath(record.photo or "").suffix.lower() in EXTENSIONS
        if is_clip or record.device not in on_gpu:
            continue
        if not (record.height and record.width and record.seconds):
            continue
        with contextlib.suppress(PainterlyError):  # Another version has other settings.
            settings = Settings().replaced(record.settings or {})
            work = total_work(record.height, record.width, settings, on_gpu[record.device])
            kind = record.device, settings.recipe, record.network or ""
            rates.setdefault(kind, []).append(record.seconds / work)
    return {kind: median(each) for kind, each in rates.items()}


def _is_gpu(device: Device) -> bool:
    return device.name.startswith("GPU")


def _headers(order: Order, source: Bucket) -> list[tuple[str, Header]]:
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


def _log_whole(forecasts: Sequence[Forecast], failed: int) -> None:
    fields: dict[str, Any] = {"to_paint": len(forecasts), "failed": failed}
    parts, remarks = [f"{len(forecasts)} to paint"], list[str]()
    if forecasts:
        seconds = [each.seconds for each in forecasts if each.seconds is not None]
        largest = max(forecasts, key=lambda each: (each.memory, math.prod(each.size)))
        fields["memory_gb"] = round(largest.memory / 1e9, 2)
        if len(seconds) == len(forecasts):
            fields["seconds"] = round(sum(seconds), 1)
            parts[0] += f" in about {duration(sum(seconds))} on this device"
        else:
            remarks.append(NO_TIME)
        parts.append(f"the largest {largest}")
        remarks.append(MEMORY_COUNTS)
    if failed:
        parts.append(f"{failed} that cannot be painted")
    told = "; ".join([", ".join(parts), *remarks])
    event(f"dry run: {told}. Nothing was painted.", **fields)
