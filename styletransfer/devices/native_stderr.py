"""TensorFlow without its start-up chatter, which TF_CPP_MIN_LOG_LEVEL does not reach."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from styletransfer.errors import StyleTransferError


@contextmanager
def hold_native_stderr() -> Iterator[None]:
    """Keeps what native code writes to stderr meanwhile; told after all where something fails.
    What Python writes there, in this thread or another, is shown as ever.

    TensorFlow greets every CPU with notes on oneDNN and every machine without a GPU with CUDA's
    failure to start: written before its logging is set up, and no error to a user.
    """
    sys.stderr.flush()
    try:
        shown = os.dup(2)
    except OSError:  # There is no stderr, so nothing to hold.
        yield
        return
    python = sys.stderr
    with tempfile.TemporaryFile() as held:
        # First, so that no other thread's words are lost in between.
        if python is sys.__stderr__:  # Else it leads elsewhere already.
            sys.stderr = os.fdopen(os.dup(shown), "w", buffering=1, errors="backslashreplace")
        os.dup2(held.fileno(), 2)
        try:
            yield
        except StyleTransferError:
            raise  # It tells its cause itself.
        except BaseException:
            held.seek(0)
            os.write(shown, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(shown, 2)
            sys.stderr = python
            os.close(shown)
