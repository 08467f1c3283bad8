"""SIGTERM and SIGINT: a platform takes its machine back, or a person has seen enough."""

import signal
import threading
from types import FrameType, TracebackType


class Stopped(BaseException):
    """The run ends because of a signal; nothing that catches errors should catch this."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Stop:
    """Inside `with Stop() as stop:`, a first signal raises Stopped where it strikes, or, while
    `stop.later` is True, is kept in `stop.signum` for the loop that saves its work first. A
    second one always strikes."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.later = False
        self.signum: int | None = None

    def __enter__(self) -> "Stop":
        # Python hands signals to its main thread alone; elsewhere the caller has its own way.
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._strike) for each in self.SIGNALS}
        else:
            self._before = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _strike(self, signum: int, frame: FrameType | None) -> None:
        asked_before, self.signum = self.signum is not None, signum
        if asked_before or not self.later:
            raise Stopped(signum)

    def obey(self) -> None:
        """Raises Stopped if a signal came meanwhile."""
        if self.signum is not None:
            raise Stopped(self.signum)
