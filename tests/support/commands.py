"""Commands as a person runs them, and buckets to run them on."""

import contextlib
import os
import pty
from concurrent.futures import ThreadPoolExecutor


def keys(bucket) -> list[str]:
    return [entry.key for entry in bucket.list()]


def fill(bucket, *keys: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: bucket.write(key, key.encode()), keys))


def on_a_terminal(command, answers: str, environment=None) -> tuple[int, str]:
    """Runs a command on a terminal of its own; its exit code, and what was to be seen."""
    pid, terminal = pty.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.execve(command[0], command, {**os.environ, **(environment or {})})
        os._exit(127)
    os.write(terminal, answers.encode())
    seen = b""
    with contextlib.suppress(OSError):  # Linux' end of a terminal.
        while data := os.read(terminal, 65536):
            seen += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()
