"""Which NVIDIA GPUs a machine has, told without TensorFlow, and why TensorFlow can use none."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from styletransfer.paths import PROGRAM

DEVICES = Path("/dev")
LIBRARY = "libcuda.so.1"  # The driver's: all of CUDA reaches a GPU through it.
OLDEST_DRIVER = "525.60.13"  # for CUDA 12
NVIDIA_SMI_S = 20.0  # which it takes, or longer, where a GPU hangs
IMPORT_S = 120.0

# TensorFlow's own words, told for this file of its code alone; else it keeps them to itself.
_TELLING = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "dso_loader=1"}
_ASKING = (
    "import styletransfer.devices.tensorflow, tensorflow as tf; "
    "tf.config.list_physical_devices('GPU')"
)


def installed_gpus() -> list[str]:
    """The names of the machine's NVIDIA GPUs, whether or not they can be used; none: an empty list.

    From nvidia-smi, which alone knows in WSL; where it does not answer, by the driver's nodes in
    /dev, as start.sh looks for them.
    """
    if shutil.which("nvidia-smi"):
        try:
            told = subprocess.run(
                ["nvidia-smi", "-L"],
                capture_output=True,
                text=True,
                timeout=NVIDIA_SMI_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            told = None
        names = re.findall(r"^GPU \d+: (.+?)(?: \(UUID.*)?$", told.stdout if told else "", re.M)
        if names:
            return names
    nodes = [path.name for path in DEVICES.glob("nvidia*")]
    numbered = [name for name in nodes if re.fullmatch(r"nvidia\d+", name)]
    if numbered or "nvidiactl" in nodes:
        return ["NVIDIA GPU"] * max(1, len(numbered))
    return []


def total_memory(number: int) -> int | None:
    """Bytes of memory of a GPU, by CUDA's number, which is TensorFlow's too; None where the driver
    does not tell. TensorFlow must have started the driver."""
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    device, size = ctypes.c_int(), ctypes.c_size_t()
    if driver.cuDeviceGet(ctypes.byref(device), number):
        return None
    return None if driver.cuDeviceTotalMem_v2(ctypes.byref(size), device) else size.value


def why_unusable(cuda: str | None) -> str:
    """Why TensorFlow lists no GPU, and what helps, in a few words.

    cuda: the version of CUDA that TensorFlow is built with, `12.5.1`; None: it is built without.
    """
    if cuda is None:
        return (
            "this TensorFlow is built without CUDA; on Linux x86_64, or in WSL, ./start.sh brings "
            "one with it"
        )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")  # CUDA's own variable, hence read here.
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES is {hidden!r}, which hides all; unset it"
    return _driver_problem(int(cuda.split(".")[0])) or _library_problem()


def _driver_problem(needed: int) -> str | None:
    """What is wrong with the driver; None where it starts. needed: CUDA's major version."""
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
        told = (name.value or b"").decode() or f"error {code}"
        return f"NVIDIA's driver does not start: {told}; nvidia-smi may tell more"
    return None


def _library_problem() -> str:
    lacking = missing_libraries()
    if not lacking:
        return "TensorFlow does not say why; with TF_CPP_MAX_VLOG_LEVEL=3 it tells what it tries"
    return (
        f"{_listed(lacking)} {'is' if len(lacking) == 1 else 'are'} missing; ./start.sh installs "
        "CUDA's libraries, as does: pip install 'tensorflow[and-cuda]'"
    )


def missing_libraries() -> list[str]:
    """The libraries that TensorFlow itself looks for and does not find, as `libcudnn.so.9`. It is
    asked in a process of its own, since it tells that once, and takes seconds."""
    try:
        told = subprocess.run(
            [sys.executable, "-c", _ASKING],
            cwd=PROGRAM,
            env=os.environ | _TELLING,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_S,
            check=False,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(dict.fromkeys(re.findall(r"Could not load dynamic library '([^']+)'", told)))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
