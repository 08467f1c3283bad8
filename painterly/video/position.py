"""Removes from a clip's file where it was taken, and changes nothing else: no packet is decoded.

All parts that decoding does not need become empty space in place, so that all else stays where
it is. Files are not trusted: the time grows with the size of the file, and no faster.
"""

import contextlib
import re
import struct
from collections.abc import Mapping
from typing import Any

from painterly.errors import PictureError
from painterly.images.files.boxes import boxes
from painterly.images.files.content import Part

# The start of a file after four bytes: that of a clip. Pictures begin with other brands.
_BOXES = re.compile(
    rb"....(?:moov|mdat|wide|pnot|ftyp(?!hei|hev|mif1|msf1|avif|avis|crx|jxl))", re.DOTALL
)
_MATROSKA, _AVI = b"\x1aE\xdf\xa3", re.compile(rb"RIFF....AVI ", re.DOTALL)
_KEPT_BOXES = {
    b"": (b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx"),
    b"moov": (b"mvhd", b"trak", b"mvex", b"cmov"),
    b"trak": (b"tkhd", b"tapt", b"edts", b"tref", b"mdia"),
}
_KEPT_CHUNKS = {
    b"": (b"AVI ", b"AVIX", b"idx1"),
    b"AVI ": (b"hdrl", b"movi", b"idx1"),
    b"AVIX": (b"movi",),
    b"hdrl": (b"avih", b"strl", b"odml"),
    b"strl": (b"strh", b"strf", b"indx"),
}
# Tags, attachments and chapters, each with the start of an element that it can have.
_ELEMENTS = re.compile(
    rb"(\x12\x54\xc3\x67|\x19\x41\xa4\x69|\x10\x43\xa7\x70)"
    rb"([\x80-\xfe]|[\x40-\x7f].|[\x20-\x3f]..|[\x10-\x1f]...|\x01.{7})"
    rb"(?=\x73\x73|\x61\xa7|\x45\xb9|\xbf|\xec)",
    re.DOTALL,
)
_NAMES = re.compile(r"location|gps|xyz", re.IGNORECASE)


def is_clip(data: bytes) -> bool:
    """Return whether a file's content is a clip's."""
    return bool(data.startswith(_MATROSKA) or _AVI.match(data) or _BOXES.match(data))


def cleared(data: bytes) -> bytearray:
    """Return a clip's file without all that describes it."""
    out = bytearray(data)
    with contextlib.suppress(struct.error):  # Damaged from there on: no reader sees more.
        if data.startswith(_MATROSKA):
            _clear_elements(out)
        elif _AVI.match(data):
            _clear_chunks(out, b"", 0, len(out))
        else:
            _clear_boxes(out, b"", 0, len(out))
    return out


def clear_others(data: bytearray, facts: Mapping[str, Any]) -> None:
    """Empty the packets of other tracks than pictures and sound: cameras and drones keep their way
    in some.

    Args:
        data: A file that `cleared` has returned.
        facts: What `facts.facts_of` has found in it.

    Raises:
        PictureError: There is a position left.
    """
    for start, length in facts["others"]:
        data[start : start + length] = bytes(length)
    if facts["is_hidden"] or any(map(_NAMES.search, facts["names"])):
        what = "the position where it was taken cannot be removed"
        raise PictureError(f"{what}; export it anew as mp4")


def _clear_boxes(data: bytearray, parent: bytes, first: int, end: int) -> None:
    for box in boxes(data, first, end):
        if box.kind not in _KEPT_BOXES[parent]:
            data[box.start + 4 : box.start + 8] = b"free"
            _clear(data, box)
        elif box.kind in _KEPT_BOXES:
            _clear_boxes(data, box.kind, box.body, box.end)


def _clear_chunks(data: bytearray, parent: bytes, at: int, end: int) -> None:
    while at + 8 <= min(end, len(data)):
        kind, size = struct.unpack_from("<4sL", data, at)
        body, following = at + 8, at + 8 + size + size % 2
        if kind in (b"RIFF", b"LIST"):
            kind, body = bytes(data[body : body + 4]), body + 4
        if kind not in _KEPT_CHUNKS[parent]:
            data[at : at + 4] = b"JUNK"
            _clear(data, Part(kind, at, at + 8, following))
        elif kind in _KEPT_CHUNKS:
            _clear_chunks(data, kind, body, following)
        at = following


def _clear_elements(data: bytearray) -> None:
    """Fill elements of Matroska with one that is void."""
    for found in [*_ELEMENTS.finditer(data)]:
        size, start = found[2], found.end()
        length = int.from_bytes(size) & (1 << 7 * len(size)) - 1
        if not 9 <= length <= len(data) - start:
            continue
        void = b"\xec\x01" + (length - 9).to_bytes(7)
        data[start : start + length] = void.ljust(length, b"\0")


def _clear(data: bytearray, part: Part) -> None:
    end = min(part.end, len(data))
    data[part.body : end] = bytes(max(0, end - part.body))
