"""Decides what XLA compiles.

TensorFlow launches a step's operations one by one, several hundred of them, and a fast GPU waits
for each. XLA joins them into few kernels. The operations from sums to losses work on matrices of
the same shapes for pictures of all sizes, so they are compiled once, at the start. A whole step is
compiled again for every size, so that only pays for a size with many steps.
"""

import threading
from functools import cache
from logging import WARNING

import tensorflow as tf

from styletransfer.devices.tensorflow import gpus_in_use
from styletransfer.log import event
from styletransfer.settings import Settings

# The number of steps at one size that pays for compiling it: compiling takes about 10 s and saves
# about 8 ms of a step (launches, of 18 to 22 ms on an H200; not measured with XLA).
MIN_STEPS = 1250

_failed = threading.Event()  # Nothing is compiled after a failure.


def compiles_steps(settings: Settings, steps: int) -> bool:
    """Returns whether XLA should compile this number of steps at one size."""
    if settings.optimizer != "adam" or settings.compile == "never" or _failed.is_set():
        return False
    # XLA chooses among a GPU's algorithms by their time, so rounding may change.
    pays = bool(gpus_in_use()) and not settings.deterministic and steps >= MIN_STEPS
    return settings.compile == "always" or pays


def compiles_terms(settings: Settings) -> bool:
    """Returns whether XLA compiles the operations from sums to losses, which takes a second or two
    and always pays on a GPU."""
    if not gpus_in_use() or settings.deterministic or settings.compile == "never":
        return False
    # The recipe inetwork's terms are few operations.
    usual = settings.recipe == "default" and settings.optimizer == "adam"
    return usual and not _failed.is_set() and _xla_works()


def xla_failed(error: tf.errors.OpError) -> None:
    """Logs that XLA failed. From then on, nothing is compiled in this process."""
    _failed.set()
    reason = " ".join(str(error.message).split())[:200]
    event(f"steps cannot be compiled here, and are slower: {reason}", level=WARNING)


@cache
def _xla_works() -> bool:
    """Returns whether XLA compiles here: it needs more of CUDA's libraries than TensorFlow."""
    squared = tf.function(lambda x: tf.matmul(x, x) + x, autograph=False, jit_compile=True)
    try:
        return bool((squared(tf.ones([8, 8])).numpy() == 9).all())
    except tf.errors.OpError as error:
        xla_failed(error)
        return False
