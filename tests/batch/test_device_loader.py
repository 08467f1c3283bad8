"""TensorFlow in a thread, without TensorFlow."""

import threading

from styletransfer.batch import device_loader
from styletransfer.batch.device_loader import DeviceLoader


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
