"""How long an optimisation still takes."""

import time
from collections.abc import Sequence


class StepEta:
    """Seconds left, from the time per pixel of the steps done; a scale's first step, which
    carries its set-up, counts only while there is no other."""

    def __init__(
        self, scales: Sequence[tuple[int, int]], counts: Sequence[int], done: int = 0
    ) -> None:
        self._pixels = [
            h * w for (h, w), count in zip(scales, counts, strict=True) for _ in range(count)
        ]
        self._left = float(sum(self._pixels[done:]))
        self._seconds_per_pixel = 0.0
        self._measured = False
        self.done = done
        self._last = time.perf_counter()

    def tick(self, skipping: int = 0) -> float:
        """To be called after each step, and whether it leaves out some after it; the seconds
        left."""
        now = time.perf_counter()
        pixels = self._pixels[self.done]
        first = self.done == 0 or self._pixels[self.done - 1] != pixels
        rate = (now - self._last) / pixels
        if not first:
            self._seconds_per_pixel = (
                0.9 * self._seconds_per_pixel + 0.1 * rate if self._measured else rate
            )
            self._measured = True
        elif not self._measured:
            self._seconds_per_pixel = rate
        self.done += 1 + skipping
        self._left -= pixels * (1 + skipping)
        self._last = now
        return self._left * self._seconds_per_pixel
