"""Distinguishes errors that fail one picture from errors that end the run."""

from painterly.errors import (
    ConfigError,
    MemoryShortError,
    PainterlyError,
    PictureError,
    WeightsError,
)
from painterly.log import log_trace
from painterly.storage.base import DiskError, ObjectError
from painterly.wording import printable

UNEXPECTED = "unexpected "  # how the message of an UnexpectedError begins
MAX_REASON = 200  # characters: TensorFlow's messages have many lines


class UnexpectedError(PainterlyError):
    """A picture failed in an unexpected way."""


# These fail one picture, and the run continues. An unavailable bucket ends the run.
PICTURE_FAILURES = (
    PictureError,
    MemoryShortError,
    ConfigError,
    WeightsError,
    ObjectError,
    UnexpectedError,
)


def picture_failure(error: Exception) -> PainterlyError:
    """Return the error that a picture fails with.

    An unexpected one becomes an UnexpectedError, exhausted memory a MemoryShortError, and its trace
    is logged at debug level.

    Raises the error itself if it ends the run: unreachable storage, a full disk, a missing device.
    """
    if isinstance(error, DiskError):  # Further results could not be stored either.
        raise error
    if isinstance(error, PICTURE_FAILURES):
        return error
    if isinstance(error, PainterlyError):
        raise error
    log_trace(error)
    if is_out_of_memory(error):
        return MemoryShortError("there is too little memory to paint it; choose a smaller size")
    reason = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    if len(what) > MAX_REASON:
        what = f"{what[: MAX_REASON - 1]}…"
    return UnexpectedError(f"{UNEXPECTED}{printable(what)} (LOG_LEVEL=debug logs where)")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory is exhausted.

    A process that another one starts should end then, because the state of TensorFlow's memory is
    unknown.
    """
    # TensorFlow's error by name, to not import TensorFlow.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
