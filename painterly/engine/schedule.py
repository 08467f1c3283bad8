"""The sizes that a picture is painted at, the steps, and the time left; without TensorFlow."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from painterly.errors import PictureError
from painterly.images.arrays import fit_size
from painterly.settings.settings import Settings
from painterly.vgg.architectures import MULTIPLE

# px of a canvas: exactly above and on the left, at least below and on the right. So up to block 4,
# the features of the picture's pixels are the same as without a margin.
MARGIN = 8
FIRST_SCALE = 128  # px, longer side
MOST_GROWTH = 2.1  # factor of the longer side from one scale to the next
SMALLEST_SIDE = 32  # px; below it conv4_1 has too few positions for statistics
LEAST_PAINTING = 64  # px, longer side: small strokes make no painting smaller than that
MATCHED_AFTER = 0, 1 / 6, 1 / 2  # parts of a scale's steps
FIRST_STEPS, SECOND_STEPS = 2.0, 4 / 3  # at the first two scales, as a multiple of a later one
# The part of `iterations` that a later scale takes if the picture is rebuilt from patches: the
# first up to this longer side in px, half as many at twice that, and never less than the last.
REBUILT_STEPS, ALL_STEPS_TO, LEAST_STEPS = 0.5, 1024, 0.25
# The fixed cost of a step, in pixels that take the same time: operations to launch, and matrices of
# each layer to decompose. For a CPU a value between the networks' costs; for a GPU launches alone.
OVERHEAD, GPU_OVERHEAD = 20_000, 350_000
# The same for the rebuild, which takes as long as a step otherwise: 6.6, 2.1 and 1.6 steps of a CPU
# with 256, 512 and 1024 px, by processor time. Beside a GPU's steps, a CPU's rebuild takes longer
# by about this factor: 0.7 s of several cores, and 1.7 to 6.5 ms for a step, with 512 px.
REBUILD_OVERHEAD, GPU_REBUILD = 300_000, 60
# Steps of the optimisation that take as long as a scale of recipe instant with a new painting, and
# its rebuild takes one more, on a CPU with AVX-512 and bfloat16: 2.6 to 3.2 and 0.7 to 1.1 by
# processor time, with 256 to 1024 px.
INSTANT_STEPS = 3
EVALUATIONS = 20  # most evaluations of the loss and its gradient in one step of L-BFGS


class Schedule(NamedTuple):
    """The steps of a painting."""

    sizes: list[tuple[int, int]]  # the (height, width) of each scale, coarse to fine
    counts: list[int]  # the number of steps at each scale
    rebuilds: bool  # whether one more step rebuilds the finished picture from patches

    @classmethod
    def of(cls, height: int, width: int, settings: Settings) -> "Schedule":
        """Return the steps for a photo of this size. Raises PictureError if its shorter side would
        shrink to nothing."""
        longer = max(height, width) if settings.size == "full" else int(settings.size)
        height, width = settings.sheet(height, width) or (height, width)
        if not settings.maintain_aspect_ratio:
            height = width = longer
        if longer * min(height, width) < max(height, width):
            least = math.ceil(max(height, width) / min(height, width))
            raise PictureError(
                f"{width} × {height} px are too narrow for a size of {longer} px; choose at least "
                f"{least} px, or crop the photo"
            )
        traits, count = settings.traits, settings.iterations
        scales = scale_sizes(height, width, longer, traits.grows)
        shares = [
            _share(number, max(scale), traits.rebuilds) if traits.grows else 1.0
            for number, scale in enumerate(scales)
        ]
        counts = [max(1, round(count * share)) if traits.optimises else 1 for share in shares]
        return cls(scales, counts, traits.rebuilds)

    @property
    def total(self) -> int:
        """The number of all steps."""
        return sum(self.counts) + self.rebuilds


def _share(scale: int, longer: int, rebuilds: bool) -> float:
    """Return the number of steps at a scale of this longer side in px, as a multiple of
    `iterations`.

    The first scale, with the cheapest steps, determines colours and large forms. A later one only
    adds detail, and the finest is replaced if the picture is rebuilt from patches.
    """
    part = 1.0
    if rebuilds:
        part = max(LEAST_STEPS, REBUILT_STEPS * min(1.0, ALL_STEPS_TO / longer))
    return (FIRST_STEPS, SECOND_STEPS, 1.0)[min(scale, 2)] * part


def is_matched_before(number: int, steps: int) -> bool:
    """Return whether places are matched again before a step of a scale, by its number, from 1.

    A place's next match depends on its features so far. They change most in a scale's first steps,
    and after its last match a place takes about as many steps to look like it.
    """
    return number - 1 in {int(part * steps) for part in MATCHED_AFTER}


def scale_sizes(height: int, width: int, longer: int, grows: bool = True) -> list[tuple[int, int]]:
    """Return the (height, width) of each scale; only the last one if the picture does not grow.

    The first one's longer side is FIRST_SCALE whatever the last one's, so that pictures of all
    sizes look alike, unless its shorter side would be below SMALLEST_SIDE. The last one has the
    longer side requested. Each is larger than the one before by the same factor, about 2 at most.
    """
    first = max(FIRST_SCALE, SMALLEST_SIDE * max(height, width) / min(height, width))
    octaves = math.log(max(1.0, longer / first)) / math.log(MOST_GROWTH)
    count = math.ceil(octaves) if grows else 0
    growth = (longer / first) ** (1 / max(1, count))
    sides = [math.ceil(first * growth**number) for number in range(count)]
    # The first one, rounded up, may be the last one.
    return list(dict.fromkeys(fit_size(height, width, side) for side in (*sides, longer)))


def painting_size(height: int, width: int, longer: int, stroke_size: float) -> tuple[int, int]:
    """Return the (height, width) at which a painting is compared with a picture of this longer
    side.

    It is shrunk to the picture's longer side, or enlarged half way to it, in octaves. At its own
    size its strokes would be finer than in a smaller picture; at the picture's size they would be
    blurred. Then its sides are multiplied by `stroke_size`.
    """
    side = max(height, width)
    side = min(longer, round(math.sqrt(side * longer)))
    if stroke_size != 1:
        side = max(min(side, LEAST_PAINTING), round(stroke_size * side))
    return fit_size(height, width, side)


def canvas_side(side: int, margin: int = MARGIN) -> int:
    """Return the px of a canvas' side: `margin` px before the picture's and at least as many after
    it, up to a multiple of MULTIPLE; see picture.py."""
    return side + 2 * margin + -(side + 2 * margin) % MULTIPLE


def step_work(size: tuple[int, int], on_gpu: bool = False) -> int:
    """Return the work of a step at this (height, width), in pixels. Its time is proportional."""
    return math.prod(size) + (GPU_OVERHEAD if on_gpu else OVERHEAD)


def work_of_steps(schedule: Schedule, settings: Settings, on_gpu: bool = False) -> list[int]:
    """Return the work of each step, in pixels. The work of a step of L-BFGS is multiplied by its
    evaluations of the loss. A GPU takes hardly less time for small pictures."""
    optimises = settings.traits.optimises
    per_step = 1 if settings.optimizer == "adam" else EVALUATIONS
    if not optimises:
        per_step = INSTANT_STEPS
    work = [
        per_step * step_work(size, on_gpu)
        for size, count in zip(schedule.sizes, schedule.counts, strict=True)
        for _ in range(count)
    ]
    if schedule.rebuilds:
        of_rebuild = math.prod(schedule.sizes[-1]) + (REBUILD_OVERHEAD if optimises else OVERHEAD)
        work.append(of_rebuild * (GPU_REBUILD if on_gpu else 1))
    return work


def total_work(height: int, width: int, settings: Settings, on_gpu: bool = False) -> int:
    """Return the work of all steps for a photo of this size, in pixels; `on_gpu` as in
    `work_of_steps`."""
    return sum(work_of_steps(Schedule.of(height, width, settings), settings, on_gpu))


class Position(NamedTuple):
    """The progress of an optimisation."""

    iteration: int  # the number of steps done
    total: int  # the number of steps of the whole run
    # The part of the work that is done, 0…1. Steps are weighted by their work, so half of the steps
    # of a large picture may be a tenth of the work.
    fraction: float
    eta_s: float  # the estimated seconds left


class StepEta:
    """Estimates the time left of an optimisation from the time per work of the steps done.

    A scale's first step, and that of a run that resumes, includes the set-up, so it is used only
    until there is another one.
    """

    def __init__(self, work: Sequence[int], done: int = 0) -> None:
        self._work = work
        self._all_work, self._work_left = sum(work), sum(work[done:])
        self._seconds_per_work = 0.0
        self._measured = False
        self._done = self._begun = done
        self._last = time.perf_counter()

    def tick(self, skipped: int = 0) -> Position:
        """Record a step, and `skipped` steps after it that will not run."""
        now = time.perf_counter()
        work = self._work[self._done]
        first_of_scale = self._done == self._begun or self._work[self._done - 1] != work
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
