"""The process that decodes a clip: a stranger's can exhaust or crash no other one.

`stamps` and `FrameReader` ask it, frame by frame. Its program is `decoding`; see
images/contained.py.
"""

from collections.abc import Callable
from fractions import Fraction
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

import numpy as np

from painterly.devices.system_memory import free_memory
from painterly.errors import PictureError
from painterly.images.contained import Answer, ContainedProcess
from painterly.images.header import MAX_PIXELS
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.video.constants import AHEAD
from painterly.words.wording import printable

PROGRAM = "painterly.video.decoding"
MOST_MEMORY = 4_000_000_000  # bytes of a process; less if less is free
SECONDS = 30  # processor time for a frame and the damaged parts before it
_MOST_BYTES = 3 * MAX_PIXELS  # in an answer


class Stamp(NamedTuple):
    """The time of a frame in seconds, and whether it shows the same as the frame before."""

    time: Fraction
    is_repeated: bool


def stamps(path: Path, name: str) -> list[Stamp]:
    """Return the stamps of all frames, for which each is decoded, and log what is changed or left
    out. Raises PictureError."""
    found: list[Stamp] = []
    decoding = _Decoding(path, name)
    try:
        while True:
            answer, _ = decoding.ask("stamp")
            for what in answer["told"]:
                event(f"{printable(name)}: {what}", level=WARNING)
            if answer["time"] is None:
                return found
            found.append(Stamp(Fraction(*answer["time"]), answer["is_repeated"]))
    finally:
        decoding.end()


class FrameReader:
    """The frames of a clip, by their numbers. Frames that are asked for in about their order are
    decoded once in all. Not thread-safe."""

    def __init__(self, file: Callable[[], Path], name: str) -> None:
        """Take a function that returns the clip's file, which may be fetched again."""
        self._file, self._name = file, name
        self._decoding: _Decoding | None = None
        self._next = 0

    def frame(self, number: int) -> np.ndarray:
        """Return a frame, uint8 [h, w, 3]. Raises PictureError."""
        try:
            if self._decoding is None or number < self._next - AHEAD:
                self.close()
                self._decoding, self._next = _Decoding(self._file(), self._name), 0
            while self._next <= number:
                if self._decoding.ask("next")[0]["is_end"]:
                    what = "has changed; it has fewer frames"
                    raise PictureError(f"{printable(self._name)}: {what}")
                self._next += 1
            answer, (pixels,) = self._decoding.ask("pixels", place=number - self._next)
        except BaseException:  # The next frame starts another process.
            self.close()
            raise
        return np.frombuffer(pixels, np.uint8).reshape(answer["shape"])

    def close(self) -> None:
        """End the process."""
        if self._decoding:
            self._decoding.end()
            self._decoding = None

    __del__ = close


class _Decoding:
    """A process that has a clip."""

    def __init__(self, path: Path, name: str) -> None:
        """Open a file. Raises PictureError."""
        self._name = name
        with errors_named(name):
            self._process = ContainedProcess(PROGRAM, "mp4")
        memory = min(MOST_MEMORY, free_memory())
        self.ask("open", path=str(path.absolute()), memory=memory)

    def ask(self, task: str, **values: str | int) -> Answer:
        """Return the answer to a request. Raises PictureError."""
        with errors_named(self._name):
            request = {"task": task, **values}
            answer, buffers = self._process.ask(request, (), SECONDS, _MOST_BYTES)
            if "error" in answer:
                raise PictureError(answer["error"])
        return answer, buffers

    def end(self) -> None:
        """End it at once."""
        self._process.end()
