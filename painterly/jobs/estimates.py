"""Estimates of the time that jobs take here, learnt from those that have ended."""

import threading
from collections import defaultdict, deque

from painterly.jobs.schemas import Preset
from painterly.jobs.store import StoredJob
from painterly.orders.record import now

REMEMBERED = 5  # jobs; the fastest counts: other work slowed the others down
# Each preset takes at most this part of the next one's time. A measurement under load may say
# otherwise.
QUICKER = ((Preset.DRAFT, Preset.FINE, 0.6), (Preset.INSTANT, Preset.DRAFT, 0.5))
USUAL_PHOTO = (3000, 4000)  # height and width in px, if only the settings are known


class Estimates:
    """Seconds per work (schedule.py): the best of recent jobs on the device of the latest one, or
    else the worker's measurement. Preset instant has its own, since the CPU paints its pictures
    in any case. The first picture of a worker is left out. Thread-safe.

    Attributes:
        revision: Is raised with each change.
    """

    def __init__(self) -> None:
        # By device, and by preset for instant.
        self._rates = defaultdict[str | None, deque[float]](lambda: deque(maxlen=REMEMBERED))
        self._measured: dict[str | None, float] = {}
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()
        self.revision = 0

    def set_measured(self, preset: Preset, rate: float, device: str) -> None:
        """Set a worker's measurement, in seconds per work: of instant pictures, or of others on its
        device."""
        with self._lock:
            if preset != Preset.INSTANT:
                self._latest = now(), device
            self._measured[self._kind(preset)] = rate
            self.revision += 1

    def _kind(self, preset: Preset) -> str | None:
        return preset if preset == Preset.INSTANT else self._latest[1]

    def add_measurement(self, job: StoredJob) -> None:
        """Add the time of a finished job."""
        record = job.painted
        # Equal frames of a clip take no time, and an earlier process may have painted some.
        if record and record.seconds and job.work and not job.cold and not job.frames:
            has_own = job.preset == Preset.INSTANT
            kind = job.preset if has_own else record.device
            with self._lock:
                self._rates[kind].append(record.seconds / job.work)
                if not has_own and (job.finished or "") >= self._latest[0]:
                    self._latest = job.finished or "", record.device
                self.revision += 1

    def rate(self, preset: Preset) -> float | None:
        """Estimate the seconds per work of a preset; None if nothing is known yet."""
        with self._lock:
            kind = self._kind(preset)
            return min(self._rates[kind], default=self._measured.get(kind))

    def seconds(self, work: float, preset: Preset) -> float | None:
        """Estimate the seconds for some work in a preset; None if nothing is known yet."""
        rate = self.rate(preset)
        return None if rate is None else rate * work


def in_order(seconds: dict[Preset, float | None]) -> dict[Preset, float | None]:
    """Return the seconds of presets, none of a quicker one longer than a slower one's."""
    ordered = dict(seconds)
    for quick, slow, part in QUICKER:
        taken, most = ordered[quick], ordered[slow]
        if taken is not None and most is not None:
            ordered[quick] = round(min(taken, part * most), 1)
    return ordered
