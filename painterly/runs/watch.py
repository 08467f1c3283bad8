"""A run that stays: it paints what is new or changed, round after round, until a signal arrives.

A round in which nothing has changed lists the buckets, and reads and loads nothing. Files are taken
once they have stayed the same for a while: programs copy, save and send them bit by bit.
"""

import math
import threading
import time
from dataclasses import replace
from functools import partial
from logging import WARNING
from time import perf_counter

from painterly.errors import ConfigError, StorageError, WeightsError
from painterly.log import WarningLog, event
from painterly.orders.listing import Listing
from painterly.runs import report
from painterly.runs.batch import Batch
from painterly.settings.bucket_layout import CHECKPOINTS, STYLES, WEB, for_source, for_style
from painterly.signals import Stop, Stopped
from painterly.storage.base import Entry
from painterly.words.wording import duration, listed, printable

RETRY_S = 3600.0  # until pictures that failed are tried again though nothing has changed
LOOK_S = 1.0  # seconds between checks for a signal: on Windows, only Ctrl-C ends a sleep
# Objects of the result bucket that decide nothing: the web service renews its own every 3 s.
PASSING = (f"{CHECKPOINTS}/", f"{WEB}/")
_Snapshot = frozenset[tuple[str, str, str]]


def watch(batch: Batch, listing: Listing, every_s: float, settle_s: float) -> None:
    """Paint, and look for what is new or changed, until a signal or an error ends it.

    Errors of the storage are logged, and the next round tries again. So are wrong styles and
    weights, except in the first round.

    Args:
        batch: The batch.
        listing: The objects in its buckets.
        every_s: Seconds of rest between two rounds.
        settle_s: Seconds for which a file has to stay the same before it is taken.

    Raises:
        PainterlyError: Nothing can be painted, for a reason that does not pass.
        Stopped: A signal has arrived.
    """
    rounds, buckets = _Rounds(batch, settle_s), batch.buckets
    told, warnings = False, WarningLog()
    try:
        while True:
            try:
                rounds.next(batch.list() if told else listing)
            except StorageError as error:
                event(f"{error}; retrying in {duration(every_s)}", level=WARNING)
            except (ConfigError, WeightsError) as error:
                if not rounds.begun:
                    raise
                warnings.warn(f"{error}; looking again every {duration(every_s)}")
            if not told:
                where = f"{buckets.source.name} and {buckets.style.name}"
                event(f"watching {where}, every {duration(every_s)}", event="watching")
                told = True
            _rest(batch.stop, every_s)
    except Stopped as stopped:
        stopped.kept = stopped.kept or "the next start paints the rest"
        raise


class _Rounds:
    """The rounds of a batch, and what the last complete one has seen.

    Attributes:
        begun: Whether one was complete, or waits for files.
    """

    def __init__(self, batch: Batch, settle_s: float) -> None:
        self._batch, self._settling = batch, _Settling(settle_s)
        self.begun = False
        self._seen: _Snapshot | None = None
        self._retried = time.monotonic()

    def next(self, listing: Listing) -> None:
        """Paint what is new or changed, and send word of it. Raises the errors of `Batch.paint`."""
        if time.monotonic() - self._retried >= RETRY_S:
            self._retried = time.monotonic()
            if self._batch.forget_failures():
                self._seen = None
        listing = self._settling.marked(listing)
        self.begun = self.begun or bool(listing.new_source or listing.new_style)
        snapshot = _snapshot(listing)
        if snapshot == self._seen:
            return
        self._seen = None  # Until the round is complete.
        summary = self._batch.paint(listing, perf_counter())
        self._seen, self.begun = snapshot, True
        if summary.tried:  # The next round need not wait for the receiver.
            tell = partial(report.notify, self._batch.config, summary.text, **summary.fields)
            threading.Thread(target=tell, daemon=True).start()


class _Settling:
    """The photos and paintings in the last listing, each with the time of its last change."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._seen: dict[tuple[str, str], tuple[Entry | None, float]] | None = None
        self._named = frozenset[str]()

    def marked(self, listing: Listing) -> Listing:
        """Return a listing with the files in it that may still be written or sent: those that have
        not stayed the same for long enough, and empty ones, which hold a place for others."""
        found: dict[tuple[str, str], Entry | None] = {("style", STYLES): None}
        found |= {("source", e.key): e for e in listing.source if for_source(e.key)}
        found |= {("style", e.key): e for e in listing.style if for_style(e.key)}
        now, seen, new = time.monotonic(), dict[tuple[str, str], tuple[Entry | None, float]](), []
        for where, entry in found.items():
            since = self._since(where, entry, now)
            seen[where] = entry, since
            if now - since < self._settle_s or (entry and not entry.size):
                new.append(where)
        self._seen = seen
        names = frozenset(printable(key) for _, key in new)
        if added := sorted(names - self._named):
            event(
                f"{listed(added)}: taken once there is content that has stayed the same for "
                f"{duration(self._settle_s)}"
            )
        self._named = names
        return replace(
            listing,
            new_source=frozenset(key for place, key in new if place == "source"),
            new_style=frozenset(key for place, key in new if place == "style"),
        )

    def _since(self, where: tuple[str, str], entry: Entry | None, now: float) -> float:
        """Return the time of a file's last change. The one that the file says counts at the start
        only, because programs can set it while they write.

        Args:
            where: The bucket and the key.
            entry: The file, or None if it does not exist.
            now: The time.
        """
        if self._seen is None:
            age = time.time() - (entry.modified or 0) if entry else math.inf
            return now - age if age >= self._settle_s else now
        before, since = self._seen.get(where, (None, now))
        return since if _state(before) == _state(entry) else now


def _state(entry: Entry | None) -> tuple[object, ...]:
    return (entry.size, entry.version, entry.modified) if entry else ()


def _snapshot(listing: Listing) -> _Snapshot:
    """Return what a round depends on."""
    photos = [each for each in listing.source if each.key not in listing.new_source]
    paintings = [each for each in listing.style if each.key not in listing.new_style]
    results = [each for key, each in listing.results.items() if not key.startswith(PASSING)]
    places = {"photos": photos, "styles": paintings, "results": results}
    changing = {("styles", STYLES, "")} if STYLES in listing.new_style else set()
    return frozenset(
        (place, entry.key, entry.version) for place, entries in places.items() for entry in entries
    ).union(changing)


def _rest(stop: Stop, seconds: float) -> None:
    """Wait. Raises Stopped."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
        stop.obey()
