"""Paints pictures that a request waits for, in the worker: previews, and whole pictures.

They are painted between jobs, and during a job if there is enough memory. Otherwise, and when too
many are asked for, they are refused at once. Nothing is imported here that they do not need:
someone may wait for one while the worker starts.
"""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from logging import DEBUG, WARNING
from typing import TYPE_CHECKING, NamedTuple

from painterly.errors import PainterlyError, PhotoError, StorageError
from painterly.jobs.worker.supervisor import Pipe
from painterly.log import WarningLog, event
from painterly.orders.styles import Style
from painterly.painters.instant_painter import InstantOrder
from painterly.signals import CheckStop, Stop, Stopped
from painterly.words.wording import one_line

if TYPE_CHECKING:
    from painterly.jobs.worker.lease import Lease

LOADED_BY_S = 20.0  # seconds after the start, until which loading gives way to previews
QUIET_S = 2.0  # seconds after the last preview before the worker loads or prepares anything
MAX_WAITING = 8  # previews in the worker; the oldest is refused for a newer one
MAX_WHOLE = 4  # whole pictures in the worker; further ones are refused
NO_PREVIEW = "this preview could not be painted; the log has the reason"


class ResultOrder(NamedTuple):
    """The order of a preview that is the result of a job: the job then paints nothing."""

    photo: str  # the key of the stored photo
    style: Style  # the style, with settings of preset `instant`
    mask: bytes  # the photo's mask, as a file; empty if all of it is painted
    # The extension of the picture's file, without a dot. If browsers do not show the result's
    # format, the preview is a JPEG to look at.
    extension: str


Order = InstantOrder | ResultOrder
Instant = Callable[[Order, CheckStop], bytes]


class PreviewRequest(NamedTuple):
    """A request for a picture."""

    number: int  # its number, with which it is answered
    order: Order

    @property
    def is_whole(self) -> bool:
        """Whether it is for a whole picture, not a preview."""
        return isinstance(self.order, InstantOrder) and self.order.output is not None


class Refusal(NamedTuple):
    """The worker's refusal of a picture."""

    reason: str  # why it cannot be painted
    is_of_photo: bool  # whether the reason is the photo itself, so that no style can be painted


class AbandonedError(Exception):
    """The client of a picture has left, or a job is more urgent."""


class PreviewQueue:
    """The pictures that the worker is to paint: whole ones in the order of their requests, then the
    latest preview first, since a page has often given up those before. Thread-safe."""

    def __init__(self, refuse: Callable[[int], None]) -> None:
        """refuse: is called with the number of a picture that will not be painted."""
        self._refuse = refuse
        self._waiting: list[PreviewRequest] = []
        self._current: PreviewRequest | None = None
        self._lock = threading.Lock()

    def add(self, request: PreviewRequest) -> None:
        """Add a picture. If there are too many, it is refused if it is a whole one, or else the
        oldest preview is."""
        refused = None
        with self._lock:
            alike = [each for each in self._waiting if each.is_whole == request.is_whole]
            if len(alike) >= (MAX_WHOLE if request.is_whole else MAX_WAITING):
                refused = request if request.is_whole else alike[0]
            self._waiting = [each for each in (*self._waiting, request) if each is not refused]
        if refused is not None:
            self._refuse(refused.number)

    def forget(self, number: int) -> None:
        """Drop a picture, also the one that is being painted."""
        with self._lock:
            self._waiting = [each for each in self._waiting if each.number != number]
            if self._current and self._current.number == number:
                self._current = None

    def next(self) -> PreviewRequest | None:
        """Take the next one; None if there is none."""
        with self._lock:
            first = [each for each in self._waiting if each.is_whole][:1] or self._waiting[-1:]
            self._current = first[0] if first else None
            self._waiting = [each for each in self._waiting if each is not self._current]
            return self._current

    @property
    def is_busy(self) -> bool:
        """Whether someone waits for a picture."""
        return bool(self._current or self._waiting)

    def is_wanted(self, number: int) -> bool:
        """Return whether someone still waits for the picture that is being painted."""
        current = self._current
        return current is not None and current.number == number

    def clear(self) -> None:
        """Refuse those that wait."""
        with self._lock:
            refused, self._waiting = self._waiting, []
        for each in refused:
            self._refuse(each.number)


class Desk:
    """Hears the web process, and paints what its requests wait for.

    Attributes:
        previews: The pictures that requests wait for.
        lease: The lease of the job that is painted; None between jobs.
        alone: Whether that job leaves no memory for previews.
        look: Is set if there may be a job.
        wake: Is set by each message.
    """

    def __init__(self, pipe: Pipe, stop: Stop) -> None:
        self._pipe, self._stop = pipe, stop
        self.previews = PreviewQueue(self._refuse)
        self.lease: Lease | None = None
        self.alone = False
        self.look, self.wake = threading.Event(), threading.Event()
        self._asked = threading.Event()  # There may be a preview.
        self._previewed = -math.inf  # when the latest preview was painted
        self._started = time.monotonic()
        self._warnings = WarningLog()

    def listen(self) -> None:
        """Handle the messages of the web process; when it ends, end this one."""
        while (message := self._pipe.receive()) is not None:
            lease = self.lease
            if message[0] == "cancel" and lease and lease.job.id == message[1]:
                lease.cancel()
            if message[0] == "forget":
                self.previews.forget(message[1])
            elif message[0] == "preview":
                if self.alone:
                    self._refuse(message[1].number)
                else:
                    self.previews.add(message[1])
                    self._asked.set()
            else:
                self.look.set()
            self.wake.set()
        if sys.platform == "win32":  # There, `os.kill` would end the process at once.
            signal.raise_signal(signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    def give_way(self) -> None:
        """Wait while previews are painted, which loading would slow down, and no job is known."""
        end = self._started + LOADED_BY_S
        while self.is_previewing and time.monotonic() < end and self._stop.signum is None:
            if self.look.wait(0.05):
                return

    @property
    def is_previewing(self) -> bool:
        """Whether someone waits for a preview, or is about to."""
        # A page asks for the next preview in a moment.
        return self.previews.is_busy or time.monotonic() - self._previewed < QUIET_S

    def paint_previews(self, instant: Instant) -> None:
        """Paint the pictures that requests wait for, also during jobs, until a signal arrives."""
        while self._stop.signum is None:
            self._asked.wait()
            self._asked.clear()
            while request := self.previews.next():
                self._previewed = time.monotonic()
                try:
                    self.paint_preview(instant, request)
                except Stopped:  # The thread of the jobs ends the process.
                    return
                self._previewed = time.monotonic()

    def paint_preview(self, instant: Instant, request: PreviewRequest) -> None:
        """Paint a picture that a request waits for, and send the answer. Raises Stopped."""

        def check_stop() -> None:
            self._stop.obey()
            self._previewed = time.monotonic()
            if self.alone or not self.previews.is_wanted(request.number):
                raise AbandonedError

        picture, refusal = None, None
        try:
            picture = instant(request.order, check_stop)
        except AbandonedError:
            event(f"preview {request.number} was left unfinished", level=DEBUG)
        except StorageError as error:
            self._warnings.warn(str(error))
        except PainterlyError as error:
            refusal = Refusal(str(error), isinstance(error, PhotoError))
        except Exception as error:  # The next one may be another style, or there is more memory.
            refusal = Refusal(NO_PREVIEW, is_of_photo=False)
            event(f"a preview could not be painted: {one_line(error)}", level=WARNING)
        self._pipe.send("preview", request.number, picture, refusal)

    def _refuse(self, number: int) -> None:
        self._pipe.send("preview", number, None, None)
