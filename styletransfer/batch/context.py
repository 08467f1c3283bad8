"""The objects that the parts of one run share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from styletransfer.config import Config
from styletransfer.signals import Stop
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, Store

if TYPE_CHECKING:
    from styletransfer.batch.checkpoints import CheckpointStore
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan
    from styletransfer.engine.stylize import Step


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
class RunContext:
    """One run."""

    config: Config
    networks: "NetworkPool"
    stop: Stop
    buckets: Buckets
    plan: "Plan"


@dataclass(frozen=True, kw_only=True)
class PaintingContext:
    """The surroundings of a process's painters. The defaults suit a single painting.

    Attributes:
        share: The most bytes that a picture may take on the device, or None for all that is free.
        set_aside: The bytes that painting must leave free.
        make_room: Waits until others have freed the memory that they can. Raises UnavailableError,
            Stopped.
        batch_left: Returns the seconds left for the whole batch, from the seconds that a picture
            has taken and will still take, or None if there is no batch.
        on_step: Is called with every step. An error that is not an Exception ends the run.
    """

    config: Config
    networks: "NetworkPool"
    stop: Stop
    checkpoints: "CheckpointStore"
    share: int | None = None
    set_aside: int = 0
    make_room: Callable[[], None] = lambda: None
    batch_left: Callable[[float, float], float] | None = None
    on_step: "Callable[[Step], None]" = lambda step: None
