"""Paints on one device of a node, as a Ray actor, for a driver elsewhere.

It keeps the same things between two pictures as a local run: the weights, the style's paintings,
TensorFlow's compiled programs. It reads and stores by itself, and the driver gets the record of
each result.
"""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from painterly import ENGINE_VERSION
from painterly.configuration.config import Config
from painterly.devices.processor import cores
from painterly.errors import ConfigError, PainterlyError
from painterly.gallery.gallery import Gallery
from painterly.log import log_to_stdout
from painterly.orders.buckets import Buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.order import PlannedOrder
from painterly.orders.record import Record
from painterly.painters.failures import is_out_of_memory, raise_if_fatal, reason_of
from painterly.painters.finished import Finished
from painterly.painters.loading import load_devices
from painterly.painters.painter import DeviceSlot, Painter
from painterly.painters.reading import ChangedError, PhotoFiles, PhotoInput
from painterly.signals import Stop, Stopped
from painterly.storage.retry import RetryingBucket

LEAVE_S = 4.0  # for the checkpoint of the current painting, as after a signal


@dataclass(frozen=True)
class WorkerSetup:
    """The data that every worker of a run needs, sent once to each."""

    config: Config  # the run's configuration
    gallery: bool  # whether pictures are stored for a gallery
    engine: str  # the version of the engine in the plan's fingerprints
    optimises: bool  # whether an order's recipe minimises a loss, which takes TensorFlow
    cpus: int | None  # the number of processor cores to use, or None for a GPU


@dataclass(frozen=True)
class Answer:
    """The answer of a worker that was started or given an order."""

    device: str = ""  # the device in half a line, once the worker has started
    record: Record | None = None  # the record of the result, once it is stored, or of the failure
    already_stored: bool = False  # whether another run has already stored the result
    failure: str | None = None  # the reason if the order has failed
    postponed: str | None = None  # the reason if a later round of a watch paints the order
    problem: PainterlyError | None = None  # the error of the worker, which paints no more


class RemoteWorker:
    """A worker on one device. Several threads may call `paint`: while one paints, others read or
    store."""

    def __init__(self, setup: WorkerSetup) -> None:
        """Return at once; `start` loads the device and the buckets."""
        if setup.cpus is not None and setup.cpus < cores():
            # A node that has a share of a machine's cores keeps to it.
            for variable in ("TF_NUM_INTRAOP_THREADS", "OPENBLAS_NUM_THREADS"):
                os.environ.setdefault(variable, str(setup.cpus))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        log_to_stdout("%(asctime)s %(message)s")
        device = "gpu" if setup.cpus is None else "cpu"
        self._config = replace(setup.config, device=device, progress="plain")
        self._setup, self._stop = setup, Stop()
        # A single thread, since glibc keeps freed memory for each thread.
        self._painting = ThreadPoolExecutor(1)

    def start(self) -> Answer:
        """Load the device, and open the buckets. Return the device, or the problem."""
        try:
            if self._setup.engine != ENGINE_VERSION:
                raise ConfigError(
                    f"the driver has version {self._setup.engine} of the engine, and this node "
                    f"{ENGINE_VERSION}; have the same version on all machines"
                )
            device = load_devices(self._config.device, self._setup.optimises).result().first
            buckets = Buckets.open(self._config)
        except PainterlyError as error:
            return Answer(problem=error)
        leaving = threading.Event()
        style, result = (
            RetryingBucket(bucket, leaving) for bucket in (buckets.style, buckets.result)
        )
        networks = NetworkPool(self._config.vgg_weights, style)
        gallery = Gallery(result) if self._setup.gallery else None
        self._painter = Painter(
            self._config, buckets, networks, self._stop, gallery, leaving=leaving
        )
        # A worker has four orders at most: one is painted, two are read, and one is stored.
        self._slot = DeviceSlot(device, self._painter.reader.set_aside)
        return Answer(str(device))

    def paint(self, order: PlannedOrder) -> Answer:
        """Paint an order and store its result. Raises an error if memory is exhausted: the worker
        cannot continue then."""
        try:
            # Another run may have painted it: the plan may be hours old.
            if record := self._painter.finished_record(order):
                return Answer(record=record, already_stored=True)
            try:
                photo = self._painter.reader.fetch(order)
                finished = self._painting.submit(self._paint_next, order, photo).result()
                return Answer(record=self._painter.store(order, finished))
            except ChangedError as error:
                return Answer(postponed=str(error))
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise_if_fatal(error)
                reason = reason_of(error)
                return Answer(record=self._painter.fail(order, reason), failure=reason)
        except Stopped:
            return Answer(problem=PainterlyError("the run was stopped"))
        except PainterlyError as error:
            return Answer(problem=error)

    def leave(self) -> None:
        """Save a checkpoint of the current painting, and take no further order."""
        self._stop.signum = signal.SIGTERM
        self._painter.leave()
        wait([self._painting.submit(int)], timeout=LEAVE_S)
        self._painter.close()

    def _paint_next(self, order: PlannedOrder, photo: PhotoFiles | PhotoInput) -> Finished:
        self._stop.obey()
        inputs = self._painter.reader.decode(order, photo)
        return self._painter.paint(order, inputs, self._slot, resume=order.may_resume)
