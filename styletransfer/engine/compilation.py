"""When XLA compiles a step: into one program for one size of canvas, of few kernels.

TensorFlow launches a step's operations one by one, several hundred of them, and a fast GPU waits
for each. XLA fuses them, but compiles anew for every size, which takes seconds. So a size is
compiled once the steps taken at it so far and those left would together have paid for it. As with
renting or buying skis, that costs at most twice the best decision in hindsight. What compiling
costs and saves is known once a size has been painted both ways; where it saves nothing, the steps
are not compiled. What leads from sums to losses has the same size in all pictures, and is compiled
at the start.
"""

from collections import Counter
from collections.abc import Hashable
from functools import cache
from logging import WARNING
from time import perf_counter

import tensorflow as tf

from styletransfer.devices.tensorflow import gpus_in_use
from styletransfer.log import event
from styletransfer.settings import Settings

# Until they are measured: of a step of 18 to 22 ms on an H200, launches take more than 8 ms, and
# compiling a network of this size takes about 10 s.
COMPILE_SECONDS, SAVED_SECONDS = 10.0, 0.008
MOST_PROGRAMS = 48  # of a process; each takes some MB


def compiles_terms(settings: Settings) -> bool:
    """Whether XLA compiles what leads from sums to terms: once for all sizes, in a second or two,
    so that it always pays on a GPU."""
    if not gpus_in_use() or settings.deterministic or settings.compile == "never":
        return False
    # The recipe inetwork's terms are few operations.
    usual = settings.recipe == "default" and settings.optimizer == "adam"
    return usual and of_this_process.works and xla_works()


@cache
def xla_works() -> bool:
    """Whether XLA compiles here: it needs more of CUDA's libraries than TensorFlow."""
    squared = tf.function(lambda x: tf.matmul(x, x) + x, autograph=False, jit_compile=True)
    try:
        return bool((squared(tf.ones([8, 8])).numpy() == 9).all())
    except tf.errors.OpError as error:
        _warn_of(error)
        return False


def _warn_of(error: tf.errors.OpError) -> None:
    reason = " ".join(str(error.message).split())[:200]
    event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)


class Compilation:
    """Which sizes are compiled in this process, and what that costs and saves. key: whatever a
    compiled program is for: the objective, the canvas, the device."""

    def __init__(self) -> None:
        self._taken: Counter[Hashable] = Counter()
        self._compiled: set[Hashable] = set()
        self._plain: dict[Hashable, float] = {}  # seconds of a step that is not compiled
        self._measured: set[Hashable] = set()  # what it took to compile
        self.cost, self.saved = COMPILE_SECONDS, SAVED_SECONDS
        self.works = True

    def wanted(self, key: Hashable, left: int, settings: Settings) -> bool:
        """Whether the next `left` steps are to be compiled; counts them as taken."""
        self._taken[key] += left
        if settings.optimizer != "adam" or settings.compile == "never" or not self.works:
            return False
        if settings.compile == "auto":
            # XLA chooses among a GPU's algorithms by their time, so rounding may change.
            if not gpus_in_use() or settings.deterministic:
                return False
            if not self._pays(key) or len(self._compiled - {key}) >= MOST_PROGRAMS:
                return False
        self._compiled.add(key)
        return True

    def _pays(self, key: Hashable) -> bool:
        cost = 0.0 if key in self._compiled else self.cost
        return self.saved > 0 and self._taken[key] * self.saved >= cost

    def took(self, key: Hashable, timer: "StepTimer") -> None:
        """Learns from the steps of a size what compiling costs and saves."""
        if timer.first is not None and key not in self._measured:
            self._measured.add(key)  # From now on, its first step compiles nothing.
            self.cost = timer.first
        if timer.step is None:
            return
        if timer.first is None:
            self._plain[key] = timer.step
        elif key in self._plain:
            self.saved = self._plain[key] - timer.step

    def failed(self, error: tf.errors.OpError) -> None:
        """Logs that a compiled step failed. Unless memory ran out, none is compiled any more."""
        if isinstance(error, tf.errors.ResourceExhaustedError):
            event("memory ran out for a compiled step; continuing without", level=WARNING)
            return
        self.works = False
        _warn_of(error)


class StepTimer:
    """Times the steps at one size. first: seconds until the first step was launched, if it was
    compiled. step: the fewest seconds that another one took, since whatever reads the picture
    between two steps takes time as well; None where there were too few."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.step: float | None = None
        self._done: tuple[int, float] | None = None  # a step's number, and when it was done

    def done(self, number: int) -> None:
        """The device is done with step `number`."""
        now = perf_counter()
        if self._done:
            before, when = self._done
            seconds = (now - when) / (number - before)
            self.step = min(seconds, self.step or seconds)
        self._done = number, now


of_this_process = Compilation()
