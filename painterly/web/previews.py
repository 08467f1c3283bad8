"""Previews: a small picture by preset `instant` while an order is made.

The worker paints them between jobs. While it paints a job, and when too many are asked for, they
are refused at once, so that they slow nothing down.
"""

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from painterly.batch.reading import decode_style, read_paintings
from painterly.batch.styles import Style
from painterly.gallery.thumbnails import preview
from painterly.images.picture_file import PictureFile
from painterly.storage.base import Bucket
from painterly.web.catalogue import INSTANT, Catalogue
from painterly.web.schemas import ApiError
from painterly.web.supervisor import Supervisor

if TYPE_CHECKING:
    from painterly.engine.paintings import Paintings

LARGEST_SIDE = 512  # px, of previews
TILE_SIDE = 256  # px, of the pages' smallest previews
MAX_PHOTO = 2_000_000  # bytes; pages send a small copy
MAX_PIXELS = 4_000_000
MAX_WAITING = 8  # previews in the worker; the oldest is refused for a newer one
PATIENCE_S = 10.0
RETRY_S = 3  # seconds before a page asks again
# Sets of paintings whose places are kept between jobs. At three sizes each painting's take 10 MB.
KEPT = 8


class PreviewRequest(NamedTuple):
    """A preview to paint.

    Attributes:
        number: Its number, with which it is answered.
        photo: A small copy of the photo, as a file.
        style: The style, with settings of preset `instant`.
        deadline: The monotonic time at which the request for it ends.
        mask: The photo's mask, as a file; empty if all of it is painted.
    """

    number: int
    photo: bytes
    style: Style
    deadline: float
    mask: bytes = b""


class Previews:
    """Asks the worker for previews, in the web process. Thread-safe."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[bytes | None]] = {}

    def paint(self, photo: bytes, style: Style, mask: bytes) -> bytes | None:
        """Return a JPEG of a photo in a style, or None if the worker is busy.

        Args:
            photo: A small copy of the photo, as a file.
            style: The style, with settings of preset `instant`.
            mask: As in `PreviewRequest`.

        Raises:
            ApiError: The worker cannot paint this.
        """
        if self._supervisor.problem:
            return None
        number = next(self._numbers)
        answer = self._waiting[number] = Future()
        try:
            deadline = time.monotonic() + PATIENCE_S
            request = PreviewRequest(number, photo, style, deadline, mask)
            self._supervisor.send("preview", request)
            return answer.result(PATIENCE_S)
        except TimeoutError:
            return None
        finally:
            del self._waiting[number]

    def answer(self, number: int, jpeg: bytes | None, reason: str | None) -> None:
        """Pass on the worker's answer: the JPEG, the reason why there is none, or neither if the
        worker is busy."""
        if waiting := self._waiting.get(number):
            if reason is None:
                waiting.set_result(jpeg)
            else:
                waiting.set_exception(ApiError(422, reason))


class PreviewQueue:
    """The previews that the worker is to paint, the latest first: a page has often given up the
    ones before."""

    def __init__(self, refuse: Callable[[int], None]) -> None:
        """refuse: is called with the number of a preview that will not be painted."""
        self._refuse = refuse
        self._waiting: OrderedDict[int, PreviewRequest] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, request: PreviewRequest) -> None:
        """Add a preview; if there are too many, the oldest one is refused."""
        with self._lock:
            self._waiting[request.number] = request
            dropped = len(self._waiting) > MAX_WAITING and self._waiting.popitem(last=False)
        if dropped:
            self._refuse(dropped[0])

    def next(self) -> PreviewRequest | None:
        """Take the latest one before its deadline; None if there is none."""
        with self._lock:
            while self._waiting:
                request = self._waiting.popitem()[1]
                if request.deadline > time.monotonic():
                    return request
        return None

    def clear(self) -> None:
        """Refuse all."""
        while request := self.next():
            self._refuse(request.number)


class PreviewPainter:
    """Paints previews, in the worker. It keeps the latest paintings, and their places."""

    def __init__(
        self,
        catalogue: Catalogue,
        bucket: Bucket,
        memory_limit: int | None,
    ) -> None:
        """Args:
        catalogue: The styles.
        bucket: The style bucket.
        memory_limit: As in `stylize`.
        """
        self._catalogue, self._bucket, self._memory_limit = catalogue, bucket, memory_limit
        self._kept: OrderedDict[tuple[tuple[str, str], ...], Paintings] = OrderedDict()
        self._unprepared: list[Style] | None = None  # None until the styles are listed.

    def paint(self, request: PreviewRequest) -> bytes:
        """Return a JPEG. Raises PainterlyError."""
        photo = PictureFile(request.photo, "the photo").decode().pixels_int
        mask = PictureFile(request.mask, "the mask").mask() if request.mask else None
        return preview(self._painted(photo, request.style, mask), LARGEST_SIDE)

    def prepare_next(self) -> bool:
        """Make the paintings of one more style ready, and return True; return False if those of
        the first styles are ready. Raises PainterlyError."""
        if self._unprepared is None:
            self._unprepared = []  # If they cannot be listed, the page reports it.
            self._unprepared = self._catalogue.all()[:KEPT]
        if not self._unprepared:
            return False
        style = self._unprepared.pop(0)
        at_tile = replace(style, settings=style.settings.replaced({**INSTANT, "size": TILE_SIDE}))
        self._painted(np.full((TILE_SIDE, TILE_SIDE, 3), 128, np.uint8), at_tile)
        return True

    def clear(self) -> None:
        """Free the memory of the paintings."""
        self._kept.clear()
        self._unprepared = None

    def _painted(
        self, photo: np.ndarray, style: Style, mask: np.ndarray | None = None
    ) -> np.ndarray:
        """Return a photo [H, W, 3] in a style, where its mask [h, w] is white, as floats."""
        from painterly.engine.stylize import stylize

        paintings = self._paintings_of(style)
        *_, last = stylize(
            photo,
            paintings,
            style.settings,
            content_mask=mask,
            memory_limit=self._memory_limit,
        )
        return last.image

    def _paintings_of(self, style: Style) -> "Paintings":
        from painterly.engine.paintings import Paintings

        painted = [each for each in style.paintings if each.share]
        files = (file for each in painted for file in (each.entry, each.mask, each.region))
        key = tuple((file.key, file.etag) if file else ("", "") for file in files)
        if key not in self._kept:
            read = replace(
                style,
                paintings=tuple(painted),
                settings=style.settings.replaced({"size": LARGEST_SIDE, "stroke_size": 1}),
            )
            paintings = decode_style(read_paintings(read, self._bucket.read), read.settings)
            self._kept[key] = Paintings(*paintings)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key].with_shares([each.share for each in painted])
