"""The directories of TIFF structures: of a TIFF, of BigTIFF, and of EXIF in any file."""

import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SHORT, LONG, RATIONAL, IFD_OFFSET = 3, 4, 5, 13
# Bytes of one value, by type; 129 is text in UTF-8.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPE_SIZES |= {16: 8, 17: 8, 18: 8, 129: 1}
ByteOrder = Literal["<", ">"]  # as struct has it

_MOST_ENTRIES = 100_000  # on all pages, which may overlap in a small file


class Entry(NamedTuple):
    """An entry of a directory."""

    at: int  # its offset in the file
    tag: int  # its tag
    type: int  # the type of its values
    number: int  # how many there are
    value: int  # the bytes of its last field, as one number: its values, or their offset


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


def entries(data: bytes | bytearray, directory: int, start: int = 0) -> Iterator[Entry]:
    """Yield the entries of a directory.

    Args:
        data: The file.
        directory: The directory's offset in the file.
        start: The offset of the structure that it is in.

    Raises:
        struct.error: It goes beyond the file.
    """
    order = byte_order(data, start)
    counter, form = ("Q", "HHQQ") if _is_big(data, start) else ("H", "HHLL")
    entry = struct.Struct(order + form)
    first = directory + struct.calcsize(order + counter)
    (count,) = struct.unpack_from(order + counter, data, directory)
    for at in range(first, first + entry.size * count, entry.size):
        yield Entry(at, *entry.unpack_from(data, at))


def value_of(data: bytes | bytearray, entry: Entry) -> bytes:
    """Return the bytes of an entry's value, in a structure that is no BigTIFF. Raises KeyError for
    an unknown type, struct.error if it goes beyond the file."""
    length = TYPE_SIZES[entry.type] * entry.number
    at = entry.value if length > 4 else entry.at + 8
    if at + length > len(data):
        raise struct.error("a value beyond the file")
    return bytes(data[at : at + length])


def _is_big(data: bytes | bytearray, start: int = 0) -> bool:
    return data[start + 2 : start + 4] in (b"+\0", b"\0+")
