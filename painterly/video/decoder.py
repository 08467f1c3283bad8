"""The process that decodes a clip and writes the painted one: a stranger's can exhaust or crash no
other one, and FFmpeg's libraries are loaded nowhere else.

Its program is `decoding`; see images/contained/process.py.
"""

import tempfile
import weakref
from collections.abc import Iterable
from contextlib import closing
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
from painterly.storage.base import Bucket
from painterly.words.wording import printable

PROGRAM = "painterly.video.decoding"
MOST_MEMORY = 4_000_000_000  # bytes of a process; less if less is free
SECONDS = 30  # processor time for a frame and the damaged parts before it
_MOST_LATE = 64  # frames that an encoder keeps back
_MOST_BYTES = 3 * MAX_PIXELS  # in an answer
Span = tuple[Fraction, Fraction | None]  # in seconds: from, and how long
WHOLE: Span = Fraction(0), None


class Stamp(NamedTuple):
    """The time of a frame in seconds, and whether it shows the same as the frame before."""

    time: Fraction
    is_repeated: bool


class Decoder:
    """A process that decodes a clip. Not thread-safe.

    Attributes:
        name: The name of the clip.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        available: int,
        since: Fraction = Fraction(0),
        most: int = MAX_PIXELS,
    ) -> None:
        """Open a clip.

        Args:
            name: Its name.
            path: Its file, which may be deleted once it is open.
            available: The most bytes that the process may take, also to write.
            since: The time of the first frame, in seconds.
            most: The most pixels of a frame.

        Raises:
            PictureError: It cannot be opened.
        """
        self.name = name
        with errors_named(name):
            self._process = ContainedProcess(PROGRAM, "mp4")
        self.close = weakref.finalize(self, self._process.end)
        memory = min(MOST_MEMORY, available)
        where = str(path.absolute())
        self.ask("open", path=where, since=str(since), most=most, memory=memory)

    def ask(self, task: str, *buffers: np.ndarray, times: int = 1, **values: Any) -> Answer:
        """Return the answer to a request, and log its warnings. Raises PictureError.

        Args:
            task: The method of `decoding.Clip`.
            buffers: The buffers of the request.
            times: How often the processor time for a frame may be taken.
            values: The values of the request.
        """
        request = {"task": task, **values}
        with errors_named(self.name):
            while True:
                answer, found = self._process.ask(request, buffers, times * SECONDS, _MOST_BYTES)
                for what in answer["told"]:
                    event(f"{printable(self.name)}: {what}", level=WARNING)
                if "error" in answer:
                    raise PictureError(answer["error"])
                if not answer.get("goes_on"):
                    return answer, found

    def next(self) -> Stamp | None:
        """Decode a frame, and return its stamp, or None at the end. Raises PictureError."""
        answer, _ = self.ask("next")
        known = "time" in answer
        return Stamp(Fraction(answer["time"]), answer["is_repeated"]) if known else None

    def frame(self, time: Fraction | None = None) -> np.ndarray | None:
        """Return the frame of a time, or the first one, uint8 [h, w, 3]. The last ones are kept.
        Return None if it has passed or comes late, or there is none. Raises PictureError."""
        answer, found = self.ask("frame", time=None if time is None else str(time))
        return np.frombuffer(found[0], np.uint8).reshape(answer["shape"]) if found else None


def opened(bucket: Bucket, key: str, since: Fraction = Fraction(0)) -> Decoder:
    """Open a clip of a bucket, which is downloaded if that is no folder. Raises PictureError,
    ObjectError, UnavailableError."""
    if own := bucket.path(key):
        return Decoder(key, own, free_memory(), since)
    with tempfile.TemporaryDirectory(prefix="painterly-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "clip")
        bucket.download(key, path)
        return Decoder(key, path, free_memory(), since)


def stamps(bucket: Bucket, key: str, span: Span = WHOLE) -> tuple[Stamp, ...]:
    """Return the stamps of all frames in a part of a clip, for which each is decoded, and log what
    is changed or left out. Raises the errors of `opened`."""
    start, long = span
    with closing(opened(bucket, key, start)) as decoder:
        found = iter(decoder.next, None)
        return tuple(takewhile(lambda each: long is None or each.time < start + long, found))


def written(
    bucket: Bucket, key: str, suffix: str, pictures: Iterable[tuple[Fraction, np.ndarray]]
) -> bytes:
    """Return the file of a painted clip.

    Args:
        bucket: The bucket of the clip whose sound it gets, from the time of the first picture on.
        key: The key of that one.
        suffix: The extension, which decides the container.
        pictures: The time in seconds of each picture, and the picture, uint8 [h, w, 3].

    Raises:
        PictureError: It cannot be written.
    """
    with (
        tempfile.TemporaryDirectory(prefix="painterly-") as folder,
        closing(opened(bucket, key)) as decoder,
    ):
        path = Path(folder, f"clip{suffix}")
        for time, picture in pictures:
            pixels = np.ascontiguousarray(picture)
            decoder.ask("add", pixels, path=str(path), time=str(time), shape=pixels.shape)
        decoder.ask("end", times=_MOST_LATE)
        return path.read_bytes()
