"""Which errors fail one picture, and which end the run."""

from styletransfer.errors import (
    ConfigError,
    MemoryShortError,
    PictureError,
    StyleTransferError,
    WeightsError,
)
from styletransfer.log import log_trace, printable
from styletransfer.storage.base import DiskError, ObjectError

UNEXPECTED = "unexpected "  # how the message of an UnexpectedError begins
LONGEST_REASON = 200  # characters: TensorFlow's messages have many lines


class UnexpectedError(StyleTransferError):
    """A picture failed in a way that nobody foresaw."""


# These fail one picture, and the others go on; an unavailable bucket ends the run.
PICTURE_FAILURES = (
    PictureError,
    MemoryShortError,
    ConfigError,
    WeightsError,
    ObjectError,
    UnexpectedError,
)


def picture_failure(error: Exception) -> StyleTransferError:
    """The error that a picture fails with. One that nobody foresaw becomes an UnexpectedError, and
    its trace is logged at debug level.

    Raises the error itself where it ends the run: storage that stays away, a disk that is full, a
    missing device, memory that is exhausted.
    """
    if isinstance(error, DiskError):  # To paint on would be for nothing.
        raise error
    if isinstance(error, PICTURE_FAILURES):
        return error
    if isinstance(error, StyleTransferError | MemoryError) or _is_exhausted(error):
        raise error
    log_trace(error)
    reason = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    if len(what) > LONGEST_REASON:
        what = f"{what[: LONGEST_REASON - 1]}…"
    return UnexpectedError(f"{UNEXPECTED}{printable(what)} (LOG_LEVEL=debug logs where)")


def _is_exhausted(error: Exception) -> bool:
    """Whether it is TensorFlow's MemoryError, which is known by name: this does not import it."""
    return type(error).__name__ == "ResourceExhaustedError"
