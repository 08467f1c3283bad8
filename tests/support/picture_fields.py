"""The fields of picture files' headers, and files with other values in a few of them."""

import random
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

_LOW = (0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 32, 64, 100, 127)
_SIDES = (1000, 4000, 8191, 10_000, 13_999, 14_000, 16_384, 20_000)
_LARGEST = 64  # bytes of a part that are taken for fields, one by one
_NESTED = (b"meta", b"iprp", b"ipco", b"iinf", b"moov", b"trak", b"mdia", b"minf", b"stbl")


class Field(NamedTuple):
    """A number in a file: its offset, its bytes, and their order."""

    at: int
    width: int
    order: Literal["little", "big"] = "big"


def with_other_fields(data: bytes, rng: random.Random) -> bytes:
    """A file with other values in one to three fields of its headers, and true checksums."""
    found = [each for each in fields(data) if each.at + each.width <= len(data)]
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        first = rng.randrange(len(found))
        # Neighbours are a width and a height, or an offset and a length.
        for field in found[first : first + rng.choice((1, 1, 2))]:
            value = int.from_bytes(out[field.at : field.at + field.width], field.order)
            value = rng.choice(_values(field.width, value))
            out[field.at : field.at + field.width] = value.to_bytes(field.width, field.order)
    if rng.random() < 0.1:
        del out[rng.randrange(len(out) + 1) :]
    _correct_checksums(out)
    return bytes(out)


