"""Paints on one device of a node, as a Ray actor, for a driver elsewhere.

It keeps the same things between two pictures as a local run: the weights, the style's targets,
TensorFlow's compiled programs. It reads and stores by itself, and the driver gets a line about each
task.
"""

import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from styletransfer import ENGINE_VERSION
from styletransfer.batch.context import Buckets, PaintingContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.failures import is_out_of_memory, picture_failure
from styletransfer.batch.network_pool import NetworkKind, NetworkPool
from styletransfer.batch.plan import Task, is_current
from styletransfer.batch.reading import Fetched
from styletransfer.batch.storing import FinishedPicture, StorageSession
from styletransfer.config import Config
from styletransfer.errors import ConfigError, StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import log_to_stdout
from styletransfer.signals import Stop, Stopped
from styletransfer.vgg.sources import WeightsSource

LEAVE_S = 4.0  # for the checkpoint of the current painting, as after a signal


@dataclass(frozen=True)
class WorkerSetup:
    """The data that every worker of a run needs, sent once to each.

    Attributes:
        config: The run's configuration.
        weights: The weights that the plan chose.
        gallery: Whether pictures are stored for a gallery.
        engine: The version of the engine in the plan's fingerprints.
        cpus: The number of processor cores to use, or None for a GPU.
    """

    config: Config
    weights: Mapping[NetworkKind, WeightsSource]
    gallery: bool
    engine: str
    cpus: int | None


@dataclass(frozen=True)
class Answer:
    """The answer of a worker that was started or given a task.

    Attributes:
        device: The device in half a line, once the worker has started.
        seconds: The time that painting took.
        failure: The reason if the task has failed.
        found: Whether another run has already stored the result.
        problem: The error of the worker, which paints no more.
    """

    device: str = ""
    seconds: float = 0.0
    failure: str | None = None
    found: bool = False
    problem: StyleTransferError | None = None


class RemoteWorker:
    """A worker on one device. Several threads may call `paint`: while one paints, others read or
    store."""

    def __init__(self, setup: WorkerSetup) -> None:
        """Returns at once; `start` loads TensorFlow."""
        if setup.cpus is not None and setup.cpus < (os.cpu_count() or 1):
            # A node that has a share of a machine's cores keeps to it.
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(setup.cpus))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        log_to_stdout("%(asctime)s %(message)s")
        device = "gpu" if setup.cpus is None else "cpu"
        self._config = replace(setup.config, device=device, progress="plain")
        self._setup, self._stop = setup, Stop()
        # A single thread, since glibc keeps freed memory for each thread.
        self._painting = ThreadPoolExecutor(1)

    def start(self) -> Answer:
        """Loads TensorFlow and prepares painting. Returns the device, or the problem."""
        try:
            if self._setup.engine != ENGINE_VERSION:
                raise ConfigError(
                    f"the driver has version {self._setup.engine} of the engine, and this node "
                    f"{ENGINE_VERSION}; have the same version on all machines"
                )
            device = DeviceLoader(self._config.device).devices().first
            self._session = StorageSession(Buckets.open(self._config), self._config)
        except StyleTransferError as error:
            return Answer(problem=error)
        from styletransfer.batch.painting import Painter

        session = self._session
        self._networks = NetworkPool(self._config, session.style, (), self._setup.weights)
        gallery = Gallery(session.result if self._setup.gallery else None, publishes=False)
        self._storer = session.storer(gallery)
        context = PaintingContext(
            config=self._config,
            networks=self._networks,
            stop=self._stop,
            checkpoints=session.checkpoints,
            # A worker has four tasks at most: one is painted, two are read, and one is stored.
            set_aside=3 * session.reader.ahead_bytes,
        )
        self._painter = Painter(device, context)
        return Answer(str(device))

    def paint(self, task: Task) -> Answer:
        """Paints a task and stores its result. Raises an error if memory is exhausted: the worker
        cannot continue then."""
        config = self._config
        try:
            # Another run may have painted it: the plan may be hours old.
            if self._storer.is_done(
                task, lambda record: config.keep or is_current(record, task, self._networks)
            ):
                return Answer(found=True)
            return self._paint(task)
        except Stopped:
            return Answer(problem=StyleTransferError("the run was stopped"))
        except StyleTransferError as error:
            return Answer(problem=error)

    def leave(self) -> None:
        """Saves a checkpoint of the current painting, and takes no further task."""
        self._stop.signum = signal.SIGTERM
        self._session.leaving.set()
        wait([self._painting.submit(int)], timeout=LEAVE_S)
        self._session.close()

    def _paint(self, task: Task) -> Answer:
        try:
            fetched = self._session.reader.fetch(task)
            finished = self._painting.submit(self._paint_next, task, fetched).result()
            self._storer.store(finished)
            return Answer(seconds=finished.seconds)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            failure = picture_failure(error)
            self._storer.fail(task, failure)
            return Answer(failure=str(failure))

    def _paint_next(self, task: Task, fetched: Fetched) -> FinishedPicture:
        self._stop.obey()
        inputs = self._session.reader.decode(task, fetched)
        key = self._storer.result_key(task, inputs.photo.picture)
        return self._painter.paint(task, key, inputs)
