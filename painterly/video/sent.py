"""A clip that a visitor of the service has sent."""

import re
import tempfile
from contextlib import closing
from logging import WARNING
from pathlib import Path

from painterly.errors import PictureError
from painterly.log import event
from painterly.settings.sources import Sent
from painterly.video.decoder import Decoder
from painterly.video.plugin import lacking
from painterly.video.source import picture_file
from painterly.words.wording import memory_size, printable

LEAST_MEMORY = 50_000_000  # bytes, to read a small clip
# The start of a file: of Matroska, of AVI, and of mp4, in which pictures have other brands.
_START = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |"
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))",
    re.DOTALL,
)


def sent(data: bytes, name: str, most: int, available: int) -> Sent | None:
    """Return a clip without the position where it was taken, its facts, and its first frame, or
    None for another file.

    Args:
        data: Its file.
        name: Its name.
        most: The most pixels of a frame.
        available: The most bytes that reading it may take.

    Raises:
        PictureError: It cannot be read, also not in this memory, or the libraries are not
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
        with closing(Decoder(name, path, available, most=most)) as decoder:
            facts, _ = decoder.ask("copy", path=str(copy))
            frame = decoder.frame()
        if frame is None:
            raise PictureError(f"{printable(name)}: has no frame that can be read")
        parts, seconds = facts["parts"], facts["seconds"]
        return Sent(copy.read_bytes(), "mp4", picture_file(frame, "PNG"), parts, seconds)
