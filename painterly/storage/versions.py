"""The deletion of objects with all their versions."""

from painterly.errors import StorageError
from painterly.log import event
from painterly.storage.base import Store, UnavailableError
from painterly.storage.retry import logged_storage_errors


def delete_versions(bucket: Store, *prefixes: str) -> None:
    """Delete all objects with keys that start with one of the prefixes, and their older versions
    where the bucket keeps some and lists them. Raises StorageError."""
    is_listed = True
    for prefix in prefixes:
        versions = None
        try:
            versions = bucket.versions(prefix) if is_listed else None
        except UnavailableError:
            raise
        except StorageError as error:
            is_listed = False  # The others are refused as well.
            event(f"if {bucket.name} keeps older versions, they stay: {error}")
        for version in versions or ():
            with logged_storage_errors("an older version stays"):  # It may be locked.
                bucket.delete_version(version)
        for entry in [*bucket.list(prefix)]:
            bucket.delete(entry.key)
