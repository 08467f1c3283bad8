"""What the web process and its worker say to each other: lines of JSON through pipes.

They only make things faster: all that must not be lost is in the bucket.
"""

import json
import threading
from collections.abc import Iterator
from typing import IO, Any


class Outgoing:
    """Writes messages. One that nobody reads any more is dropped."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def send(self, kind: str, **about: Any) -> None:
        """Sends a message of a kind."""
        line = json.dumps({"kind": kind, **about}).encode() + b"\n"
        with self._lock:
            try:
                self._pipe.write(line)
                self._pipe.flush()
            except (OSError, ValueError):  # The other process has gone.
                return


def incoming(pipe: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The messages that arrive, until the other process ends."""
    for line in pipe:
        try:
            message = json.loads(line)
        except ValueError:  # A process that was killed leaves half a line.
            continue
        if isinstance(message, dict):
            yield message
