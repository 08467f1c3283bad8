"""A clip that a visitor of the service has sent."""

import re
import tempfile
from contextlib import closing
from logging import WARNING
from pathlib import Path

from painterly.errors import PictureError
from painterly.log import event
from painterly.settings.sources import Sent
from painterly.storage.base import Entry
from painterly.storage.folder import FolderBucket
from painterly.video.constants import lacking
from painterly.video.decoder import Decoder
from painterly.video.source import picture_file

# The start of a file: of Matroska, of AVI, and of mp4, in which pictures have other brands.
_START = re.compile(
    rb"\x1aE\xdf\xa3|RIFF....AVI |"
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))",
    re.DOTALL,
)
_NAME, _COPY = "clip", "copy"  # the names of files while a clip is checked


def is_clip(data: bytes) -> bool:
    """Return whether a file's content is a clip's."""
    return bool(_START.match(data))


def checked(data: bytes, name: str, most: int) -> Sent:
    """Return a clip without the position where it was taken, its facts, and its first frame.

    Args:
        data: Its file.
        name: Its name.
        most: The most pixels of a frame.

    Raises:
        PictureError: It cannot be read, or the libraries are not installed.
    """
    if missing := lacking(name):
        event(missing, level=WARNING)
        raise PictureError(f"{name}: is a clip, and this server does not take clips")
    try:
        with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
            bucket, copy = FolderBucket(Path(folder)), Path(folder, _COPY)
            bucket.write(_NAME, data)
            with closing(Decoder(bucket, Entry(_NAME, len(data), ""))) as decoder:
                facts, _ = decoder.ask("copy", path=str(copy))
                if facts["pixels"] > most:
                    what = f"its frames have more than {most // 10**6} megapixels"
                    raise PictureError(f"{what}; make it smaller")
                frame = decoder.frame()
                if frame is None:
                    raise PictureError("has no frame that can be read")
            first = picture_file(frame, "PNG")
            return Sent(copy.read_bytes(), "mp4", first, facts["frames"], facts["seconds"])
    except PictureError as error:
        reason = str(error).removeprefix(f"{_NAME}: ")
        raise PictureError(f"{name}: {reason}") from None
