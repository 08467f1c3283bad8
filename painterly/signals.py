"""Signals from a platform that takes its machine back or from a user: SIGTERM and SIGINT, and
SIGHUP when a terminal is closed or its connection is lost.

On Windows, Ctrl-Break sends SIGBREAK, and so does a console that is closed.
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, ClassVar, TypeVar

HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none.
POLL_S = 0.2  # seconds between two checks for a signal during a wait
# Called several times a second; it may raise an exception to stop.
CheckStop = Callable[[], object]
_Value = TypeVar("_Value")


class Stopped(BaseException):
    """A signal ends the run. A BaseException, so that `except Exception` does not catch it.

    Attributes:
        exit_code: 128 + the signal's number.
        note: The work that the run leaves behind, for the user, or an empty text.
    """

    def __init__(self, signum: int, note: str = "") -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code, self.note = 128 + signum, note


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that stop a run here: not SIGHUP if it is ignored, as under `nohup`."""
    names = ["SIGTERM", "SIGINT", "SIGBREAK"]
    if HANG_UP is not None and signal.getsignal(HANG_UP) != signal.SIG_IGN:
        names.append("SIGHUP")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


@contextmanager
def stopping_at(clock: str | None, now: Callable[[], datetime] = datetime.now) -> Iterator[None]:
    """Stop the block, as SIGTERM does, once a clock shows a time such as 7:00; never without one.

    The time of the day is asked for again and again: a laptop may sleep in between.
    """
    if clock is None:
        yield
        return
    hour, minute = map(int, clock.split(":"))
    begun = now()
    end = begun.replace(hour=hour, minute=minute, second=0, microsecond=0)
    end += timedelta(days=end <= begun)
    left = threading.Event()

    def watch() -> None:
        while not left.wait(POLL_S):
            if now() >= end:
                _interrupt()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Stopped as stopped:
        if now() >= end:
            stopped.note = f"it is {clock}; {stopped.note or 'the same command continues'}"
        raise
    finally:
        left.set()
        watcher.join()  # So that no signal comes after the block.


def _interrupt() -> None:
    """Give the main thread a SIGTERM, which also ends what it waits for, such as a socket."""
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        _thread.interrupt_main(signal.SIGTERM)
    else:
        signal.pthread_kill(main, signal.SIGTERM)


class Stop:
    """Turns signals into exceptions inside `with Stop() as stop:`.

    The first signal raises Stopped at once or, while `stop.later` is True, only sets `stop.signum`,
    so that a loop can save its work and call `obey`. The same one a second time always raises. Two
    of different kinds are one wish: Ctrl-C in a terminal reaches a service and its worker, which
    the service then ends by SIGTERM. So are several SIGHUPs, which a closed terminal may send. If
    SIGHUP was ignored at the start, as under `nohup`, it still is.

    Python discards what is raised inside `__del__` or the callback of a weak reference, and a
    signal may arrive there. So `signum` is what counts: whatever takes long calls `obey` in
    between, and a Stop inside another one begins with the signal that the outer one has had.
    """

    _innermost: "ClassVar[Stop | None]" = None

    def __init__(self) -> None:
        self.later = False
        self.signum: int | None = None
        self._outer: Stop | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Stop":
        # Only the main thread gets signals; in another one, the caller's handlers stay.
        if threading.current_thread() is threading.main_thread():
            self._outer, Stop._innermost = Stop._innermost, self
            self._previous = {
                number: signal.signal(number, self._handle) for number in stop_signals()
            }
            self._previous_hook, sys.unraisablehook = sys.unraisablehook, self._discarded
            if self._outer is not None:  # After the handlers: from here on no signal is missed.
                self.signum = self.signum or self._outer.signum
        return self

    def __exit__(self, *_: object) -> None:
        if not self._previous:
            return
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        sys.unraisablehook = self._previous_hook
        Stop._innermost = self._outer
        if self._outer is not None:
            self._outer.signum = self._outer.signum or self.signum

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        earlier = self.signum
        insists = earlier == signum != HANG_UP
        if earlier is None or signum != HANG_UP:
            self.signum = signum
        if insists or (earlier is None and not self.later):
            raise Stopped(signum)

    def _discarded(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Replace Python's report of a discarded Stopped: `obey` raises it again."""
        if not isinstance(unraisable.exc_value, Stopped):
            self._previous_hook(unraisable)

    def obey(self) -> None:
        """Raise Stopped if a signal has arrived."""
        if self.signum is not None:
            raise Stopped(self.signum)

    def result_of(self, future: "Future[_Value]") -> _Value:
        """Wait for a future, and return its result or raise its error.

        Raises Stopped after a signal, even if the future has ended: the signal that ends a run may
        have ended it.
        """
        while not wait([future], timeout=POLL_S).done:
            self.obey()
        self.obey()
        return future.result()
