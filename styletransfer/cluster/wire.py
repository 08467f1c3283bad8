"""The messages between the driver and its workers: a run, one task of it, and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

from styletransfer.batch.network_pool import NetworkKind
from styletransfer.batch.plan import Task
from styletransfer.config import Config
from styletransfer.errors import StyleTransferError
from styletransfer.vgg.sources import WeightsSource


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
class Order:
    """A task. It may have a checkpoint of an earlier run or of a lost worker."""

    task: Task
    may_resume: bool


@dataclass(frozen=True)
class Started:
    """A worker's device in half a line, or the reason why it cannot paint."""

    device: str = ""
    problem: StyleTransferError | None = None


@dataclass(frozen=True)
class Answer:
    """The outcome of an order.

    Attributes:
        seconds: The time that painting took.
        failure: The reason if the task has failed.
        found: Whether another run has already stored the result.
        problem: The error of the worker, which paints no more.
    """

    seconds: float | None = None
    failure: str | None = None
    found: bool = False
    problem: StyleTransferError | None = None
