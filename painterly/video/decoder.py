"""The process that decodes a clip and writes the painted one: a stranger's can exhaust or crash no
other one, and FFmpeg's libraries are loaded nowhere else.

Its program is `decoding`; see images/contained/process.py.
"""

import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import takewhile
from logging import WARNING
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from painterly.devices.system_memory import free_memory
from painterly.errors import PictureError
from painterly.images.contained.process import Answer, ContainedProcess
from painterly.images.header import MAX_PIXELS
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.storage.base import Bucket, Entry
from painterly.words.wording import printable

PROGRAM = "painterly.video.decoding"
MOST_MEMORY = 4_000_000_000  # bytes of a process; less if less is free
SECONDS = 30  # processor time for a frame and the damaged parts before it
_MOST_LATE = 64  # frames that an encoder keeps back
_MOST_BYTES = 3 * MAX_PIXELS  # in an answer
Span = tuple[Fraction, Fraction | None]  # in seconds: from, and how long


class Stamp(NamedTuple):
    """The time of a frame in seconds, and whether it shows the same as the frame before."""

    time: Fraction
    is_repeated: bool


class Decoder:
    """A process that decodes a clip. Not thread-safe."""

    def __init__(self, bucket: Bucket, clip: Entry, since: Fraction = Fraction(0)) -> None:
        """Open a clip.

        Args:
            bucket: The bucket that has it.
            clip: Its entry.
            since: The time of the first frame, in seconds.

        Raises:
            PictureError, ObjectError, UnavailableError: It cannot be opened.
        """
        self._name = clip.key
        with errors_named(self._name):
            self._process = ContainedProcess(PROGRAM, "mp4")
        self.close = weakref.finalize(self, self._process.end)
        memory = min(MOST_MEMORY, free_memory())
        with _local_file(bucket, clip) as path:
            self.ask("open", path=str(path.absolute()), since=str(since), memory=memory)

    def ask(self, task: str, *buffers: np.ndarray, times: int = 1, **values: Any) -> Answer:
        """Return the answer to a request, and log its warnings. Raises PictureError.

        Args:
            task: What `decoding` shall do.
            buffers: The buffers of the request.
            times: How often the processor time for a frame may be taken.
            values: The values of the request.
        """
        with errors_named(self._name):
            request, seconds = {"task": task, **values}, times * SECONDS
            answer, found = self._process.ask(request, buffers, seconds, _MOST_BYTES)
            for what in answer["told"]:
                event(f"{printable(self._name)}: {what}", level=WARNING)
            if "error" in answer:
                raise PictureError(answer["error"])
        return answer, found

    def next(self) -> Stamp | None:
        """Decode a frame, and return its stamp, or None at the end. Raises PictureError."""
        while "time" not in (answer := self.ask("next")[0]):
            if "is_end" in answer:
                return None
        return Stamp(Fraction(answer["time"]), answer["is_repeated"])

    def frame(self, time: Fraction | None = None) -> np.ndarray | None:
        """Return the frame of a time, or the first one, uint8 [h, w, 3]. The last ones are kept.
        Return None if it has passed or comes late, or there is none. Raises PictureError."""
        wanted = None if time is None else str(time)
        while not (answered := self.ask("frame", time=wanted))[1]:
            if "is_end" in answered[0]:
                return None
        answer, (pixels,) = answered
        return np.frombuffer(pixels, np.uint8).reshape(answer["shape"])


def stamps(bucket: Bucket, clip: Entry, span: Span = (Fraction(0), None)) -> tuple[Stamp, ...]:
    """Return the stamps of all frames in a part of a clip, for which each is decoded, and log what
    is changed or left out. Raises the errors of `Decoder`."""
    start, long = span
    with closing(Decoder(bucket, clip, start)) as decoder:
        found = iter(decoder.next, None)
        return tuple(takewhile(lambda each: long is None or each.time < start + long, found))


def written(
    bucket: Bucket, clip: Entry, suffix: str, pictures: Iterable[tuple[Fraction, np.ndarray]]
) -> bytes:
    """Return the file of a painted clip.

    Args:
        bucket: The bucket of the clip whose sound it gets, from the time of the first picture on.
        clip: The entry of that one.
        suffix: The extension, which decides the container.
        pictures: The time in seconds of each picture, and the picture, uint8 [h, w, 3].

    Raises:
        PictureError: It cannot be written.
    """
    with (
        tempfile.TemporaryDirectory(prefix="painterly-") as folder,
        closing(Decoder(bucket, clip)) as decoder,
    ):
        path = Path(folder, f"clip{suffix}")
        for time, picture in pictures:
            pixels = np.ascontiguousarray(picture)
            decoder.ask("add", pixels, path=str(path), time=str(time), shape=pixels.shape)
        decoder.ask("end", times=_MOST_LATE)
        return path.read_bytes()


@contextmanager
def _local_file(bucket: Bucket, clip: Entry) -> Iterator[Path]:
    """Yield the file of a clip, which is downloaded for the block if it is not in a folder. Raises
    ObjectError, UnavailableError."""
    if own := bucket.path(clip.key):
        yield own
        return
    with tempfile.TemporaryDirectory(prefix="painterly-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "clip")
        bucket.download(clip.key, path)
        yield path
