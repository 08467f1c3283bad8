"""Loads all that paints, in the background."""

import builtins
import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from painterly.devices import nvidia
from painterly.devices.native_stderr import hold_native_stderr
from painterly.devices.processor import check_tensorflow
from painterly.devices.trials import TRIAL
from painterly.errors import DeviceError
from painterly.settings.installation import check_temporary_folder

if TYPE_CHECKING:  # Loading the module of the devices is part of it.
    from painterly.devices.device import Devices


@contextmanager
def _giving_way(give_way: Callable[[], object]) -> Iterator[None]:
    """Call a function before each import by TensorFlow's modules in this thread, which holds no
    lock then that another thread's import needs: a finder, or a module of NumPy, would."""
    real, thread = builtins.__import__, threading.get_ident()

    def imported(name: str, globals: Any = None, *others: Any, **how: Any) -> ModuleType:
        importer = str((globals or {}).get("__name__")).partition(".")[0]
        if importer in ("tensorflow", "keras") and threading.get_ident() == thread:
            give_way()
        return real(name, globals, *others, **how)

    builtins.__import__ = imported
    try:
        yield
    finally:
        builtins.__import__ = real


def load_devices(
    wanted: str, optimises: bool = True, give_way: Callable[[], object] | None = None
) -> "Future[Devices]":
    """Begin to load all modules that paint, with TensorFlow if a recipe needs it, which takes
    seconds. It also needs temporary files, for checkpoints.

    Args:
        wanted: DEVICE: `auto`, `gpu` or `cpu`.
        optimises: Whether a picture's recipe minimises a loss; see `Traits`.
        give_way: Is called at some thousand moments while TensorFlow is loaded. It returns once
            nothing more urgent needs the processor. Without it, imports stay as they are: programs
            that call `painterly.paint` may load in several threads, and have imports of their own.

    Returns:
        The devices to paint on. It raises DeviceError if DEVICE asks for a GPU and none works, or
        if TensorFlow does not run on this processor, and ConfigError without a temporary folder.
    """

    def load() -> "Devices":
        gc.disable()  # It would search through all that is being loaded, and find nothing to free.
        try:
            if not optimises:
                return _host(wanted)
            check_temporary_folder()
            check_tensorflow()
            if wanted != "cpu" and nvidia.visible_gpus():
                TRIAL.begin()  # While TensorFlow is loaded here.
            # Devices first: the engine asks what they can do when it is imported.
            with _giving_way(give_way) if give_way else nullcontext():
                with hold_native_stderr():
                    from painterly.devices.choose import choose_devices

                    devices = choose_devices(wanted)
                from painterly.engine import style_transfer  # noqa: F401
        finally:
            gc.freeze()  # Later searches pass over all that was loaded, too.
            gc.enable()
        return devices

    pool = ThreadPoolExecutor(1)
    loading = pool.submit(load)
    pool.shutdown(wait=False)
    return loading


def _host(wanted: str) -> "Devices":
    """Return the device of a run that only paints by recipe `instant`: the CPU.

    Raises DeviceError for `gpu` if the machine has none, though the CPU paints: the run is on
    another machine than its user believes.
    """
    from painterly.devices.device import HOST, Devices

    if wanted == "gpu" and not nvidia.installed_gpus():
        raise DeviceError("DEVICE=gpu, but no NVIDIA GPU was found; DEVICE=cpu paints without one")
    return Devices((HOST,))
