"""Estimates of the time that jobs take here, learnt from those that have ended."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Mapping

from painterly.engine.memory_model import SHAPE
from painterly.engine.schedule import total_work
from painterly.jobs.presets import INSTANT_SIZES, LONGEST_INSTANT_S
from painterly.jobs.schemas import Preset
from painterly.jobs.store import StoredJob
from painterly.orders.record import now
from painterly.settings.settings import Settings

REMEMBERED = 5  # jobs; the fastest counts: other work slowed the others down
# Each preset takes at most this part of the next one's time. A measurement under load may say
# otherwise.
QUICKER = ((Preset.DRAFT, Preset.FINE, 0.6), (Preset.INSTANT, Preset.DRAFT, 0.5))
NEARLY = 1.01  # Sides are whole numbers, and cameras differ in their last pixels.
USUAL_PHOTO = (3000, 4000)  # height and width in px, if only the settings are known


class Estimates:
    """Seconds per work (schedule.py): the best of recent jobs on the device of the latest one, or
    else the worker's own measurement. Preset instant has its own, since the CPU paints its pictures
    in any case. The first picture of a worker is left out. Thread-safe.

    Attributes:
        revision: Is raised with each change.
        too_large: The bytes of memory that pictures need and the worker lacks, by preset and by
            the fewest pixels that need them. The shape of a picture makes no difference.
    """

    def __init__(self) -> None:
        # By device, and by preset for instant.
        self._rates = defaultdict[str | None, deque[float]](lambda: deque(maxlen=REMEMBERED))
        self._measured: float | None = None
        self._measured_instant: float | None = None
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()
        self.revision = 0
        self.too_large: Mapping[str, Mapping[int, int]] = {}

    def set_calibration(self, rate: float, device: str) -> None:
        """Set a worker's own measurement on its device, in seconds per work."""
        with self._lock:
            self._measured, self._latest = rate, (now(), device)
            self.revision += 1

    def set_instant_calibration(self, rate: float) -> None:
        """Set a worker's own measurement of instant pictures, in seconds per work."""
        with self._lock:
            self._measured_instant = rate
            self.revision += 1

    def add_too_large(self, too_large: Mapping[str, Mapping[int, int]]) -> None:
        """Set the bytes that pictures need and a worker lacks, by preset and by the longer side in
        px of pictures of SHAPE."""
        by_pixels = {
            preset: {int((side / NEARLY) ** 2 / SHAPE): needed for side, needed in sides.items()}
            for preset, sides in too_large.items()
        }
        self.too_large = {**self.too_large, **by_pixels}

    def lacking(self, preset: Preset, size: tuple[int, int]) -> int | None:
        """Return the bytes that a picture of this (height, width) needs at least, if the worker
        lacks them; None if it fits, as far as that is known."""
        lacking = self.too_large.get(preset, {})
        fewest = max((each for each in lacking if each <= math.prod(size)), default=None)
        return None if fewest is None else lacking[fewest]

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
            if preset == Preset.INSTANT:
                rates, measured = self._rates[preset], self._measured_instant
            else:
                rates, measured = self._rates[self._latest[1]], self._measured
            return min(rates) if rates else measured

    def seconds(self, work: float, preset: Preset) -> float | None:
        """Estimate the seconds for some work in a preset; None if nothing is known yet."""
        rate = self.rate(preset)
        return None if rate is None else rate * work

    def instant_side(self, settings: Settings) -> int:
        """Return the longer side in px of pictures by preset `instant`: the largest of
        INSTANT_SIZES that takes LONGEST_INSTANT_S at most by the worker's own measurement, or else
        the smallest."""
        rate = self._measured_instant
        for side in INSTANT_SIZES:
            work = total_work(*USUAL_PHOTO, settings.replaced({"size": side}))
            if rate is not None and rate * work <= LONGEST_INSTANT_S:
                return side
        return INSTANT_SIZES[-1]


def in_order(seconds: dict[Preset, float | None]) -> dict[Preset, float | None]:
    """Return the seconds of presets, none of a quicker one longer than a slower one's."""
    ordered = dict(seconds)
    for quick, slow, part in QUICKER:
        taken, most = ordered[quick], ordered[slow]
        if taken is not None and most is not None:
            ordered[quick] = round(min(taken, part * most), 1)
    return ordered
