"""The three buckets of a run."""

from dataclasses import dataclass, field

from painterly.configuration.config import Config
from painterly.orders.paintings_view import open_paintings
from painterly.storage import open_bucket
from painterly.storage.base import Bucket, Store
from painterly.storage.folder import FolderBucket
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
        known, account = KnownFiles(), config.account
        source = open_bucket(config.photo_bucket, account, known=known)
        result = open_bucket(config.result_bucket, account, new=True, known=known)
        style = open_paintings(config.style_bucket, account, known)
        if isinstance(result, FolderBucket):
            known.keep_in(result.folder, writes=not config.dry_run)
        return cls(source, style, result, known=known)
