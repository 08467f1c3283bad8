"""Waiting for events in another thread or process."""

import threading
import time
from collections.abc import Callable, Collection
from typing import TypeVar

import psutil

DEADLINE_S = 240  # A web service's worker has a low priority.
T = TypeVar("T")


def until(holds: Callable[[], T], deadline_s: float = DEADLINE_S, every_s: float = 0.05) -> T:
    """Return the value of `holds` as soon as it is true."""
    deadline = time.monotonic() + deadline_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {holds}"
        time.sleep(every_s)
    return found


def until_threads_end(*names: str, before: Collection[threading.Thread] = ()) -> None:
    """Wait for the threads of this process with a name, apart from those that were there before."""
    for thread in [each for each in threading.enumerate() if each.name in names]:
        if thread not in before:
            until(lambda each=thread: each.ident)  # It may be about to start.
            thread.join(DEADLINE_S)


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, even if its parent does not know yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
