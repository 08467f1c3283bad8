"""The boxes of ISO base media files: HEIC, AVIF, and JPEG XL."""

import contextlib
import struct
from collections.abc import Iterator

from painterly.images.files.content import Part

JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")  # bare, and in boxes
_MOST_BOXES = 10_000


def boxes(data: bytes | bytearray, first: int = 0, end: int | None = None) -> Iterator[Part]:
    """Yield the boxes between two offsets in a file. The last one's end may be missing.

    Raises struct.error for a damaged one.
    """
    at, last = first, len(data) if end is None else min(end, len(data))
    for _ in range(_MOST_BOXES):
        if at + 8 > last:
            return
        size, kind = struct.unpack_from(">L4s", data, at)
        body = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        following = at + size if size else last
        if following < body:
            return
        yield Part(kind, at, body, following)
        at = following


def cicp(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the CICP of the main picture of a HEIC or AVIF file, or None.

    Further pictures, such as the brightness that phones add, have others.
    """
    try:
        inner = _bodies(_meta(data))
        long_ids = inner[b"pitm"][0] > 0
        item = int.from_bytes(inner[b"pitm"][4 : 8 if long_ids else 6])
        properties = _bodies(inner[b"iprp"])
        owned = properties[b"ipco"]
        all_of = [(box.kind, owned[box.body : box.end]) for box in boxes(owned)]
        for index in property_indices(properties[b"ipma"], item):
            kind, body = all_of[index - 1]
            if kind == b"colr" and body.startswith(b"nclx"):
                primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", body, 4)
                return primaries, transfer, matrix, flags >> 7
    except (StopIteration, KeyError, IndexError, struct.error):
        pass  # Damaged, or an old form: the readers decide.
    return None


def _meta(data: bytes) -> bytes:
    """Return the boxes in the `meta` box of a file. Raises StopIteration if there is none."""
    return next(data[box.body + 4 : box.end] for box in boxes(data) if box.kind == b"meta")


def _bodies(data: bytes) -> dict[bytes, bytes]:
    """Return the contents of the boxes, the last of each type."""
    return {box.kind: data[box.body : box.end] for box in boxes(data)}


def property_indices(associations: bytes, item: int) -> list[int]:
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


def jxl_metadata(data: bytes) -> tuple[bytes, bytes]:
    """Return the EXIF and the XMP of a JPEG XL, as far as they are not compressed."""
    inner = {b"Exif": b"", b"xml ": b""}
    with contextlib.suppress(struct.error):  # Damaged: no reader sees more.
        for box in boxes(data):
            if box.kind in inner:
                inner[box.kind] = data[box.body : box.end]
    return inner[b"Exif"][4:], inner[b"xml "]


def clear_compressed(data: bytearray) -> None:
    """Empty the boxes of a JPEG XL that hold compressed metadata, in place: any by Brotli, and what
    a JPEG can be restored from byte for byte. The pixels are in other boxes."""
    with contextlib.suppress(struct.error):
        for box in boxes(data):
            if box.kind in (b"brob", b"jbrd"):
                data[box.start + 4 : box.start + 8] = b"free"
                data[box.body : box.end] = bytes(min(box.end, len(data)) - box.body)


def has_compressed_items(data: bytes) -> bool:
    """Return whether a HEIC or AVIF file has metadata that are compressed (ISO 23008-12: an item
    with a content encoding)."""
    with contextlib.suppress(StopIteration, KeyError, struct.error):
        items = _bodies(_meta(data))[b"iinf"]
        first = 8 if items[:1] > b"\0" else 6
        return any(_is_encoded(items[box.body : box.end]) for box in boxes(items, first))
    return False


def _is_encoded(item: bytes) -> bool:
    """Return whether the body of an `infe` box has a content encoding."""
    kind = 10 if item[:1] > b"\2" else 8
    texts = item[kind + 4 :].split(b"\0")  # name, content type, content encoding
    return item[kind : kind + 4] == b"mime" and bool(texts[2:] and texts[2])
