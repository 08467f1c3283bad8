"""The items of HEIC and AVIF files: what they declare, and damage outside of the pixels."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from painterly.errors import PictureError
from painterly.images.files.boxes import boxes, cicp, property_indices
from painterly.images.files.content import Content, Part
from painterly.images.files.tiff import STARTS

_AVIF = (b"avif", b"avis")
_MOST_ITEMS = 1000
_LONGEST_BRANDS = 64  # bytes of them that are looked at
_RARE_MATRICES = (
    10,
    11,
    13,
    14,
)  # numbers in H.273: constant luminance, and others that no reader has


class _Item(NamedTuple):
    """An item: its type, the offset of that in the file, and its first extent."""

    kind: bytes
    kind_at: int
    start: int
    length: int


def content(data: bytes) -> Content:
    """Leave out EXIF that libavif would refuse an AVIF for, and find what the file declares.

    Raises PictureError for colours that no reader converts.
    """
    try:
        return _content(data)
    except (struct.error, IndexError, StopIteration, RuntimeError):
        return Content(data, cicp=cicp(data))  # Damaged, or an old form: the readers decide.


def _content(data: bytes) -> Content:
    left_out: tuple[str, ...] = ()
    brands = data[8 : int.from_bytes(data[:4])][:_LONGEST_BRANDS]
    brand = next((each for each in _AVIF if each in brands), None)
    is_avif = brand is not None
    if brand:
        # Its first brand, which may be a general one, decides which library reads it.
        data = _with_one_ipma(data[:8] + brand + data[12:])
    items = _items(data)
    if is_avif:
        mended = bytearray(data)
        for item in items.values():
            if item.kind == b"Exif" and not _is_exif(data[item.start : item.start + item.length]):
                mended[item.kind_at : item.kind_at + 4] = b"skip"
                left_out = ("a damaged part (Exif)",)
        data = bytes(mended)
    colours = cicp(data)
    matrix = colours[2] if colours else 0
    if matrix in _RARE_MATRICES:
        raise PictureError(
            f"has colours of a rare kind (matrix {matrix} of H.273, such as constant luminance); "
            "export it as JPEG or PNG"
        )
    crop = _crop(data) if is_avif else None
    return Content(data, left_out, cicp=colours, crop=crop)


def _is_exif(body: bytes) -> bool:
    """Return whether an item of EXIF has the offset of its TIFF structure at its start."""
    found = min((at for at in (body.find(each, 4) for each in STARTS[:2]) if at > 0), default=0)
    return bool(found) and found - 4 == int.from_bytes(body[:4])


def _within(data: bytes, *path: bytes) -> Iterator[Part]:
    """Yield the boxes at a path of types."""
    found = [*boxes(data)]
    for number, kind in enumerate(path):
        parents = [each for each in found if each.kind == kind]
        if number == len(path) - 1:
            yield from parents
            return
        skipped = 4 * (kind == b"meta")
        found = [box for each in parents for box in boxes(data, each.body + skipped, each.end)]


def _items(data: bytes) -> dict[int, _Item]:
    """Return the items by their number."""
    kinds = {}
    for table in _within(data, b"meta", b"iinf"):
        first = table.body + (8 if data[table.body] else 6)
        for box in boxes(data, first, table.end):
            long = data[box.body] > 2
            (number,) = struct.unpack_from(">L" if long else ">H", data, box.body + 4)
            kinds[number] = box.body + (10 if long else 8)
    places = dict(_places(data))
    return {
        number: _Item(data[at : at + 4], at, *places[number])
        for number, at in kinds.items()
        if number in places
    }


def _places(data: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each item's number, and the offset and length of its first extent."""
    inner = next((each.body for each in _within(data, b"meta", b"idat")), 0)
    for box in _within(data, b"meta", b"iloc"):
        version, sizes = data[box.body], int.from_bytes(data[box.body + 4 : box.body + 6])
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        wide = 4 if version > 1 else 2
        at = box.body + 6 + wide
        for _ in range(min(_MOST_ITEMS, int.from_bytes(data[box.body + 6 : at]))):
            number, method = int.from_bytes(data[at : at + wide]), 0
            at += wide
            if version:
                method, at = int.from_bytes(data[at : at + 2]) & 15, at + 2
            first = int.from_bytes(data[at + 2 : at + 2 + base])
            at += 2 + base
            (count,) = struct.unpack_from(">H", data, at)
            at += 2
            step = offset + length + (index if version else 0)
            begin = at + (index if version else 0)
            start = first + int.from_bytes(data[begin : begin + offset])
            long = int.from_bytes(data[begin + offset : begin + offset + length])
            yield number, (start + (inner if method == 1 else 0), long)
            at += count * step


def _crop(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the clean aperture of the main picture of an AVIF, which Pillow does not apply."""
    owned = [*_within(data, b"meta", b"iprp", b"ipco")]
    if not owned:
        return None
    properties = [*boxes(data, owned[0].body, owned[0].end)]
    size = box = None
    for index in _main_properties(data):
        part = properties[index - 1]
        if part.kind == b"ispe":
            size = struct.unpack_from(">2L", data, part.body + 4)
        if part.kind == b"clap":
            box = struct.unpack_from(">8l", data, part.body)
    if size is None or box is None or 0 in box[1::2]:
        return None
    across, down, right, below = (box[at] / box[at + 1] for at in (0, 2, 4, 6))
    left, top = (size[0] - across) / 2 + right, (size[1] - down) / 2 + below
    sides = left, top, left + across, top + down
    fits = 0 <= left < sides[2] <= size[0] and 0 <= top < sides[3] <= size[1]
    whole = all(each == int(each) for each in sides)
    return tuple(map(int, sides)) if fits and whole else None  # type: ignore[return-value]


def _main_properties(data: bytes) -> list[int]:
    main = next(_within(data, b"meta", b"pitm"))
    number = int.from_bytes(data[main.body + 4 : main.body + (8 if data[main.body] else 6)])
    table = next(_within(data, b"meta", b"iprp", b"ipma"))
    return property_indices(data[table.body : table.end], number)


def _with_one_ipma(data: bytes) -> bytes:
    """Join the tables of properties of an old encoder's AVIF, which has one for each item: libavif
    allows one. A free box keeps all offsets."""
    properties = next(_within(data, b"meta", b"iprp"))
    inner = [*boxes(data, properties.body, properties.end)]
    tables = [each for each in inner if each.kind == b"ipma"]
    heads = {data[each.body : each.body + 4] for each in tables}
    at_the_end = inner[len(inner) - len(tables) :] == tables and inner[-1].end == properties.end
    if len(tables) < 2 or len(heads) > 1 or not at_the_end:
        return data
    (counts, rows) = zip(
        *((data[each.body + 4 : each.body + 8], data[each.body + 8 : each.end]) for each in tables),
        strict=True,
    )
    count = sum(int.from_bytes(each) for each in counts)
    body = heads.pop() + struct.pack(">L", count) + b"".join(rows)
    first, spare = tables[0].start, 16 * (len(tables) - 1)
    table = struct.pack(">L4s", 8 + len(body), b"ipma") + body
    size = struct.pack(">L", properties.end - properties.start - spare)
    free = struct.pack(">L4s", spare, b"free") + bytes(spare - 8)
    before = data[: properties.start] + size + data[properties.start + 4 : first]
    return before + table + free + data[properties.end :]
