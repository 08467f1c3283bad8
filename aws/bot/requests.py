"""Requests to paint a photo: stored, queued, cancelled, and the time they take.

A request is a document, which only conditional writes change. An open one also has an empty object
in the queue, with its time, user and token in the key. That object is written after the request,
and deleted after the request was closed. If that fails, the next reader deletes it.
A request that is gone was forgotten: nothing more is sent about it.
"""

import logging
import math
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import NamedTuple

import contract
from botocore.exceptions import ClientError
from contract import Photo, Wish, known_fields

from bot.resources import Resources
from bot.words import Words, speaking
from painterly.errors import ConfigError, StorageError
from painterly.storage.base import ObjectError
from painterly.storage.document import Document

QUEUE = f"{contract.STATE}/queue"
PACE = f"{contract.STATE}/pace.json"

WAITING, RUNNING, PAINTED = "waiting", "running", "painted"
SENT, FAILED, CANCELLED = "sent", "failed", "cancelled"
OPEN = (WAITING, RUNNING)

# Estimates of the time that a photo takes.
START_S = 360.0  # to start an instance and pull the image, assumed
DEFAULT_PAINT_S = 180.0  # for one photo, until some have been painted
MAX_MEASURED = 20  # latest photos that the estimate is made from
MAX_START_S = 1200.0  # A photo that waits longer waits for a machine.
MOST_AT_ONCE = 8  # photos painted at the same time, with the stack's default MaxVcpus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A request to paint a photo."""

    photo: Photo
    user: int  # the id of its user
    wish: Wish  # how to paint it, which the job reads
    language: str  # the language of the answers
    status: str = WAITING  # one of the constants of this module
    # Batch's id of the job, once it is known, and the time of its last state.
    job: str = ""
    job_at: str = ""
    # Times in ms since 1970, or 0 before.
    created: int = 0
    started: int = 0
    shown: bool = False  # whether the result was sent as a photo, which comes before the file
    album: str = ""  # the album that the photo came in, or an empty text

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def say(self) -> Words:
        """The texts in the language of the answers."""
        return speaking(self.language)

    @property
    def queue_key(self) -> str:
        return f"{QUEUE}/{self.created:013}/{self.user}/{self.photo.token}"

    @classmethod
    def of(cls, document: Document) -> "Request":
        photo = Photo(**known_fields(Photo, document["photo"]))
        wish = Wish.of(document["wish"])
        return cls(**known_fields(cls, document) | {"photo": photo, "wish": wish})


class Queued(NamedTuple):
    """An open request in the queue: when it was created (ms since 1970), by whom, and its token."""

    key: str
    created: int
    user: int
    token: str

    @property
    def chat(self) -> int:
        return int(self.token.partition(".")[0])


