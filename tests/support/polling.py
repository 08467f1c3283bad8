"""Waiting for what happens beside a test."""

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_S = 240  # A web service's worker gives way to all that runs beside it.
T = TypeVar("T")


def until(holds: Callable[[], T], deadline_s: float = DEADLINE_S, every_s: float = 0.05) -> T:
    """What `holds` returns as soon as that is true."""
    deadline = time.monotonic() + deadline_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {holds}"
        time.sleep(every_s)
    return found
