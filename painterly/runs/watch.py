"""The news of a run that stays: what is new or changed since its last round.

A round in which nothing has changed lists the buckets, and reads and loads nothing. Files are taken
once they have stayed the same for a while: programs copy, save and send them bit by bit.
"""

import math
import time
from dataclasses import replace

from painterly.log import event
from painterly.orders.buckets import Listing
from painterly.settings.bucket_layout import CHECKPOINTS, STYLES, WEB, for_source, for_style
from painterly.signals import Stop
from painterly.storage.base import Entry
from painterly.words.wording import duration, listed, printable

LOOK_S = 1.0  # seconds between checks for a signal: on Windows, only Ctrl-C ends a sleep
# Objects of the result bucket that decide nothing: the web service renews its own every 3 s.
PASSING = (f"{CHECKPOINTS}/", f"{WEB}/")
_Snapshot = frozenset[tuple[str, str, str]]


class News:
    """A comparison with the last complete round, and the files that may still be written.

    Attributes:
        begun: Whether a round was complete, or waits for files.
    """

    def __init__(self, settle_s: float) -> None:
        """Take the seconds for which a file has to stay the same before it is taken."""
        self._settle_s = settle_s
        self.begun = False
        self._complete: _Snapshot | None = None
        self._latest: _Snapshot = frozenset()
        # The photos and paintings in the last listing, each with the time of its last change.
        self._files: dict[tuple[str, str], tuple[Entry | None, float]] | None = None
        self._named = frozenset[str]()

    def marked(self, listing: Listing, again: bool = False) -> Listing | None:
        """Return a listing with the files marked that may still be written or sent.

        Args:
            listing: The objects in the buckets.
            again: Whether a round is due though nothing has changed.

        Returns:
            The listing, or None if nothing has changed since the last complete round.
        """
        listing = self._marked(listing)
        self.begun = self.begun or bool(listing.new_source or listing.new_style)
        self._latest = _snapshot(listing)
        if self._latest == self._complete and not again:
            return None
        self._complete = None  # Until the round is.
        return listing

    def complete(self) -> None:
        """End a round."""
        self._complete, self.begun = self._latest, True

    def _marked(self, listing: Listing) -> Listing:
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
        self._files = seen
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
        if self._files is None:
            age = time.time() - (entry.modified or 0) if entry else math.inf
            return now - age if age >= self._settle_s else now
        before, since = self._files.get(where, (None, now))
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


def rest(stop: Stop, seconds: float) -> None:
    """Wait. Raises Stopped."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_S))
        stop.obey()
