"""A run of the batch: its rounds, the record of its end, and word of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from uuid import uuid4

from painterly.configuration.config import Config
from painterly.errors import PainterlyError
from painterly.runs import report
from painterly.runs.batch import Batch, Paint
from painterly.runs.watch import watch
from painterly.settings.bucket_layout import ENDED
from painterly.signals import Stop
from painterly.storage.base import Bucket, UnavailableError
from painterly.storage.retry import logged_storage_errors

UNRECORDED = "the end of the run could not be recorded"


def run(config: Config, elsewhere: Paint | None = None) -> int:
    """Paint every picture that has no up-to-date result.

    Args:
        config: The configuration.
        elsewhere: Paints the plan's orders on other machines. A dry run always measures on this
            one.

    Returns:
        The exit code: 0 if all is done, 1 if some photos failed.

    Raises:
        PainterlyError: Nothing can be painted; the error has an exit code.
        Stopped: SIGTERM or SIGINT has arrived.
    """
    with Stop() as stop:
        try:
            return _run(config, stop, None if config.dry_run else elsewhere)
        except PainterlyError as error:
            if not config.dry_run:
                code = error.exit_code
                report.notify(config, f"FAILED: {error}", event="end", exit_code=code)
            raise


def _run(config: Config, stop: Stop, elsewhere: Paint | None) -> int:
    started = perf_counter()
    batch = Batch(config, stop, elsewhere)
    listing = batch.list()
    if config.dry_run:
        return batch.foretell(listing, started)

    def paint() -> report.Summary:
        if config.watch is not None:
            settle_s = config.watch if config.settle is None else config.settle
            watch(batch, listing, config.watch, settle_s)
        return batch.paint(listing, started)

    records_end = config.gallery and not config.partial
    summary = _with_recorded_end(batch.buckets.result, paint) if records_end else paint()
    report.notify(config, summary.text, **summary.fields)
    return summary.exit_code


def _with_recorded_end(bucket: Bucket, paint: Callable[[], report.Summary]) -> report.Summary:
    """Paint, and store how that ended in the bucket of results, for those who wait elsewhere.

    `cl_get_results.py --watch` waits for it. A run deletes it at its start; one that was killed or
    stopped stores none, because another one resumes it. An error of a run is stored too, unless the
    storage is unavailable. A failure to store it is logged, and costs no painting.

    Runs that paint a part of the pictures next to others do not know whether all is done, and store
    nothing.
    """
    with logged_storage_errors(UNRECORDED):
        bucket.delete(ENDED)
    try:
        summary = paint()
    except UnavailableError:
        raise
    except PainterlyError as error:
        _store_end(bucket, f"FAILED: {error}")
        raise
    _store_end(bucket, summary.text)
    return summary


def _store_end(bucket: Bucket, summary: str) -> None:
    """Store a summary with the time and a number, so that no two ends are equal."""
    now = datetime.now(UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC: {summary}\nRun {uuid4().hex}\n"
    with logged_storage_errors(UNRECORDED):
        bucket.write(ENDED, text.encode(errors="backslashreplace"), "text/plain; charset=utf-8")
