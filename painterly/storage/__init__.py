"""Objects under keys: buckets on Cellar (Ceph) or Amazon S3, and folders used like buckets."""

from pathlib import Path

from painterly.errors import ConfigError
from painterly.storage.address import Account, folder_hint, parse_address
from painterly.storage.base import Store
from painterly.storage.folder import FolderBucket
from painterly.storage.known_files import KnownFiles
from painterly.storage.s3.bucket import S3Bucket


def open_bucket(
    value: str,
    account: Account,
    *,
    new: bool = False,
    partly: bool = False,
    known: KnownFiles | None = None,
) -> Store:
    """Return the bucket or folder that a value of BUCKET_* names (see `parse_address`). Flags are
    those of FolderBucket. Raises ConfigError if the value names neither, or there are no
    credentials."""
    where = parse_address(value)
    if isinstance(where, Path):
        return FolderBucket(where, value.strip(), new=new, partly=partly, known=known)
    try:
        return S3Bucket(*where, account)
    except ConfigError as error:  # A folder needs no credentials.
        raise type(error)(f"{error}{folder_hint(value)}") from None
