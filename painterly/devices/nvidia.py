"""NVIDIA GPUs of a machine, found without TensorFlow, and the reasons why it cannot use them."""

import contextlib
import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from painterly.settings.installation import PROGRAM, install_command

DEVICES = Path("/dev")
LIBRARY = "libcuda.so.1"  # The driver's API, which all of CUDA uses.
OLDEST_DRIVER = "525.60.13"  # for CUDA 12
NVIDIA_SMI_TIMEOUT_S = 20.0  # It may hang with a broken GPU.
IMPORT_TIMEOUT_S = 120.0

# Makes TensorFlow log the libraries that its dynamic loader fails to load.
_LOADER_LOGGING = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "dso_loader=1"}
_LIST_GPUS = (
    "import painterly.devices.choose, tensorflow as tf; tf.config.list_physical_devices('GPU')"
)


def installed_gpus() -> list[str]:
    """Return the names of the machine's NVIDIA GPUs, whether or not they can be used.

    They come from nvidia-smi, the only source in WSL, or else from the driver's nodes in /dev.
    """
    smi = _output(["nvidia-smi", "-L"], NVIDIA_SMI_TIMEOUT_S)
    names = re.findall(r"^GPU \d+: (.+?)(?: \(UUID.*)?$", smi, re.M)
    if names:
        return names
    nodes = [path.name for path in DEVICES.glob("nvidia*")]
    numbered = [name for name in nodes if re.fullmatch(r"nvidia\d+", name)]
    if numbered or "nvidiactl" in nodes:
        return ["NVIDIA GPU"] * max(1, len(numbered))
    return []


def visible_gpus() -> int:
    """Return how many GPUs CUDA shows to this process: none without a driver that starts, or if
    CUDA_VISIBLE_DEVICES hides all."""
    count = ctypes.c_int()
    with contextlib.suppress(OSError):
        driver = ctypes.CDLL(LIBRARY)
        if not (driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))):
            return count.value
    return 0


def cuda_number(name: str) -> int:
    """Return CUDA's number of a GPU from TensorFlow's name of it, such as `/physical_device:GPU:1`.
    The names of TensorFlow's devices count without the GPUs that are hidden from it."""
    return int(name.rpartition(":")[2])


class GpuMemory(NamedTuple):
    """The memory of a GPU in bytes; no process holds the `free` bytes."""

    free: int
    total: int


def gpu_memory(number: int) -> GpuMemory | None:
    """Return a GPU's memory, by CUDA's number.

    The answer is None if the driver does not report it. TensorFlow must have started the driver.
    """
    device, context = ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    # The driver answers in a context of the GPU. The primary one is TensorFlow's, too.
    if driver.cuDeviceGet(ctypes.byref(device), number) or driver.cuDevicePrimaryCtxRetain(
        ctypes.byref(context), device
    ):
        return None
    try:
        if driver.cuCtxPushCurrent_v2(context):
            return None
        failed = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
        driver.cuCtxPopCurrent_v2(ctypes.byref(context))
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
    return None if failed else GpuMemory(free.value, total.value)


def why_unusable(cuda: str | None) -> str:
    """Return the reason why TensorFlow lists no GPU, and the way out, in a few words.

    `cuda` is the CUDA version that TensorFlow is built with, such as `12.5.1`, or None.
    """
    if cuda is None:
        return (
            "this TensorFlow is built without CUDA; on Linux x86_64, or in WSL, this installs one "
            f"with CUDA: {install_command('gpu')}"
        )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")  # CUDA's own variable, hence read here.
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES is {hidden!r}, which hides all GPUs; unset it"
    return _driver_problem(int(cuda.split(".")[0])) or _library_problem()


def _driver_problem(needed: int) -> str | None:
    """Return the driver's problem, or None if it starts and knows the major version of CUDA."""
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError as error:
        return (
            f"{LIBRARY}, the driver's own library, is missing ({error}); install NVIDIA's driver "
            f"{OLDEST_DRIVER} or newer, or start the container with --gpus all"
        )
    version = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    if version.value < 1000 * needed:
        known = f"{version.value // 1000}.{version.value % 1000 // 10}"
        return (
            f"NVIDIA's driver is too old: it knows CUDA {known}, and TensorFlow needs {needed}; "
            f"install driver {OLDEST_DRIVER} or newer"
        )
    code, name = driver.cuInit(0), ctypes.c_char_p()
    if code:
        driver.cuGetErrorName(code, ctypes.byref(name))
        reason = (name.value or b"").decode() or f"error {code}"
        return f"NVIDIA's driver does not start: {reason}; run nvidia-smi for details"
    return None


def _library_problem() -> str:
    """Return the libraries that TensorFlow looks for and does not find.

    TensorFlow logs them only once, so it is started in another process, which takes seconds.
    """
    log = _output([sys.executable, "-c", _LIST_GPUS], IMPORT_TIMEOUT_S, _LOADER_LOGGING)
    missing = dict.fromkeys(re.findall(r"Could not load dynamic library '([^']+)'", log))
    if not missing:
        return "TensorFlow gives no reason; TF_CPP_MAX_VLOG_LEVEL=3 makes it log what it tries"
    return (
        f"TensorFlow lacks {', '.join(missing)}; both of these install CUDA's libraries: "
        f"pip install 'tensorflow[and-cuda]', {install_command('gpu')}"
    )


def _output(command: Sequence[str], timeout_s: float, variables: Mapping[str, str] = {}) -> str:
    environment = os.environ | variables
    out, err = subprocess.PIPE, subprocess.STDOUT
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, cwd=PROGRAM, env=environment, stdout=out, stderr=err, timeout=timeout_s
        )
        return done.stdout.decode(errors="replace")
    return ""
