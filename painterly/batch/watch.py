"""A run that stays: it paints what is new or changed, round after round, until a signal arrives.

A round in which nothing has changed lists the buckets, and reads and loads nothing.
"""

import time
from logging import WARNING
from time import perf_counter

from painterly.batch import report
from painterly.batch.batch import Batch
from painterly.batch.listing import Listing
from painterly.bucket_layout import CHECKPOINTS, WEB
from painterly.errors import StorageError
from painterly.log import event
from painterly.signals import Stop, Stopped
from painterly.wording import duration

RETRY_S = 3600.0  # until pictures that failed are tried again though nothing has changed
LOOK_S = 1.0  # seconds between checks for a signal: on Windows, only Ctrl-C ends a sleep
# Objects of the result bucket that decide nothing: the web service renews its own every 3 s.
PASSING = (f"{CHECKPOINTS}/", f"{WEB}/")
_Snapshot = frozenset[tuple[str, str, str]]


def watch(batch: Batch, listing: Listing, every_s: float) -> None:
    """Paint, and look for what is new or changed, until a signal or an error ends it.

    Errors of the storage are logged, and the next round tries again.

    Args:
        batch: The batch.
        listing: The objects in its buckets.
        every_s: Seconds of rest between two rounds.

    Raises:
        PainterlyError: Nothing can be painted, for a reason other than the storage.
        Stopped: A signal has arrived.
    """
    rounds, buckets = _Rounds(batch), batch.buckets
    told = False
    try:
        while True:
            try:
                rounds.next(batch.list() if told else listing)
            except StorageError as error:
                event(f"{error}; retrying in {duration(every_s)}", level=WARNING)
            if not told:
                where = f"{buckets.source.name} and {buckets.style.name}"
                event(f"watching {where}, every {duration(every_s)}", event="watching")
                told = True
            _rest(batch.stop, every_s)
    except Stopped as stopped:
        stopped.kept = stopped.kept or "the next start paints the rest"
        raise


class _Rounds:
    """The rounds of a batch, and what the last complete one has seen."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._seen: _Snapshot | None = None
        self._retried = time.monotonic()

    def next(self, listing: Listing) -> None:
        """Paint what is new or changed, and send word of it. Raises the errors of `Batch.paint`."""
        if time.monotonic() - self._retried >= RETRY_S:
            self._retried = time.monotonic()
            if self._batch.forget_failures():
                self._seen = None
        snapshot = _snapshot(listing)
        if snapshot == self._seen:
            return
        self._seen = None  # Until the round is complete.
        summary = self._batch.paint(listing, perf_counter())
        self._seen = snapshot
        if summary.tried:
            report.notify(self._batch.config.notify_url, summary.text, **summary.fields)


def _snapshot(listing: Listing) -> _Snapshot:
    """Return what a round depends on."""
    results = [each for key, each in listing.results.items() if not key.startswith(PASSING)]
    places = {"photos": listing.source, "styles": listing.style, "results": results}
    return frozenset(
        (place, entry.key, entry.version) for place, entries in places.items() for entry in entries
    )


def _rest(stop: Stop, seconds: float) -> None:
    """Wait. Raises Stopped."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
        stop.obey()
