"""The three buckets of a run."""

from dataclasses import dataclass

from painterly.configuration.config import Config
from painterly.orders.paintings_view import open_paintings
from painterly.storage import open_bucket
from painterly.storage.base import Bucket, Store


@dataclass(frozen=True)
class Buckets:
    """The buckets of photos, of paintings and of results."""

    source: Bucket
    style: Bucket
    result: Store

    @classmethod
    def open(cls, config: Config) -> "Buckets":
        """Open the buckets that the configuration names. Raises ConfigError."""
        return cls(
            open_bucket(config.photo_bucket, config.account),
            open_paintings(config.style_bucket, config.account),
            open_bucket(config.result_bucket, config.account, new=True),
        )
