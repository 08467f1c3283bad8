"""How far an optimisation is, and the time left of it."""

import time
from collections.abc import Sequence
from typing import NamedTuple


class Position(NamedTuple):
    """iteration: the steps done. total: the steps of the whole run. fraction: which part of the
    work is done, 0…1: a step counts by its pixels, as it takes time by them, so that half of the
    steps of a large picture may be a tenth of its work. eta_s: estimated seconds left."""

    iteration: int
    total: int
    fraction: float
    eta_s: float


class StepEta:
    """Follows the steps of an optimisation, and estimates the seconds left from the time per pixel
    of those done. A scale's first step includes its set-up, so it counts only until there is
    another one.

    sizes: (height, width) of each scale. counts: steps at each. done: steps already done.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int]], counts: Sequence[int], done: int = 0
    ) -> None:
        self._pixels = [
            h * w for (h, w), count in zip(sizes, counts, strict=True) for _ in range(count)
        ]
        self._all_pixels, self._pixels_left = sum(self._pixels), sum(self._pixels[done:])
        self._seconds_per_pixel = 0.0
        self._measured = False
        self._done = done
        self._last = time.perf_counter()

    def tick(self, skipped: int = 0) -> Position:
        """Records a step, and `skipped` steps after it that will not run."""
        now = time.perf_counter()
        pixels = self._pixels[self._done]
        first_of_scale = self._done == 0 or self._pixels[self._done - 1] != pixels
        rate = (now - self._last) / pixels
        if not first_of_scale:
            self._seconds_per_pixel = (
                0.9 * self._seconds_per_pixel + 0.1 * rate if self._measured else rate
            )
            self._measured = True
        elif not self._measured:
            self._seconds_per_pixel = rate
        self._done += 1 + skipped
        self._pixels_left -= pixels * (1 + skipped)
        self._last = now
        fraction = (self._all_pixels - self._pixels_left) / self._all_pixels
        eta_s = self._pixels_left * self._seconds_per_pixel
        return Position(self._done, len(self._pixels), fraction, eta_s)
