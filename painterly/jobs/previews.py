"""Pictures by preset `instant` that a request waits for: previews while an order is made, and whole
pictures for programs.

The worker paints them between jobs. While it paints a job, and when too many are asked for, they
are refused at once, so that they slow nothing down.
"""

import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from painterly.bench.reading import (
    PaintingFiles,
    decodable_memory,
    decode_style,
    read_paintings,
)
from painterly.devices.budget import Limits, host_budget
from painterly.engine.schedule import total_work
from painterly.engine.transfer import PhotoMemory, TransferInputs
from painterly.images import encode
from painterly.images.masks import painted
from painterly.images.output import OutputFormat
from painterly.images.picture import Picture
from painterly.images.picture_file import PictureFile
from painterly.images.small import jpeg_of
from painterly.jobs.catalogue import INSTANT, Catalogue
from painterly.jobs.schemas import ApiError
from painterly.jobs.supervisor import Supervisor
from painterly.orders.styles import Style
from painterly.settings.settings import Settings
from painterly.storage.base import Bucket

if TYPE_CHECKING:
    from painterly.engine.paintings import Paintings

LARGEST_SIDE = 1280  # px, of previews
TILE_SIDE = 256  # px, of the pages' smallest previews
MAX_PHOTO = 2_000_000  # bytes; pages send a small copy
MAX_PIXELS = 4_000_000
MAX_WAITING = 8  # previews in the worker; the oldest is refused for a newer one
MAX_WHOLE = 4  # whole pictures in the worker; further ones are refused
PATIENCE_S, WHOLE_PATIENCE_S = 30.0, 60.0
RETRY_S = 2  # seconds before a page asks again
KEPT_PHOTOS = 2  # a page sends a copy for its small previews, and one for its large ones
# The most bytes that are kept for paintings, and the same as a share of the free memory. At the
# sizes of a tile, a painting takes 12 MB. The latest few also keep what larger previews need.
KEPT_BYTES, KEPT_SHARE, KEPT_LARGE = 600_000_000, 1 / 4, 3
# px, the side of a picture with new paintings that shows how long pictures take here.
MEASURED_SIDE = 512

_Key = tuple[Hashable, ...]  # the size of strokes, and a style's files, each with its ETag


class PreviewRequest(NamedTuple):
    """A picture to paint.

    Attributes:
        number: Its number, with which it is answered.
        photo: The photo, or a small copy, as a file.
        style: The style, with settings of preset `instant`.
        deadline: The monotonic time at which the request for it ends.
        mask: The photo's mask, as a file; empty if all of it is painted.
        output: The format of a whole picture, its `format` an extension; None for a preview.
        painting: A painting's file, which replaces those of the style; empty for none.
    """

    number: int
    photo: bytes
    style: Style
    deadline: float
    mask: bytes = b""
    output: OutputFormat | None = None
    painting: bytes = b""


class AbandonedError(Exception):
    """The client of a picture has left, or a job is more urgent."""


