"""TensorFlow's devices: the choice for a run, the check that they work, and their precision."""

import contextlib
import os
from functools import cache
from logging import WARNING
from pathlib import Path

import tensorflow as tf

from painterly.devices import nvidia
from painterly.devices.device import Device, Devices
from painterly.devices.processor import cpu_description
from painterly.devices.trials import TRIAL, Trial
from painterly.errors import ConfigError, DeviceError
from painterly.log import event

MUCH_TAKEN = 1.5 * 2**30  # bytes of a GPU's memory; CUDA itself takes half a GiB
OTHER_WAYS = "use another card, or preset instant, which needs no GPU"


def choose_devices(wanted: str, trial: Trial = TRIAL) -> Devices:
    """Set up the devices that `wanted` names: `auto`, `gpu` or `cpu`. Use them in their scopes.

    A GPU is used if its trial succeeds, and otherwise hidden from TensorFlow. With `auto` a GPU
    that does not work is reported in capitals.

    Args:
        trial: The trial of all GPUs, which may have begun.

    Returns:
        The devices.

    Raises:
        DeviceError: For `gpu` none works; the error has the reason.
    """
    gpus = [] if wanted == "cpu" else tf.config.list_physical_devices("GPU")
    if not gpus and wanted != "cpu":
        installed = nvidia.installed_gpus()
        if installed or wanted == "gpu":
            _report_unusable(installed, nvidia.why_unusable(cuda_version()), wanted)
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.set_visible_devices(_working(gpus, wanted, trial), "GPU")
    fastest_precision.cache_clear()
    usable, precision = gpus_in_use(), f"fastest in {fastest_precision()}"
    if not usable:
        return Devices((Device("CPU:0", f"{cpu_description()}, {precision}"),))
    full_float32()
    return Devices(
        tuple(
            Device(f"GPU:{number}", f"{_description(gpu)}, {precision}")
            for number, gpu in enumerate(usable)
        )
    )


def _working(
    gpus: list[tf.config.PhysicalDevice], wanted: str, trial: Trial
) -> list[tf.config.PhysicalDevice]:
    flaws = {
        number: f"TensorFlow {tf.__version__} {flaw}"
        for number, flaw in trial.flaws(len(gpus)).items()
    }
    if flaws and len(flaws) == len(gpus):
        reason = f"{'; '.join(dict.fromkeys(flaws.values()))}; {OTHER_WAYS}"
        _report_unusable([_card(gpu) for gpu in gpus], reason, wanted)
    elif flaws:
        named = "; ".join(f"{_card(gpus[number])}: {flaw}" for number, flaw in flaws.items())
        event(f"NOT ALL GPUS CAN BE USED: {named}", level=WARNING)
    return [gpu for number, gpu in enumerate(gpus) if number not in flaws]


def _report_unusable(gpus: list[str], reason: str, wanted: str) -> None:
    if wanted == "gpu":
        problem = f"{', '.join(gpus)} cannot be used" if gpus else "no NVIDIA GPU was found"
        raise DeviceError(f"DEVICE=gpu, but {problem}: {reason}; DEVICE=cpu paints without one")
    event(
        f"THERE IS A GPU IN THIS MACHINE ({', '.join(gpus)}), BUT TENSORFLOW CANNOT USE IT, AND "
        f"PAINTS ON THE CPU, MANY TIMES SLOWER: {reason}. DEVICE=cpu avoids this warning.",
        level=WARNING,
    )


def _description(gpu: tf.config.PhysicalDevice) -> str:
    memory = nvidia.gpu_memory(nvidia.cuda_number(gpu.name))
    name, *capability = _name_and_capability(gpu)
    parts = [name]
    parts += [f"{memory.total / 2**30:.1f} GiB"] if memory else []
    if memory and memory.total - memory.free > MUCH_TAKEN:
        parts += [f"of which {memory.free / 2**30:.1f} are free"]
    return ", ".join(parts + capability)


def _card(gpu: tf.config.PhysicalDevice) -> str:
    return " with ".join(_name_and_capability(gpu))


def _name_and_capability(gpu: tf.config.PhysicalDevice) -> list[str]:
    details = tf.config.experimental.get_device_details(gpu)
    capability = details.get("compute_capability")
    named = [f"compute capability {'.'.join(map(str, capability))}"] if capability else []
    return [details.get("device_name", gpu.name), *named]


def cuda_version() -> str | None:
    """Return the CUDA version that TensorFlow needs; None without CUDA."""
    build = tf.sysconfig.get_build_info()
    # TensorFlow 2.22 no longer names it. All wheels since 2.15 have CUDA 12.
    return build.get("cuda_version", "12") if build["is_cuda_build"] else None


def one_operation_at_a_time() -> None:
    """Make TensorFlow run one operation at a time if the CPU paints; each still uses all cores.

    This has an effect only before TensorFlow's first operation.

    oneDNN caches compiled kernels for each thread that runs operations, so several threads multiply
    the memory. The steps depend on each other, so no speed is lost.
    """
    if not gpus_in_use():
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
    """Return the GPUs that compute, in the order of their devices, or none if the CPU does."""
    return tf.config.get_visible_devices("GPU")


@cache
def fastest_precision() -> str:
    """Return the arithmetic in which all devices convolve fastest.

    It is `bfloat16` on GPUs from compute capability 8.0 on; `float16` from 7.0 on, since their
    tensor cores support only that; otherwise `float32`. For a CPU, see `cpu_precision`; if its
    library does not compute in that, it is `float32`.
    """
    used = gpus_in_use()
    if used:
        details = map(tf.config.experimental.get_device_details, used)
        least = min(tuple(each.get("compute_capability", (0, 0))) for each in details)
        if least >= (8, 0):
            return "bfloat16"
        return "float16" if least >= (7, 0) else "float32"
    fastest = cpu_precision(cpuinfo())
    return fastest if cpu_computes(fastest) else "float32"


def chosen_precision(named: str) -> str:
    """Return the arithmetic that a setting `precision` names; `auto` is the fastest.

    Raises:
        ConfigError: The CPU's library does not compute in it.
    """
    if named == "auto":
        return fastest_precision()
    if not gpus_in_use() and not cpu_computes(named):
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
        under = f" under ONEDNN_MAX_CPU_ISA={limit}" if limit else ""
        raise ConfigError(
            f"precision {named}: TensorFlow cannot compute in it on this processor{under}; "
            "choose precision float32"
        )
    return named


@cache
def cpu_computes(precision: str) -> bool:
    """Return whether TensorFlow computes in this precision on the CPU.

    Its library oneDNN is asked, by a convolution, which it refuses by an error. TensorFlow itself
    goes by the processor's flags, whatever oneDNN is limited to (ONEDNN_MAX_CPU_ISA), and a product
    of matrices that oneDNN refuses would end this process.
    """
    if precision == "float32":
        return True
    one_operation_at_a_time()
    try:
        # On the device of the scope: no other one may be touched.
        image, kernel = (tf.ones(shape, precision) for shape in ([1, 8, 8, 16], [3, 3, 16, 16]))
        tf.nn.conv2d(image, kernel, 1, "SAME")
    except tf.errors.OpError:
        return False
    return True


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
    return "avx512_bf16" in cpuinfo() and "amx_bf16" not in cpuinfo()


@cache
def cpuinfo() -> str:
    """Return Linux's description of the processor; elsewhere an empty text."""
    file = Path("/proc/cpuinfo")
    return file.read_text() if file.exists() else ""
