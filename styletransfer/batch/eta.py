"""How long a batch will take from here on."""

import threading
from collections.abc import Callable, Mapping, Sequence


class BatchEta:
    """Of several lanes that paint one photo each at a time, and share what is left."""

    def __init__(
        self,
        lanes: int,
        tasks_left: Callable[[], int],
        seconds: Mapping[str, Sequence[float]],
    ) -> None:
        """tasks_left: how many tasks nobody has taken yet. seconds: what paintings took, by look,
        as it grows."""
        self._lanes, self._tasks_left, self._seconds = lanes, tasks_left, seconds
        self._under_way: dict[str, float] = {}
        self._lock = threading.Lock()

    def left(self, lane: str, elapsed: float, eta_s: float) -> float:
        """Seconds left for the whole batch, taking the tasks to come to be like those so far. Told
        by a lane that has painted for `elapsed` seconds, with `eta_s` to go."""
        with self._lock:
            self._under_way[lane] = eta_s
            under_way = list(self._under_way.values())
        times = [each for of_look in list(self._seconds.values()) for each in list(of_look)]
        mean = sum(times) / len(times) if times else elapsed + eta_s
        shared = (sum(under_way) + self._tasks_left() * mean) / self._lanes
        return max(shared, *under_way)

    def over(self, lane: str) -> None:
        """Tells that a lane's painting is done, or has failed."""
        with self._lock:
            self._under_way.pop(lane, None)