def place(request: Request, data: bytes, resources: Resources) -> Request:
    """Store a new request and the content of its photo, and return the request.

    An update comes again if its invocation has died. A request that it has already placed stays as
    it is, with its job, and is returned. If its photo is missing, the photo is stored.
    """
    new = replace(request, created=time.time_ns() // 1_000_000)
    stored = resources.change(
        request.photo.request_key, lambda earlier: earlier or asdict(new), likely_new=True
    )
    request = Request.of(stored) if stored else new
    if not request.is_open:
        return request
    is_new = request.created == new.created
    is_in_work = not is_new and resources.bucket.find(request.photo.key) is not None
    try:
        resources.bucket.write(request.queue_key, b"")
        # Last: it starts the job, which reads the request. Written again, it would start another.
        if not is_in_work:
            resources.bucket.write(request.photo.key, data)
    except BaseException:
        if not is_in_work:
            resources.bucket.delete(request.photo.request_key)
            resources.bucket.delete(request.queue_key)
        raise
    return request


def outlook(request: Request, resources: Resources) -> tuple[int, int | None]:
    """Return the position of a request in the queue, from 1, and the minutes that it will take.

    The minutes are None if no machine is available at the moment.
    """
    waiting = queue(resources)
    position = queue_position(request.created, waiting)
    return position, minutes_left(position, waiting, resources)


def find(token: str, resources: Resources) -> Request | None:
    """Return the request of the photo with a token, or None if it is gone."""
    document = resources.load(contract.request_key(token))
    return Request.of(document) if document else None


def queue(
    resources: Resources, *, user: int | None = None, chat: int | None = None
) -> list[Queued]:
    """List the requests in the queue, oldest first: all, or those of a user or a chat."""
    waiting = []
    for entry in resources.bucket.list(f"{QUEUE}/"):
        _, _, created, sender, token = entry.key.split("/")
        queued = Queued(entry.key, int(created), int(sender), token)
        if user in (None, queued.user) and chat in (None, queued.chat):
            waiting.append(queued)
    return waiting


def opened(waiting: Iterable[Queued], resources: Resources) -> Iterator[Request]:
    """Read requests of the queue one by one, and remove closed ones from the queue.

    A request that cannot be read is logged and left out: the others are not at fault.
    """
    for queued in waiting:
        try:
            request = find(queued.token, resources)
        except (ConfigError, ObjectError, KeyError, TypeError) as error:
            log.warning("the request of photo %s cannot be read: %r", queued.token, error)
            continue
        if request and request.is_open:
            yield request
        else:
            resources.bucket.delete(queued.key)


def queue_position(created: int, waiting: Iterable[Queued]) -> int:
    """Return the position of a request, from 1, by its time."""
    return 1 + sum(other.created < created for other in waiting)


def renewed(photo: Photo) -> Photo:
    """Return the photo under a new key, so that it can be painted again."""
    name = re.sub(r"-r[0-9]+\Z", "", photo.file)
    return replace(photo, file=f"{name}-r{time.time_ns() // 1_000_000}")


def note_job(photo: Photo, job: str, status: str, at: str, resources: Resources) -> Request | None:
    """Note the status of a photo's job at a time (ISO 8601), and return the request.

    A closed request, or one with a later status, stays. Returns None if the request is gone.
    """

    def noted(request: Request) -> Request | None:
        if not request.is_open or at < request.job_at:
            return None
        started = time.time_ns() // 1_000_000 if status == RUNNING else request.started
        return replace(request, job=job, status=status, job_at=at, started=started)

    request = _changed(photo, resources, noted)
    if request is None:
        return find(photo.token, resources)
    if not request.is_open:  # Painted: its machine is free for the next request.
        _leave_queue(request, resources)
    return request


def note_shown(photo: Photo, resources: Resources) -> None:
    """Note that a photo's result was shown, so that a retry only sends the file."""
    _changed(photo, resources, lambda request: replace(request, shown=True))


def close(photo: Photo, status: str, resources: Resources) -> None:
    """Note the final status of a photo."""
    request = _changed(photo, resources, lambda request: replace(request, status=status))
    if request is None:
        return
    _leave_queue(request, resources)
    if status == SENT and request.started:
        took_s = time.time() - request.started / 1000

        def measured(pace: Document) -> Document:
            return {"took_s": [*pace.get("took_s", ()), took_s][-MAX_MEASURED:]}

        resources.change(PACE, measured)


def cancel(user: int, resources: Resources) -> int:
    """Cancel a user's open requests, and return their number.

    A job that is not known yet ends when its first event comes.
    """
    requests = opened(queue(resources, user=user), resources)
    return sum(cancel_request(request, resources) for request in requests)


def cancel_request(request: Request, resources: Resources) -> bool:
    """Cancel an open request: delete its photo and end its job. Return False if it was closed."""

    def closed(request: Request) -> Request | None:
        return replace(request, status=CANCELLED) if request.is_open else None

    cancelled = _changed(request.photo, resources, closed)
    if cancelled is None:
        return False
    resources.bucket.delete(cancelled.photo.key)
    _leave_queue(cancelled, resources)
    if cancelled.job:
        try:
            resources.terminate(cancelled.job)
        except ClientError as error:  # Without its photo, the job ends by itself.
            log.warning("job %s could not be ended: %s", cancelled.job, error)
    return True


def _leave_queue(request: Request, resources: Resources) -> None:
    """Remove a closed request from the queue, or else leave that to the queue's next reader.

    It does not raise: an event that comes again finds the request closed, and does not do the rest.
    """
    try:
        resources.bucket.delete(request.queue_key)
    except StorageError as error:
        log.warning("%s stays for now: %s", request.queue_key, error)


def minutes_left(position: int, waiting: Sequence[Queued], resources: Resources) -> int | None:
    """Estimate the minutes until the photo at a position in the queue, from 1, is done.

    Returns None if no machine is available at the moment.
    """
    # Photos are painted in about this order: if any is being painted, it is among the first.
    oldest, running = None, False
    for request in islice(opened(waiting, resources), MOST_AT_ONCE):
        oldest, running = oldest or request, request.status == RUNNING
        if running:
            break
    waited_s = time.time() - oldest.created / 1000 if oldest else 0.0
    took_s = (resources.load(PACE) or {}).get("took_s", ())
    return estimate(position, running, waited_s, took_s)


def estimate(position: int, running: bool, waited_s: float, took_s: Sequence[float]) -> int | None:
    """Estimate the minutes until a photo is done.

    Args:
        position: Its position in the queue, from 1.
        running: Whether a photo is being painted.
        waited_s: How long the oldest request has waited.
        took_s: How long the latest photos took.

    Returns:
        The minutes, or None if no machine is available at the moment.
    """
    if not running and waited_s > MAX_START_S:
        return None
    paint_s = statistics.median(took_s) if took_s else DEFAULT_PAINT_S
    return math.ceil(((0 if running else START_S) + position * paint_s) / 60)


def _changed(
    photo: Photo, resources: Resources, decide: Callable[[Request], Request | None]
) -> Request | None:
    """Change a photo's request, as `Resources.change` does. Returns None if it is gone as well."""

    def changed(document: Document) -> Document | None:
        request = decide(Request.of(document)) if document else None
        return asdict(request) if request else None

    stored = resources.change(photo.request_key, changed)
    return Request.of(stored) if stored else None
