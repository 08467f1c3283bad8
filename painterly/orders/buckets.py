"""The three buckets of a run."""

from dataclasses import dataclass, field
from pathlib import Path

from painterly.configuration.config import Config
from painterly.orders.paintings_view import open_paintings
from painterly.storage import open_bucket
from painterly.storage.address import parse_address
from painterly.storage.base import Bucket, Store
from painterly.storage.known_files import KnownFiles


@dataclass(frozen=True)
class Buckets:
    """The buckets of photos, of paintings and of results, and the files whose content is known if
    they are folders."""

    source: Bucket
    style: Bucket
    result: Store
    known: KnownFiles = field(default_factory=KnownFiles, kw_only=True)

    @classmethod
    def open(cls, config: Config) -> "Buckets":
        """Open the buckets that the configuration names. Raises ConfigError."""
        known, account = known_beside(config), config.account
        return cls(
            open_bucket(config.photo_bucket, account, known=known),
            open_paintings(config.style_bucket, account, known),
            open_bucket(config.result_bucket, account, new=True, known=known),
            known=known,
        )


def known_beside(config: Config) -> KnownFiles:
    """Return the files whose content is known: by the list next to the results, if these are in a
    folder. Raises ConfigError."""
    where = parse_address(config.result_bucket)
    return KnownFiles(where if isinstance(where, Path) else None, writes=not config.dry_run)
