"""How long a picture takes here, from the jobs that were painted here."""

import statistics
import threading
from collections import deque

from styletransfer.web.schemas import JobState, Quality
from styletransfer.web.stored import StoredJob

REMEMBERED = 9  # jobs of each kind; their median counts


class Estimates:
    """Seconds per work (schedule.py), for the network of drafts and for that of the
    other qualities. What another device took does not count. Thread-safe."""

    def __init__(self, one_network: bool = False) -> None:
        """one_network: drafts and the others have the same, so that the time of one is also what
        is expected of the other until that was painted."""
        self._one_network = one_network
        self._rates: dict[bool, deque[float]] = {}
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()

    def learn(self, job: StoredJob) -> None:
        """Takes the time of a job that was painted."""
        if job.state != JobState.DONE or not job.seconds or not job.work:
            return
        with self._lock:
            when, device = self._latest
            if job.device != device:
                if (job.finished or "") < when:
                    return
                self._rates.clear()
            self._latest = max(when, job.finished or ""), job.device
            kept = self._rates.setdefault(job.quality == Quality.DRAFT, deque(maxlen=REMEMBERED))
            kept.append(job.seconds / job.work)

    def seconds(self, quality: Quality, work: float) -> float | None:
        """Of a picture with this work; None where none of its kind was painted here yet."""
        with self._lock:
            draft = quality == Quality.DRAFT
            rates = self._rates.get(draft)
            if not rates and self._one_network:
                rates = self._rates.get(not draft)
            return statistics.median(rates) * work if rates else None
