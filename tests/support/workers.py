"""Workers of the web service that paint nothing. Each runs in its own process."""

import os
import signal
import threading
import time


def ready(pipe, name, gone):
    """Reports a device, and waits for the end of the web process."""
    pipe.send("ready", "a device")
    return _wait(pipe)


def dies_once(pipe, name, gone):
    """Is killed the first time."""
    pipe.send("ready", f"after {gone}" if gone else name)
    if not gone:
        os.kill(os.getpid(), signal.SIGKILL)
    return _wait(pipe)


def dies(pipe, name, gone):
    """Is killed each time."""
    pipe.send("ready", name)
    os.kill(os.getpid(), signal.SIGKILL)


def saves(pipe, name, gone):
    """Takes a moment after SIGTERM, and fails if a second signal arrives in it."""
    signals = []
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: signals.append(asked.set()))
    pipe.send("ready", "a device")
    asked.wait()
    pipe.send("saving")
    time.sleep(0.2)
    return len(signals) - 1


def hangs_once(pipe, name, gone):
    """Reads nothing the first time, as if it were stopped or had no memory left."""
    pipe.send("ready", f"after {gone}" if gone else name)
    if not gone:
        threading.Event().wait()
    return _wait(pipe)


def _wait(pipe):
    while pipe.receive() is not None:
        pass
    return 0
