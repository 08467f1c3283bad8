"""What travels between the driver and its workers: a run, one task of it, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from styletransfer.batch.network_pool import NetworkKind
from styletransfer.batch.plan import Task
from styletransfer.config import Config
from styletransfer.errors import StyleTransferError
from styletransfer.vgg.sources import WeightsSource


@dataclass(frozen=True)
class WorkerSetup:
    """What every worker of a run needs, sent once to each.

    weights: those that the plan chose. gallery: whether pictures are stored for one. engine: the
    version that the plan's fingerprints count on. cpus: processor cores to use; None: a GPU.
    """

    config: Config
    weights: Mapping[NetworkKind, WeightsSource]
    gallery: bool
    engine: str
    cpus: int | None


@dataclass(frozen=True)
class Order:
    """A task. may_resume: there may be a checkpoint, of an earlier run or of a worker that was
    lost."""

    task: Task
    may_resume: bool


@dataclass(frozen=True)
class Started:
    """A worker's device in half a line, or why it cannot paint."""

    device: str = ""
    problem: StyleTransferError | None = None


@dataclass(frozen=True)
class Answer:
    """What became of an order: painted in so many seconds, failed for a reason, or not painted,
    because another run has stored the result meanwhile (`found`), or because of a problem of the
    worker's, which paints no more."""

    seconds: float | None = None
    failure: str | None = None
    found: bool = False
    problem: StyleTransferError | None = None
