"""When XLA compiles a step: into one program for one size of canvas, of few kernels.

TensorFlow launches a step's operations one by one, several hundred of them, and a fast GPU waits
for each. XLA joins them, but compiles anew for every size, which takes seconds. So a size is
compiled once the steps taken at it without, and those left, would have paid for it: whatever comes
next, that costs at most twice what knowing it would have. What leads from sums to losses has the
same size in all pictures, and is compiled at once.
"""

from collections import Counter
from collections.abc import Hashable
from functools import cache
from logging import WARNING

import tensorflow as tf

from styletransfer.devices.tensorflow import gpus_in_use
from styletransfer.log import event
from styletransfer.settings import Settings

# Not measured yet: of a step of 18 to 22 ms on an H200, launches take more than 8 ms; compiling a
# network of this size takes about 10 s.
COMPILE_SECONDS, SAVED_SECONDS = 10.0, 0.008
MOST_PROGRAMS = 48  # of a process; each takes some MB


def joins_terms(settings: Settings) -> bool:
    """Whether XLA joins the operations that lead from sums to terms: once for all sizes, in a
    second or two, so that it always pays on a GPU."""
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
        reason = " ".join(str(error.message).split())[:200]
        event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)
        return False


class Compilation:
    """Which sizes are compiled in this process. key: whatever a compiled program is for: the
    objective, the canvas, the device."""

    def __init__(self) -> None:
        self._taken: Counter[Hashable] = Counter()
        self._compiled: set[Hashable] = set()
        self.works = True

    def wanted(self, key: Hashable, left: int, settings: Settings) -> bool:
        """Whether the next `left` steps are to be compiled; counts them as taken."""
        pays = (self._taken[key] + left) * SAVED_SECONDS >= COMPILE_SECONDS
        self._taken[key] += left
        if settings.optimizer != "adam" or settings.compile == "never" or not self.works:
            return False
        if settings.compile == "auto":
            # XLA chooses among a GPU's algorithms by their time, so rounding may change.
            if not gpus_in_use() or settings.deterministic:
                return False
            if not pays or len(self._compiled - {key}) >= MOST_PROGRAMS:
                return False
        self._compiled.add(key)
        return True

    def failed(self, error: tf.errors.OpError) -> None:
        """Logs that a compiled step failed. Unless memory ran out, none is compiled any more."""
        if isinstance(error, tf.errors.ResourceExhaustedError):
            event("memory ran out for a compiled step; continuing without", level=WARNING)
            return
        self.works = False
        reason = " ".join(str(error.message).split())[:200]
        event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)


of_this_process = Compilation()
