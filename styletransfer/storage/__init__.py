"""Objects under keys: buckets on Cellar (Ceph) or Amazon S3, and folders used like buckets."""

from pathlib import Path

from styletransfer.errors import ConfigError
from styletransfer.storage.address import Account, folder_hint, parse_address
from styletransfer.storage.base import Store
from styletransfer.storage.folder import FolderBucket
from styletransfer.storage.s3 import S3Bucket


def open_bucket(value: str, account: Account, *, new: bool = False) -> Store:
    """Return the bucket or folder that a value of BUCKET_* names (see `parse_address`).

    Args:
        value: The value.
        account: The account for a bucket.
        new: Whether a missing folder is listed as empty, and created by the first write.

    Raises:
        ConfigError: The value names neither, or there are no credentials.
    """
    where = parse_address(value)
    if isinstance(where, Path):
        return FolderBucket(where, value.strip(), new=new)
    try:
        return S3Bucket(*where, account)
    except ConfigError as error:  # A folder needs no credentials.
        raise ConfigError(f"{error}{folder_hint(value)}") from None
