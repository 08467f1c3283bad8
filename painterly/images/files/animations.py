"""The blocks of a GIF and the chunks of a WebP."""

import re
import struct

from painterly.errors import PictureError
from painterly.images.files.content import MISSING_END, Content

GIF_START = b"GIF8"
# Bytes that opening a WebP reserves at most, for two pictures of its size, and does not touch: more
# than for any that is read.
WEBP_RESERVES = 2_800_000_000
_MANY_BLOCKS = 50_000  # data blocks before a GIF's first frame
MOST_FRAMES = 100  # at the start of an animation; the first that shows something is read
_BEFORE_GIF_FRAMES = re.compile(rb"\xf9\x04.{4}\0|\xff\x0bNETSCAPE2\.0\x03.{3}\0", re.DOTALL)


def is_webp(data: bytes) -> bool:
    """Return whether a file begins as a WebP does."""
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def gif(data: bytes) -> Content:
    """Leave out comments and data of programs before the first frame, if they are long.

    Raises PictureError for too many of them.
    """
    flags = data[10] if len(data) > 10 else 0
    at = start = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept, blocks = [], 0
    while data[at : at + 1] == b"!":
        extension = at
        at += 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > _MANY_BLOCKS:
                raise _too_many_comments()
        at += 1
        if _BEFORE_GIF_FRAMES.fullmatch(data, extension + 1, at):
            kept.append(data[extension:at])
    if blocks >= _MANY_BLOCKS // 100:
        data = data[:start] + b"".join(kept) + data[at:]
    return Content(data)


def _too_many_comments() -> PictureError:
    return PictureError(
        "has more comments than a picture has, which would take long to read; save it anew"
    )


def webp(data: bytes) -> Content:
    """Leave out metadata that are cut at the end."""
    at, has_pixels = 12, False
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        end = at + 8 + length + length % 2
        if end > len(data):
            break
        has_pixels |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        at = end
    (size,) = struct.unpack_from("<L", data.ljust(8, b"\0"), 4)
    is_cut = size + 8 > len(data) and has_pixels and data[at : at + 4] not in (b"ANMF", b"ALPH")
    if not is_cut:
        return Content(data)
    data = data[:4] + struct.pack("<L", at - 8) + data[8:at]
    return Content(data, (MISSING_END,))
