"""Decides what XLA compiles.

TensorFlow launches a step's operations one by one, several hundred of them, and a fast GPU waits
for each. XLA joins them into few kernels. The operations from sums to losses work on matrices of
the same shapes for pictures of all sizes, so they are compiled once, at the start. A whole step is
compiled again for every size, so that only pays for a size with many steps.
"""

from collections import Counter
from collections.abc import Hashable
from functools import cache
from logging import WARNING

import tensorflow as tf

from styletransfer.devices.tensorflow import gpus_in_use
from styletransfer.log import event
from styletransfer.settings import Settings

# The number of steps at one size that pays for compiling it: compiling takes about 10 s and saves
# about 8 ms of a step (launches, of 18 to 22 ms on an H200; not measured with XLA).
MIN_STEPS = 1250
MAX_SIZES = 48  # sizes compiled in a process; each takes some MB


class Compilation:
    """The sizes that XLA compiles in this process.

    Attributes:
        works: False once XLA has failed.
    """

    def __init__(self) -> None:
        self._steps: Counter[Hashable] = Counter()
        self._compiled: set[Hashable] = set()
        self.works = True

    def is_wanted(self, key: Hashable, steps: int, settings: Settings) -> bool:
        """Returns whether XLA should compile the next steps, and counts them as taken.

        Args:
            key: Identifies the program: the objective, the size of the canvas, the device.
            steps: The number of these steps.
            settings: The picture's settings.
        """
        self._steps[key] += steps
        if settings.optimizer != "adam" or settings.compile == "never" or not self.works:
            return False
        if settings.compile == "auto":
            # XLA chooses among a GPU's algorithms by their time, so rounding may change.
            if not gpus_in_use() or settings.deterministic or self._steps[key] < MIN_STEPS:
                return False
            if len(self._compiled - {key}) >= MAX_SIZES:
                return False
        self._compiled.add(key)
        return True

    def failed(self, error: tf.errors.OpError) -> None:
        """Logs that XLA failed, and compiles nothing from then on."""
        self.works = False
        _warn(error)


of_this_process = Compilation()


def compiles_terms(settings: Settings) -> bool:
    """Returns whether XLA compiles the operations from sums to terms, which takes a second or two
    and always pays on a GPU."""
    if not gpus_in_use() or settings.deterministic or settings.compile == "never":
        return False
    # The recipe inetwork's terms are few operations.
    usual = settings.recipe == "default" and settings.optimizer == "adam"
    return usual and of_this_process.works and _xla_works()


@cache
def _xla_works() -> bool:
    """Returns whether XLA compiles here: it needs more of CUDA's libraries than TensorFlow."""
    squared = tf.function(lambda x: tf.matmul(x, x) + x, autograph=False, jit_compile=True)
    try:
        return bool((squared(tf.ones([8, 8])).numpy() == 9).all())
    except tf.errors.OpError as error:
        _warn(error)
        return False


def _warn(error: tf.errors.OpError) -> None:
    reason = " ".join(str(error.message).split())[:200]
    event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)
