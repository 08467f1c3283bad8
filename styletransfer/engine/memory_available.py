"""How much memory painting may take."""

import contextlib
from functools import cache

import tensorflow as tf

from styletransfer.devices import nvidia
from styletransfer.devices.system_memory import free_memory, resident_memory

FREE_SHARE = 0.9  # of the free memory: other processes allocate, too
LIMIT_SHARE = 0.93  # of a limit: estimates are off by up to this much
KEPT_SHARE = 1.6  # of its peak use: the most that TensorFlow's CPU allocator keeps


class MemoryBudget:
    """The memory that painting a picture may take, in `bytes`, in addition to what is in use when
    it begins: what is free on the device, and no more than `limit` bytes for the whole process (on
    a GPU, for what it holds there), if given."""

    def __init__(self, limit: int | None = None) -> None:
        used, free = gpu_memory() or cpu_memory()
        self.bytes = max(int(FREE_SHARE * free), 0)
        if limit is not None:
            self.bytes = max(min(self.bytes, int(LIMIT_SHARE * limit) - used), 0)

    def lower(self, failed: int) -> None:
        """Lowers the budget after a computation estimated at `failed` bytes ran out of memory."""
        self.bytes = min(self.bytes, int(0.9 * failed))


def device_name() -> str:
    """TensorFlow's name of the device in use, `GPU:0` or `CPU:0`."""
    return tf.constant(0.0).device.rpartition("device:")[2]


def gpu_memory() -> tuple[int, int] | None:
    """(used, free) bytes on the GPU; None when the CPU computes or the GPU's size is unknown."""
    name = device_name()
    if not name.startswith("GPU"):
        return None
    total = nvidia.total_memory(int(name.rpartition(":")[2]))
    if total is None:
        return None
    used = tf.config.experimental.get_memory_info(name)["current"]
    return used, total - used


def cpu_memory() -> tuple[int, int]:
    """(used, free) bytes of this process. What TensorFlow keeps of earlier pictures and can reuse
    counts as free."""
    free, resident = free_memory(), resident_memory()
    kept = 0
    with contextlib.suppress(ValueError):  # Raised by the system's allocator, which keeps nothing.
        info = tf.config.experimental.get_memory_info("CPU:0")
        # TensorFlow reports its peak use, not how much it keeps.
        kept = int(KEPT_SHARE * info["peak"]) - info["current"]
        kept = max(0, min(kept, resident - _initial_resident()))
    return resident - kept, free + kept


@cache
def _initial_resident() -> int:
    """The process's resident bytes at the first call, which is before the first picture."""
    return resident_memory()
