"""A run: its rounds, which plan, paint and report.

A round that has nothing to paint ends without loading TensorFlow.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from logging import WARNING
from time import perf_counter
from typing import TYPE_CHECKING, NoReturn

from painterly.configuration.config import Config
from painterly.errors import ConfigError, StorageError, WeightsError
from painterly.log import WarningLog, event
from painterly.orders.buckets import Buckets, Listing, list_buckets
from painterly.orders.network_pool import NetworkPool
from painterly.orders.plan import Plan, all_results, make_plan
from painterly.orders.record import (
    Record,
    RecordCache,
    remember_records,
    remembered_records,
)
from painterly.orders.selection import Selection, select, styles_of
from painterly.orders.styles import Style, is_ready
from painterly.painters import checkpoints
from painterly.runs import report
from painterly.runs.report import Notifier, Summary
from painterly.runs.watch import News, rest
from painterly.settings.bucket_layout import CHECKPOINTS, PAGE, RECORDS, STYLES, UNPUBLISHED
from painterly.signals import Stop, Stopped
from painterly.storage.base import ObjectError, UnavailableError
from painterly.storage.files import md5_of_bytes
from painterly.storage.foreign_files import matches
from painterly.storage.retry import logged_storage_errors, outlasting_outages
from painterly.words.wording import duration

if TYPE_CHECKING:
    from painterly.devices.device import Devices
    from painterly.gallery.gallery import Gallery
    from painterly.painters.painter import Painter
    from painterly.runs.workers import Outcome

MANY = 1000  # records that are worth an object of their own
UNREMEMBERED = "the next run reads all records again"
RETRY_S = 3600.0  # until pictures that failed are tried again though nothing has changed
# As workers.paint_all does with its devices, and the cluster.
Paint = Callable[["Painter", Plan], "Outcome"]
Loading = Callable[[bool], "Future[Devices]"]  # As load_devices; each begins once.


class Run:
    """A run's buckets, devices, networks and failures, which its rounds share."""

    def __init__(
        self,
        config: Config,
        buckets: Buckets,
        loading: Loading,
        stop: Stop,
        word: Notifier,
        elsewhere: Paint | None = None,
    ) -> None:
        """Set it up.

        Args:
            config: The configuration.
            buckets: The buckets.
            loading: Begins to load what paints.
            stop: The signals of the process.
            word: Gets word of the rounds of a watch.
            elsewhere: Paints the plan's orders on other machines. A dry run is always of this one.
        """
        self._config = config
        self._buckets, self._stop, self._word = buckets, stop, word
        self._loading, self._elsewhere = loading, None if config.dry_run else elsewhere
        self._networks = NetworkPool(config.vgg_weights, buckets.style)
        # Of this process, by fingerprint: a later round would fail as well.
        self._failures: dict[str, str] = {}
        self._retried = time.monotonic()
        self._styles: Sequence[Style] | None = None  # the last round's
        # Earlier rounds have read these; the next ones need not.
        self._records: RecordCache = {}
        self._thumbnails: dict[str, tuple[str, bytes]] = {}

    def paint(self, started: float) -> Summary:
        """Paint every picture that has no up-to-date result, once or, in a watch, until a signal or
        an error ends it, and record the end.

        Args:
            started: The time when the run began, as perf_counter returns it.

        Raises:
            PainterlyError: Nothing can be painted; the error has an exit code.
            Stopped: A signal has arrived.
        """
        config, listing = self._config, self.list()

        def paint() -> Summary:
            if config.watch is not None and not config.dry_run:
                self._watch(listing, config.watch)
            return self.round(listing, started)

        if config.dry_run or config.partial or not config.gallery:
            return paint()
        return report.with_recorded_end(self._buckets.result, paint)

    def list(self) -> Listing:
        """List the buckets. Raises StorageError, Stopped."""
        listing = list_buckets(self._buckets, self._config)
        self._stop.obey()
        return listing

    def round(self, listing: Listing, started: float) -> Summary:
        """Paint, or foretell it, and return the summary, which is logged, with the folders that
        could not be read.

        Args:
            listing: The objects in the buckets.
            started: The time when the round began, as perf_counter returns it.

        Raises:
            PainterlyError, Stopped: As `paint`.
        """
        source, exclude = self._buckets.source, self._config.exclude
        summary = self._round(listing, started)
        unread = source.unreadable().items()
        asked = {key: why for key, why in unread if not matches(key, exclude)}
        return report.with_unread(summary, asked, source)

    def _round(self, listing: Listing, started: float) -> Summary:
        selection, plan = self._plan(listing)
        if plan is None:
            return report.NO_INPUT
        config = self._config
        from painterly.orders.frames import in_frames

        parts = in_frames(plan, self._buckets.source)
        gallery = None
        if not config.dry_run:
            gallery, result = self._open_gallery(plan), self._buckets.result
            checkpoints.delete_stale(result, parts.stale)
            checkpoints.abort_stale_uploads(result, selection)
        if not plan.todo:
            if gallery:
                gallery.publish()
            return report.log_nothing_to_paint(plan, config.result_bucket, config.dry_run)

        from painterly.painters.painter import Painter

        self._stop.obey()
        with closing(
            Painter(config, self._buckets, self._networks, self._stop, gallery)
        ) as painter:
            if config.dry_run:
                return self._foretold(painter, parts)
            outcome = self._painted(painter, parts)
        if config.makes_page:
            with logged_storage_errors("empty folders of checkpoints may be left"):
                result.remove_empty(CHECKPOINTS)
        self._failures.update({order.fingerprint: reason for order, reason in outcome.failures})
        seconds = perf_counter() - started
        summary = report.log_outcome(plan, outcome, config.result_bucket, seconds)
        with logged_storage_errors(UNREMEMBERED):
            self._keep(outcome.records)
            if outcome.painted > MANY:
                remember_records(result, self._records)
        return summary

    def _keep(self, written: Mapping[str, Record]) -> None:
        """Keep the records that a round has written, each with the version that a listing will
        have."""
        result = self._buckets.result
        for key, record in written.items():
            with suppress(ObjectError):  # It could not be stored.
                data, file = record.to_bytes(), result.path(key) and result.find(key)
                if not file or file.size == len(data):  # Or another photo's is in its place.
                    self._records[key] = file.version if file else md5_of_bytes(data), record

    def _watch(self, listing: Listing, every_s: float) -> NoReturn:
        """Paint, and look for news, until a signal or an error ends it.

        Errors of the storage are logged, and the next round tries again. So are wrong styles and
        weights, except in the first round.

        Args:
            listing: The objects in the buckets.
            every_s: Seconds of rest between two rounds.

        Raises:
            PainterlyError: Nothing can be painted, for a reason that does not pass.
            Stopped: A signal has arrived.
        """
        settle_s, buckets = self._config.settle, self._buckets
        news, warnings = News(every_s if settle_s is None else settle_s), WarningLog()
        told = False
        try:
            while True:
                try:
                    self._look(news, self.list() if told else listing)
                except StorageError as error:
                    event(f"{error}; retrying in {duration(every_s)}", level=WARNING)
                except (ConfigError, WeightsError) as error:
                    if not news.begun:
                        raise
                    warnings.warn(f"{error}; looking again every {duration(every_s)}")
                if not told:
                    where = f"{buckets.source.name} and {buckets.style.name}"
                    event(f"watching {where}, every {duration(every_s)}", event="watching")
                    told = True
                rest(self._stop, every_s)
        except Stopped as stopped:
            self._word.leave()
            stopped.note = stopped.note or "the next start paints the rest"
            raise

    def _look(self, news: News, listing: Listing) -> None:
        again = False
        if time.monotonic() - self._retried >= RETRY_S:
            self._retried, again = time.monotonic(), bool(self._failures)
            self._failures.clear()
        marked = news.marked(listing, again)
        if marked is None:
            return
        summary = self.round(marked, perf_counter())
        news.complete()
        if summary.tried:
            self._word.of_round(summary)

    def _current_styles(self, listing: Listing) -> Sequence[Style]:
        """Return the styles of the bucket. In a watch, those of the round before stay while
        `styles.toml` is being saved or wrong, as far as their files are still the same.

        Raises ConfigError, StorageError.
        """
        before = self._styles
        try:
            if STYLES not in listing.new_style:
                self._styles = styles_of(self._buckets, listing.style, self._config)
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
        config = self._config
        selection = select(listing, self._buckets, config, self._current_styles(listing))
        if not selection.photos or not selection.styles:
            return selection, None
        self._networks.relist(listing.style)
        weights = {each.name: self._networks.source(each.settings) for each in selection.styles}
        with outlasting_outages(self._buckets.result) as result:
            is_long = sum(key.startswith(f"{RECORDS}/") for key in listing.results) > MANY
            if is_long and not self._records:
                self._records = remembered_records(result)
            before = {key: each for key, each in self._records.items() if key in listing.results}
            self._records = dict(before)
            plan = make_plan(selection, weights, config, result, listing.results, self._records)
            new = sum(before.get(key) != each for key, each in self._records.items())
            if new > MANY and not config.dry_run:
                with logged_storage_errors(UNREMEMBERED):
                    remember_records(result, self._records)
        self._buckets.known.save()
        plan = plan.without(self._failures)
        self._stop.obey()
        report.log_plan(plan, selection)
        report.log_repaints(plan)
        if plan.todo and self._elsewhere is None:
            self._loading(plan.optimises)
        return selection, plan

    def _foretold(self, painter: "Painter", plan: Plan) -> Summary:
        records = all_results(plan, self._buckets.result, self._records)
        devices = self._loading(plan.optimises).result()
        from painterly.runs.dry_run import report_dry_run

        painter.leave()  # An outage ends it at once: there is nothing to lose.
        return Summary("", failed=report_dry_run(painter, plan, devices, records))

    def _painted(self, painter: "Painter", plan: Plan) -> "Outcome":
        from painterly.runs.workers import paint_all

        try:
            if self._elsewhere:
                return self._elsewhere(painter, plan)
            return paint_all(painter, plan, self._loading(plan.optimises))
        except UnavailableError as error:
            rest = "" if self._config.watch else ", run it again for the rest"
            raise type(error)(f"{error}; what is stored stays{rest}") from error

    def _open_gallery(self, plan: Plan) -> "Gallery | None":
        config, result = self._config, self._buckets.result
        is_missing = bool(plan.done) and PAGE not in plan.stored
        is_outdated = is_missing or UNPUBLISHED in plan.stored or bool(plan.refused)
        if not config.gallery or not (plan.todo or (config.makes_page and is_outdated)):
            return None
        from painterly.gallery.gallery import Gallery
        from painterly.gallery.page import MAX_SHOWN

        if len(plan.todo) + len(plan.done) > MAX_SHOWN:
            event(f"no gallery is made of more than {MAX_SHOWN:,} results", level=WARNING)
            return None
        if not config.makes_page:
            return Gallery(result)
        records = all_results(plan, result, self._records)
        gallery = Gallery(result, records, self._thumbnails)
        for order, reason in plan.refused:
            gallery.add_record(Record(photo=order.photo.key, style=order.style.name, error=reason))
        return gallery
