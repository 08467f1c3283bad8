"""JSON objects in a bucket that several processes change, each only over the version that it has
read."""

import json
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from painterly.errors import StorageError
from painterly.storage.base import Bucket, NoObjectError, ObjectError
from painterly.words.wording import printable

Document = dict[str, Any]
TRIES = 20  # to change a document
_READS = 4  # of an object that others change
_PAUSE_S = 0.1  # the longest pause between two tries
_WRITE = "write"  # A random field: two writes of the same content differ.


class BusyError(StorageError):
    """Other processes were faster at each try to change a document."""


def load(bucket: Bucket, key: str) -> tuple[Document | None, str | None]:
    """Return a document and its ETag, both None if there is none.

    Raises StorageError; ObjectError if the object cannot be read, or is not a document.
    """
    for left in reversed(range(_READS)):
        try:
            data, entry = bucket.read_with_entry(key)
            break
        except NoObjectError:
            return None, None
        except ObjectError:  # It may have changed while it was read.
            if not left:
                raise
    try:
        document = json.loads(data)
    except ValueError:  # UnicodeDecodeError as well
        document = None
    if not isinstance(document, dict):
        raise ObjectError(f"{bucket.name}/{printable(key)} is not a JSON object; delete it")
    document.pop(_WRITE, None)
    return document, entry.etag


def store(bucket: Bucket, key: str, document: Document, etag: str | None) -> str | None:
    """Store a document over the version with an ETag; for None, if there is none. Return its ETag,
    or None if another process was faster. Raises StorageError."""
    # `write_if` takes an object with the same bytes for the one that it has just written.
    data = json.dumps({**document, _WRITE: secrets.token_hex(8)}).encode()
    return bucket.write_if(key, data, etag)


def change(
    bucket: Bucket,
    key: str,
    decide: Callable[[Document], Document | None],
    *,
    likely_new: bool = False,
) -> Document | None:
    """Change a document, or make one.

    Args:
        bucket: Its bucket.
        key: Its key.
        decide: Takes the document, empty if there is none, and returns the next version, or None to
            leave it as it is. It is called again if another process was faster.
        likely_new: Whether to try to make one before reading.

    Returns:
        The version that was stored, or None if it was left.

    Raises:
        BusyError: Other processes were faster each time.
        StorageError: The storage failed.
    """
    for attempt in range(TRIES):
        document, etag = (None, None) if likely_new and not attempt else load(bucket, key)
        changed = decide(document or {})
        if changed is None or store(bucket, key, changed, etag) is not None:
            return changed
        # Processes that met would meet again after equal pauses.
        time.sleep(random.uniform(0, _PAUSE_S))
    raise BusyError(f"{bucket.name}/{printable(key)} is being changed by others; try again")
