"""What travels between the driver and its workers: a run, one task of it, and what became of it."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from styletransfer.batch.network_pool import NetworkKind
from styletransfer.batch.plan import Plan, Task
from styletransfer.batch.result_keys import key_root
from styletransfer.bucket_layout import record_start, recorded
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
    """A task, and the part of the plan that storing its result needs. may_resume: there may be a
    checkpoint, of an earlier run or of a worker that was lost."""

    task: Task
    plan: Plan
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


class OrderBook:
    """Makes the orders of a plan. Each has only what its task needs of a million keys."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stored = sorted(plan.stored)

    def of(self, task: Task, lost_before: bool) -> Order:
        """The order of a task; lost_before: a worker was lost with it."""
        plan, near = self._plan, set(self._near(task)) | {task.checkpoint_key}
        checkpoints = plan.checkpoints & {task.checkpoint_key}
        part = replace(
            plan,
            todo=(task,),
            done=(),
            refused=(),
            kept=(),
            keys=plan.keys.around(task.look.name, task.photo.key),
            stored={key: plan.stored[key] for key in near if key in plan.stored},
            records={key: plan.records[key] for key in near if key in plan.records},
            intact={},
            checkpoints=checkpoints,
            stale=(),
        )
        return Order(task, part, lost_before or bool(checkpoints))

    def _near(self, task: Task) -> Iterator[str]:
        """The keys in the result bucket that the task's result may have, and of the records that
        could name them."""
        root = key_root(f"{task.look.name}/{task.photo.key}")
        for start in (f"{root}.", record_start(root)):
            for at in range(bisect_left(self._stored, start), len(self._stored)):
                key = self._stored[at]
                if not key.startswith(start):
                    break
                if key_root(recorded(key)) == root:
                    yield key
        if task.record_key in self._plan.stored:
            yield task.record_key
