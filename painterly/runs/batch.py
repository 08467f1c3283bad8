"""A batch: what its rounds share, and one round of it: plan, clear up, paint, report.

A round that has nothing to paint ends without loading TensorFlow.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, partial
from logging import WARNING
from time import perf_counter
from typing import TYPE_CHECKING

from painterly.bench import checkpoints
from painterly.bench.loading import load_devices
from painterly.configuration.config import Config
from painterly.errors import ConfigError
from painterly.log import event
from painterly.orders.buckets import Buckets
from painterly.orders.listing import Listing, list_buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.paintings_view import is_ready
from painterly.orders.plan import Plan, all_results, make_plan, surely_optimises
from painterly.orders.record import Record
from painterly.orders.selection import Selection, select, styles_of
from painterly.orders.stored_records import KeptRecords
from painterly.orders.styles import Style
from painterly.runs import report
from painterly.runs.report import Summary
from painterly.settings.bucket_layout import PAGE, STYLES, UNPUBLISHED
from painterly.signals import Stop
from painterly.storage.base import UnavailableError
from painterly.storage.retry import outlasting_outages

if TYPE_CHECKING:
    from painterly.bench.bench import Bench
    from painterly.gallery.gallery import Gallery
    from painterly.runs.workers import Outcome

MAX_SHOWN = 50_000  # results on one page
# As workers.paint_all does with its devices, and the cluster.
Paint = Callable[["Bench", Plan], "Outcome"]


class Batch:
    """A run's buckets, devices, networks and failures, which its rounds share.

    Attributes:
        config: The configuration.
        stop: The signals of the process.
        buckets: The buckets.
    """

    def __init__(self, config: Config, stop: Stop, elsewhere: Paint | None = None) -> None:
        """Open the buckets. With DEVICE=gpu, nothing is read without a GPU.

        Args:
            config: The configuration.
            stop: The signals of the process.
            elsewhere: As in `run`.

        Raises:
            ConfigError: A bucket cannot be opened.
            DeviceError: DEVICE asks for a GPU and none works.
        """
        self.config, self.stop, self._elsewhere = config, stop, elsewhere
        self._loading = cache(partial(load_devices, config.device))  # Each begins once.
        if config.device == "gpu" and not elsewhere:
            self._loading(config.settings.traits.optimises).result()
        self.buckets = Buckets.open(config)
        self._networks = NetworkPool.of(config, self.buckets.style)
        # Of this process, by fingerprint: a later round would fail as well.
        self._failures: dict[str, str] = {}
        self._styles: Sequence[Style] | None = None  # the last round's
        # Earlier rounds have read these; the next ones need not.
        self._records: KeptRecords = {}
        self._thumbnails: dict[str, tuple[str, bytes]] = {}

    def list(self) -> Listing:
        """List the buckets. Raises StorageError, Stopped."""
        listing = list_buckets(self.buckets, self.config)
        self.stop.obey()
        return listing

    def forget_failures(self) -> bool:
        """Let the next round try again what has failed. Return whether there is any."""
        failed = bool(self._failures)
        self._failures.clear()
        return failed

    def foretell(self, listing: Listing, started: float) -> int:
        """Log what the run would take, and return the exit code.

        Args:
            listing: The objects in the buckets.
            started: The time when the run began, as perf_counter returns it.

        Raises:
            PainterlyError, Stopped: As `run`.
        """
        _, plan = self._plan(listing)
        if plan is None:
            return 0
        if not plan.todo:
            name = self.config.result_bucket
            return report.log_nothing_to_paint(plan, name, dry_run=True).exit_code
        devices = self._loading(plan.optimises).result()
        from painterly.bench.bench import Bench
        from painterly.runs.dry_run import report_dry_run

        bench = Bench(self.config, self.buckets, self._networks, self.stop)
        with closing(bench), devices.first.scope():
            bench.leave()  # An outage ends it at once: there is nothing to lose.
            return report_dry_run(bench, plan, devices, started)

    def paint(self, listing: Listing, started: float) -> Summary:
        """Paint, and return the summary, which is logged.

        Args:
            listing: The objects in the buckets.
            started: The time when the round began, as perf_counter returns it.

        Raises:
            PainterlyError, Stopped: As `run`.
        """
        selection, plan = self._plan(listing)
        if plan is None:
            return report.NO_INPUT
        config, result = self.config, self.buckets.result
        checkpoints.delete_stale(result, plan.stale)
        partial = config.partial or selection.waits
        checkpoints.abort_stale_uploads(result, selection, partial)
        gallery = self._open_gallery(plan)
        if not plan.todo:
            if gallery:
                gallery.publish()
            return report.log_nothing_to_paint(plan, config.result_bucket)

        from painterly.bench.bench import Bench
        from painterly.runs.workers import paint_all

        self.stop.obey()
        with closing(Bench(config, self.buckets, self._networks, self.stop, gallery)) as bench:
            try:
                outcome = (
                    self._elsewhere(bench, plan)
                    if self._elsewhere
                    else paint_all(bench, plan, self._loading(plan.optimises))
                )
            except UnavailableError as error:
                rest = "" if config.watch else ", run it again for the rest"
                raise type(error)(f"{error}; what is stored stays{rest}") from error
        self._failures.update({order.fingerprint: reason for order, reason in outcome.failures})
        return report.log_outcome(plan, outcome, config.result_bucket, perf_counter() - started)

    def _current_styles(self, listing: Listing) -> Sequence[Style]:
        """Return the styles of the bucket. In a watch, those of the round before stay while
        `styles.toml` is being saved or wrong, as far as their files are still the same.

        Raises ConfigError, StorageError.
        """
        before = self._styles
        try:
            if STYLES not in listing.new_style:
                self._styles = styles_of(self.buckets, listing.style, self.config)
                return self._styles
        except ConfigError as error:
            if before is None:
                raise
            event(f"{error}; until then, the styles of before stay", level=WARNING)
        there = {entry.key: entry.version for entry in listing.style}
        return [
            style
            for style in before or ()
            if all(is_ready(e.key) or there.get(e.key) == e.version for e in style.files)
        ]

    def _plan(self, listing: Listing) -> tuple[Selection, Plan | None]:
        """Plan a round, log the plan, and begin to load what paints. There is no plan without
        photos or paintings."""
        config, local = self.config, self._elsewhere is None
        selection = select(listing, self.buckets, config, self._current_styles(listing))
        if not selection.photos or not selection.styles:
            return selection, None
        if local and surely_optimises(selection, listing.results.keys()):
            self._loading(True)
        self._networks.relist(listing.style)
        self._records = {key: kept for key, kept in self._records.items() if key in listing.results}
        with outlasting_outages(self.buckets.result) as result:
            plan = make_plan(
                selection, self._networks, config, result, listing.results, self._records
            )
        self.buckets.known.save()
        plan = plan.without(self._failures)
        self.stop.obey()
        report.log_plan(plan, selection)
        report.log_repaints(plan)
        if plan.todo and local:
            self._loading(plan.optimises)
        return selection, plan

    def _open_gallery(self, plan: Plan) -> "Gallery | None":
        """Return the gallery of a round, or None if it has nothing to add to it."""
        config, result = self.config, self.buckets.result
        is_missing = bool(plan.done) and PAGE not in plan.stored
        is_outdated = is_missing or UNPUBLISHED in plan.stored or bool(plan.refused)
        if not config.gallery or not (plan.todo or (config.makes_page and is_outdated)):
            return None
        if len(plan.todo) + len(plan.done) > MAX_SHOWN:
            event(f"no gallery is made of more than {MAX_SHOWN:,} results", level=WARNING)
            return None
        from painterly.gallery.gallery import Gallery

        if not config.makes_page:
            return Gallery(result)
        records = all_results(plan, result, self._records)
        gallery = Gallery(result, records, self._thumbnails)
        for order, reason in plan.refused:
            gallery.add_record(Record(photo=order.photo.key, style=order.style.name, error=reason))
        return gallery
