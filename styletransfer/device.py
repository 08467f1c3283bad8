"""Which device computes, and what it can do."""

import contextlib
import os
from functools import cache
from pathlib import Path

import tensorflow as tf

from styletransfer.errors import DeviceError


def choose(wanted: str) -> str:
    """Makes TensorFlow use what `wanted` asks for (`auto`, `gpu` or `cpu`); the device in words.

    Raises DeviceError where a GPU was asked for and TensorFlow has none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
        gpus = []
    if wanted == "gpu" and not gpus:
        raise DeviceError(
            "DEVICE=gpu, but TensorFlow finds no GPU; check the driver with nvidia-smi and "
            "install tensorflow[and-cuda], or set DEVICE=cpu"
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    native_bfloat16.cache_clear()
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus
    ]
    kind = ", ".join(names) or f"the CPU, {os.cpu_count()} cores"
    return f"{kind}, convolutions in {'bfloat16' if native_bfloat16() else 'float32'}"


def one_operation_at_a_time() -> None:
    """Makes TensorFlow run one operation at a time where it computes on the CPU; each still uses
    all cores. Has an effect only before TensorFlow's first operation.

    oneDNN keeps compiled kernels for each thread that runs operations, so with several, memory
    grows by as many copies; the steps are a chain, so nothing is lost.
    """
    if not tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # TensorFlow is at work already.
            tf.config.threading.set_inter_op_parallelism_threads(1)


def deterministic() -> None:
    """Makes TensorFlow compute the same bits every time, for the rest of this process."""
    tf.config.experimental.enable_op_determinism()


@cache
def native_bfloat16() -> bool:
    """Whether the device multiplies bfloat16 natively: a GPU from compute capability 8.0, or a
    processor with AVX512_BF16 or AMX."""
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return tuple(details.get("compute_capability", (0, 0))) >= (8, 0)
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return False
    flags = cpuinfo.read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags
