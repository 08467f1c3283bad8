"""Native code's output to stderr, held back."""

import contextlib
import io
import sys

from styletransfer.devices.native_stderr import hold_native_stderr


def test_a_redirection_that_ends_inside_the_block_stays_ended():
    """A thread loads TensorFlow while another redirects stderr for a while."""
    before = sys.stderr
    with contextlib.ExitStack() as block:
        with contextlib.redirect_stderr(io.StringIO()) as redirected:
            block.enter_context(hold_native_stderr())
        redirected.close()
    assert sys.stderr is before and not sys.stderr.closed
