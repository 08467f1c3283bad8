"""How much memory painting may take."""

import contextlib
from functools import cache

import tensorflow as tf

from styletransfer.devices import nvidia
from styletransfer.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from styletransfer.errors import MemoryShortError
from styletransfer.log import gigabytes

FREE_SHARE = 0.9  # of the free memory: other processes allocate, too
_MIB = 2**20
# What TensorFlow leaves to CUDA's libraries of the memory that is free when it starts, by the major
# compute capability: MinSystemMemory in its common_runtime/gpu/gpu_device.cc.
LEFT_TO_CUDA = {6: 500 * _MIB, 7: 1050 * _MIB, 8: 1536 * _MIB, 9: 1800 * _MIB}
LEFT_OF_LITTLE = 225 * _MIB  # where less than 2 GiB are free
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
    most = gpu_capacity(int(name.rpartition(":")[2]))
    if most is None:
        return None
    used = tf.config.experimental.get_memory_info(name)["current"]
    return used, most - used


@cache
def gpu_capacity(number: int) -> int | None:
    """The most bytes that TensorFlow can hold on a GPU: what other programs leave free at the first
    call, less what is left to CUDA. None if the driver does not report it."""
    gpu = tf.config.list_physical_devices("GPU")[number]
    if tf.config.experimental.get_memory_growth(gpu):
        # It keeps what it has held, and takes more as it needs it.
        held = tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
        free = nvidia.free_gpu_memory(number)
        most = None if free is None else free + held
    else:  # It has taken what was free, which is no longer known.
        most = nvidia.total_memory(number)
    if most is None:
        return None
    details = tf.config.experimental.get_device_details(gpu)
    return most - left_to_cuda(most, details.get("compute_capability", (9, 0)))


def left_to_cuda(free: float, capability: tuple[int, int]) -> int:
    """The bytes that TensorFlow does not take of those that are free when it starts, on a GPU of
    this compute capability."""
    if free < 2 * 2**30:
        return LEFT_OF_LITTLE
    return LEFT_TO_CUDA[min(max(capability[0], 6), 9)]


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
