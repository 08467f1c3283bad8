"""How much memory painting may take."""

import contextlib
import ctypes
from functools import cache
from pathlib import Path

import psutil
import tensorflow as tf

from styletransfer.devices import nvidia

RESERVE = 0.9  # of what is free: others on the machine take some, too
MARGIN = 0.93  # of a limit, which what is told may miss by as much
KEPT = 1.6  # times what it ever used at once: no more does TensorFlow keep, on a processor
CGROUPS = (  # of a container: limit and use, in cgroups of version 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class MemoryBudget:
    """Memory that painting a picture may take, in `bytes`, besides what is held when it begins:
    what is free where it is computed, and no more than `limit` bytes for the whole process (on a
    GPU, for what it holds there), if one is given."""

    def __init__(self, limit: int | None = None) -> None:
        held, free = _on_gpu() or _on_cpu()
        self.bytes = max(int(RESERVE * free), 0)
        if limit is not None:
            self.bytes = max(min(self.bytes, int(MARGIN * limit) - held), 0)

    def ran_out(self, needed: int) -> None:
        """Notes that so many bytes, though told to be free, were not."""
        self.bytes = min(self.bytes, int(0.9 * needed))


def _device() -> str:
    """TensorFlow's name of what computes, `GPU:0` or `CPU:0`."""
    return tf.constant(0.0).device.rpartition("device:")[2]


def _on_gpu() -> tuple[int, int] | None:
    """Bytes that TensorFlow holds on the GPU in use, and that are left there."""
    name = _device()
    if not name.startswith("GPU"):
        return None
    total = nvidia.total_memory(int(name.rpartition(":")[2]))
    if total is None:
        return None
    held = tf.config.experimental.get_memory_info(name)["current"]
    return held, total - held


def _on_cpu() -> tuple[int, int]:
    """Bytes that this process holds, but for what TensorFlow keeps of earlier pictures and can
    take again, and that it can still take."""
    # Only glibc has it, and needs it.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    free = psutil.virtual_memory().available
    for limit, use in CGROUPS:
        told = Path(limit)
        if told.exists() and (text := told.read_text().strip()).isdigit():
            free = min(free, int(text) - int(Path(use).read_text()))
    resident = psutil.Process().memory_info().rss
    kept = 0
    with contextlib.suppress(ValueError):  # Its allocator is the system's, and keeps nothing.
        used = tf.config.experimental.get_memory_info("CPU:0")
        # How much it keeps TensorFlow does not tell, but how much it ever used at once.
        kept = int(KEPT * used["peak"]) - used["current"]
        kept = max(0, min(kept, resident - _resident_at_first()))
    return resident - kept, free + kept


@cache
def _resident_at_first() -> int:
    """Bytes that this process held when that was first asked, before it painted."""
    return psutil.Process().memory_info().rss
