"""A clip that a visitor of the service has sent."""

import re
import tempfile
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

from painterly.errors import PictureError
from painterly.images.given import file_of
from painterly.images.picture_file import errors_named
from painterly.log import event
from painterly.settings.clips import lacking
from painterly.video.ffmpeg import LEAST_MEMORY
from painterly.video.reading import ClipFile
from painterly.video.writing import copied
from painterly.words.wording import memory_size

# The start of a file: of Matroska, of AVI, and of mp4, in which pictures have other brands.
_START = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |"
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))",
    re.DOTALL,
)
EXTENSION = "mp4"  # in a bucket, also of another container


class Sent(NamedTuple):
    """A clip that a visitor of the service has sent.

    Attributes:
        data: Its file, without the position where it was taken.
        first: Its first frame, as the file of a picture.
        frames: The number of its frames, about.
        seconds: How long it lasts.
    """

    data: bytes
    first: bytes
    frames: int
    seconds: float


def sent(data: bytes, name: str, most: int, available: int) -> Sent | None:
    """Return a clip, or None for another file.

    Args:
        data: Its file.
        name: Its name.
        most: The most pixels of a frame.
        available: The most bytes that reading it may take.

    Raises:
        PictureError: It cannot be read, also not in this memory, or what clips need is not
            installed.
    """
    if not _START.match(data):
        return None
    if missing := lacking(name):
        event(missing, level=WARNING)
        raise PictureError(f"{name}: is a clip, and this server does not take clips")
    if available < LEAST_MEMORY:
        free = f"and {memory_size(max(available, 0))} are available now"
        raise PictureError(
            f"{name}: is a clip, which takes {memory_size(LEAST_MEMORY)} of memory, {free}"
        )
    with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
        path, copy = Path(folder, "clip"), Path(folder, "copy")
        path.write_bytes(data)
        clip = ClipFile(name, path, available)
        first = file_of(clip.first(most), name)
        with errors_named(name):
            frames_and_seconds = copied(clip, copy)
        return Sent(copy.read_bytes(), first, *frames_and_seconds)
