"""How long the rest of a batch will take."""

import threading
from collections.abc import Callable, Mapping, Sequence


class BatchEta:
    """Of several workers that paint one photo each at a time and share the remaining tasks."""

    def __init__(
        self,
        workers: int,
        tasks_left: Callable[[], int],
        seconds: Mapping[str, Sequence[float]],
    ) -> None:
        """workers: how many there are. tasks_left: how many tasks no worker has taken yet. seconds:
        the time each finished painting took, by look; it grows."""
        self._workers, self._tasks_left, self._seconds = workers, tasks_left, seconds
        self._remaining: dict[str, float] = {}  # of the painting each worker is at
        self._lock = threading.Lock()

    def left(self, worker: str, elapsed: float, eta_s: float) -> float:
        """Seconds left for the whole batch, as seen by a worker that has painted for `elapsed`
        seconds and has `eta_s` to go. Assumes that coming tasks take as long as those so far."""
        with self._lock:
            self._remaining[worker] = eta_s
            remaining = list(self._remaining.values())
        times = [each for of_look in list(self._seconds.values()) for each in list(of_look)]
        mean = sum(times) / len(times) if times else elapsed + eta_s
        shared = (sum(remaining) + self._tasks_left() * mean) / self._workers
        return max(shared, *remaining)

    def finished(self, worker: str) -> None:
        """A worker's painting is done or has failed."""
        with self._lock:
            self._remaining.pop(worker, None)
