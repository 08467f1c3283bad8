"""TensorFlow's devices: which ones a run uses, whether they work, and what they can do."""

import contextlib
import os
from functools import cache
from logging import WARNING
from pathlib import Path

import tensorflow as tf

from painterly.devices import nvidia
from painterly.devices.device import Device, Devices
from painterly.errors import DeviceError
from painterly.log import event, one_line

MUCH_TAKEN = 1.5 * 2**30  # bytes of a GPU's memory; CUDA itself takes half a GiB

_broken: set[int] = set()  # numbers of GPUs that TensorFlow lists but that cannot compute


def choose_devices(wanted: str) -> Devices:
    """Set up the devices that `wanted` names: `auto`, `gpu` or `cpu`. Use them in their scopes.

    A GPU is used if a convolution runs on it. With `auto` a GPU that does not work is reported in
    capitals. Raises DeviceError for `gpu` if none works, with the reason.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
        gpus = []
    elif not gpus:
        installed = nvidia.installed_gpus()
        if installed or wanted == "gpu":
            _report_unusable(installed, nvidia.why_unusable(_cuda_version()), wanted)
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        full_float32()
    usable = _working(gpus, wanted)
    fastest_precision.cache_clear()
    precision = f"fastest in {fastest_precision()}"
    if not usable:
        return Devices((Device("CPU:0", f"the CPU, {os.cpu_count()} cores, {precision}"),))
    return Devices(
        tuple(
            Device(f"GPU:{number}", f"{_description(number, gpus[number])}, {precision}")
            for number in usable
        )
    )


def _working(gpus: list[tf.config.PhysicalDevice], wanted: str) -> list[int]:
    """Return the numbers of the GPUs that pass `probe`.

    TensorFlow still lists the others: after a probe it is too late to hide them.
    """
    flaws = {n: flaw for n in range(len(gpus)) if (flaw := probe(f"GPU:{n}"))}
    _broken.clear()
    _broken.update(flaws)
    if flaws and len(flaws) == len(gpus):
        _report_unusable([_gpu_name(gpu) for gpu in gpus], "; ".join(flaws.values()), wanted)
    elif flaws:
        event(f"NOT ALL GPUS CAN BE USED: {'; '.join(flaws.values())}", level=WARNING)
    return [number for number in range(len(gpus)) if number not in flaws]


def _report_unusable(gpus: list[str], reason: str, wanted: str) -> None:
    """Log that the machine's GPUs cannot be used. Raises DeviceError if `wanted` is `gpu`."""
    if wanted == "gpu":
        problem = f"{', '.join(gpus)} cannot be used" if gpus else "no NVIDIA GPU was found"
        raise DeviceError(f"DEVICE=gpu, but {problem}: {reason}; DEVICE=cpu paints without one")
    event(
        f"THERE IS A GPU IN THIS MACHINE ({', '.join(gpus)}), BUT TENSORFLOW CANNOT USE IT, AND "
        f"PAINTS ON THE CPU, MANY TIMES SLOWER: {reason}. DEVICE=cpu avoids this warning.",
        level=WARNING,
    )


def probe(name: str) -> str | None:
    """Return the flaw of a device such as `GPU:0` in one line.

    The answer is None if a convolution ran there, and nowhere else, with the right result.
    """
    soft = tf.config.get_soft_device_placement()
    tf.config.set_soft_device_placement(False)  # Otherwise TensorFlow falls back to the CPU.
    try:
        with tf.device(name):
            sums = tf.nn.conv2d(tf.ones([1, 8, 8, 16]), tf.ones([3, 3, 16, 16]), 1, "VALID")
        right = bool((sums.numpy() == 3 * 3 * 16).all())
        used = not name.startswith("GPU") or tf.config.experimental.get_memory_info(name)["peak"]
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        return f"a convolution on {name} failed: {one_line(error)[:200]}"
    finally:
        tf.config.set_soft_device_placement(soft)
    if not sums.device.endswith(name) or not used:
        return f"a convolution for {name} ran on {sums.device}"
    return None if right else f"a convolution on {name} gave a wrong result"


def _description(number: int, gpu: tf.config.PhysicalDevice) -> str:
    memory = nvidia.gpu_memory(number)
    capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
    parts = [_gpu_name(gpu)]
    parts += [f"{memory.total / 2**30:.1f} GiB"] if memory else []
    if memory and memory.total - memory.free > MUCH_TAKEN:
        parts += [f"of which {memory.free / 2**30:.1f} are free"]
    parts += [f"compute capability {'.'.join(map(str, capability))}"] if capability else []
    return ", ".join(parts)


def _gpu_name(gpu: tf.config.PhysicalDevice) -> str:
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def _cuda_version() -> str | None:
    """Return the CUDA version that TensorFlow is built with, or None if without CUDA."""
    return tf.sysconfig.get_build_info().get("cuda_version")


def one_operation_at_a_time() -> None:
    """Make TensorFlow run one operation at a time if there is no GPU; each still uses all cores.

    This has an effect only before TensorFlow's first operation.

    oneDNN caches compiled kernels for each thread that runs operations, so several threads multiply
    the memory. The steps depend on each other, so no speed is lost.
    """
    if not tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # TensorFlow is running already.
            tf.config.threading.set_inter_op_parallelism_threads(1)


def deterministic() -> None:
    """Make TensorFlow's results reproducible bit for bit, for the rest of this process."""
    tf.config.experimental.enable_op_determinism()


def full_float32() -> None:
    """Keep products in float32, for the rest of this process: TF32 would round their factors to 10
    bits on GPUs from Ampere on, and `gaussians.by_products` diverges there."""
    tf.config.experimental.enable_tensor_float_32_execution(False)


def gpus_in_use() -> list[tf.config.PhysicalDevice]:
    """Return the GPUs that compute, or none if the CPU does."""
    visible = tf.config.get_visible_devices("GPU")
    return [gpu for number, gpu in enumerate(visible) if number not in _broken]


@cache
def fastest_precision() -> str:
    """Return the arithmetic in which all devices convolve fastest.

    It is `bfloat16` on GPUs from compute capability 8.0 on; `float16` from 7.0 on, since their
    tensor cores support only that; see `cpu_precision` for a CPU; otherwise `float32`.
    """
    used = gpus_in_use()
    if used:
        details = map(tf.config.experimental.get_device_details, used)
        least = min(tuple(each.get("compute_capability", (0, 0))) for each in details)
        if least >= (8, 0):
            return "bfloat16"
        return "float16" if least >= (7, 0) else "float32"
    return cpu_precision(_cpuinfo())


def cpu_precision(cpuinfo: str) -> str:
    """Return `fastest_precision` of a CPU from Linux's /proc/cpuinfo.

    It is `bfloat16` with AMX, and with AVX512_BF16 unless the CPU is Intel's: its vector units
    multiply no more numbers in bfloat16 than in float32, and a step takes 1.2 to 1.6 times as long.
    """
    if "amx_bf16" in cpuinfo:
        return "bfloat16"
    return "bfloat16" if "avx512_bf16" in cpuinfo and "GenuineIntel" not in cpuinfo else "float32"


def has_bfloat16_without_amx() -> bool:
    """Return whether this CPU multiplies bfloat16 in vectors (AVX512_BF16). AMX is faster by
    far."""
    return "avx512_bf16" in _cpuinfo() and "amx_bf16" not in _cpuinfo()


@cache
def _cpuinfo() -> str:
    """Return Linux's description of the CPU; empty elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text() if cpuinfo.exists() else ""
