"""How long a picture takes here, from the jobs that were painted here."""

import statistics
import threading
from collections import deque

from styletransfer.config import Config
from styletransfer.vgg.registry import QUICK
from styletransfer.web.lease import moment
from styletransfer.web.schemas import JobState, Quality
from styletransfer.web.stored import StoredJob

REMEMBERED = 9  # jobs of each kind; their median counts
USUAL_PHOTO = (3000, 4000)  # height and width in px, of one of which only the settings are known


def has_one_network(config: Config) -> bool:
    """Whether drafts and the other qualities are painted with the same network."""
    return config.vgg_weights == QUICK


class Estimates:
    """Seconds per work (schedule.py), for the network of drafts and for that of the other
    qualities: what jobs took, or else what this instance's worker has measured. What another device
    took does not count. Thread-safe."""

    def __init__(self, one_network: bool = False) -> None:
        """one_network: as `has_one_network`; the time of one kind is then also what is expected of
        the other until that was painted."""
        self._one_network = one_network
        self._rates: dict[bool, deque[float]] = {}
        self._measured: dict[bool, float] = {}
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()

    def expect(self, quality: Quality, rate: float, device: str) -> None:
        """Takes what a worker has measured on its device: seconds per work."""
        with self._lock:
            self._measured[quality == Quality.DRAFT] = rate
            if self._latest[1] != device:
                self._rates.clear()
                self._latest = moment(), device

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
        """Of a picture with this work; None where nothing is known of its kind yet."""
        with self._lock:
            draft = quality == Quality.DRAFT
            kinds = (draft, not draft) if self._one_network else (draft,)
            for kind in kinds:
                if kind in self._rates:
                    return statistics.median(self._rates[kind]) * work
            for kind in kinds:
                if kind in self._measured:
                    return self._measured[kind] * work
            return None
