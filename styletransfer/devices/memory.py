"""The memory that painting may take."""

import contextlib
import copy
from functools import cache

import tensorflow as tf

from styletransfer.devices import nvidia
from styletransfer.devices.system_memory import LIMIT_SHARE, free_memory, resident_memory
from styletransfer.errors import MemoryShortError
from styletransfer.log import gigabytes

FREE_SHARE = 0.9  # part of the free memory: other processes allocate, too
_MIB = 2**20
# Bytes of a GPU's free memory that TensorFlow leaves to CUDA's libraries at its start, by the major
# compute capability: MinSystemMemory in its common_runtime/gpu/gpu_device.cc.
LEFT_TO_CUDA = {6: 500 * _MIB, 7: 1050 * _MIB, 8: 1536 * _MIB, 9: 1800 * _MIB}
LEFT_OF_LITTLE = 225 * _MIB  # if less than 2 GiB are free
KEPT_SHARE = 1.6  # multiple of its peak use: the most that TensorFlow's CPU allocator keeps


class MemoryBudget:
    """The memory that painting a picture may take.

    Attributes:
        bytes: The bytes that painting may take, in addition to those in use.
        in_use: The bytes in use when painting begins; on a GPU, there.

    Args:
        limit: The upper bound for the whole process in bytes (on a GPU, for its memory there), or
            None for all that is free.
        set_aside: Bytes of the host's free memory that painting on the CPU must not use.
        share: The upper bound for this painting in bytes, if others paint on the same device.
    """

    def __init__(
        self, limit: int | None = None, set_aside: int = 0, share: int | None = None
    ) -> None:
        on_gpu = gpu_memory()
        used, free = on_gpu or cpu_memory(set_aside)
        self.in_use = used if on_gpu else used - set_aside
        self._on_gpu = on_gpu is not None
        self._free = max(free, 0)
        self.bytes = int(FREE_SHARE * self._free)
        if limit is not None:
            self.bytes = max(min(self.bytes, int(LIMIT_SHARE * limit) - used), 0)
        if share is not None:
            self.bytes = min(self.bytes, share)

    def with_more_in_use(self, more: int) -> "MemoryBudget":
        """Return the budget if `more` bytes of the host's memory are in use."""
        if self._on_gpu:
            return self
        budget = copy.copy(self)
        budget.in_use += more
        budget.bytes, budget._free = max(self.bytes - more, 0), max(self._free - more, 0)
        return budget

    def check(self, needed: int, what: str) -> None:
        """Check that memory which is needed only briefly is free, without the process's limit.

        Args:
            needed: The bytes.
            what: Names their use in the error.

        Raises:
            MemoryShortError: They are not free.
        """
        if needed > self._free:
            raise MemoryShortError(
                f"{what} needs {gigabytes(needed)} of memory, and {gigabytes(self._free)} are "
                "available; make it smaller"
            )

    def lower(self, failed: int) -> None:
        """Lower the budget after a computation estimated at `failed` bytes ran out of memory."""
        self.bytes = min(self.bytes, int(0.9 * failed))


def device_name() -> str:
    """Return TensorFlow's name of the device in use, such as `GPU:0` or `CPU:0`."""
    return tf.constant(0.0).device.rpartition("device:")[2]


def gpu_memory() -> tuple[int, int] | None:
    """Return (used, free) bytes on the GPU, or None if the CPU computes or the GPU's size is
    unknown."""
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
    """Return the most bytes that TensorFlow can hold on a GPU: the memory that other programs leave
    free at the first call, less CUDA's part. None means that the driver does not report it."""
    gpu, memory = tf.config.list_physical_devices("GPU")[number], nvidia.gpu_memory(number)
    if memory is None:
        return None
    if tf.config.experimental.get_memory_growth(gpu):
        # It keeps what it has held, and takes more as it needs it.
        held = tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
        most = memory.free + held
    else:  # It has taken all that was free, an unknown amount.
        most = memory.total
    details = tf.config.experimental.get_device_details(gpu)
    return most - left_to_cuda(most, details.get("compute_capability", (9, 0)))


def left_to_cuda(free: float, capability: tuple[int, int]) -> int:
    """Return the part of the `free` bytes that TensorFlow leaves to CUDA's libraries at its start,
    on a GPU of this compute capability."""
    if free < 2 * 2**30:
        return LEFT_OF_LITTLE
    return LEFT_TO_CUDA[min(max(capability[0], 6), 9)]


def cpu_memory(set_aside: int) -> tuple[int, int]:
    """Return (used, free) bytes of this process. Bytes set aside are included in the used ones;
    memory of earlier pictures that TensorFlow keeps and can reuse is included in the free ones."""
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
    """Return the process's resident bytes at the first call, which is before the first picture."""
    return resident_memory()
