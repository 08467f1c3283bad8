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


def test_garbage_is_collected_again_after_loading_has_failed(monkeypatch):
    def choose_devices(wanted):
        assert not gc.isenabled()  # Nothing that is being loaded can be freed.
        raise DeviceError(f"no {wanted}")

    module = SimpleNamespace(choose_devices=choose_devices)
    monkeypatch.setitem(sys.modules, "styletransfer.devices.tensorflow", module)
    with pytest.raises(DeviceError, match="no gpu"):
        DeviceLoader("gpu").devices()
    assert gc.isenabled()
