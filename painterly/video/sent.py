"""A clip that a visitor of the service has sent."""

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
from painterly.video.position import clear_others, cleared
from painterly.video.source import picture_file

_NAME = "clip"  # the name of the file while it is checked


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
    clip = cleared(data)
    try:
        with tempfile.TemporaryDirectory(prefix="painterly-") as folder:
            bucket = FolderBucket(Path(folder))
            bucket.write(_NAME, bytes(clip))
            with closing(Decoder(bucket, Entry(_NAME, len(clip), ""))) as decoder:
                facts, _ = decoder.ask("facts")
                if facts["pixels"] > most:
                    what = f"its frames have more than {most // 10**6} megapixels"
                    raise PictureError(f"{what}; make it smaller")
                stamp = decoder.next(compares=False)
                if stamp is None:
                    raise PictureError("has no frame that can be read")
                first = decoder.frame(stamp.time)
        clear_others(clip, facts)
    except PictureError as error:
        reason = str(error).removeprefix(f"{_NAME}: ")
        raise PictureError(f"{name}: {reason}") from None
    return Sent(bytes(clip), "mp4", picture_file(first, "PNG"), facts["frames"], facts["seconds"])
