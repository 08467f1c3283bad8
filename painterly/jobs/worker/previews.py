"""Pictures by preset `instant` that a request waits for: previews while an order is made, and whole
pictures for programs.

The worker paints them between jobs, and during a job if there is enough memory. Otherwise, and
when too many are asked for, they are refused at once.
"""

import hashlib
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from painterly.jobs.schemas import ApiError
from painterly.jobs.worker.supervisor import Supervisor
from painterly.orders.styles import Style
from painterly.painters.instant_painter import InstantOrder

MAX_PHOTO = 2_000_000  # bytes; pages send a small copy
MAX_PIXELS = 4_000_000
MAX_WAITING = 8  # previews in the worker; the oldest is refused for a newer one
MAX_WHOLE = 4  # whole pictures in the worker; further ones are refused
# Seconds until a request is answered without its picture. The worker goes on, and the same request
# gets the picture if it is sent again within RETURN_S.
PATIENCE_S, WHOLE_PATIENCE_S, RETURN_S = 30.0, 60.0, 20.0
RETRY_S = 2  # seconds before a page asks again


class ResultOrder(NamedTuple):
    """The order of a preview that is the result of a job: the job then paints nothing."""

    photo: str  # the key of the stored photo
    style: Style  # the style, with settings of preset `instant`
    mask: bytes  # the photo's mask, as a file; empty if all of it is painted
    # The extension of the picture's file, without a dot. If browsers do not show the result's
    # format, the preview is a JPEG to look at.
    extension: str


class PreviewRequest(NamedTuple):
    """A request for a picture."""

    number: int  # its number, with which it is answered
    order: InstantOrder | ResultOrder  # the order of the picture

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


@dataclass
class _Asked:
    """A picture that the worker was asked for.

    Attributes:
        about: What was asked for, and which worker was.
        answer: The worker's answer.
        end: Forgets it, after its request was answered without it; None while that waits.
    """

    about: tuple[object, ...]
    answer: Future[bytes | None]
    end: threading.Timer | None = None


class Previews:
    """Asks the worker for pictures, in the web process. Thread-safe."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._numbers = itertools.count(1)
        self.asked: dict[int, _Asked] = {}
        self._lock = threading.Lock()

    def ask(self, order: InstantOrder | ResultOrder) -> tuple[int, Future[bytes | None]]:
        """Ask for a picture, unless a request has left it. Return its number, for `leave` or
        `forget`, and its file, or None if the worker is busy. The future raises ApiError if the
        worker cannot paint this."""
        # Not the photo itself, which may be large.
        parts = (
            hashlib.sha256(each).digest() if isinstance(each, bytes) else each for each in order
        )
        asked = _Asked((self._supervisor.pid, *parts), Future())
        asked.answer.set_running_or_notify_cancel()  # A request that ends cannot cancel it.
        with self._lock:
            for number, earlier in self.asked.items():
                if earlier.end and earlier.about == asked.about:
                    earlier.end.cancel()
                    earlier.end = None
                    return number, earlier.answer
            number = next(self._numbers)
            self.asked[number] = asked
        request = PreviewRequest(number, order)
        if not self._supervisor.send("preview", request):
            self.answer(number, None, None)
        return number, asked.answer

    def leave(self, number: int) -> None:
        """Leave a picture for the next request for the same, which may come for a while."""
        with self._lock:
            end = self.asked[number].end = threading.Timer(RETURN_S, self.forget, [number, True])
        end.daemon = True
        end.start()

    def forget(self, number: int, left: bool = False) -> None:
        """Tell the worker that nobody waits for a picture, unless it was answered. A request that
        has left it for the next one forgets nothing, and its time (`left`) nothing that is asked
        for again."""
        with self._lock:
            asked = self.asked.get(number)  # Its time may end while its next request does.
            if asked is None or (asked.end is not None) != left:
                return
            del self.asked[number]
        if not asked.answer.done():
            self._supervisor.send("forget", number)

    def answer(self, number: int, data: bytes | None, refusal: Refusal | None) -> None:
        """Pass on the worker's answer: the file, its refusal, or neither if the worker is busy."""
        with self._lock:
            asked = self.asked.get(number)
            if asked is None or asked.answer.done():
                return
            if refusal is None:
                asked.answer.set_result(data)
            else:
                status = 415 if refusal.is_of_photo else 422
                asked.answer.set_exception(ApiError(status, refusal.reason))

    def give_up(self) -> None:
        """Answer all requests without a picture: the worker has ended, or is about to."""
        for number in [*self.asked]:
            self.answer(number, None, None)


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
