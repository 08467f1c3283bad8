"""The frames of clips as photos in a bucket."""

import io
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
from PIL import Image

from painterly.errors import PictureError
from painterly.settings.clips import is_clip, lacking
from painterly.storage.base import Bucket, Entry, View
from painterly.video.reading import WHOLE, Span, opened
from painterly.words.wording import printable

_FRAME = re.compile(r"(.+)/(\d+)\.frame")
_LATEST = 8  # frames, for threads that read ahead in another order


class ClipsView(View):
    """A bucket of photos that also has each frame of its clips: `walk.mp4/12.frame`, and as
    `walk.mp4` the first one. Frames are not listed."""

    def __init__(self, bucket: Bucket, span: Span = WHOLE) -> None:
        """Args:
        bucket: The bucket.
        span: The part of clips that is painted.
        """
        super().__init__(bucket)
        self._span, self._lock = span, threading.Lock()
        self._open = ExitStack()  # The clip that is read, and where.
        self._key, self._next = "", 0
        self._frames: Iterator[np.ndarray] = iter(())
        self._latest: deque[tuple[int, np.ndarray]] = deque(maxlen=_LATEST)
        self._first = "", b""  # All frames of a clip have one size.

    def find(self, key: str) -> Entry | None:
        clip, number = _parts(key)
        entry = super().find(clip)
        return entry if number is None or entry is None else frame_entry(entry, number)

    def read(self, key: str) -> bytes:
        clip, number = _parts(key)
        return super().read(key) if clip == key and not is_clip(key) else self.picture(clip, number)

    def read_part(self, key: str, start: int, count: int, of: Entry | None = None) -> bytes:
        clip, number = _parts(key)
        if number is None:
            return super().read_part(key, start, count, of)
        if self._first[0] != clip:
            self._first = clip, self.picture(clip)
        return self._first[1][start : start + count]

    def picture(self, key: str, number: int | None = None) -> bytes:
        """Return a frame as the file of a picture, or the first one. Raises PictureError, and the
        errors of the bucket."""
        if missing := lacking(key):
            raise PictureError(missing)
        with self._lock:
            try:
                frame = self._frame(key, number or 0)
            except BaseException:
                self._begin("")
                raise
        out = io.BytesIO()
        Image.fromarray(frame).save(out, "BMP")  # It is fast to write and read.
        return out.getvalue()

    def close(self) -> None:
        """End reading, unless a thread is reading just now. The next frame begins it again."""
        if self._lock.acquire(blocking=False):
            self._begin("")
            self._lock.release()

    def _frame(self, key: str, number: int) -> np.ndarray:
        """Return a frame. Frames in order are decoded once."""
        if key != self._key or number < min((n for n, _ in self._latest), default=self._next):
            self._begin(key)
        while self._next <= number:
            frame = next(self._frames, None)
            if frame is None:
                raise PictureError(f"{printable(key)}: has changed; it lacks a frame")
            self._latest.append((self._next, frame))
            self._next += 1
        return next(frame for n, frame in self._latest if n == number)

    def _begin(self, key: str) -> None:
        self._open.close()
        self._latest.clear()
        self._key, self._next, self._frames = key, 0, iter(())
        if key:
            clip = self._open.enter_context(opened(self._bucket, key))
            frames = clip.frames(self._span)
            self._open.callback(frames.close)
            self._frames = frames


def _parts(key: str) -> tuple[str, int | None]:
    """Return the key of a clip and the number of a frame, or another key and None."""
    found = _FRAME.fullmatch(key)
    return (found[1], int(found[2])) if found else (key, None)


def frame_entry(clip: Entry, number: int) -> Entry:
    """Return the entry of a frame as a photo, which is not listed."""
    return Entry(f"{clip.key}/{number}.frame", 0, f"{clip.etag}-{number}", clip.modified)
