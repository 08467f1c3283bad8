"""What the parts of one run share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.signals import Stop
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Store

if TYPE_CHECKING:
    from styletransfer.batch.checkpoints import CheckpointStore
    from styletransfer.batch.eta import BatchEta
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan
    from styletransfer.batch.prefetch import Prefetcher
    from styletransfer.batch.prefetch_memory import PrefetchMemory
    from styletransfer.batch.uploader import Uploader
    from styletransfer.engine.stylize import Step


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a run, and where checkpoints are, if not in that of the results."""

    source: Bucket
    style: Bucket
    result: Store
    checkpoints: Store | None = None

    @classmethod
    def open(cls, config: Config) -> "Buckets":
        """Those that the configuration names. Raises ConfigError."""
        return cls(
            open_bucket(config.source, config.account),
            open_bucket(config.style, config.account),
            open_bucket(config.result, config.account, new=True),
        )


@dataclass(frozen=True, kw_only=True)
class PaintingContext:
    """What a worker paints with. on_step: is called with every step; what it raises ends the run,
    if it is no Exception."""

    config: Config
    networks: "NetworkPool"
    stop: Stop
    on_step: "Callable[[Step], None] | None" = None


@dataclass(frozen=True, kw_only=True)
class RunContext(PaintingContext):
    """One run: what was asked for, and what is to be done."""

    buckets: Buckets
    plan: "Plan"


@dataclass(frozen=True)
class Pipeline:
    """What the workers of a run share: where their tasks come from and their results go."""

    prefetcher: "Prefetcher"
    memory: "PrefetchMemory"
    checkpoints: "CheckpointStore"
    uploader: "Uploader"
    eta: "BatchEta"
