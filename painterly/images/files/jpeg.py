"""The markers of a JPEG: how many scans there are, and whether a file without end has all pixels.

libjpeg computes every pixel once for each scan, however few bytes that has, and paints missing ones
grey without an error.
"""

import re
import struct

from painterly.errors import PictureError
from painterly.images.files.content import MISSING_END, Content

START, _END_MARKER = b"\xff\xd8", b"\xff\xd9"

# Encoders make about ten. libtiff has the same limit for JPEGs in a TIFF.
MOST_SCANS = 100
_MOST_SEGMENTS = 20_000  # before and between the scans

# In a scan, FF is followed by 00, or by the number of a restart; FF itself is a fill byte.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB}
_SCAN, _END = 0xDA, 0xD9
_JFIF = 14  # bytes of its header that are read
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a segment
_COEFFICIENTS = 64


def content(data: bytes) -> Content:
    """Mark the end of a JPEG if that alone is missing, and leave out damage before its pixels.

    Raises PictureError for a file of too many scans or segments.
    """
    lacks_only_its_end = _lacks_only_its_end(data)
    data, left_out = _without_damage(data)
    if not lacks_only_its_end:
        return Content(data, left_out)
    # Zeros fill a file that was not received as a whole; FF may be half of a marker.
    data = data.rstrip(b"\0\xff")
    other = data + bytes([0x5A, 0xA7, 0x13, 0xE4] * 64) + _END_MARKER
    return Content(data + _END_MARKER, (*left_out, MISSING_END), other)


def _without_damage(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a file without bytes between the segments before its first scan, and without a JFIF
    header that is too short, with which libjpeg reads it and Pillow does not. Also return what
    was left out."""
    kept, at, is_damaged = [data[:2]], 2, False
    while match := _MARKER.search(data, at):
        is_damaged |= bool(data[at : match.start()].strip(b"\xff"))
        kind, body = match[1][0], match.end() + 2
        if kind in (_SCAN, _END, *_ALONE):
            at = match.start()
            break
        at = match.end() + max(2, int.from_bytes(data[match.end() : body]))
        if data.startswith(b"JFIF\0", body) and at - match.end() < _JFIF:
            is_damaged = True
        else:
            kept.append(data[match.start() : at])
    if not is_damaged:
        return data, ()
    return b"".join([*kept, data[at:]]), ("a damaged part before its pixels",)


def _lacks_only_its_end(data: bytes) -> bool:
    """Return whether a file has no end, and its scans together have every bit of every coefficient,
    if their data are complete. Markers are read as far as they are not damaged."""
    components: set[int] = set()
    exact: set[tuple[int, int]] = set()  # (component, coefficient) with all bits
    at, count, segments = 2, 0, 0
    while match := _MARKER.search(data, at):
        kind, at = match[1][0], match.end()
        if kind == _END:
            return False
        if kind in _ALONE:
            continue
        if at + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, at)
        body, at = data[at + 2 : at + length], at + max(length, 2)
        if len(body) < length - 2:
            break
        segments += 1
        if kind in _FRAMES:
            components = set(body[6::3])
        if kind == _SCAN and body:
            count += 1
            first, last, bits = body[1 + 2 * body[0] :][:3] or (0, 63, 0)
            if bits & 15 == 0:
                exact |= {
                    (component, number)
                    for component in body[1 : 1 + 2 * body[0] : 2]
                    for number in range(first, min(last, _COEFFICIENTS - 1) + 1)
                }
        if count > MOST_SCANS or segments > _MOST_SEGMENTS:
            raise PictureError(
                f"is a JPEG of more than {MOST_SCANS} scans, or of as many parts, which would take "
                "long to read; save it anew"
            )
    return bool(components) and len(exact) == _COEFFICIENTS * len(components)
