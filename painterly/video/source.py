"""Clips as sources of photos: a view of their frames, and the orders of these."""

import hashlib
import io
import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache, cached_property
from itertools import accumulate
from logging import DEBUG, WARNING
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.log import event
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.plan import Plan
from painterly.orders.record import Record
from painterly.settings.bucket_layout import CHECKPOINTS
from painterly.storage.base import Bucket, Entry, ObjectError, View
from painterly.video.decoder import WHOLE, Decoder, Span, Stamp, opened, stamps
from painterly.video.plugin import is_clip, lacking
from painterly.words.wording import printable

if TYPE_CHECKING:
    from painterly.bench.finished import Finished

PROCESS = 90_000_000  # bytes of a process with FFmpeg's libraries
# Bytes per pixel: to read a clip, of its frames (the most: H.264 with 16 kept frames, 10-bit HEVC);
# to steady and to write one, of its painted frames (H.264, VP9).
READING, STEADYING, WRITING = 50, 300, 200
METHOD = 2  # the way of steadying: with another number, unfinished clips begin again
_FRAME = re.compile(r"(.+)/(\d+)-(\d+)\.frame")
_MARK = 16  # characters of a hash
_UNFINISHED = re.compile(rf"{CHECKPOINTS}/([^/]+)/(.+)/[0-9a-f]{{{_MARK}}}/[^/]+")
PAINTED = ".painted.png"  # ends the key of a frame as painted alone, above that of the clip
NPZ = ".png.npz"  # ends the key of the checkpoint of a frame


def picture_file(pixels: np.ndarray, form: str = "BMP") -> bytes:
    """Return pixels, uint8 [h, w, 3], as the file of a picture. A BMP is fast to write and read,
    and a PNG small."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, compress_level=1)
    return out.getvalue()


class ClipsView(View):
    """A bucket of photos that also has each frame of its clips: `walk.mp4/1-24.frame` is the
    picture at 1/24 s, and `walk.mp4` the first one. Frames are not listed."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket)
        self._lock = threading.Lock()
        self._decoder: Decoder | None = None
        self._first = "", b""  # All frames of a clip have one size.

    def find(self, key: str) -> Entry | None:
        clip, time = _parts(key)
        entry = super().find(clip)
        return entry if time is None or entry is None else _entry(entry, time)

    def read(self, key: str) -> bytes:
        clip, time = _parts(key)
        return super().read(key) if clip == key and not is_clip(key) else self.picture(clip, time)

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        clip, time = _parts(key)
        if time is None:
            return super().read_part(key, start, count, of)
        if self._first[0] != clip:
            self._first = clip, self.picture(clip)
        return self._first[1][start : start + count]

    def picture(self, key: str, time: Fraction | None = None) -> bytes:
        """Return a frame as the file of a picture, or the first one."""
        if missing := lacking(key):
            raise PictureError(missing)
        with self._lock:
            # After an error, the next frame starts another process.
            decoder, self._decoder = self._decoder, None
            frame = None
            if decoder and decoder.name == key and time is not None:
                frame = decoder.frame(time)
            if frame is None:
                decoder = opened(self._bucket, key, time or Fraction(0))
                frame = decoder.frame(time)
            if frame is None:
                raise PictureError(f"{printable(key)}: has changed; it lacks a frame")
            self._decoder = decoder
            return picture_file(frame)


def _parts(key: str) -> tuple[str, Fraction | None]:
    """Return the key of a clip and the time of a frame, or another key and None."""
    found = _FRAME.fullmatch(key)
    return (found[1], Fraction(int(found[2]), int(found[3]))) if found else (key, None)


def _entry(clip: Entry, time: Fraction) -> Entry:
    key = f"{clip.key}/{time.numerator}-{time.denominator}.frame"
    return Entry(key, 0, f"{clip.etag}-{time}", clip.modified)


