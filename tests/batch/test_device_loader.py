"""TensorFlow in a thread, without TensorFlow."""

import gc
import sys
import threading
from types import SimpleNamespace

import pytest

from styletransfer.batch import device_loader
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.errors import DeviceError


def test_devices_are_loaded_once_while_the_caller_goes_on(monkeypatch):
    asked, found, go_on = [], object(), threading.Event()

    def load(wanted):
        asked.append(wanted)
        assert go_on.wait(10)
        return found

    monkeypatch.setattr(device_loader, "_load", load)
    loader = DeviceLoader("auto")
    loading = loader.start()
    assert not loading.done()
    go_on.set()
    assert loader.devices() is loader.devices() is loading.result() is found
    assert asked == ["auto"]


@pytest.mark.parametrize("error", [None, DeviceError("no GPU")])
def test_garbage_is_not_collected_while_modules_are_loaded_and_is_afterwards(monkeypatch, error):
    collecting = []

    def choose_devices(wanted):
        collecting.append(gc.isenabled())
        if error:
            raise error
        return wanted

    devices, worker = "styletransfer.devices.tensorflow", "styletransfer.batch.painting"
    monkeypatch.setitem(sys.modules, devices, SimpleNamespace(choose_devices=choose_devices))
    monkeypatch.setitem(sys.modules, worker, SimpleNamespace())
    loader = DeviceLoader("gpu")
    if error:
        with pytest.raises(DeviceError, match="no GPU"):
            loader.devices()
    else:
        assert loader.devices() == "gpu"
    assert collecting == [False] and gc.isenabled()
