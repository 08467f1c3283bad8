"""The markers of a JPEG: how many scans there are, whether their data may have all pixels, and
whether a file without end has.

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
_PROGRESSIVE = {0xC2, 0xCA}
# The fewest bits of a block of 8 × 8 values: one code for its mean, and one for the rest in a
# sequential file. Arithmetic codes may have less, but no photo has.
_SEQUENTIAL, _FEWEST_BITS, _FEWEST_BITS_SEQUENTIAL = (0xC0, 0xC1), 1, 2
_FEWEST_WITHOUT_END = 8  # Photos have more; it is decoded twice.
_LARGE = 20_000_000  # Smaller pictures take little memory, whatever they have.
_SCAN, _END = 0xDA, 0xD9
_JFIF = 14  # bytes of its header that are read
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a segment
_COEFFICIENTS = 64


def content(data: bytes) -> Content:
    """Mark the end of a JPEG if that alone is missing, and leave out damage before its pixels.

    Raises PictureError for a file of too many scans or segments.
    """
    lacks_only_its_end, is_short = _read(data)
    data, left_out = _without_damage(data)
    if not lacks_only_its_end:
        return Content(data, left_out, is_short=is_short)
    # Zeros fill a file that was not received as a whole; FF may be half of a marker.
    data = data.rstrip(b"\0\xff")
    other = data + bytes([0x5A, 0xA7, 0x13, 0xE4] * 64) + _END_MARKER
    return Content(data + _END_MARKER, (*left_out, MISSING_END), other, is_short=is_short)


def is_buffered(data: bytes) -> bool:
    """Return whether decoding holds all coefficients at once, at any size: a progressive JPEG, or
    one without all components in its first scan."""
    at, components = len(START), -1
    while match := _MARKER.search(data, at):
        kind, body = match[1][0], match.end() + 2
        if kind == _SCAN:
            return data[body] != components
        if kind in _FRAMES - _PROGRESSIVE:
            components = data[body + 5]
        at = match.end() if kind in _ALONE else body - 2 + int.from_bytes(data[body - 2 : body])
    return True


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


def _read(data: bytes) -> tuple[bool, bool]:
    """Return whether a file has no end, and its scans together have every bit of every coefficient,
    if their data are complete; and whether their data are too few for the pixels. Markers are read
    as far as they are not damaged."""
    components: set[int] = set()
    exact: set[tuple[int, int]] = set()  # (component, coefficient) with all bits
    at, count, segments, fewest, stored = 2, 0, 0, 0, 0
    in_scan = False
    while match := _MARKER.search(data, at):
        stored += (match.start() - at) * in_scan
        kind, at, in_scan = match[1][0], match.end(), False
        if kind == _END:
            return False, 8 * stored < fewest
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
            fewest = _fewest_bits(kind, body)
        if kind == _SCAN and body:
            count, in_scan = count + 1, True
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
    stored += (len(data) - at) * in_scan
    has_all = bool(components) and len(exact) == _COEFFICIENTS * len(components)
    return has_all, 8 * stored < fewest * _FEWEST_WITHOUT_END


def _fewest_bits(kind: int, frame: bytes) -> int:
    """Return the fewest bits that a large picture takes by its frame's header; 0 for others."""
    height, width = struct.unpack_from(">HH", frame.ljust(5, b"\0"), 1)
    factors = [(each >> 4) * (each & 15) for each in frame[7::3]]
    if width * height < _LARGE or not factors:
        return 0
    # The largest factors of both directions may be of different components: a lower number.
    most = max(each >> 4 for each in frame[7::3]) * max(each & 15 for each in frame[7::3])
    blocks: int = width * height * sum(factors) // (_COEFFICIENTS * most or 1)
    return blocks * (_FEWEST_BITS_SEQUENTIAL if kind in _SEQUENTIAL else _FEWEST_BITS)
