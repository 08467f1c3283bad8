"""The process that decodes pictures: a file of a stranger can exhaust or crash no other one.

`ContainedPicture` asks it. Its program is `decoding`; see `process`.
"""

import atexit
import contextlib
import os
import threading
from typing import TYPE_CHECKING

from PIL import Image

from painterly.errors import MemoryShortError, PictureError
from painterly.images.contained.process import Answer, ContainedProcess
from painterly.images.header import MAX_PIXELS, Header, NoHeaderError

if TYPE_CHECKING:  # NumPy is imported with the pixels: a header need not wait for it.
    from painterly.images.picture import Picture

# A picture may take twice the estimate from its header, which is for usual files.
_LEAST_MEMORY, _SPARE_FACTOR = 440_000_000, 2
_FLOOR = 100_000_000  # bytes: with less, NumPy's libraries end the process even for a small picture
# Opening takes a byte a pixel of a GIF; metadata are copied some times.
_TO_OPEN, _COPIES = MAX_PIXELS + 60_000_000, 6
# Processor time: to open a file, for each byte that is searched for positions, and to decode it.
_OPENING_SECONDS, _SECONDS_PER_BYTE = 4, 2e-7
_LEAST_SECONDS, _SECONDS_PER_PIXEL = 8, 3e-7
# Bytes in an answer: for a pixel, and of profiles and EXIF, which may be compressed in the file.
_MOST_BYTES, _METADATA = 4, 40_000_000
BYTES = 60_000_000  # memory of a process that waits
_MOST_IDLE = 2  # processes that wait for the next picture
# Processes that decode at a time: more would only take memory, and share the cores.
_MOST_BUSY = 4
_ERRORS = {each.__name__: each for each in (PictureError, NoHeaderError, MemoryShortError)}


class ContainedPicture:
    """A picture file that the process opens and decodes; see `decoding.OpenedPicture`."""

    def __init__(self, data: bytes, clears: bool = False) -> None:
        """Open a file. Raises PictureError.

        Args:
            data: The file.
            clears: Whether the positions that are found in it are removed first.
        """
        seconds = _OPENING_SECONDS + (int(_SECONDS_PER_BYTE * len(data)) if clears else 0)
        memory = max(_TO_OPEN, _COPIES * len(data))
        most = len(data) + _METADATA
        facts, (cleared,) = _ask("open", data, memory, seconds, most, clears=clears)
        self.data = data if cleared is None else bytes(cleared)
        self.format: str = facts["format"]
        size, *memory_of = facts["header"]
        self.header = Header(tuple(size), *memory_of)
        self._shows_position: bool = facts["shows_position"]

    def shows_position(self) -> bool:
        """Return whether a reader finds a position in the metadata."""
        return self._shows_position

    def decode(self, available: int) -> "Picture":
        """Decode the picture. Raises PictureError, MemoryShortError."""
        import numpy as np

        from painterly.images.picture import Picture

        available -= len(self.data)  # The process has a copy of it.
        self.header.check_memory(available)
        facts, (values, alpha, exif, profile) = self._ask("decode", available)
        height, width = facts["size"]
        return Picture(
            np.frombuffer(values, np.uint8).reshape(height, width, 3),
            None if alpha is None else np.frombuffer(alpha, np.uint8).reshape(height, width),
            self.format,
            None if exif is None else bytes(exif),
            None if profile is None else bytes(profile),
            facts["dpi"] and tuple(facts["dpi"]),
            facts["is_hdr"],
            facts["panorama"],
        )

    def reduced(self, longer: int, available: int) -> Image.Image:
        """Return a small copy. Raises as `decode`."""
        available -= len(self.data)
        if self.format != "JPEG":
            self.header.check_memory(available)
        try:
            facts, (values,) = self._ask("reduce", available, longer=longer)
        except NoHeaderError:  # A JPEG is decoded at a smaller size, which may take less.
            self.header.check_memory(available)
            raise
        return Image.frombytes("RGB", tuple(facts["size"]), bytes(values))

    def _ask(self, task: str, available: int, **more: int) -> Answer:
        memory = max(_LEAST_MEMORY, _SPARE_FACTOR * self.header.bytes_to_decode)
        pixels = self.header.size[0] * self.header.size[1]
        seconds = _LEAST_SECONDS + int(_SECONDS_PER_PIXEL * pixels)
        most = _MOST_BYTES * pixels + len(self.data) + _METADATA
        return _ask(task, self.data, max(min(memory, available), _FLOOR), seconds, most, **more)


def _ask(task: str, data: bytes, memory: int, seconds: int, most: int, **more: int) -> Answer:
    """Ask an idle process, or a new one.

    Args:
        task: The task, with its number in `more`.
        data: The picture's file.
        memory: The most bytes that it may take.
        seconds: The most processor time that it may take.
        most: The most bytes of the answer.

    Returns:
        The answer's values and buffers.

    Raises:
        PictureError, MemoryShortError: The file cannot be read.
    """
    request = {"task": task, "memory": memory, **more}
    with _places:
        process = _idle_process()
        answer, buffers = process.ask(request, [data], seconds, most)
        _idle.append(process)
        # Within the semaphore, so that no other process begins before the oldest has ended.
        while len(_idle) > _MOST_IDLE:
            with contextlib.suppress(IndexError):
                _idle.pop(0).kill()
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["text"])
    return answer, buffers


_idle: list[ContainedProcess] = []
_places = threading.BoundedSemaphore(_MOST_BUSY)


def _idle_process() -> ContainedProcess:
    while True:
        try:
            process = _idle.pop()
        except IndexError:
            return ContainedProcess()
        if process.is_alive():
            return process
        process.kill()


@atexit.register
def end_all() -> None:
    while _idle:
        _idle.pop().kill()


def _begin_anew() -> None:
    """Forget the processes in a fork: they belong to its parent."""
    global _places
    _idle.clear()
    _places = threading.BoundedSemaphore(_MOST_BUSY)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
