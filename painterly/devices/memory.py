"""The memory of the device that TensorFlow paints on."""

import contextlib
from functools import cache

import tensorflow as tf

from painterly.devices import nvidia
from painterly.devices.budget import UNLIMITED, Limits, MemoryBudget
from painterly.devices.system_memory import free_memory, resident_memory

_MIB = 2**20
# Bytes of a GPU's free memory that TensorFlow leaves to CUDA's libraries at its start, by the major
# compute capability: MinSystemMemory in its common_runtime/gpu/gpu_device.cc.
LEFT_TO_CUDA = {6: 500 * _MIB, 7: 1050 * _MIB, 8: 1536 * _MIB, 9: 1800 * _MIB}
LEFT_OF_LITTLE = 225 * _MIB  # if less than 2 GiB are free
CACHED_SHARE = 1.6  # multiple of its peak use: the most that TensorFlow's CPU allocator keeps


def device_budget(limits: Limits = UNLIMITED) -> MemoryBudget:
    """Return the budget of a painting on the device in use."""
    on_gpu = gpu_memory()
    in_use, free = on_gpu or cpu_memory()
    return MemoryBudget(in_use, free, limits, on_gpu=on_gpu is not None)


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
    gpu = tf.config.get_visible_devices("GPU")[number]
    memory = nvidia.gpu_memory(nvidia.cuda_number(gpu.name))
    if memory is None:
        return None
    if tf.config.experimental.get_memory_growth(gpu):
        # TensorFlow keeps the memory that it has held, and takes more as needed.
        held = tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
        most = memory.free + held
    else:  # TensorFlow has taken all that was free, an unknown amount.
        most = memory.total
    details = tf.config.experimental.get_device_details(gpu)
    return most - left_to_cuda(most, details.get("compute_capability", (9, 0)))


def left_to_cuda(free: float, capability: tuple[int, int]) -> int:
    """Return the part of the `free` bytes that TensorFlow leaves to CUDA's libraries at its start,
    on a GPU of this compute capability."""
    if free < 2 * 2**30:
        return LEFT_OF_LITTLE
    return LEFT_TO_CUDA[min(max(capability[0], 6), 9)]


def cpu_memory() -> tuple[int, int]:
    """Return (used, free) bytes of this process. Memory of earlier pictures that TensorFlow keeps
    and can reuse is free."""
    free, resident = free_memory(), resident_memory()
    cached = 0
    with contextlib.suppress(ValueError):  # Raised by the system's allocator, which keeps nothing.
        info = tf.config.experimental.get_memory_info("CPU:0")
        # TensorFlow reports its peak use, not how much it keeps.
        cached = int(CACHED_SHARE * info["peak"]) - info["current"]
        cached = max(0, min(cached, resident - _initial_resident()))
    return resident - cached, free + cached


@cache
def _initial_resident() -> int:
    """Return the process's resident bytes at the first call, which is before the first picture."""
    return resident_memory()
