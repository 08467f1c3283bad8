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
from painterly.words.wording import printable

UNEXPECTED = "unexpected "  # how the reason of an unexpected failure begins
MAX_REASON = 200  # characters: TensorFlow's messages have many lines


# These fail one picture, and the run continues. An unavailable bucket ends the run.
PICTURE_FAILURES = (PictureError, MemoryShortError, ConfigError, WeightsError, ObjectError)


def raise_if_fatal(error: Exception) -> None:
    """Raise an error that ends the run: unreachable storage, a full disk, a missing device."""
    # With a full disk, further results could not be stored either.
    is_full = isinstance(error, DiskError)
    if is_full or (isinstance(error, PainterlyError) and not isinstance(error, PICTURE_FAILURES)):
        raise error


def reason_of(error: Exception) -> str:
    """Return the reason why a picture fails with an error, in one line.

    The trace of an unexpected error is logged at debug level.
    """
    if isinstance(error, PainterlyError):
        return str(error)
    log_trace(error)
    if is_out_of_memory(error):
        return "there is too little memory to paint it; choose a smaller size"
    reason = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    if len(what) > MAX_REASON:
        what = f"{what[: MAX_REASON - 1]}…"
    return f"{UNEXPECTED}{printable(what)} (LOG_LEVEL=debug logs where)"


def is_out_of_memory(error: Exception) -> bool:
    """Return whether memory is exhausted.

    A process that another one starts should end then, because the state of TensorFlow's memory is
    unknown.
    """
    # TensorFlow's error by name, to not import TensorFlow.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
