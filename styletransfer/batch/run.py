"""A run of the batch: list, plan, clear up, paint, report.

A run that has nothing to paint ends without loading TensorFlow. What fails, fails alone.
"""

from time import perf_counter
from typing import TYPE_CHECKING

from styletransfer.batch import checkpoints, report
from styletransfer.batch.context import Buckets, RunContext
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.listing import list_buckets, select
from styletransfer.batch.network_pool import NetworkPool
from styletransfer.batch.plan import all_results, lacks_records, make_plan
from styletransfer.config import Config
from styletransfer.record import Record
from styletransfer.signals import Stop

if TYPE_CHECKING:
    from styletransfer.gallery.publisher import Gallery


def run(config: Config) -> int:
    """Paints all that has no result yet; the exit code: 0 all done, 1 some photos failed.

    Raises a StyleTransferError, which has an exit code, where nothing can be painted, and Stopped
    after SIGTERM or SIGINT.
    """
    with Stop() as stop:
        return _run(config, stop)


def _run(config: Config, stop: Stop) -> int:
    started = perf_counter()
    loader = DeviceLoader(config.device)
    if config.device == "gpu":
        loader.devices()  # Without a GPU nothing is read.

    buckets = Buckets.open(config)
    listing = list_buckets(buckets, config)
    stop.obey()
    selection = select(listing, buckets, config)
    if not selection.photos or not selection.looks:
        return 0

    if lacks_records(selection, listing.results.keys()):
        loader.start()
    networks = NetworkPool(config, buckets.style, listing.style)
    plan = make_plan(
        selection, networks, config.output, buckets.result, listing.results, config.keep
    )
    stop.obey()
    report.log_plan(plan, selection)
    report.log_repaints(plan, networks)
    context = RunContext(config, buckets, plan, networks, stop)
    if config.dry_run:
        return _dry_run(context, loader, started)

    checkpoints.delete_stale(buckets.result, plan.stale)
    checkpoints.abort_stale_uploads(buckets.result, selection)
    gallery = _open_gallery(context)
    if not plan.todo:
        if plan.unpublished:
            gallery.publish()
        report.log_nothing_to_paint(plan, config.result)
        return 1 if plan.refused else 0
    loader.start()

    from styletransfer.batch import workers

    stop.obey()
    outcome = workers.paint_all(context, gallery, loader.devices)
    report.log_outcome(context, outcome, perf_counter() - started)
    return 1 if outcome.failures else 0


def _dry_run(context: RunContext, loader: DeviceLoader, started: float) -> int:
    devices = loader.devices()
    from styletransfer.batch import dry_run

    return max(dry_run.report_dry_run(context, devices, started), 1 if context.plan.refused else 0)


def _open_gallery(run: RunContext) -> "Gallery":
    from styletransfer.gallery.publisher import GalleryContribution, GalleryPublisher, NullGallery

    plan, result = run.plan, run.buckets.result
    if not run.config.gallery or not (plan.todo or plan.unpublished):
        return NullGallery()
    if plan.partial:
        return GalleryContribution(result)
    gallery = GalleryPublisher(result, all_results(plan, result))
    for task, reason in plan.refused:
        gallery.add_failure(Record(photo=task.photo.key, look=task.look.name, error=reason))
    return gallery
