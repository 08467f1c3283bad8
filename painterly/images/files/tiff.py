"""The directories of TIFF structures: of a TIFF, of BigTIFF, and of EXIF in any file."""

import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from painterly.errors import PictureError

BIG_ENDIAN_BIG = b"MM\0+"
STARTS = (b"II*\0", b"MM\0*", b"II+\0", BIG_ENDIAN_BIG)
SHORT, LONG, RATIONAL = 3, 4, 5
# Bytes of one value, by type; 129 is text in UTF-8.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPE_SIZES |= {16: 8, 17: 8, 18: 8, 129: 1}
ByteOrder = Literal["<", ">"]  # as struct has it

_MOST_PARTS = 100_000  # pieces in which pixels are stored
_LONGEST_VALUES = 32_000_000  # bytes, beyond the file's size: only its start may be here
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_NESTED = (34665, 34853, 40965)  # the directories of camera, position and interoperability
_MOST_DIRECTORIES = 10
_MOST_ENTRIES = 100_000  # on all pages, which may overlap in a small file


class Entry(NamedTuple):
    """An entry of a directory.

    Attributes:
        at: Its offset in the file.
        tag: Its tag.
        type: The type of its values.
        number: How many there are.
        value: The bytes of its last field, as one number: its values, or their offset.
    """

    at: int
    tag: int
    type: int
    number: int
    value: int


class Layout(NamedTuple):
    """The bits of each channel of a TIFF, and their formats: 1 for positive integers."""

    bits: tuple[int, ...]
    formats: tuple[int, ...]


def byte_order(data: bytes | bytearray, start: int = 0) -> ByteOrder:
    """Return the order of the bytes of the structure at an offset."""
    return "<" if data[start : start + 2] == b"II" else ">"


def first_directory(data: bytes | bytearray, start: int = 0) -> int:
    """Return the offset in the file of the first directory of the structure at an offset."""
    first, length = (8, 8) if _is_big(data, start) else (4, 4)
    pointer = data[start + first : start + first + length]
    return start + int.from_bytes(pointer, "little" if byte_order(data, start) == "<" else "big")


def pages(data: bytes | bytearray) -> Iterator[int]:
    """Yield the offsets of a file's directories that follow one another: one for each page.

    Raises struct.error for a damaged one.
    """
    order, big = byte_order(data), _is_big(data)
    counter, form, pointer = ("Q", "HHQQ", "Q") if big else ("H", "HHLL", "L")
    directory, left = first_directory(data), _MOST_ENTRIES
    while directory and left > 0:
        yield directory
        (count,) = struct.unpack_from(order + counter, data, directory)
        end = directory + struct.calcsize(order + counter) + struct.calcsize(order + form) * count
        (directory,) = struct.unpack_from(order + pointer, data, end)
        left -= count + 1


def entries(
    data: bytes | bytearray, directory: int, start: int = 0, is_whole: bool = False
) -> Iterator[Entry]:
    """Yield the entries of a directory, up to the file's end.

    Args:
        data: The file.
        directory: The directory's offset in the file.
        start: The offset of the structure that it is in.
        is_whole: Whether struct.error is raised at the end of a file that has less.
    """
    order = byte_order(data, start)
    counter, form = ("Q", "HHQQ") if _is_big(data, start) else ("H", "HHLL")
    entry = struct.Struct(order + form)
    first = directory + struct.calcsize(order + counter)
    if first > len(data) and not is_whole:
        return
    (count,) = struct.unpack_from(order + counter, data, directory)
    if not is_whole:
        count = min(count, (len(data) - first) // entry.size)
    for at in range(first, first + entry.size * count, entry.size):
        yield Entry(at, *entry.unpack_from(data, at))


def check_directory(data: bytes) -> None:
    """Raise PictureError if the first directory of a TIFF, or of an EXIF block, has far more pieces
    than pictures have, or is longer than the file because its entries share their values."""
    pending, total = [first_directory(data)], 0
    for _ in range(_MOST_DIRECTORIES):
        if not pending:
            return
        for entry in entries(data, pending.pop()):
            total += TYPE_SIZES.get(entry.type, 0) * entry.number
            if entry.tag in _NESTED:
                pending.append(entry.value)
            too_many = entry.tag in (_STRIP_OFFSETS, _TILE_OFFSETS) and entry.number > _MOST_PARTS
            if too_many or total > 2 * len(data) + _LONGEST_VALUES:
                raise PictureError(
                    "has more parts than a picture has, which would take long to read; save it anew"
                )


def layout(data: bytes) -> Layout | None:
    """Return the layout of a TIFF's first picture, or None if there is none in the file."""
    if not data.startswith(STARTS):
        return None
    tags = {entry.tag: entry for entry in entries(data, first_directory(data))}
    try:
        bits = _numbers(data, tags[258])
        formats = _numbers(data, tags[339]) if 339 in tags else (1,)
    except (KeyError, struct.error):
        return None
    return Layout(bits, formats) if bits and formats and 256 in tags else None


def first_tags(data: bytes) -> dict[int, int]:
    """Return the tags of a TIFF's first directory, with their values if they are one number."""
    order = byte_order(data)
    tags = {}
    for _, tag, kind, _, value in entries(data, first_directory(data)):
        # A number of 16 bits is at the start of its field.
        short = value >> (48 if _is_big(data) else 16) if order == ">" else value & 0xFFFF
        tags[tag] = short if kind == SHORT else value
    return tags


def _numbers(data: bytes, entry: Entry) -> tuple[int, ...]:
    """Return a few values of a tag, SHORT."""
    order, inline = byte_order(data), 4 if _is_big(data) else 2
    if entry.type != SHORT or entry.number > 100:
        return ()
    if entry.number > inline:
        return struct.unpack_from(f"{order}{entry.number}H", data, entry.value)
    packed = entry.value.to_bytes(2 * inline, "little" if order == "<" else "big")
    return struct.unpack_from(f"{order}{entry.number}H", packed)


def _is_big(data: bytes | bytearray, start: int = 0) -> bool:
    return data[start + 2 : start + 4] in (b"+\0", b"\0+")
