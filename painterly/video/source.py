"""Clips as sources of photos: a view of their frames, and the orders of these."""

import hashlib
import re
import tempfile
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache, cached_property, partial
from logging import DEBUG, WARNING
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from painterly.errors import PictureError
from painterly.log import event
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.settings.bucket_layout import CHECKPOINTS
from painterly.storage.base import Bucket, Entry, ObjectError, View
from painterly.video.constants import EXTENSIONS, lacking
from painterly.video.decoder import FrameReader, Stamp, stamps
from painterly.video.pictures import picture_file, png_of
from painterly.words.wording import printable

if TYPE_CHECKING:
    from painterly.bench.finished import Finished

STEADYING = 300  # bytes that it takes for a pixel
METHOD = 1  # the way of steadying: with another number, unfinished clips begin again
_FRAME = re.compile(
    rf"(.+(?:{'|'.join(map(re.escape, (*EXTENSIONS, '.gif')))}))/([0-9]{{6,}})", re.I
)
_MARK = 16  # characters of a hash
_UNFINISHED = re.compile(rf"{CHECKPOINTS}/([^/]+)/(.+)/[0-9a-f]{{{_MARK}}}/[^/]+")
Span = tuple[Fraction, Fraction | None]  # in seconds: from, and how long
# By bucket, key and ETag: the files of clips in buckets, the stamps of all, and why one has none.
_fetched: dict[tuple[str, str, str], "tempfile.TemporaryDirectory[str]"] = {}
_stamps: dict[tuple[str, str, str], list[Stamp]] = {}
_refusals: dict[tuple[str, str, str], str] = {}
_fetching = threading.Lock()


def is_clip(key: str) -> bool:
    """Return whether a key's extension is a clip's."""
    return PurePath(key).suffix.lower() in EXTENSIONS


def local_file(bucket: Bucket, clip: Entry) -> Path:
    """Return the file of a clip, which is downloaded if it is not in a folder. Raises ObjectError,
    UnavailableError."""
    if own := bucket.path(clip.key):
        return own
    with _fetching:
        if (name := (bucket.name, clip.key, clip.etag)) not in _fetched:
            folder = tempfile.TemporaryDirectory(prefix="painterly-")
            bucket.download(clip.key, Path(folder.name, "clip"))
            _fetched[name] = folder
        return Path(_fetched[name].name, "clip")


def let_go(bucket: Bucket, clip: Entry) -> None:
    """Delete the file of a clip if it was downloaded. It can be downloaded again."""
    with _fetching:
        if folder := _fetched.pop((bucket.name, clip.key, clip.etag), None):
            folder.cleanup()


def check_readable(bucket: Bucket, clip: Entry) -> None:
    """Raise PictureError for a clip with a frame that cannot be decoded, maybe not the first."""
    if why := _refusals.get((bucket.name, clip.key, clip.etag)):
        raise PictureError(why)


