"""Picture files made ready for Pillow: without damage outside of the pixels, and without what takes
long to read but has no pixels.

Headers are parsed here byte by byte, in time that grows with the file's size and no faster.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from painterly.errors import PictureError
from painterly.images import jpeg_markers, png_chunks

_MISSING_END = ("its end, which is missing",)
_MANY_BLOCKS = 50_000  # data blocks before a GIF's first frame
_MOST_PARTS = 250_000  # a TIFF's pieces; pictures of 200 megapixels have fewer
_LONGEST_VALUES = 32_000_000  # bytes, beyond the file's size: only its start may be here
_MOST_BOXES = 10_000
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_NESTED = (34665, 34853, 40965)  # the directories of camera, position and interoperability
_MOST_DIRECTORIES = 10
_BEFORE_GIF_FRAMES = re.compile(rb"\xf9\x04.{4}\0|\xff\x0bNETSCAPE2\.0\x03.{3}\0", re.DOTALL)


class Prepared(NamedTuple):
    """A file that Pillow can read.

    Attributes:
        data: The file.
        left_out: What was left out of it, in a few words each.
        other: The same file in other bytes after its end, if that is missing: the file is complete
            only if both show the same.
        cicp: How its values mean colours (ITU-T H.273): primaries, transfer characteristics,
            matrix, and 1 for the full range; None if that is unknown.
    """

    data: bytes
    left_out: tuple[str, ...] = ()
    other: bytes | None = None
    cicp: tuple[int, int, int, int] | None = None


class TiffLayout(NamedTuple):
    """The bits of each channel of a TIFF, and their formats: 1 for positive integers."""

    bits: tuple[int, ...]
    formats: tuple[int, ...]


def prepared(data: bytes) -> Prepared:
    """Make a picture file ready for Pillow. A file of no known kind is returned as it is.

    Raises PictureError for a file that has far more parts than pictures have.
    """
    if data.startswith(png_chunks.SIGNATURE):
        mended = png_chunks.mended(data)
        cicp = mended.cicp and len(mended.cicp) == 4 and struct.unpack("4B", mended.cicp)
        return Prepared(mended.data, mended.left_out, cicp=cicp or None)
    if data.startswith(jpeg_markers.START):
        scans = jpeg_markers.scans(data)
        if scans.is_ended or not scans.is_complete:
            return Prepared(data)
        data, other = jpeg_markers.continued(data)
        return Prepared(data, _MISSING_END, other)
    if data.startswith(b"GIF8"):
        return Prepared(_gif_without_comments(data))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data.startswith(TIFF_STARTS):
        check_directory(data)
    if data[4:8] == b"ftyp":
        return Prepared(data, cicp=_nclx(data))
    return Prepared(data)


def check_directory(data: bytes) -> None:
    """Raise PictureError if the first directory of a TIFF, or of an EXIF block, has far more pieces
    than pictures have, or is longer than the file because its entries share their values."""
    pending, total = [_first_directory(data)], 0
    for _ in range(_MOST_DIRECTORIES):
        if not pending:
            return
        for tag, kind, number, value in _entries(data, pending.pop()):
            total += _TIFF_SIZES.get(kind, 0) * number
            if tag in _NESTED:
                pending.append(value)
            too_many = tag in (_STRIP_OFFSETS, _TILE_OFFSETS) and number > _MOST_PARTS
            if too_many or total > 2 * len(data) + _LONGEST_VALUES:
                raise PictureError(
                    "has more parts than a picture has, which would take long to read; save it anew"
                )


def tiff_layout(data: bytes) -> TiffLayout | None:
    """Return the layout of a TIFF's first picture, or None if there is none in the file."""
    if not data.startswith(TIFF_STARTS):
        return None
    tags = {tag: entry for tag, *entry in _entries(data, _first_directory(data))}
    try:
        bits = _numbers(data, *tags[258])
        formats = _numbers(data, *tags[339]) if 339 in tags else (1,)
    except (KeyError, struct.error):
        return None
    return TiffLayout(bits, formats) if bits and formats and 256 in tags else None


def first_tags(data: bytes) -> dict[int, int]:
    """Return the tags of a TIFF's first directory, with their values if they are one number."""
    order = _tiff_order(data)
    return {
        # A number of 16 bits is at the start of its field.
        tag: value >> 16 if order == ">" and kind == 3 else value & (0xFFFF if kind == 3 else -1)
        for tag, kind, _, value in _entries(data, _first_directory(data))
    }


