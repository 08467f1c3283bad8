"""How far an optimisation is, and the time left of it."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from styletransfer.engine.schedule import GPU_OVERHEAD, OVERHEAD, step_work


class Position(NamedTuple):
    """iteration: the steps done. total: the steps of the whole run. fraction: which part of the
    work is done, 0…1: a step counts by what it takes at its size, so that half of the steps of a
    large picture may be a tenth of its work. eta_s: estimated seconds left."""

    iteration: int
    total: int
    fraction: float
    eta_s: float


class StepEta:
    """Follows the steps of an optimisation, and estimates the seconds left from the time that those
    done took for their work. A scale's first step includes its set-up, so it counts only until
    there is another one.

    sizes: (height, width) of each scale. counts: steps at each. done: steps already done. on_gpu:
    they run there, where small pictures take hardly less time than larger ones.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        counts: Sequence[int],
        done: int = 0,
        on_gpu: bool = False,
    ) -> None:
        overhead = GPU_OVERHEAD if on_gpu else OVERHEAD
        self._work = [
            step_work(size, overhead)
            for size, count in zip(sizes, counts, strict=True)
            for _ in range(count)
        ]
        self._all_work, self._work_left = sum(self._work), sum(self._work[done:])
        self._seconds_per_work = 0.0
        self._measured = False
        self._done = done
        self._last = time.perf_counter()

    def tick(self, skipped: int = 0) -> Position:
        """Records a step, and `skipped` steps after it that will not run."""
        now = time.perf_counter()
        work = self._work[self._done]
        first_of_scale = self._done == 0 or self._work[self._done - 1] != work
        rate = (now - self._last) / work
        if not first_of_scale:
            self._seconds_per_work = (
                0.9 * self._seconds_per_work + 0.1 * rate if self._measured else rate
            )
            self._measured = True
        elif not self._measured:
            self._seconds_per_work = rate
        self._done += 1 + skipped
        self._work_left -= work * (1 + skipped)
        self._last = now
        fraction = (self._all_work - self._work_left) / self._all_work
        eta_s = self._work_left * self._seconds_per_work
        return Position(self._done, len(self._work), fraction, eta_s)
