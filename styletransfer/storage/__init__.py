"""Objects under keys: buckets on Cellar (Ceph) or Amazon S3, and folders used like buckets."""

from pathlib import Path

from styletransfer.errors import ConfigError
from styletransfer.storage.address import Account, folder_hint, parse_address
from styletransfer.storage.base import Bucket
from styletransfer.storage.folder import FolderBucket
from styletransfer.storage.s3 import S3Bucket


def open_bucket(value: str, account: Account, *, new: bool = False) -> Bucket:
    """The bucket or folder that a value of BUCKET_* names (see `parse_address`).

    new: a folder that does not exist yet lists as empty; the first write creates it.
    Raises ConfigError for a value that names neither, and if there are no credentials.
    """
    where = parse_address(value)
    if isinstance(where, Path):
        return FolderBucket(where, value.strip(), new=new)
    try:
        return S3Bucket(*where, account)
    except ConfigError as error:  # No credentials: nobody who means a folder needs them.
        raise ConfigError(f"{error}{folder_hint(value)}") from None