class Previews:
    """Asks the worker for pictures, in the web process. Thread-safe."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[bytes | None]] = {}

    def ask(
        self,
        photo: bytes,
        style: Style,
        mask: bytes = b"",
        output: OutputFormat | None = None,
        painting: bytes = b"",
    ) -> tuple[int, Future[bytes | None]]:
        """Ask for a picture. Arguments as in `PreviewRequest`.

        Returns:
            Its number, for `forget`, and its file, or None if the worker is busy. The future raises
            ApiError if the worker cannot paint this.
        """
        number, answer = next(self._numbers), Future[bytes | None]()
        answer.set_running_or_notify_cancel()  # A request that ends cannot cancel it.
        patience_s = PATIENCE_S if output is None else WHOLE_PATIENCE_S
        deadline = time.monotonic() + patience_s
        request = PreviewRequest(number, photo, style, deadline, mask, output, painting)
        self._waiting[number] = answer
        if self._supervisor.problem or not self._supervisor.send("preview", request):
            self.answer(number, None, None)
        return number, answer

    def forget(self, number: int) -> None:
        """Tell the worker that the client of a picture has left, unless it was answered."""
        if self._waiting.pop(number, None):
            self._supervisor.send("forget", number)

    def answer(self, number: int, data: bytes | None, reason: str | None) -> None:
        """Pass on the worker's answer: the file, the reason why there is none, or neither if the
        worker is busy."""
        if waiting := self._waiting.pop(number, None):
            if reason is None:
                waiting.set_result(data)
            else:
                waiting.set_exception(ApiError(422, reason))


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
            if request.output is None:
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
        """Refuse all."""
        while request := self.next():
            self._refuse(request.number)


class PreviewPainter:
    """Paints pictures at once, in the worker. It keeps the latest photos, and what their paintings
    need for further ones."""

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
        self._photos: OrderedDict[bytes, Picture] = OrderedDict()
        self._of_photo = PhotoMemory()
        self._tiles: OrderedDict[_Key, Paintings] = OrderedDict()
        self._large: OrderedDict[_Key, Paintings] = OrderedDict()
        self._unprepared: list[Style] | None = None  # None until the styles are listed.

    def paint(
        self, request: PreviewRequest, check_stop: Callable[[], object] = lambda: None
    ) -> bytes:
        """Return the picture's file.

        Args:
            request: The request.
            check_stop: Is called several times a second. Its errors end the painting.

        Raises:
            PainterlyError: It cannot be painted.
        """
        mask = None
        if request.mask:
            mask = PictureFile(request.mask, "the mask").mask(self._available())
        if request.output is None:
            photo = self._photo(request.photo)
            image = self.painted(photo.pixels_int, request.style, mask, check_stop)
            return jpeg_of(image, LARGEST_SIDE)
        photo = PictureFile(request.photo, "the photo").decode(self._available())
        mask = painted(mask, photo.alpha_int, "the photo")
        painting = self._for_whole(request)
        settings = request.style.settings
        image = self._painted(photo.pixels_int, painting, settings, mask, check_stop)
        return encode.encode_result(request.output, photo, image)

    def painted(
        self,
        photo: np.ndarray,
        style: Style,
        mask: np.ndarray | None = None,
        check_stop: Callable[[], object] = lambda: None,
    ) -> np.ndarray:
        """Return a photo [H, W, 3] in a style, as floats.

        Args:
            photo: The photo.
            style: The style, with settings of preset `instant`.
            mask: The part to paint, [h, w], or None for all of it.
            check_stop: As in `paint`.

        Raises:
            PainterlyError: It cannot be painted.
        """
        paintings = self._paintings_of(style)
        return self._painted(photo, paintings, style.settings, mask, check_stop)

    def prepare_next(self) -> bool:
        """Make the paintings of one more style ready, and return True; return False if those of
        all styles are ready, or no more fit. Raises PainterlyError."""
        if self._unprepared is None:
            self._unprepared = []  # If they cannot be listed, the page reports it.
            self._unprepared = self._catalogue.all()
        fits = self._kept_bytes() * (1 + 1 / max(1, len(self._tiles))) < self._most_bytes()
        if not self._unprepared or not fits:
            return False
        style = self._unprepared.pop(0)
        settings = style.settings.replaced({**INSTANT, "size": TILE_SIDE, "timelapse": False})
        self.painted(_grey(TILE_SIDE), replace(style, settings=settings))
        return True

    def seconds_per_work(self) -> float:
        """Measure the seconds per work (schedule.py) of a picture with a painting that is new.
        Raises PainterlyError."""
        from painterly.engine.paintings import Paintings

        photo, settings = _grey(MEASURED_SIDE), Settings(preset="instant", size=MEASURED_SIDE)
        painting = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
        started = time.perf_counter()
        self._painted(photo, Paintings([painting]), settings)
        seconds = time.perf_counter() - started
        return seconds / total_work(MEASURED_SIDE, MEASURED_SIDE, settings)

    def clear(self) -> None:
        """Free the memory of photos and paintings."""
        for kept in (self._photos, self._tiles, self._large):
            kept.clear()
        self._unprepared, self._of_photo = None, PhotoMemory()

    def _painted(
        self,
        photo: np.ndarray,
        paintings: "Paintings",
        settings: Settings,
        mask: np.ndarray | None = None,
        check_stop: Callable[[], object] = lambda: None,
    ) -> np.ndarray:
        """Return a photo [H, W, 3] in a style, where its mask [h, w] is white, as floats."""
        from painterly.engine.stylize import prepared

        kept = self._of_photo.of(photo)
        inputs = TransferInputs(photo, paintings, settings, mask, kept=kept)
        transfer = prepared(inputs, None, host_budget(Limits(self._memory_limit)))
        *_, last = transfer.steps(None, check_stop)
        self._drop_oldest()
        return last.image

    def _photo(self, data: bytes) -> Picture:
        """Decode a photo, once for all of its previews."""
        if data not in self._photos:
            self._photos[data] = PictureFile(data, "the photo").decode(self._available())
            if len(self._photos) > KEPT_PHOTOS:
                self._photos.popitem(last=False)
        self._photos.move_to_end(data)
        return self._photos[data]

    def _paintings_of(self, style: Style) -> "Paintings":
        """Return a style's paintings, with what was kept of them."""
        style = replace(style, paintings=tuple(each for each in style.paintings if each.share))
        files = (file for each in style.paintings for file in (each.entry, each.mask, each.region))
        etags = ((file.key, file.etag) if file else None for file in files)
        key = style.settings.stroke_size, *etags
        kept, side = self._tiles, TILE_SIDE
        if style.settings.may_exceed(TILE_SIDE):
            kept, side = self._large, LARGEST_SIDE
        if key not in kept:
            kept[key] = self._read(style, side)
            if key in self._tiles:  # The first scales are the same.
                kept[key].kept |= self._tiles[key].kept
        kept.move_to_end(key)
        return kept[key].with_shares([each.share for each in style.paintings])

    def _read(self, style: Style, side: int) -> "Paintings":
        """Read a style's paintings, no larger than pictures of up to `side` px need them."""
        from painterly.engine.paintings import Paintings

        settings = style.settings.replaced({"size": side})
        files = read_paintings(style, self._bucket.read)
        return Paintings(*decode_style(files, settings, self._available()))

    def _for_whole(self, request: PreviewRequest) -> "Paintings":
        """Return the paintings of a whole picture at its size."""
        from painterly.engine.paintings import Paintings

        style = request.style
        files: Iterable[PaintingFiles] = read_paintings(style, self._bucket.read)
        if request.painting:
            files = [PaintingFiles(PictureFile(request.painting, "the painting"), 1.0)]
        return Paintings(*decode_style(files, style.settings, self._available()))

    def _available(self) -> int:
        """Return the most bytes that decoding a picture may take now."""
        return decodable_memory(self._memory_limit)

    def _most_bytes(self) -> int:
        free = self._available() + self._kept_bytes()
        return min(KEPT_BYTES, int(KEPT_SHARE * free))

    def _kept_bytes(self) -> int:
        """Return the bytes of all that is kept of paintings."""
        sizes = dict[int, int]()
        for paintings in (*self._tiles.values(), *self._large.values()):
            drawn = [each.result() for each in paintings.kept.values()]
            for each in (paintings.paintings, *drawn):
                sizes |= {id(array): array.nbytes for array in each}
        return sum(sizes.values())

    def _drop_oldest(self) -> None:
        """Drop what is kept of the oldest styles, as far as there is too much."""
        while len(self._large) > KEPT_LARGE:
            self._large.popitem(last=False)
        while len(self._tiles) > 1 and self._kept_bytes() > self._most_bytes():
            self._large.pop(self._tiles.popitem(last=False)[0], None)


def _grey(side: int) -> np.ndarray:
    return np.full((side, side, 3), 128, np.uint8)
