"""A run of the batch: list, plan, clear up, paint, report.

A run that has nothing to paint ends without loading TensorFlow.
"""

from collections.abc import Callable
from functools import partial
from logging import WARNING
from time import perf_counter
from typing import TYPE_CHECKING

from styletransfer.batch import checkpoints, report
from styletransfer.batch.context import Buckets, RunContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.ending import recorded_ending
from styletransfer.batch.listing import list_buckets, select
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import all_results, lacks_records, make_plan
from styletransfer.bucket_layout import PAGE, UNPUBLISHED
from styletransfer.config import Config
from styletransfer.log import event
from styletransfer.record import Record
from styletransfer.signals import Stop
from styletransfer.storage.base import UnavailableError

if TYPE_CHECKING:
    from styletransfer.batch.workers import Outcome
    from styletransfer.gallery.publisher import Gallery

MAX_SHOWN = 50_000  # results on one page
# As workers.paint_all does with its devices, and the cluster.
Paint = Callable[[RunContext, "Gallery"], "Outcome"]


def run(config: Config, elsewhere: Paint | None = None) -> int:
    """Paints every picture that has no up-to-date result.

    Args:
        config: The configuration.
        elsewhere: Paints the plan's tasks on other machines. A dry run always measures on this one.

    Returns:
        The exit code: 0 if all is done, 1 if some photos failed.

    Raises:
        StyleTransferError: Nothing can be painted; the error has an exit code.
        Stopped: SIGTERM or SIGINT has arrived.
    """
    with Stop() as stop:
        return _run(config, stop, None if config.dry_run else elsewhere)


def _run(config: Config, stop: Stop, elsewhere: Paint | None) -> int:
    started = perf_counter()
    loader = DeviceLoader(config.device)
    if config.device == "gpu" and not elsewhere:
        loader.devices()  # Without a GPU nothing is read.

    buckets = Buckets.open(config)
    listing = list_buckets(buckets, config)
    stop.obey()
    is_whole = config.gallery and not config.partial and not config.dry_run
    with recorded_ending(buckets.result, is_whole) as ending:
        selection = select(listing, buckets, config)
        if not selection.photos or not selection.styles:
            return 0

        if not elsewhere and lacks_records(selection, listing.results.keys()):
            loader.start()
        networks = NetworkPool(config, buckets.style, listing.style)
        plan = make_plan(
            selection, networks, config.output, buckets.result, listing.results, config.keep
        )
        stop.obey()
        report.log_plan(plan, selection)
        report.log_repaints(plan, config.output, networks)
        context = RunContext(
            config=config, networks=networks, stop=stop, buckets=buckets, plan=plan
        )
        if config.dry_run:
            return _dry_run(context, loader, started)

        checkpoints.delete_stale(buckets.result, plan.stale)
        checkpoints.abort_stale_uploads(buckets.result, selection)
        gallery = _open_gallery(context)
        if not plan.todo:
            if _page_lacks_results(context):
                gallery.publish()
            ending.summary = report.log_nothing_to_paint(plan, config.result)
            return 1 if plan.refused else 0
        try:
            outcome = (elsewhere or partial(_paint_here, loader))(context, gallery)
        except UnavailableError as error:
            raise type(error)(
                f"{error}; what is stored stays, run it again for the rest"
            ) from error
        ending.summary = report.log_outcome(context, outcome, perf_counter() - started)
        return 1 if outcome.failures else 0


def _paint_here(loader: DeviceLoader, run: RunContext, gallery: "Gallery") -> "Outcome":
    loader.start()

    from styletransfer.batch import workers

    run.stop.obey()
    return workers.paint_all(run, gallery, loader.devices)


def _dry_run(context: RunContext, loader: DeviceLoader, started: float) -> int:
    plan = context.plan
    if not plan.todo:
        report.log_nothing_to_paint(plan, context.config.result, dry_run=True)
        return 1 if plan.refused else 0
    devices = loader.devices()
    from styletransfer.batch import dry_run

    with devices.first.scope():
        return dry_run.report_dry_run(context, devices, started)


def _page_lacks_results(run: RunContext) -> bool:
    """Whether the page that this run writes is missing, or lacks results of other runs."""
    plan = run.plan
    is_missing = bool(plan.done) and PAGE not in plan.stored
    return run.config.makes_page and (is_missing or UNPUBLISHED in plan.stored)


def _open_gallery(run: RunContext) -> "Gallery":
    from styletransfer.gallery.publisher import Gallery

    plan, result = run.plan, run.buckets.result
    if not run.config.gallery or not (plan.todo or _page_lacks_results(run)):
        return Gallery(None)
    if len(plan.todo) + len(plan.done) > MAX_SHOWN:
        event(f"no gallery is made of more than {MAX_SHOWN:,} results", level=WARNING)
        return Gallery(None)
    if not run.config.makes_page:
        return Gallery(result, publishes=False)
    gallery = Gallery(result, all_results(plan, result))
    for task, reason in plan.refused:
        gallery.add_record(Record(photo=task.photo.key, style_name=task.style.name, error=reason))
    return gallery
