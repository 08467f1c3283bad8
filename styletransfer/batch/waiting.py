"""Waiting for other threads without missing a signal."""

from concurrent.futures import Future, wait
from typing import TypeVar

from styletransfer.signals import POLL_S, Stop

_Value = TypeVar("_Value")


def result_of(future: "Future[_Value]", stop: Stop) -> _Value:
    """A future's result or error. Raises Stopped if a signal comes first."""
    while not future.done():
        stop.obey()
        wait([future], timeout=POLL_S)
    return future.result()