def _numbers(data: bytes, kind: int, count: int, value: int) -> tuple[int, ...]:
    """Return a few values of a tag, SHORT."""
    order, inline = _tiff_order(data), 4 if _is_big_tiff(data) else 2
    if kind != 3 or count > 100:
        return ()
    if count > inline:
        return struct.unpack_from(f"{order}{count}H", data, value)
    packed = value.to_bytes(2 * inline, "little" if order == "<" else "big")
    return struct.unpack_from(f"{order}{count}H", packed)


def _first_directory(data: bytes) -> int:
    pointer = data[8:16] if _is_big_tiff(data) else data[4:8]
    return int.from_bytes(pointer, "little" if _tiff_order(data) == "<" else "big")


def _tiff_order(data: bytes) -> str:
    """Return the order of a TIFF's bytes, as struct has it."""
    return "<" if data[:2] == b"II" else ">"


def _is_big_tiff(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _entries(data: bytes, offset: int) -> Iterator[tuple[int, int, int, int]]:
    """Return the tags, types, counts and values of a directory, up to the file's end."""
    order = _tiff_order(data)
    kinds = ("HHQQ", "Q") if _is_big_tiff(data) else ("HHLL", "H")
    entry, counter = (order + kind for kind in kinds)
    size, start = struct.calcsize(entry), offset + struct.calcsize(counter)
    if start > len(data):
        return iter(())
    (count,) = struct.unpack_from(counter, data, offset)
    end = start + size * min(count, (len(data) - start) // size)
    return struct.iter_unpack(entry, data[start:end])


def _gif_without_comments(data: bytes) -> bytes:
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
                raise PictureError(
                    "has more comments than a picture has, which would take long to read; save it "
                    "anew"
                )
        at += 1
        if _BEFORE_GIF_FRAMES.fullmatch(data, extension + 1, at):
            kept.append(data[extension:at])
    return data if blocks < _MANY_BLOCKS // 100 else data[:start] + b"".join(kept) + data[at:]


def _webp(data: bytes) -> Prepared:
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
        return Prepared(data)
    return Prepared(data[:4] + struct.pack("<L", at - 8) + data[8:at], _MISSING_END)


def _nclx(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the CICP of the main picture of a HEIC or AVIF file, or None.

    Further pictures, such as the brightness that phones add, have others.
    """
    try:
        meta = next(body for kind, body in _boxes(data) if kind == b"meta")[4:]
        inner = dict(_boxes(meta))
        long_ids = inner[b"pitm"][0] > 0
        item = int.from_bytes(inner[b"pitm"][4 : 8 if long_ids else 6])
        properties = dict(_boxes(inner[b"iprp"]))
        owned = list(_boxes(properties[b"ipco"]))
        for index in _property_indices(properties[b"ipma"], item):
            kind, body = owned[index - 1]
            if kind == b"colr" and body.startswith(b"nclx"):
                primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", body, 4)
                return primaries, transfer, matrix, flags >> 7
    except (StopIteration, KeyError, IndexError, struct.error):
        pass  # Damaged, or an old form: the readers decide.
    return None


def _property_indices(associations: bytes, item: int) -> list[int]:
    """Return the indices, from 1, of an item's properties in an `ipma` box."""
    version, flags = associations[0], associations[3]
    (count,) = struct.unpack_from(">L", associations, 4)
    at, number_of_item = 8, ">L" if version else ">H"
    kind, mask = (">H", 0x7FFF) if flags & 1 else (">B", 0x7F)
    for _ in range(min(count, _MOST_BOXES)):
        (owner,) = struct.unpack_from(number_of_item, associations, at)
        at += struct.calcsize(number_of_item)
        entries = associations[at]
        start, at = at + 1, at + 1 + entries * struct.calcsize(kind)
        if owner == item:
            numbers = struct.iter_unpack(kind, associations[start:at])
            return [number & mask for (number,) in numbers]
    return []


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the types and contents of the boxes of an ISO base media file."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">L4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + size if size else len(data)
        if end < start:
            return
        yield kind, data[start:end]
        at = end
