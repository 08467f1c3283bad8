"""The object in the result bucket that describes how the last whole run ended.

A run deletes it at its start and stores it at its end, for which `cl_get_results.py --watch` waits.
A run that was killed or stopped stores none, because another one resumes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from styletransfer.bucket_layout import ENDED
from styletransfer.errors import StyleTransferError
from styletransfer.storage.base import Bucket, UnavailableError
from styletransfer.storage.retry import logged_storage_errors

UNRECORDED = "the end of the run could not be recorded"


@dataclass
class Ending:
    """The end of a run, described by the last line of its log."""

    summary: str = "Nothing to paint: there are no photos, or no paintings."


@contextmanager
def recorded_ending(bucket: Bucket, enabled: bool) -> Iterator[Ending]:
    """Yield the ending of a run, and store it when the block ends.

    An error of a run is stored too, unless the storage is unavailable. A failure to store it is
    logged, and costs no painting.

    Args:
        bucket: The result bucket.
        enabled: Whether anything is stored. Runs that paint a part of the pictures next to others
            do not know whether all is done.
    """
    ending = Ending()
    if not enabled:
        yield ending
        return
    with logged_storage_errors(UNRECORDED):
        bucket.delete(ENDED)
    try:
        yield ending
    except UnavailableError:
        raise
    except StyleTransferError as error:
        _store(bucket, f"FAILED: {error}")
        raise
    _store(bucket, ending.summary)


def _store(bucket: Bucket, summary: str) -> None:
    """Store a summary with the time and a number, so that no two endings are equal."""
    now = datetime.now(UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC: {summary}\nRun {uuid4().hex}\n"
    with logged_storage_errors(UNRECORDED):
        bucket.write(ENDED, text.encode(errors="backslashreplace"), "text/plain; charset=utf-8")
