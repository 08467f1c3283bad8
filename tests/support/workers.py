"""Workers of the web service that paint nothing. Each runs in its own process."""

import os
import signal
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


def saves(pipe, name, gone):
    """Takes a moment after SIGTERM, in which a second signal would arrive."""

    def save(*_):
        pipe.send("saving")
        time.sleep(0.2)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, save)
    return ready(pipe, name, gone)


def _wait(pipe):
    while pipe.receive() is not None:
        pass
    return 0
