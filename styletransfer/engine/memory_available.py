"""How much memory painting may take."""

import contextlib
from functools import cache

import tensorflow as tf

from styletransfer.devices import nvidia
from styletransfer.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from styletransfer.errors import MemoryShortError
from styletransfer.log import gigabytes

FREE_SHARE = 0.9  # of the free memory: other processes allocate, too
KEPT_SHARE = 1.6  # of its peak use: the most that TensorFlow's CPU allocator keeps


class MemoryBudget:
    """The memory that painting a picture may take, in `bytes`, in addition to what is `in_use` when
    it begins: what is free on the device, and no more than `limit` bytes for the whole process (on
    a GPU, for what it holds there), if given. set_aside: bytes of the host's memory that are free
    and that painting on the CPU must leave alone. share: the most bytes, where others paint on the
    same device."""

    def __init__(
        self, limit: int | None = None, set_aside: int = 0, share: int | None = None
    ) -> None:
        on_gpu = gpu_memory()
        used, free = on_gpu or cpu_memory(set_aside)
        self.in_use = used if on_gpu else used - set_aside
        self._free = max(free, 0)
        self.bytes = int(FREE_SHARE * self._free)
        if limit is not None:
            self.bytes = max(min(self.bytes, int(LIMIT_SHARE * limit) - used), 0)
        if share is not None:
            self.bytes = min(self.bytes, share)

    def check(self, needed: int, what: str) -> None:
        """Checks bytes that are needed for a moment only against what is free, without the limit
        for the process. Raises MemoryShortError, naming what needs them, if they are not free."""
        if needed > self._free:
            raise MemoryShortError(
                f"{what} needs {gigabytes(needed)} of memory, and {gigabytes(self._free)} are "
                "available; make it smaller"
            )

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


def cpu_memory(set_aside: int) -> tuple[int, int]:
    """(used, free) bytes of this process. What is set aside counts as used; what TensorFlow keeps
    of earlier pictures and can reuse counts as free."""
    free, resident = free_memory(), resident_memory()
    kept = 0
    with contextlib.suppress(ValueError):  # Raised by the system's allocator, which keeps nothing.
        info = tf.config.experimental.get_memory_info("CPU:0")
        # TensorFlow reports its peak use, not how much it keeps.
        kept = int(KEPT_SHARE * info["peak"]) - info["current"]
        kept = max(0, min(kept, resident - _initial_resident()))
    return resident - kept + set_aside, free + kept - set_aside


@cache
def _initial_resident() -> int:
    """The process's resident bytes at the first call, which is before the first picture."""
    return resident_memory()
