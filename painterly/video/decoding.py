"""The program that decodes a clip, and writes a painted one with its sound, within limits of memory
and of processor time.

    python -m painterly.video.decoding

It answers the requests of `decoder`.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from painterly.errors import PictureError
from painterly.images.contained.process import Answer, answer_requests
from painterly.settings.limits import limit_memory, limit_time
from painterly.video import frames, writing

_KEPT = 4  # frames, for others that read ahead
_FAR = 10  # s to a later frame, to which a new process comes sooner by a key frame
_GOES_ON: Answer = {"goes_on": True}, ()  # The request is sent again: each has its time.
_END: Answer = {}, ()


class Clip:
    """A clip that is decoded frame by frame. Methods whose names have no `_` are requests."""

    _file: BinaryIO
    _frames: Iterator[frames.Decoded | None]
    _writer: writing.Writer
    _last: int | None = None  # the checksum of a frame

    def __init__(self) -> None:
        self._told: list[str] = []
        self._kept: deque[frames.Decoded] = deque(maxlen=_KEPT)

    def _answer(self, request: dict[str, Any], buffers: list[bytearray | None]) -> Answer:
        """Return the values and the buffers of an answer."""
        limit_time(request.pop("seconds"))
        try:
            with frames.errors_told():
                values, found = getattr(self, request.pop("task"))(*buffers, **request)
        except PictureError as error:
            values, found = {"error": str(error)}, ()
        told = [*self._told]
        self._told.clear()
        return {**values, "told": told}, found

    def open(self, path: str, since: str, most: int, memory: int) -> Answer:
        limit_memory(memory)
        self._file = Path(path).open("rb")  # noqa: SIM115  (to the end)
        self._frames = frames.decoded(self._file, self._told.append, Fraction(since), most)
        return _END

    def copy(self, path: str) -> Answer:
        return writing.copied(self._file.name, path), ()

    def next(self) -> Answer:
        for each in self._frames:
            if each is None:
                return _GOES_ON
            self._kept.append(each)
            if self._last is None and each.is_transparent:
                self._told.append("what is transparent becomes white")
            # Its rows may have gaps.
            shown: Any = np.ascontiguousarray(each.frame.to_ndarray(format="rgb24"))
            before, self._last = self._last, zlib.crc32(shown)
            return {"time": str(each.time), "is_repeated": before == self._last}, ()
        return _END

    def frame(self, time: str | None) -> Answer:
        wanted = None if time is None else Fraction(time)
        for each in self._kept:
            if wanted in (None, each.time):
                pixels = each.pixels()
                return {"shape": pixels.shape}, [pixels]
        if wanted and self._kept and not 0 < wanted - self._kept[-1].time < _FAR:
            return _END
        for decoded in self._frames:
            if decoded:
                self._kept.append(decoded)
            return _GOES_ON
        return _END

    def add(self, picture: bytearray, path: str, time: str, shape: list[int]) -> Answer:
        pixels = np.frombuffer(picture, np.uint8).reshape(shape)
        if not hasattr(self, "_writer"):
            given = path, Fraction(time), pixels.shape, self._told.append
            self._writer = writing.Writer(self._file, *given)
        self._writer.add(Fraction(time), pixels)
        return _END

    def end(self) -> Answer:
        self._writer.end()
        return _END


if __name__ == "__main__":
    answer_requests(Clip()._answer)