def _values(width: int, value: int) -> list[int]:
    """The hardest values of a field that has a value."""
    end = 1 << 8 * width
    found = [*_LOW, *_SIDES, end - 1, end // 2, end // 2 - 1, end - 8, end // 16]
    found += [value - 1, value + 1, 2 * value, value // 2, 255, 256, 65_535, 65_536]
    found += [value ^ 1 << bit for bit in range(8 * width)]
    return [each for each in found if 0 <= each < end]


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a whole file's headers."""
    if data.startswith(b"\xff\xd8"):
        yield from _jpeg(data)
    elif data.startswith(b"\x89PNG"):
        yield from _png(data)
    elif data.startswith(b"RIFF"):
        yield from _webp(data, 12)
        yield Field(4, 4, "little")
    elif data[:4] in (b"II*\0", b"MM\0*"):
        yield from _tiff(data, 0)
    elif data.startswith(b"GIF8"):
        yield from _gif(data)
    elif data.startswith(b"BM"):
        yield from (Field(at, 4, "little") for at in (2, 10, 14, 18, 22, 30, 34, 38, 42, 46, 50))
        yield from (Field(at, 2, "little") for at in (26, 28))
        yield from _bytes(data, 54)
    else:
        yield from _boxes(data, 0, len(data))
        for found in re.finditer(rb"Exif\0\0(?=II|MM)", data):
            yield from _tiff(data, found.end())


def _bytes(data: bytes, first: int, end: int | None = None) -> Iterator[Field]:
    last = min(len(data) if end is None else end, first + _LARGEST)
    return (Field(at, 1) for at in range(first, last))


def _numbers(at: int, *widths: int, order: Literal["little", "big"] = "big") -> Iterator[Field]:
    for width in widths:
        yield Field(at, width, order)
        at += width


def _jpeg(data: bytes) -> Iterator[Field]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        yield from _numbers(at + 1, 1, 2)
        if 0xC0 <= kind <= 0xCF and kind != 0xC4:
            yield from _numbers(at + 4, 1, 2, 2, 1, *[1] * (length - 8))
        elif data[at + 4 : at + 10] == b"Exif\0\0":
            yield from _tiff(data, at + 10)
        else:
            yield from _bytes(data, at + 4, at + 2 + length)
        at += 2 + length
        if kind == 0xDA:
            scan = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL).search(data, at)
            at = scan.start() if scan else len(data)


def _png(data: bytes) -> Iterator[Field]:
    for at, length in _png_chunks(data):
        kind, body = data[at + 4 : at + 8], at + 8
        yield Field(at, 4)
        if kind in (b"IHDR", b"fcTL"):
            widths = (4, 4, 1, 1, 1, 1, 1) if kind == b"IHDR" else (4, 4, 4, 4, 4, 2, 2, 1, 1)
            yield from _numbers(body, *widths)
        elif kind == b"eXIf":
            yield from _tiff(data, body)
        elif length % 4 == 0 and kind in (b"gAMA", b"cHRM", b"acTL"):
            yield from _numbers(body, *[4] * (length // 4))
        else:
            yield from _bytes(data, body, body + (2 if kind == b"IDAT" else length))


def _png_chunks(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        yield at, length
        at += 12 + length


def _correct_checksums(data: bytearray) -> None:
    if data.startswith(b"\x89PNG"):
        for at, length in _png_chunks(data):
            if at + 12 + length <= len(data):
                check = zlib.crc32(data[at + 4 : at + 8 + length])
                struct.pack_into(">L", data, at + 8 + length, check)


def _webp(data: bytes, at: int) -> Iterator[Field]:
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        body = at + 8
        yield Field(at + 4, 4, "little")
        if kind == b"VP8X":
            yield from _numbers(body, 4, 3, 3, order="little")
        elif kind == b"ANMF":
            yield from _numbers(body, 3, 3, 3, 3, 3, 1, order="little")
            yield from _webp(data[: body + length], body + 16)
        elif kind == b"VP8 ":
            yield from _numbers(body, 3, 3, 2, 2, order="little")
        elif kind == b"VP8L":
            yield from _numbers(body, 1, 4, order="little")
        elif kind == b"EXIF":
            yield from _tiff(data, body + 6 * data.startswith(b"Exif\0\0", body))
        else:
            yield from _bytes(data, body, body + length)
        at = body + length + length % 2


def _tiff(data: bytes, start: int) -> Iterator[Field]:
    """The fields of a TIFF structure, with offsets from `start`."""
    order: Literal["little", "big"] = "little" if data[start : start + 2] == b"II" else "big"

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[at : at + width], order)

    pending, seen = [number(start + 4, 4)], set()
    yield Field(start + 4, 4, order)
    while pending:
        directory = pending.pop()
        if directory in seen or not directory:
            continue
        seen.add(directory)
        at = start + directory
        count = number(at, 2)
        yield Field(at, 2, order)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind = number(entry, 2), number(entry + 2, 2)
            yield from _numbers(entry, 2, 2, 4, order=order)
            value = 2 if kind == 3 and number(entry + 4, 4) == 1 else 4
            yield Field(entry + 8, value, order)
            if tag in (34665, 34853, 40965, 330):
                pending.append(number(entry + 8, 4))
            elif kind == 3 and 2 < number(entry + 4, 4) < 10:
                yield from _numbers(
                    start + number(entry + 8, 4), *[2] * number(entry + 4, 4), order=order
                )
        yield Field(at + 2 + 12 * count, 4, order)
        pending.append(number(at + 2 + 12 * count, 4))


def _gif(data: bytes) -> Iterator[Field]:
    yield from _numbers(6, 2, 2, 1, 1, 1, order="little")
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while at < len(data) and data[at] in b"!,":
        yield Field(at, 1)
        if data[at] == ord(","):
            yield from _numbers(at + 1, 2, 2, 2, 2, 1, 1, order="little")
            table = 3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0
            at += 11 + table
        else:
            yield from _numbers(at + 1, 1, 1, 1, 2, 1, order="little")
            at += 2
        while at < len(data) and data[at]:
            yield Field(at, 1)
            at += 1 + data[at]
        at += 1


def _boxes(data: bytes, at: int, end: int) -> Iterator[Field]:
    while at + 8 <= end:
        size, kind = struct.unpack_from(">L4s", data, at)
        body, following = at + 8, at + size if size else end
        yield Field(at, 4)
        if kind in _NESTED:
            inner = body + {b"meta": 4, b"iinf": 6}.get(kind, 0)
            yield from _bytes(data, body, inner)
            yield from _boxes(data, inner, following)
        elif kind in (b"ispe", b"clap", b"stco", b"stsz", b"pitm"):
            yield from _numbers(body, *[4] * ((following - body) // 4))
        else:
            yield from _bytes(data, body, following)
        at = max(following, body)