@dataclass(frozen=True)
class Clip:
    """The order of a clip, its frames, and the keys of what is kept of them until it is done.

    Attributes:
        order: The order.
        span: The part that is painted.
        stamps: The stamps of its frames.
        refusal: Why it cannot be painted.
    """

    order: PlannedOrder
    span: Span
    stamps: tuple[Stamp, ...]
    refusal: str = ""

    @cached_property
    def folder(self) -> str:
        """The start of all keys. Other settings have another one."""
        decides = f"{METHOD} {self.order.checkpoint_mark} {self.span}"
        mark = hashlib.sha256(decides.encode()).hexdigest()[:_MARK]
        return f"{self.order.checkpoint_key.removesuffix('.npz')}/{mark}/"

    def key(self, number: int, end: str = ".png") -> str:
        """Return the key of a steadied frame, or of something else of a frame."""
        return f"{self.folder}{number:06}{end}"

    @cached_property
    def shown(self) -> list[int]:
        """The number of the frame whose picture each frame has: of equal ones, the first."""
        new = (0 if each.is_repeated else n for n, each in enumerate(self.stamps))
        return [*accumulate(new, max)]

    def steadied(self, stored: Collection[str]) -> int:
        """Return how many frames are steadied and need not be again, by the keys in the bucket."""
        kept = (self.key(each) in stored for each in self.shown)
        count = next((n for n, is_kept in enumerate(kept) if not is_kept), len(self.stamps))
        needed = {self.shown[each] for each in (0, count - 1) if count}
        return count if all(self.key(each, PAINTED) in stored for each in needed) else 0


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
        """Return the memory that is taken at the same time, while one clip is read, and another
        one is steadied and written."""
        size = self.style.settings.size
        scale = 1.0 if size == "full" else int(size) / max(height, width)
        each = READING + (STEADYING + WRITING) * scale**2
        return 2 * PROCESS + int(each * height * width)

    def log(self, message: str, **values: Any) -> None:
        """Log a line at debug level, unless it is a warning: there are many frames."""
        level = values.pop("level", DEBUG)
        super().log(message, **values, level=level if level >= WARNING else DEBUG)

    def kept(self, bucket: Bucket, finished: "Finished") -> Record:
        """Keep the picture as it was painted, above the frame, and return its record. Raises
        PictureError if the clip cannot be painted."""
        from painterly.video.steadying import fitted

        if self.clip.refusal:
            raise PictureError(self.clip.refusal)
        image = (255 * np.clip(finished.image, 0, 1) + 0.5).astype(np.uint8)
        frame = fitted(finished.photo.pixels_int, image.shape)
        bucket.write(self.result, picture_file(np.concatenate([image, frame]), "PNG"), "image/png")
        return Record(
            photo=self.photo.key,
            style=self.style.name,
            weights=finished.weights,
            device=finished.device,
            content_weight=finished.end.content_weight,
            seconds=finished.seconds,
        )


def in_frames(plan: Plan, source: Bucket) -> Plan:
    """Return a plan with the orders of frames in the place of those of clips. Finished frames stay
    as long as their clip is in the bucket and not done, painted now or not."""
    todo: list[PlannedOrder] = []
    for order in plan.todo:
        todo += frames_of(order, source, plan.stored) if is_clip(order.photo.key) else [order]
    kept = tuple({each.clip.folder for each in todo if isinstance(each, Frame)})
    settled = {(each.style, each.photo) for each in plan.done}
    settled |= {(each.style.name, each.photo.key) for each in plan.todo}
    find = cache(source.find)

    def is_kept(key: str) -> bool:
        found = _UNFINISHED.fullmatch(key)
        is_waiting = found and found.groups() not in settled and find(found[2])
        return bool(is_waiting) or key.startswith(kept)

    return replace(plan, todo=tuple(todo), stale=tuple(k for k in plan.stale if not is_kept(k)))


def frames_of(
    order: PlannedOrder, source: Bucket, stored: Collection[str], span: Span = WHOLE
) -> list[Frame]:
    """Return the orders of the frames of a clip to paint, and log how many it has.

    Of equal frames, the first is painted. Frames with a picture are left out, except the last one.
    A clip without frames, or one that cannot be read, has an order that fails.

    Args:
        order: The order of the clip.
        source: The bucket that has it, as a ClipsView.
        stored: The keys of what is kept of clips.
        span: The part to paint.
    """
    if order.style.settings.timelapse:
        order.log(f"{order}: a clip gets no time-lapse", level=WARNING)
        without = order.style.settings.replaced({"timelapse": False})
        order = replace(order, timelapse="").with_settings(without)
    try:
        clip = Clip(order, span, stamps(source, order.photo.key, span))
    except (PictureError, ObjectError) as error:
        clip = Clip(order, span, (), str(error))
    if clip.stamps:
        seconds = float(clip.stamps[-1].time - clip.stamps[0].time)
        text = f"{order}: {len(clip.stamps)} frames, {seconds:.1f} s"
        event(text, event="clip", photo=order.photo.key, frames=len(clip.stamps))
    begin = clip.steadied(stored)
    of_all = [*dict.fromkeys(clip.shown)] or [0]
    todo = [each for each in of_all if each >= begin and clip.key(each, PAINTED) not in stored]
    common = {each.name: getattr(order, each.name) for each in fields(Order)}
    times = [each.time for each in clip.stamps] or [Fraction(0)]
    return [
        Frame(
            **{**common, "photo": _entry(order.photo, times[number])},
            result=clip.key(number, PAINTED),
            may_resume=clip.key(number, NPZ) in stored,
            clip=clip,
            number=number,
        )
        for number in todo or of_all[-1:]
    ]
