"""What is found in a bucket now and then, rather than for each request."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

TTL_S = 10.0

_Found = TypeVar("_Found")


class TTLCache(Generic[_Found]):
    """What `find` gives, for TTL_S; then it is found anew. Safe to use from several threads."""

    def __init__(self, find: Callable[[], _Found]) -> None:
        self._find, self._lock = find, threading.Lock()
        self._kept: tuple[float, _Found] | None = None

    def get(self) -> _Found:
        """Raises what `find` raises; nothing is kept then."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > TTL_S:
                found = self._find()
                self._kept = time.monotonic(), found
            return self._kept[1]

    def invalidate(self) -> None:
        """Something has changed: the next `get` finds anew."""
        with self._lock:
            self._kept = None
