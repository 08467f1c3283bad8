"""TensorFlow, loaded in a thread while buckets are read: that takes seconds."""

import gc
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from styletransfer.devices.native_stderr import hold_native_stderr

if TYPE_CHECKING:
    from styletransfer.devices.choose import Devices


class DeviceLoader:
    """Loads TensorFlow and all modules that paint, once."""

    def __init__(self, wanted: str) -> None:
        """Takes DEVICE: `auto`, `gpu` or `cpu`."""
        self._wanted = wanted
        self._loading: Future[Devices] | None = None

    def start(self) -> "Future[Devices]":
        """Begins to load, unless that has begun."""
        if self._loading is None:
            pool = ThreadPoolExecutor(1)
            self._loading = pool.submit(_load, self._wanted)
            pool.shutdown(wait=False)
        return self._loading

    def devices(self) -> "Devices":
        """Returns the devices to paint on. Raises DeviceError if DEVICE asks for a GPU and none
        works."""
        return self.start().result()


def _load(wanted: str) -> "Devices":
    gc.disable()  # It would search through all that is being loaded, and find nothing to free.
    try:
        with hold_native_stderr():
            from styletransfer.devices.choose import choose_devices

            devices = choose_devices(wanted)
            import styletransfer.batch.painting  # noqa: F401
    finally:
        gc.enable()
    return devices
