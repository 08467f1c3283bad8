"""Pictures by preset `instant` that a request waits for, in the web process, which asks the worker
for them: previews while an order is made, and whole pictures for programs."""

import hashlib
import itertools
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from painterly.engine.looked_at import LookedAt
from painterly.jobs.schemas import ApiError
from painterly.jobs.worker.desk import Order, PreviewRequest, Refusal
from painterly.jobs.worker.supervisor import Supervisor
from painterly.painters.instant_painter import InstantOrder

MAX_PHOTO = 2_000_000  # bytes; pages send a small copy
MAX_PIXELS = 4_000_000
# Seconds until a request is answered without its picture. The worker goes on, and the same request
# gets the picture if it is sent again within RETURN_S.
PATIENCE_S, WHOLE_PATIENCE_S, RETURN_S = 30.0, 60.0, 20.0
RETRY_S = 2  # seconds before a page asks again
KEPT_LOOKS = 8  # of half a MB


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
        self._looks = dict[bytes, LookedAt]()  # at photos, by the digests of their files
        self._lock = threading.Lock()

    def keep_look(self, photo: bytes, look: LookedAt) -> None:
        """Keep a look at a photo, by its file: the worker need not find its faces again."""
        with self._lock:
            latest = [*self._looks.items(), (_digest(photo), look)][-KEPT_LOOKS:]
            self._looks = dict(latest)

    def ask(self, order: Order) -> tuple[int, Future[bytes | None]]:
        """Ask for a picture, unless a request has left it. Return its number, for `leave` or
        `forget`, and its file, or None if the worker is busy. The future raises ApiError if the
        worker cannot paint this."""
        # Not the photo itself, which may be large.
        parts = (_digest(each) if isinstance(each, bytes) else each for each in order)
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
        if isinstance(order, InstantOrder) and order.output is None:
            order = order._replace(look=self._looks.get(_digest(order.photo)))
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


def _digest(file: bytes) -> bytes:
    return hashlib.sha256(file).digest()
