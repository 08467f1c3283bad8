"""Waiting for other threads without missing a signal."""

from concurrent.futures import Future, wait
from typing import TypeVar

from styletransfer.signals import POLL_S, Stop

_Value = TypeVar("_Value")


def result_of(future: "Future[_Value]", stop: Stop) -> _Value:
    """A future's result or error. Raises Stopped after a signal, also where both are there: what
    ends a run may be what ended the future."""
    while not wait([future], timeout=POLL_S).done:
        stop.obey()
    stop.obey()
    return future.result()
