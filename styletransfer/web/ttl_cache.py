"""Thread-safe cache of one value with a time to live."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

TTL_S = 10.0

_Found = TypeVar("_Found")


class TTLCache(Generic[_Found]):
    """Caches the value of `find` for TTL_S. Thread-safe."""

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
        """Discard the value: the next `get` calls `find` again."""
        with self._lock:
            self._kept = None
