"""Pictures by preset `instant` that a request waits for: previews while an order is made, and whole
pictures for programs.

The worker paints them between jobs, and during a job if there is enough memory. Otherwise, and
when too many are asked for, they are refused at once.
"""

import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from painterly.jobs.schemas import ApiError
from painterly.jobs.worker.supervisor import Supervisor
from painterly.orders.styles import Style
from painterly.painters.instant_painter import InstantOrder

MAX_PHOTO = 2_000_000  # bytes; pages send a small copy
MAX_PIXELS = 4_000_000
MAX_WAITING = 8  # previews in the worker; the oldest is refused for a newer one
MAX_WHOLE = 4  # whole pictures in the worker; further ones are refused
PATIENCE_S, WHOLE_PATIENCE_S = 30.0, 60.0
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
    deadline: float  # the monotonic time at which the request for it ends

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


class Previews:
    """Asks the worker for pictures, in the web process. Thread-safe."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[bytes | None]] = {}

    def ask(self, order: InstantOrder | ResultOrder) -> tuple[int, Future[bytes | None]]:
        """Ask for a picture. Return its number, for `forget`, and its file, or None if the worker
        is busy. The future raises ApiError if the worker cannot paint this."""
        number, answer = next(self._numbers), Future[bytes | None]()
        answer.set_running_or_notify_cancel()  # A request that ends cannot cancel it.
        is_preview = isinstance(order, ResultOrder) or order.output is None
        patience_s = PATIENCE_S if is_preview else WHOLE_PATIENCE_S
        request = PreviewRequest(number, order, time.monotonic() + patience_s)
        self._waiting[number] = answer
        if self._supervisor.problem or not self._supervisor.send("preview", request):
            self.answer(number, None, None)
        return number, answer

    def forget(self, number: int) -> None:
        """Tell the worker that the client of a picture has left, unless it was answered."""
        if self._waiting.pop(number, None):
            self._supervisor.send("forget", number)

    def answer(self, number: int, data: bytes | None, refusal: Refusal | None) -> None:
        """Pass on the worker's answer: the file, its refusal, or neither if the worker is busy."""
        if waiting := self._waiting.pop(number, None):
            if refusal is None:
                waiting.set_result(data)
            else:
                status = 415 if refusal.is_of_photo else 422
                waiting.set_exception(ApiError(status, refusal.reason))


class PreviewQueue:
    """The pictures that the worker is to paint: whole ones in the order of their requests, then the
    latest preview first, since a page has often given up those before. Thread-safe."""

    def __init__(self, refuse: Callable[[int], None]) -> None:
        """refuse: is called with the number of a picture that will not be painted."""
        self._refuse = refuse
        self._waiting: OrderedDict[int, PreviewRequest] = OrderedDict()
        self._whole: deque[PreviewRequest] = deque()
        self._current: PreviewRequest | None = None
        self._lock = threading.Lock()

    def add(self, request: PreviewRequest) -> None:
        """Add a picture. If there are too many, it is refused if it is a whole one, or else the
        oldest preview is."""
        refused: int | None = None
        with self._lock:
            if not request.is_whole:
                self._waiting[request.number] = request
                if len(self._waiting) > MAX_WAITING:
                    refused = self._waiting.popitem(last=False)[0]
            elif len(self._whole) < MAX_WHOLE:
                self._whole.append(request)
            else:
                refused = request.number
        if refused is not None:
            self._refuse(refused)

    def forget(self, number: int) -> None:
        """Drop a picture, also the one that is being painted."""
        with self._lock:
            self._waiting.pop(number, None)
            for request in [each for each in self._whole if each.number == number]:
                self._whole.remove(request)
            if self._current and self._current.number == number:
                self._current = None

    def next(self) -> PreviewRequest | None:
        """Take the next one before its deadline; None if there is none."""
        with self._lock:
            self._current = None
            while self._whole or self._waiting:
                request = self._whole.popleft() if self._whole else self._waiting.popitem()[1]
                if request.deadline > time.monotonic():
                    self._current = request
                    break
            return self._current

    def is_wanted(self, number: int) -> bool:
        """Return whether someone still waits for the picture that is being painted."""
        current = self._current
        return current is not None and current.number == number

    def clear(self) -> None:
        """Refuse those that wait."""
        with self._lock:
            refused = [*self._waiting, *(each.number for each in self._whole)]
            self._waiting.clear()
            self._whole.clear()
        for number in refused:
            self._refuse(number)
