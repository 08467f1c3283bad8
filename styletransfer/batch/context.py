"""The objects that the parts of one run share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.signals import Stop
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Store

if TYPE_CHECKING:
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan


@dataclass(frozen=True)
class Buckets:
    """The three buckets of a run."""

    source: Bucket
    style: Bucket
    result: Store

    @classmethod
    def open(cls, config: Config) -> "Buckets":
        """Opens the buckets that the configuration names. Raises ConfigError."""
        return cls(
            open_bucket(config.source, config.account),
            open_bucket(config.style, config.account),
            open_bucket(config.result, config.account, new=True),
        )


@dataclass(frozen=True, kw_only=True)
class PaintingContext:
    """The configuration, the networks and the stop signal of a painter."""

    config: Config
    networks: "NetworkPool"
    stop: Stop


@dataclass(frozen=True, kw_only=True)
class RunContext(PaintingContext):
    """One run, with its buckets and its plan."""

    buckets: Buckets
    plan: "Plan"
