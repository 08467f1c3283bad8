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
from painterly.video import frames
from painterly.video.copying import copied
from painterly.video.writing import Writer

_KEPT = 4  # frames, for others that read ahead
_FAR = 10  # s to a later frame, to which a new process comes sooner by a key frame


class Clip:
    """A clip that is decoded frame by frame."""

    _file: BinaryIO
    _frames: Iterator[frames.Decoded | None]
    _writer: Writer | None = None
    _last: int | None = None  # the checksum of a frame

    def __init__(self) -> None:
        self._told: list[str] = []
        self._kept: deque[frames.Decoded] = deque(maxlen=_KEPT)

    def answer(self, request: dict[str, Any], buffers: list[bytearray | None]) -> Answer:
        """Return the values and the buffers of an answer."""
        limit_time(request["seconds"])
        try:
            with frames.errors_told():
                values, found = self._done(request, buffers)
        except PictureError as error:
            values, found = {"error": str(error)}, ()
        told, self._told = self._told, []
        return {**values, "told": told}, found

    def _done(self, request: dict[str, Any], buffers: list[bytearray | None]) -> Answer:
        match request["task"]:
            case "open":
                limit_memory(request["memory"])
                self._file = Path(request["path"]).open("rb")  # noqa: SIM115  (to the end)
                since = Fraction(request["since"])
                self._frames = frames.decoded(self._file, self._tell, since)
            case "copy":
                return copied(self._file.name, request["path"]), ()
            case "next":
                return self._next(compares=True), ()
            case "frame":
                return self._frame(request["time"])
            case "add":
                time = Fraction(request["time"])
                pixels = np.frombuffer(buffers[0] or b"", np.uint8).reshape(request["shape"])
                if self._writer is None:
                    given = request["path"], time, pixels.shape, self._tell
                    self._writer = Writer(self._file, *given)
                self._writer.add(time, pixels)
            case "end" if self._writer:
                self._writer.end()
        return {}, ()

    def _tell(self, what: str) -> None:
        self._told.append(what)

    def _frame(self, time: str | None) -> Answer:
        """Return a frame that is kept, or decode the next one."""
        for each in self._kept:
            if time is None or each.time == Fraction(time):
                pixels = each.pixels()
                return {"shape": pixels.shape}, [pixels]
        if time and self._kept and not 0 < Fraction(time) - self._kept[-1].time < _FAR:
            return {"is_end": True}, ()
        return self._next(compares=False), ()

    def _next(self, compares: bool) -> dict[str, Any]:
        try:
            each = next(self._frames)
        except StopIteration:
            return {"is_end": True}
        if each is None:
            return {}
        values = {"time": str(each.time), "is_repeated": False}
        self._kept.append(each)
        if compares:
            if self._last is None and each.is_transparent:
                self._tell("what is transparent becomes white")
            shown = np.ascontiguousarray(
                each.frame.to_ndarray(format="rgb24")
            )  # Rows may have gaps.
            before, self._last = self._last, zlib.crc32(shown)
            values["is_repeated"] = before == self._last
        return values


if __name__ == "__main__":
    answer_requests(Clip().answer)
