"""A run of the batch: its rounds, the record of its end, and word of it."""

from time import perf_counter

from painterly.batch import report
from painterly.batch.batch import Batch, Paint
from painterly.batch.ending import recorded_ending
from painterly.batch.watch import watch
from painterly.config import Config
from painterly.errors import PainterlyError
from painterly.signals import Stop


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
                report.notify(config.notify_url, f"FAILED: {error}", event="end", exit_code=code)
            raise


def _run(config: Config, stop: Stop, elsewhere: Paint | None) -> int:
    started = perf_counter()
    batch = Batch(config, stop, elsewhere)
    listing = batch.list()
    if config.dry_run:
        return batch.foretell(listing, started)
    with recorded_ending(batch.buckets.result, config) as ending:
        if config.watch is not None:
            watch(batch, listing, config.watch)
        summary = batch.paint(listing, started)
        ending.summary = summary.text
    report.notify(config.notify_url, summary.text, **summary.fields)
    return summary.exit_code
