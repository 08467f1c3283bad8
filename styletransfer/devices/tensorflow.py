"""Which devices compute, what they can do, and whether they do."""

import contextlib
import os
import resource
import sys
from dataclasses import dataclass
from functools import cache
from logging import WARNING
from pathlib import Path

# TensorFlow imports Keras, and Keras matplotlib: almost half of the start-up time, for nothing that
# is used here. Asked for Keras 2, which is not installed, TensorFlow starts without.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
import tensorflow as tf

from styletransfer.devices import nvidia
from styletransfer.errors import DeviceError
from styletransfer.log import event

_broken: set[int] = set()  # numbers of GPUs that TensorFlow lists, and that cannot compute


@dataclass(frozen=True)
class Device:
    """Where one photo at a time is painted: TensorFlow's name, `GPU:0`, and all that is known of
    it in words."""

    name: str
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Devices:
    """What a run paints on: all the GPUs that can be used, or the CPU."""

    each: tuple[Device, ...]

    def __str__(self) -> str:
        words = [str(device) for device in self.each]
        alike = {each: words.count(each) for each in words}
        return "; ".join(f"{n} × {each}" if n > 1 else each for each, n in alike.items())


def choose_devices(wanted: str) -> Devices:
    """Makes TensorFlow use what `wanted` asks for (`auto`, `gpu` or `cpu`). A GPU counts once a
    convolution has run on it; with `auto`, one that cannot be used is told in capitals.

    Raises DeviceError where a GPU was asked for and none can be used, saying why.
    """
    found = tf.config.list_physical_devices("GPU")
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
        found = []
    elif not found:
        there = nvidia.installed_gpus()
        if there or wanted == "gpu":
            _without(there, nvidia.why_unusable(_cuda()), wanted)
    for gpu in found:
        tf.config.experimental.set_memory_growth(gpu, True)
    if found:  # Else float32 would be rounded to 10 bits on GPUs since Ampere: TF32.
        tf.config.experimental.enable_tensor_float_32_execution(False)
    usable = _computing(found, wanted)
    native_bfloat16.cache_clear()
    precision = f"convolutions in {'bfloat16' if native_bfloat16() else 'float32'}"
    if not usable:
        return Devices((Device("CPU:0", f"the CPU, {os.cpu_count()} cores, {precision}"),))
    return Devices(
        tuple(
            Device(f"GPU:{number}", f"{_in_words(number, found[number])}, {precision}")
            for number in usable
        )
    )


def _computing(found: list[tf.config.PhysicalDevice], wanted: str) -> list[int]:
    """The numbers of those GPUs that prove to compute. Where none does, the calling thread computes
    on the CPU from here on: it is too late to hide them from TensorFlow."""
    flaws = {n: flaw for n in range(len(found)) if (flaw := probe(f"GPU:{n}"))}
    _broken.clear()
    _broken.update(flaws)
    if flaws and len(flaws) == len(found):
        _without([_named(gpu) for gpu in found], "; ".join(flaws.values()), wanted)
        tf.device("CPU:0").__enter__()
    elif flaws:
        event(f"NOT ALL GPUS CAN BE USED: {'; '.join(flaws.values())}", level=WARNING)
    return [number for number in range(len(found)) if number not in flaws]


def _without(there: list[str], why: str, wanted: str) -> None:
    """Tells that the GPUs of the machine cannot be used. Raises DeviceError where one must."""
    if wanted == "gpu":
        names = f"{', '.join(there)} cannot be used" if there else "no NVIDIA GPU is to be seen"
        raise DeviceError(f"DEVICE=gpu, but {names}: {why}; DEVICE=cpu paints without")
    event(
        f"THERE IS A GPU IN THIS MACHINE ({', '.join(there)}), BUT TENSORFLOW CANNOT USE IT, AND "
        f"PAINTS ON THE CPU, MANY TIMES SLOWER: {why}. DEVICE=cpu paints there without a warning.",
        level=WARNING,
    )


def probe(name: str) -> str | None:
    """What is wrong with a device (`GPU:0`), in one line; None: a convolution ran on it, and there
    only, and came out right."""
    soft = tf.config.get_soft_device_placement()
    tf.config.set_soft_device_placement(False)  # Else the CPU steps in for a GPU.
    try:
        with tf.device(name):
            found = tf.nn.conv2d(tf.ones([1, 8, 8, 16]), tf.ones([3, 3, 16, 16]), 1, "VALID")
        right = bool((found.numpy() == 3 * 3 * 16).all())
        used = not name.startswith("GPU") or tf.config.experimental.get_memory_info(name)["peak"]
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        return f"a convolution on {name} failed: {' '.join(str(error).split())[:200]}"
    finally:
        tf.config.set_soft_device_placement(soft)
    if not found.device.endswith(name) or not used:
        return f"a convolution for {name} ran on {found.device}"
    return None if right else f"a convolution on {name} came out wrong"


def _in_words(number: int, gpu: tf.config.PhysicalDevice) -> str:
    size = nvidia.total_memory(number)
    capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
    told = [_named(gpu)]
    told += [f"{size / 2**30:.1f} GiB"] if size else []
    told += [f"compute capability {'.'.join(map(str, capability))}"] if capability else []
    return ", ".join(told)


def _named(gpu: tf.config.PhysicalDevice) -> str:
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def _cuda() -> str | None:
    """The version of CUDA that TensorFlow is built with; None: it is built without."""
    if not tf.test.is_built_with_cuda():
        return None
    return tf.sysconfig.get_build_info()["cuda_version"]


def one_operation_at_a_time() -> None:
    """Makes TensorFlow run one operation at a time where it computes on the CPU; each still uses
    all cores. Has an effect only before TensorFlow's first operation.

    oneDNN keeps compiled kernels for each thread that runs operations, so with several, memory
    grows by as many copies; the steps are a chain, so nothing is lost.
    """
    if not tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # TensorFlow is at work already.
            tf.config.threading.set_inter_op_parallelism_threads(1)


def peak_memory() -> int:
    """The most bytes that this process has held so far: on the GPU where there is one."""
    if tf.config.get_visible_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def deterministic() -> None:
    """Makes TensorFlow compute the same bits every time, for the rest of this process."""
    tf.config.experimental.enable_op_determinism()


@cache
def native_bfloat16() -> bool:
    """Whether what computes multiplies bfloat16 natively: GPUs from compute capability 8.0, or a
    processor with AVX512_BF16 or AMX."""
    visible = tf.config.get_visible_devices("GPU")
    used = [gpu for number, gpu in enumerate(visible) if number not in _broken]
    if used:
        details = map(tf.config.experimental.get_device_details, used)
        return all(tuple(each.get("compute_capability", (0, 0))) >= (8, 0) for each in details)
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return False
    flags = cpuinfo.read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags
