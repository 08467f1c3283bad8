"""The blocks of a GIF and the chunks of a WebP."""

import re
import struct

from painterly.errors import PictureError
from painterly.images.files.content import MISSING_END, Content, Size

GIF_START = b"GIF8"
_MANY_BLOCKS = 50_000  # data blocks before a GIF's first frame
_MOST_BLOCKS = 2_000_000  # in all frames that are looked at
MOST_FRAMES = 100  # at the start of an animation; the first that shows something is read
_BEFORE_GIF_FRAMES = re.compile(rb"\xf9\x04.{4}\0|\xff\x0bNETSCAPE2\.0\x03.{3}\0", re.DOTALL)
_GIF_BLOCK = re.compile(rb"[!,;]")  # Pillow passes over all else between blocks.


def is_webp(data: bytes) -> bool:
    """Return whether a file begins as a WebP does."""
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def gif(data: bytes) -> Content:
    """Leave out comments and data of programs before the first frame, if they are long, and all
    from a frame on that is beyond the first: Pillow would enlarge the picture.

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
    size, end = _first_frames(data, start)
    return Content(data if end is None else data[:end] + b";", declared=(size,))


def _first_frames(data: bytes, start: int) -> tuple[Size, int | None]:
    """Return the size of a GIF whose blocks begin at an offset: its screen, enlarged to its first
    frame. Also return where the frames end that are not beyond it; None for the file's end."""
    width, height = struct.unpack_from("<2H", data.ljust(10, b"\0"), 6)
    at, end, frames, blocks = start, start, 0, 0
    while (block := _GIF_BLOCK.search(data, at)) and block[0] != b";" and frames < MOST_FRAMES:
        at = block.start() + 2
        if block[0] == b",":
            at = block.start() + 11
            if at > len(data):
                break
            left, top, across, down, flags = struct.unpack_from("<4HB", data, at - 10)
            if frames and (left + across > width or top + down > height):
                return (width, height), end
            width, height = max(width, left + across), max(height, top + down)
            at += 3 << (flags & 7) + 1 if flags & 0x80 else 0
        while at < len(data) and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > _MOST_BLOCKS:
                if frames:
                    return (width, height), end
                raise _too_many_comments()
        if block[0] == b",":
            frames, end = frames + 1, at
    return (width, height), None


def _too_many_comments() -> PictureError:
    return PictureError(
        "has more comments than a picture has, which would take long to read; save it anew"
    )


def webp(data: bytes) -> Content:
    """Leave out metadata that are cut at the end."""
    at, has_pixels, declared = 12, False, []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        body, end = at + 8, at + 8 + length + length % 2
        if kind == b"VP8X":  # Its canvas is allocated when it is opened.
            sides = data[body + 4 : body + 10].ljust(6, b"\0")
            declared.append((_side(sides[:3]), _side(sides[3:])))
        if end > len(data):
            break
        has_pixels |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        at = end
    (size,) = struct.unpack_from("<L", data.ljust(8, b"\0"), 4)
    is_cut = size + 8 > len(data) and has_pixels and data[at : at + 4] not in (b"ANMF", b"ALPH")
    if not is_cut:
        return Content(data, declared=tuple(declared))
    data = data[:4] + struct.pack("<L", at - 8) + data[8:at]
    return Content(data, (MISSING_END,), declared=tuple(declared))


def _side(number: bytes) -> int:
    return 1 + int.from_bytes(number, "little")
