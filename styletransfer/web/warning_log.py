"""A log of repeated warnings, for example while a storage is unavailable: each once a minute."""

import threading
import time
from logging import WARNING

from styletransfer.log import event

QUIET_S = 60.0  # before the same text is logged again


class WarningLog:
    """Logs warnings. Thread-safe."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}  # when, by text
        self._lock = threading.Lock()

    def warn(self, text: str) -> bool:
        """Log a text unless it was logged within the last QUIET_S. Return whether it was logged."""
        now = time.monotonic()
        with self._lock:
            recent = {each: at for each, at in self._logged.items() if now - at < QUIET_S}
            self._logged = {text: now, **recent}
        if text not in recent:
            event(text, level=WARNING)
        return text not in recent
