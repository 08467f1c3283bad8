"""Paints on one device of a node for a driver elsewhere. Ray makes an actor of it.

It keeps what a run of its own would keep between two pictures: the weights, the look's targets,
what TensorFlow has compiled. It reads and stores by itself; the driver gets a line about each task.
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial

from styletransfer import ENGINE_VERSION
from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import Buckets, PaintingContext, Pipeline
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.eta import BatchEta
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.ownership import Ownership
from styletransfer.batch.plan import Task, is_current
from styletransfer.batch.prefetch import Prefetcher
from styletransfer.batch.prefetch_memory import PrefetchMemory
from styletransfer.batch.uploader import Outcome, Uploader
from styletransfer.cluster.orders import Answer, Order, Started, WorkerSetup
from styletransfer.errors import ConfigError, StyleTransferError
from styletransfer.gallery.publisher import GalleryContribution, NullGallery
from styletransfer.log import log_to_stdout
from styletransfer.record import Record
from styletransfer.signals import POLL_S, Stop, Stopped
from styletransfer.storage.retry import RetryingBucket

LEAVE_S = 4.0  # for the checkpoint of the painting under way, as after a signal


class RemoteWorker:
    """Any number of threads may call `paint`; tasks are painted one after another."""

    def __init__(self, setup: WorkerSetup) -> None:
        """Returns at once; `start` loads TensorFlow."""
        if setup.cpus is not None and setup.cpus < (os.cpu_count() or 1):
            # A node that has a share of a machine's cores keeps to it.
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(setup.cpus))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        log_to_stdout("%(asctime)s %(message)s")
        device = "gpu" if setup.cpus is None else "cpu"
        self._config = replace(setup.config, device=device, progress="plain")
        self._setup, self._stop, self._ended = setup, Stop(), threading.Event()
        self._problem: BaseException | None = None
        self._answers = _Answers()

    def start(self) -> Started:
        """Loads TensorFlow and begins to wait for tasks; the device, or why there is none."""
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
        from styletransfer.batch.worker import Worker

        self._retrying = [
            RetryingBucket(each, self._ended)
            for each in (buckets.source, buckets.style, buckets.result)
        ]
        source, style, self._result = self._retrying
        memory = PrefetchMemory(self._config.memory_limit)
        self._prefetcher = Prefetcher((), source, style, memory, more=True)
        self._checkpoints = CheckpointStore(buckets.result, self._result, set())
        gallery = GalleryContribution(self._result) if self._setup.gallery else NullGallery()
        self._ownership = Ownership(self._result, self._config.partial)
        self._uploader = Uploader(
            self._result,
            self._config.output,
            self._ownership,
            gallery,
            self._checkpoints,
            self._answers,
        )
        eta = BatchEta(1, lambda: self._prefetcher.left, self._answers.seconds)
        pipeline = Pipeline(self._prefetcher, memory, self._checkpoints, self._uploader, eta)
        self._networks = NetworkPool(self._config, style, (), self._setup.weights)
        context = PaintingContext(config=self._config, networks=self._networks, stop=self._stop)
        worker = Worker(device, context, pipeline)
        threading.Thread(target=self._paint_all, args=(worker.paint,), daemon=True).start()
        return Started(str(device))

    def paint(self, order: Order) -> Answer:
        """Paints a task and stores its result; what became of it. Raises what nobody foresaw, and
        memory that is exhausted: the worker is of no more use then."""
        try:
            # A plan is hours old where another run had the devices.
            if self._ownership.is_done(order.task, partial(self._is_wanted, order.task)):
                return Answer(found=True)
            if order.may_resume:
                self._checkpoints.look_for(order.task)
            answer = self._answers.expect(order.task)
            self._prefetcher.add(order.task)
            while not answer.done():
                if self._problem is not None:
                    raise self._problem
                wait([answer], timeout=POLL_S)
                self._uploader.check()
            return answer.result()
        except Stopped:
            return Answer(problem=StyleTransferError("the run was stopped"))
        except StyleTransferError as error:
            self._end(error)
            return Answer(problem=error)
        except BaseException as error:
            self._end(error)
            raise

    def _is_wanted(self, task: Task, record: Record) -> bool:
        return self._config.keep or is_current(record, task, self._networks)

    def waits_for(self) -> str:
        """Why a bucket cannot be reached at the moment; empty where all can."""
        return next((each.waits_for for each in self._retrying if each.waits_for), "")

    def leave(self) -> None:
        """Saves a checkpoint of the painting under way, and takes no further task."""
        self._stop.signum = signal.SIGTERM
        self._prefetcher.close()
        self._ended.wait(LEAVE_S)
        self._uploader.close()
        self._checkpoints.close()

    def _paint_all(self, paint: Callable[[], None]) -> None:
        problem: BaseException = Stopped(signal.SIGTERM)  # No further task comes: it is to leave.
        try:
            paint()
        except (Stopped, Exception) as error:
            problem = error
        self._problem = self._problem or problem
        self._ended.set()

    def _end(self, error: BaseException) -> None:
        self._problem = self._problem or error
        self._prefetcher.close()
        self._ended.set()


class _Answers(Outcome):
    """Answers for each task when nothing more is stored for it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, Future[Answer]] = {}
        self._found: dict[str, Answer] = {}

    def expect(self, task: Task) -> "Future[Answer]":
        """What becomes of a task that is about to be painted."""
        return self._waiting.setdefault(task.record_key, Future())

    def add_painted(self, task: Task, seconds: float) -> None:
        super().add_painted(task, seconds)
        self._found[task.record_key] = Answer(seconds=seconds)

    def add_failure(self, task: Task, reason: str) -> None:
        self._found[task.record_key] = Answer(failure=reason)

    def add_end(self, task: Task) -> None:
        self._waiting.pop(task.record_key).set_result(self._found.pop(task.record_key))
