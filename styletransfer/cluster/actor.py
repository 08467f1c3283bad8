"""Paints on one device of a node for a driver elsewhere. Ray makes an actor of it.

It keeps what a run of its own would keep between two pictures: the weights, the look's targets,
what TensorFlow has compiled. It reads and stores by itself; the driver gets a line about each task.
"""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

from styletransfer import ENGINE_VERSION
from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import Buckets, PaintingContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import Task, is_current
from styletransfer.batch.reading import Fetched, Reader
from styletransfer.batch.storing import FinishedPicture, Storer
from styletransfer.cluster.wire import Answer, Order, Started, WorkerSetup
from styletransfer.errors import ConfigError, StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import log_to_stdout
from styletransfer.record import Record
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.retry import RetryingBucket

LEAVE_S = 4.0  # for the checkpoint of the painting under way, as after a signal


class RemoteWorker:
    """Any number of threads may call `paint`: while one paints, others read or store."""

    def __init__(self, setup: WorkerSetup) -> None:
        """Returns at once; `start` loads TensorFlow."""
        if setup.cpus is not None and setup.cpus < (os.cpu_count() or 1):
            # A node that has a share of a machine's cores keeps to it.
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(setup.cpus))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        log_to_stdout("%(asctime)s %(message)s")
        device = "gpu" if setup.cpus is None else "cpu"
        self._config = replace(setup.config, device=device, progress="plain")
        self._setup, self._stop, self._leaving = setup, Stop(), threading.Event()
        # Of one thread: what glibc keeps of freed memory, it keeps for each.
        self._painting = ThreadPoolExecutor(1)

    def start(self) -> Started:
        """Loads TensorFlow and makes what paints; the device, or why there is none."""
        try:
            if self._setup.engine != ENGINE_VERSION:
                raise ConfigError(
                    f"the driver has version {self._setup.engine} of the engine, and this node "
                    f"{ENGINE_VERSION}; have the same version on all machines"
                )
            device = DeviceLoader(self._config.device).devices().first
            buckets = Buckets.open(self._config)
        except StyleTransferError as error:
            return Started(problem=error)
        from styletransfer.batch.painting import Painter

        self._retrying = [
            RetryingBucket(each, self._leaving)
            for each in (buckets.source, buckets.style, buckets.result)
        ]
        source, style, result = self._retrying
        self._networks = NetworkPool(self._config, style, (), self._setup.weights)
        self._reader = Reader(source, style, self._config.memory_limit)
        self._checkpoints = CheckpointStore(buckets.result, result, set())
        gallery = Gallery(result if self._setup.gallery else None, publishes=False)
        self._storer = Storer(
            result, self._config.output, self._config.partial, gallery, self._checkpoints
        )
        context = PaintingContext(config=self._config, networks=self._networks, stop=self._stop)
        self._painter = Painter(device, context, self._checkpoints)
        return Started(str(device))

    def paint(self, order: Order) -> Answer:
        """Paints a task and stores its result; what became of it. Raises memory that is exhausted:
        the worker is of no more use then."""
        task = order.task
        try:
            # A plan is hours old where another run had the devices.
            if self._storer.is_done(task, lambda record: self._is_wanted(task, record)):
                return Answer(found=True)
            return self._paint(order)
        except Stopped:
            return Answer(problem=StyleTransferError("the run was stopped"))
        except StyleTransferError as error:
            return Answer(problem=error)

    def waits_for(self) -> str:
        """Why a bucket cannot be reached at the moment; empty where all can."""
        return next((each.waits_for for each in self._retrying if each.waits_for), "")

    def leave(self) -> None:
        """Saves a checkpoint of the painting under way, and takes no further task."""
        self._stop.signum = signal.SIGTERM
        self._leaving.set()
        wait([self._painting.submit(int)], timeout=LEAVE_S)
        self._checkpoints.close()

    def _paint(self, order: Order) -> Answer:
        task = order.task
        try:
            if order.may_resume:
                self._checkpoints.look_for(task)
            fetched = self._reader.fetch(task)
            finished = self._painting.submit(self._paint_in_turn, task, fetched).result()
            self._storer.store(finished)
            return Answer(seconds=finished.seconds)
        except Exception as error:
            failure = picture_failure(error)
            self._storer.fail(task, str(task), failure)
            return Answer(failure=str(failure))

    def _paint_in_turn(self, task: Task, fetched: Fetched) -> FinishedPicture:
        from styletransfer.batch.painting import Surroundings

        self._stop.obey()
        inputs = self._reader.decode(task, fetched)
        key = self._storer.result_key(task, inputs.photo.picture)
        # Four tasks at most are under way, of which two are read and one is stored.
        beside = Surroundings(set_aside=lambda: 3 * self._reader.ahead_bytes)
        return self._painter.paint(task, key, str(task), inputs, beside)

    def _is_wanted(self, task: Task, record: Record) -> bool:
        return self._config.keep or is_current(record, task, self._networks)
