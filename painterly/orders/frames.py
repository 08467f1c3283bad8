"""The orders of a clip's frames. A frame is painted as any photo, and its picture is kept among the
checkpoints until the whole clip is written."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from logging import DEBUG, WARNING
from typing import Any

from painterly.errors import PictureError
from painterly.forks import cached_property
from painterly.images.output import OutputFormat
from painterly.log import event
from painterly.orders.order import Order, PlannedOrder
from painterly.orders.plan import Plan
from painterly.settings.bucket_layout import CHECKPOINTS
from painterly.settings.clips import is_clip
from painterly.storage.base import Bucket, ObjectError
from painterly.video.reading import WHOLE, Span, Stamps, frame_entry, opened

METHOD = 3  # the way of steadying: with another number, unfinished clips begin again
_MARK = 16  # characters of a hash
_UNFINISHED = re.compile(rf"{CHECKPOINTS}/([^/]+)/(.+)/[0-9a-f]{{{_MARK}}}/[^/]+")
PROCESS = 90_000_000  # bytes of a process of ffmpeg
# Bytes per pixel: to read a clip, of its frames (the most: H.264 with 16 reference frames, 10-bit
# HEVC); to steady and to write one, of its painted frames (H.264, VP9).
READING, STEADYING, WRITING = 50, 300, 200


@dataclass(frozen=True)
class Clip:
    """The order of a clip, its frames, and the keys of what is kept of them until it is done.

    Attributes:
        order: The order.
        span: The part that is painted: from, and how long, in seconds.
        rate: Frames a second.
        size: The width and height of a frame in px.
        shown: The number of the frame whose picture each frame has: of equal ones, the first.
        refusal: Why it cannot be painted.
    """

    order: PlannedOrder
    span: Span
    rate: Fraction = Fraction(0)
    size: tuple[int, int] = (0, 0)
    shown: tuple[int, ...] = ()
    refusal: str = ""

    @cached_property
    def folder(self) -> str:
        """The start of all keys. Other settings have another one."""
        decides = f"{METHOD} {self.order.checkpoint_mark} {self.span}"
        mark = hashlib.sha256(decides.encode()).hexdigest()[:_MARK]
        return f"{self.order.checkpoint_key.removesuffix('.npz')}/{mark}/"

    def key(self, number: int, end: str = ".png") -> str:
        """Return the key of a painted frame, or of its checkpoint."""
        return f"{self.folder}{number:06}{end}"


@dataclass(frozen=True, kw_only=True)
class FrameOrder(PlannedOrder):
    """The order of a clip's frame."""

    clip: Clip
    number: int
    quiet = True

    @property
    def record_key(self) -> str:
        return self.clip.key(self.number, ".json")

    @property
    def checkpoint_key(self) -> str:
        return self.clip.key(self.number, ".npz")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a node of a cluster gets: without the list of all frames."""
        return vars(self) | {"clip": replace(self.clip, shown=())}

    def halved(self) -> None:
        """Refuse another size: all frames have one."""

    def bytes_beside(self, height: int, width: int) -> int:
        """Return the memory that is taken at the same time: the clip is read twice, to paint and to
        steady its frames, and written."""
        size = self.style.settings.size
        scale = 1.0 if size == "full" else int(size) / max(height, width)
        each = 2 * READING + (STEADYING + WRITING) * scale**2
        return 3 * PROCESS + int(each * height * width)

    def log(self, message: str, **values: Any) -> None:
        """Log a line at debug level, unless it is a warning: there are many frames."""
        level = values.pop("level", DEBUG)
        super().log(message, **values, level=level if level >= WARNING else DEBUG)


def in_frames(plan: Plan, source: Bucket) -> Plan:
    """Return a plan with the orders of frames in the place of those of clips. Painted frames stay
    as long as their clip is in the bucket and not done, painted now or not."""
    todo: list[PlannedOrder] = []
    stamps = cache(lambda key: stamps_of(source, key))
    for order in plan.todo:
        if is_clip(order.photo.key):
            todo += frames_of(order, stamps(order.photo.key), plan.stored)
        else:
            todo.append(order)
    folders = tuple({each.clip.folder for each in todo if isinstance(each, FrameOrder)})
    settled = {(each.style, each.photo) for each in plan.done}
    settled |= {(each.style.name, each.photo.key) for each in plan.todo}
    find = cache(source.find)

    def is_kept(key: str) -> bool:
        found = _UNFINISHED.fullmatch(key)
        is_waiting = found and found.groups() not in settled and find(found[2])
        return bool(is_waiting) or key.startswith(folders)

    return replace(plan, todo=tuple(todo), stale=tuple(k for k in plan.stale if not is_kept(k)))


def stamps_of(source: Bucket, key: str, span: Span = WHOLE) -> Stamps | str:
    """Return the stamps of a clip in a bucket, or why it cannot be read."""
    try:
        with opened(source, key) as clip:
            return clip.stamps(span)
    except (PictureError, ObjectError) as error:
        return str(error)


def frames_of(
    order: PlannedOrder, stamps: Stamps | str, stored: Collection[str], span: Span = WHOLE
) -> list[FrameOrder]:
    """Return the orders of the frames of a clip to paint, and log how many it has.

    Of equal frames, the first is painted. Painted ones are left out, except the last one. A clip
    that cannot be read, or has no frame, has an order that fails.

    Args:
        order: The order of the clip.
        stamps: Those of its frames, or why it cannot be read.
        stored: The keys of what is kept of clips.
        span: The part to paint.
    """
    if order.style.settings.timelapse:
        order.log(f"{order}: a clip gets no time-lapse", level=WARNING)
        without = order.style.settings.replaced({"timelapse": False})
        order = replace(order, timelapse="").with_settings(without)
    if isinstance(stamps, str):
        clip = Clip(order, span, refusal=stamps)
    else:
        clip = Clip(order, span, *stamps)
        if count := len(clip.shown):
            text = f"{order}: {count} frames, {float(count / clip.rate):.1f} s"
            event(text, event="clip", photo=order.photo.key, frames=count)
    numbers = [*dict.fromkeys(clip.shown)] or [0]
    todo = [each for each in numbers if clip.key(each) not in stored]
    common = {each.name: getattr(order, each.name) for each in fields(Order)}
    return [
        FrameOrder(
            **common | {"photo": frame_entry(order.photo, each), "output": OutputFormat("png")},
            result=clip.key(each),
            may_resume=clip.key(each, ".npz") in stored,
            clip=clip,
            number=each,
        )
        for each in todo or numbers[-1:]
    ]
