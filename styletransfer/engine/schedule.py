"""Which sizes a picture is painted at, and in how many steps; without TensorFlow."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from styletransfer.images.arrays import fit_size
from styletransfer.settings import Settings

FIRST_SCALE = 128  # px, longer side
SMALLEST_SIDE = 32  # px; below it conv4_1 has too few positions for statistics
LEAST_PAINTING = 64  # px, longer side: for small strokes no painting is made smaller than that
LEAST_STEPS = 1 / 3  # of `iterations`, at any scale
# What a step takes whatever its size, as much as so many pixels: operations to launch, and matrices
# of each layer to decompose. Between the built-in networks on a CPU; on a GPU, by launches alone.
OVERHEAD, GPU_OVERHEAD = 20_000, 350_000
EVALUATIONS = 20  # of the loss and its gradient, at most, in one step of L-BFGS


def schedule(
    height: int, width: int, settings: Settings
) -> tuple[list[tuple[int, int]], list[int]]:
    """The (height, width) of each scale for a photo of this size, coarse to fine, and the number of
    steps at each."""
    longer = max(height, width) if settings.size == "full" else int(settings.size)
    if not settings.maintain_aspect_ratio:
        height = width = longer
    if settings.recipe == "inetwork":
        return [fit_size(height, width, longer)], [settings.iterations]
    scales = scale_sizes(height, width, longer)
    return scales, [max(1, round(settings.iterations * _share(n))) for n in range(len(scales))]


def _share(scale: int) -> float:
    """The part of `iterations` that scale n takes, from 0: the coarse ones, whose steps are cheap,
    settle colours and large forms; a finer one only adds half an octave of detail."""
    return 2.0 if scale == 0 else max(LEAST_STEPS, 2 ** ((1 - scale) / 2))


def scale_sizes(height: int, width: int, longer: int) -> list[tuple[int, int]]:
    """(height, width) of each scale, growing by √2. The last has the longer side requested; the
    first about FIRST_SCALE, but a shorter side of at least SMALLEST_SIDE where possible."""
    sizes = [fit_size(height, width, longer)]
    while True:
        smaller = fit_size(height, width, round(longer / 2 ** (len(sizes) / 2)))
        if max(smaller) < FIRST_SCALE * 0.99 or min(smaller) < SMALLEST_SIDE:
            return sizes[::-1]
        sizes.append(smaller)


def painting_size(height: int, width: int, longer: int, stroke_size: float) -> tuple[int, int]:
    """The (height, width) at which a painting of this size is compared with a picture whose longer
    side has `longer` px: shrunk to that, or enlarged half way to it, in octaves. At its own size
    its strokes would be finer than in a smaller picture; at the picture's they would be blurred.
    Then it is made as many times as large as its strokes are to be."""
    side = max(height, width)
    side = min(longer, round(math.sqrt(side * longer)))
    if stroke_size != 1:
        side = max(min(side, LEAST_PAINTING), round(stroke_size * side))
    return fit_size(height, width, side)


def step_work(size: tuple[int, int], overhead: int = OVERHEAD) -> int:
    """What a step at a (height, width) takes, in pixels; its time is in proportion to it."""
    height, width = size
    return height * width + overhead


def total_work(height: int, width: int, settings: Settings, overhead: int = OVERHEAD) -> int:
    """What all steps together take, in pixels, for a photo of this size. A step of L-BFGS counts as
    often as it evaluates the loss."""
    sizes, counts = schedule(height, width, settings)
    each = 1 if settings.optimizer == "adam" else EVALUATIONS
    steps = zip(sizes, counts, strict=True)
    return each * sum(count * step_work(size, overhead) for size, count in steps)


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
