"""The files of photos in their bucket, each of which several jobs may need.

A file is stored once, as `<id>/<name>`, by the job or the kept photo with this id. Each other one
that needs it has an object beside it, `<id>/<name>.<its id>`, so that nothing is copied. A file is
deleted with the last one that needs it.
"""

import re
from collections.abc import Callable, Collection

from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.schemas import JOB_ID
from painterly.jobs.store import is_there
from painterly.storage.base import Store

_ID = JOB_ID.strip("^$")
_USE = re.compile(rf"(.+)\.({_ID})")


def use(source: Store, user: str, *keys: str | None) -> None:
    """Note that a job or a kept photo, by its id, needs files that others have stored. Raises
    StorageError."""
    for key in filter(None, keys):
        if owner_of(key) != user:
            source.write(f"{key}.{user}", b"1")


def owner_of(key: str) -> str:
    """Return the id of the job or the kept photo that has stored a file."""
    return key.partition("/")[0]


def users_of(keys: Collection[str], files: Collection[str]) -> set[str]:
    """Return the ids of all that need one of some files, by all keys in the bucket."""
    uses = filter(None, map(_USE.fullmatch, keys))
    return {*map(owner_of, files), *(each[2] for each in uses if each[1] in files)}


def needed(keys: Collection[str], stays: Callable[[str], bool]) -> set[str]:
    """Return those of some keys in the bucket that a job or a kept photo needs which `stays`, by
    its id."""
    uses = {key: use for key in keys if (use := _USE.fullmatch(key)) and stays(use[2])}
    of_users = {use[1] for use in uses.values()}
    of_owners = {key for key in keys if not _USE.fullmatch(key) and stays(owner_of(key))}
    return {*uses, *of_users.intersection(keys), *of_owners}


def release(buckets: WebBuckets, user: str, *keys: str | None) -> None:
    """Delete the files that a job or a kept photo, by its id, has stored or needed, except those
    that another one needs. Raises StorageError."""
    for owner in {user, *map(owner_of, filter(None, keys))}:

        def stays(each: str, owner: str = owner) -> bool:
            return each != user and (each != owner or is_there(buckets.result, each))

        stored = [entry.key for entry in buckets.source.list(f"{owner}/")]
        left = needed(stored, stays)
        gone = [key for key in stored if key not in left] if left else [f"{owner}/"]
        delete_versions(buckets.source, *gone)
