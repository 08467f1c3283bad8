"""The files of photos in their bucket, each of which several jobs may need.

A file is stored once, as `<id>/<name>`, by the job or the kept photo with this id. Each other one
that needs it has an object beside it, `<id>/<name>.<its id>`, so that nothing is copied. A file is
deleted with the last one that needs it.
"""

from collections.abc import Callable, Collection

from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.store import is_id, is_there
from painterly.storage.base import Store


def use(source: Store, user: str, *keys: str | None) -> None:
    """Note that a job or a kept photo, by its id, needs files. Raises StorageError."""
    for key in filter(None, keys):
        if owner_of(key) != user:
            source.write(f"{key}.{user}", b"1")


def owner_of(key: str) -> str:
    """Return the id of the job or the kept photo that has stored a file."""
    return key.partition("/")[0]


def file_and_user(key: str) -> tuple[str, str]:
    """Return the key of a file and the id of one that needs it, by the key of either object."""
    file, _, user = key.rpartition(".")
    return (file, user) if is_id(user) else (key, owner_of(key))


def unneeded(keys: Collection[str], is_gone: Callable[[str], bool]) -> list[str]:
    """Return what the keys begin with of files that only those need which are gone, by their ids.

    Args:
        keys: The keys of all objects in some folders.
        is_gone: Returns whether a job or a kept photo is gone, by its id.
    """
    users = {key: file_and_user(key) for key in keys}
    files = {file for file, user in users.values() if not is_gone(user)}
    left = {key for key, (_, user) in users.items() if key in files or not is_gone(user)}
    folders = {*map(owner_of, left)}  # of which a part stays
    gone = ((key, owner_of(key)) for key in keys if key not in left)
    return [*dict.fromkeys(key if owner in folders else f"{owner}/" for key, owner in gone)]


def release(buckets: WebBuckets, user: str, *keys: str | None) -> None:
    """Delete the files that a job or a kept photo, by its id, has stored or needed, except those
    that another one needs. Raises StorageError."""
    for owner in {user, *map(owner_of, filter(None, keys))}:
        gone = {user} if is_there(buckets.result, owner) else {user, owner}
        # Without objects, older versions of some may be left.
        stored = [entry.key for entry in buckets.source.list(f"{owner}/")] or [f"{owner}/"]
        delete_versions(buckets.source, *unneeded(stored, gone.__contains__))
