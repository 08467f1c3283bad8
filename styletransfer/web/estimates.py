"""Estimates of the time a picture takes here, learned from finished jobs."""

import statistics
import threading
from collections import deque

from styletransfer.web.job_store import StoredJob
from styletransfer.web.lease import utc_now
from styletransfer.web.schemas import JobState

REMEMBERED = 9  # jobs; their median counts
USUAL_PHOTO = (3000, 4000)  # height and width in px, if only the settings are known


class Estimates:
    """Seconds per work (schedule.py): the median of recent jobs, or else the worker's own
    measurement. Jobs of another device are ignored. Thread-safe."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=REMEMBERED)
        self._measured: float | None = None
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()

    def set_calibration(self, rate: float, device: str) -> None:
        """Set a worker's own measurement on its device, in seconds per work."""
        with self._lock:
            self._measured = rate
            if self._latest[1] != device:
                self._rates.clear()
                self._latest = utc_now(), device

    def add_measurement(self, job: StoredJob) -> None:
        """Add the time of a finished job."""
        if job.state != JobState.DONE or not job.seconds or not job.work:
            return
        with self._lock:
            when, device = self._latest
            if job.device != device:
                if (job.finished or "") < when:
                    return
                self._rates.clear()
            self._latest = max(when, job.finished or ""), job.device
            self._rates.append(job.seconds / job.work)

    def seconds(self, work: float) -> float | None:
        """Estimate the seconds for some work; None if nothing is known yet."""
        with self._lock:
            rate = statistics.median(self._rates) if self._rates else self._measured
            return None if rate is None else rate * work
