"""SIGTERM and SIGINT, from a platform that takes its machine back or from a user."""

import signal
import threading
from types import FrameType, TracebackType


class Stopped(BaseException):
    """A signal ends the run. A BaseException, so that no handler of errors catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Stop:
    """Turns signals into exceptions inside `with Stop() as stop:`.

    The first signal raises Stopped at once or, while `stop.later` is True, only sets `stop.signum`,
    so that a loop can save its work and call `obey`. The second always raises.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.later = False
        self.signum: int | None = None

    def __enter__(self) -> "Stop":
        # Only the main thread gets signals; in another one, the caller's handlers stay.
        if threading.current_thread() is threading.main_thread():
            self._previous = {each: signal.signal(each, self._handle) for each in self.SIGNALS}
        else:
            self._previous = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        is_second, self.signum = self.signum is not None, signum
        if is_second or not self.later:
            raise Stopped(signum)

    def obey(self) -> None:
        """Raises Stopped if a signal has arrived."""
        if self.signum is not None:
            raise Stopped(self.signum)
