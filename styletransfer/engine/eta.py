"""The time left of an optimisation."""

import time
from collections.abc import Sequence


class StepEta:
    """Estimates the seconds left from the time per pixel of the steps done. A scale's first step
    includes its set-up, so it counts only until there is another one.

    sizes: (height, width) of each scale. counts: steps at each. done: steps already done.
    """

    def __init__(
        self, sizes: Sequence[tuple[int, int]], counts: Sequence[int], done: int = 0
    ) -> None:
        self._pixels = [
            h * w for (h, w), count in zip(sizes, counts, strict=True) for _ in range(count)
        ]
        self._pixels_left = float(sum(self._pixels[done:]))
        self._seconds_per_pixel = 0.0
        self._measured = False
        self.done = done
        self._last = time.perf_counter()

    def tick(self, skipped: int = 0) -> float:
        """Records a step, and `skipped` steps after it that will not run; the seconds left."""
        now = time.perf_counter()
        pixels = self._pixels[self.done]
        first_of_scale = self.done == 0 or self._pixels[self.done - 1] != pixels
        rate = (now - self._last) / pixels
        if not first_of_scale:
            self._seconds_per_pixel = (
                0.9 * self._seconds_per_pixel + 0.1 * rate if self._measured else rate
            )
            self._measured = True
        elif not self._measured:
            self._seconds_per_pixel = rate
        self.done += 1 + skipped
        self._pixels_left -= pixels * (1 + skipped)
        self._last = now
        return self._pixels_left * self._seconds_per_pixel
