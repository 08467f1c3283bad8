"""Holds back TensorFlow's start-up notes, which TF_CPP_MIN_LOG_LEVEL does not reach."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from painterly.errors import PainterlyError


@contextmanager
def hold_native_stderr() -> Iterator[None]:
    """Discard the output of native code to stderr inside the block.

    It is printed if the block fails with anything but a PainterlyError. Python's own output, in
    any thread, is not held back.

    TensorFlow reports oneDNN on every CPU, and CUDA's failure to start on every machine without a
    GPU. It does so before its logging is set up, and neither is an error to the user.
    """
    python_stderr = sys.stderr
    python_stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        # Before file descriptor 2 changes, so that no other thread's output is lost.
        replaces = python_stderr is sys.__stderr__  # Otherwise it writes elsewhere already.
        if replaces:
            sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, errors="backslashreplace")
        os.dup2(held.fileno(), 2)
        try:
            yield
        except PainterlyError:
            raise  # Its message names the cause.
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            if replaces:
                sys.stderr.flush()
                sys.stderr = python_stderr
            os.close(terminal)


def present_stderr() -> Any:
    """Return a stream that looks `sys.stderr` up at each write. A stored `sys.stderr` would be held
    back during another thread's block."""
    return _PresentStderr()


class _PresentStderr:
    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)
