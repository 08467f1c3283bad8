"""What the parts of one run share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.signals import Stop
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket

if TYPE_CHECKING:
    from styletransfer.batch.checkpoints import CheckpointStore
    from styletransfer.batch.eta import BatchEta
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan
    from styletransfer.batch.prefetch import Prefetcher
    from styletransfer.batch.prefetch_memory import PrefetchMemory
    from styletransfer.batch.uploader import Uploader


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a run."""

    source: Bucket
    style: Bucket
    result: Bucket

    @classmethod
    def open(cls, config: Config) -> "Buckets":
        """Those that the configuration names. Raises ConfigError."""
        return cls(
            open_bucket(config.source, config.account),
            open_bucket(config.style, config.account),
            open_bucket(config.result, config.account, new=True),
        )


@dataclass(frozen=True)
class RunContext:
    """One run: what was asked for, and what is to be done."""

    config: Config
    buckets: Buckets
    plan: "Plan"
    networks: "NetworkPool"
    stop: Stop


@dataclass(frozen=True)
class Pipeline:
    """What the workers of a run share: where their tasks come from and their results go."""

    prefetcher: "Prefetcher"
    memory: "PrefetchMemory"
    checkpoints: "CheckpointStore"
    uploader: "Uploader"
    eta: "BatchEta"