class ClipsView(View):
    """A bucket of photos that also has each frame of its clips, as the picture `walk.mp4/000012`.
    Frames are not listed."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket)
        self._lock = threading.Lock()
        self._reader: FrameReader | None = None
        self._clip, self._first = "", b""

    def find(self, key: str) -> Entry | None:
        clip, number = _parts(key)
        entry = super().find(clip)
        return entry if key == clip or not entry else _entry(entry, number or 0)

    def read(self, key: str) -> bytes:
        clip, number = _parts(key)
        return super().read(key) if number is None else self._picture(clip, number)

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        clip, number = _parts(key)
        if number is None:
            return super().read_part(key, start, count, of)
        return self._picture(clip, None)[start : start + count]  # All frames have one size.

    def _picture(self, key: str, number: int | None) -> bytes:
        """Return a frame as the file of a picture, or the first one: all have its size."""
        if missing := lacking(key):
            raise PictureError(missing)
        with self._lock:
            if self._reader is None or self._clip != key:
                clip = super().find(key)
                if clip is None:
                    raise ObjectError(f"{printable(key)} is not in {self.name}")
                check_readable(self, clip)
                self._reader = FrameReader(partial(local_file, self._bucket, clip), key)
                self._clip, self._first = key, picture_file(self._reader.frame(0))
            return self._first if number is None else picture_file(self._reader.frame(number))


def _parts(key: str) -> tuple[str, int | None]:
    """Return the key of a clip and the number of a frame, or another key and None. A clip as a
    picture, as on a sheet, is its first frame."""
    if found := _FRAME.fullmatch(key):
        return found[1], int(found[2])
    return key, 0 if is_clip(key) else None


def _entry(clip: Entry, number: int) -> Entry:
    return Entry(f"{clip.key}/{number:06}", clip.size, f"{clip.etag}-{number}", clip.modified)


@dataclass(frozen=True)
class Clip:
    """The order of a clip, its frames, and the keys of what is kept of them until it is done.

    Attributes:
        order: The order.
        span: The part that is painted.
        stamps: The stamps of its frames.
        first: The number of the first one in the file.
    """

    order: PlannedOrder
    span: Span
    stamps: tuple[Stamp, ...]
    first: int

    @cached_property
    def folder(self) -> str:
        """The start of all keys. Other settings have another one."""
        decides = f"{METHOD} {self.order.checkpoint_mark} {self.span}"
        mark = hashlib.sha256(decides.encode()).hexdigest()[:_MARK]
        return f"{self.order.checkpoint_key.removesuffix('.npz')}/{mark}/"

    def key(self, number: int, end: str = ".png") -> str:
        """Return the key of a steadied frame, or of something else of a frame."""
        return f"{self.folder}{number:06}{end}"

    @property
    def numbers(self) -> range:
        """The numbers of its frames."""
        return range(self.first, self.first + len(self.stamps))

    def time(self, number: int) -> Fraction:
        """Return the time of a frame in seconds."""
        return self.stamps[number - self.first].time

    def steadied(self, stored: Collection[str]) -> int:
        """Return the number of the first frame that is not steadied, by the keys in the bucket."""
        missing = (each for each in self.numbers if self.key(self.shown_at(each)) not in stored)
        return next(missing, self.numbers.stop)

    def shown_at(self, number: int) -> int:
        """Return the number of the frame whose picture a frame has: of equal ones, the first."""
        while number > self.first and self.stamps[number - self.first].is_repeated:
            number -= 1
        return number


PAINTED = ".painted.png"  # ends the key of a frame that is not steadied yet
NPZ = ".png.npz"  # ends the key of the checkpoint of a frame


@dataclass(frozen=True, kw_only=True)
class Frame(PlannedOrder):
    """The order of a clip's frame."""

    clip: Clip
    number: int
    quiet = True

    @property
    def record_key(self) -> str:
        return self.clip.key(self.number, ".json")

    @property
    def checkpoint_key(self) -> str:
        return self.clip.key(self.number, NPZ)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a node of a cluster gets: without the stamps of all frames."""
        return vars(self) | {"clip": replace(self.clip, stamps=())}

    def halved(self) -> None:
        """Refuse another size: all frames have one."""

    def bytes_beside(self, height: int, width: int) -> int:
        """Return the memory that steadying takes at the same time."""
        size = self.style.settings.size
        scale = 1.0 if size == "full" else int(size) / max(height, width)
        return int(STEADYING * scale**2 * height * width)

    def log(self, message: str, **values: Any) -> None:
        """Log a line at debug level, unless it is a warning: there are many frames."""
        level = values.pop("level", DEBUG)
        super().log(message, **values, level=level if level >= WARNING else DEBUG)

    def kept(self, bucket: Bucket, finished: "Finished") -> Record:
        """Keep the picture as it was painted, and return its record."""
        bucket.write(self.result, png_of(finished.image), "image/png")
        of_run = ("weights", "device", "content_weight", "seconds")
        known = {name: getattr(finished, name) for name in of_run}
        return Record(photo=self.photo.key, style=self.style.name, **known)


def in_frames(plan: Plan, source: Bucket) -> Plan:
    """Return a plan with the orders of frames in the place of those of clips. Finished
    frames stay as long as their clip is in the bucket and not done, painted now or not."""
    _refusals.clear()  # The reason may have passed.
    todo: list[PlannedOrder] = []
    for order in plan.todo:
        is_photo = not is_clip(order.photo.key)
        todo += [order] if is_photo else frames_of(opened(order, source), plan.stored)
    kept = tuple({each.clip.folder for each in todo if isinstance(each, Frame)})
    done = {(each.style, each.photo) for each in plan.done}
    painted = {(each.style.name, each.photo.key) for each in plan.todo}
    orders = (*plan.todo, *(each.order for each in plan.refused))
    styles = {each.style.name for each in orders} | {each.style for each in plan.done}

    @cache
    def is_waiting(style: str, clip: str) -> bool:
        is_left_out = style in styles and (style, clip) not in done | painted
        return is_left_out and source.find(clip) is not None

    def is_kept(key: str) -> bool:
        found = _UNFINISHED.fullmatch(key)
        return key.startswith(kept) or bool(found and is_waiting(*found.groups()))

    return replace(plan, todo=tuple(todo), stale=tuple(k for k in plan.stale if not is_kept(k)))


def opened(order: PlannedOrder, source: Bucket, span: Span = (Fraction(0), None)) -> Clip:
    """Return a clip with its frames, and log their number. One that cannot be read has none."""
    if order.style.settings.timelapse:
        order.log(f"{order}: a clip gets no time-lapse", level=WARNING)
        without = order.style.settings.replaced({"timelapse": False})
        order = replace(order, timelapse="").with_settings(without)
    name = source.name, order.photo.key, order.photo.etag
    if name not in _stamps and name not in _refusals and not lacking(order.photo.key):
        with suppress(ObjectError):  # Painting the first frame fails for it, too.
            try:
                _stamps[name] = stamps(local_file(source, order.photo), order.photo.key)
            except PictureError as error:
                _refusals[name] = str(error)
            let_go(source, order.photo)  # There may be many.
    every = _stamps.get(name, [])
    start, long = span
    first = sum(each.time < start for each in every)
    shown = [each for each in every[first:] if long is None or each.time < start + long]
    if shown:
        seconds = float(shown[-1].time - shown[0].time)
        text = f"{order}: {len(shown)} frames, {seconds:.1f} s"
        event(text, event="clip", photo=order.photo.key, frames=len(shown))
    return Clip(order, span, tuple(shown), first)


def frames_of(clip: Clip, stored: Collection[str]) -> list[Frame]:
    """Return the orders of the frames to paint, of equal ones the first: those without a picture,
    or else the last one. A clip without frames has an order that fails."""
    order = clip.order
    of_all = [each for each in clip.numbers if clip.shown_at(each) == each] or [clip.first]
    begin = clip.steadied(stored)
    todo = [each for each in of_all if each >= begin and clip.key(each, PAINTED) not in stored]
    common = {each.name: getattr(order, each.name) for each in fields(Order)}
    return [
        Frame(
            **{**common, "photo": _entry(order.photo, number)},
            result=clip.key(number, PAINTED),
            may_resume=clip.key(number, NPZ) in stored,
            clip=clip,
            number=number,
        )
        for number in todo or of_all[-1:]
    ]
