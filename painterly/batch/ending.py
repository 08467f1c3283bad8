"""The end of a run in the bucket of results, for those who wait for it elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from painterly.bucket_layout import ENDED
from painterly.config import Config
from painterly.errors import PainterlyError
from painterly.storage.base import Bucket, UnavailableError
from painterly.storage.retry import logged_storage_errors

UNRECORDED = "the end of the run could not be recorded"


@dataclass
class Ending:
    """The end of a run, described by the last line of its log."""

    summary: str = ""


@contextmanager
def recorded_ending(bucket: Bucket, config: Config) -> Iterator[Ending]:
    """Yield the ending of a run, and store it when the block ends.

    `cl_get_results.py --watch` waits for it. A run deletes it at its start; one that was killed or
    stopped stores none, because another one resumes it. An error of a run is stored too, unless the
    storage is unavailable. A failure to store it is logged, and costs no painting.

    Runs that paint a part of the pictures next to others do not know whether all is done, and store
    nothing.
    """
    ending = Ending()
    if config.partial or config.dry_run or not config.gallery:
        yield ending
        return
    with logged_storage_errors(UNRECORDED):
        bucket.delete(ENDED)
    try:
        yield ending
    except UnavailableError:
        raise
    except PainterlyError as error:
        _store_ending(bucket, f"FAILED: {error}")
        raise
    _store_ending(bucket, ending.summary)


def _store_ending(bucket: Bucket, summary: str) -> None:
    """Store a summary with the time and a number, so that no two endings are equal."""
    now = datetime.now(UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC: {summary}\nRun {uuid4().hex}\n"
    with logged_storage_errors(UNRECORDED):
        bucket.write(ENDED, text.encode(errors="backslashreplace"), "text/plain; charset=utf-8")
