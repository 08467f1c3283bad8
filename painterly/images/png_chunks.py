"""The chunks of a PNG: damaged or excessive ones that hold no pixels are left out."""

import struct
import zlib
from typing import NamedTuple

from painterly.errors import PictureError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST_PROFILE = 16_000_000  # bytes; the profiles of printing presses have a few megabytes
LONGEST_TEXT = 256_000  # bytes of a text that is kept: XMP, or EXIF as text

# Reading takes time for every chunk: a file of nearly empty ones would take it without pixels.
_MANY, _SMALL = 10_000, 256  # chunks, and bytes of them on average

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_USED_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type ")
# Bytes of chunks that Pillow refuses a picture for, if they are shorter.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"acTL": 8}
_COMPRESSED = {b"iCCP": LONGEST_PROFILE, b"zTXt": LONGEST_TEXT}


class Chunk(NamedTuple):
    """A chunk: its type, and the offsets of its first byte, of its body, and after its end."""

    kind: bytes
    start: int
    body: int
    end: int


class Mended(NamedTuple):
    """A PNG that Pillow reads, what was left out of it, and its cICP chunk, if it has one."""

    data: bytes
    left_out: tuple[str, ...]
    cicp: bytes | None


def mended(data: bytes) -> Mended:
    """Leave out texts, damaged chunks that hold no pixels, and a cut end.

    Raises PictureError for a file of too many small chunks.
    """
    chunks, is_whole = _chunks(data)
    kept, left_out = [], []
    for chunk in chunks:
        body = data[chunk.body : chunk.end - 4] if _is_ancillary(chunk.kind) else b""
        if chunk.kind in _TEXTS and not _is_used_text(chunk.kind, body):
            continue
        if _is_ancillary(chunk.kind) and _is_damaged(data, chunk):
            left_out.append(f"a damaged part ({chunk.kind.decode('latin-1')})")
        elif _expands(chunk.kind, body):
            left_out.append("a colour profile of more than 16 MB")
        else:
            kept.append(chunk)
    # A cut within the pixels is left to Pillow, which refuses it.
    is_cut = not is_whole and any(chunk.kind == b"IDAT" for chunk in chunks)
    if is_cut:
        left_out.append("its end, which is missing")
    cicp = next((data[each.body : each.end - 4] for each in kept if each.kind == b"cICP"), None)
    if is_cut or len(kept) < len(chunks):
        rest = _chunk(b"IEND", b"") if is_cut else data[chunks[-1].end :]
        data = SIGNATURE + b"".join(data[each.start : each.end] for each in kept) + rest
    return Mended(data, tuple(left_out), cicp)


def _chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk's bytes."""
    check = zlib.crc32(kind + body)
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", check)


def _chunks(data: bytes) -> tuple[list[Chunk], bool]:
    """Return the whole chunks, and whether the last one is the file's end."""
    at = len(SIGNATURE)
    chunks: list[Chunk] = []
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        if end > len(data) or not kind.isalpha():
            return chunks, False
        chunks.append(Chunk(kind, at, at + 8, end))
        if kind == b"IEND":
            return chunks, True
        if len(chunks) > _MANY and end < _SMALL * len(chunks):
            raise PictureError(
                "consists of too many small parts, which would take long to read; save it anew"
            )
        at = end
    return chunks, False


def _is_ancillary(kind: bytes) -> bool:
    return kind[:1].islower()


def _is_damaged(data: bytes, chunk: Chunk) -> bool:
    if chunk.end - 4 - chunk.body < _LENGTHS.get(chunk.kind, 0):
        return True
    (check,) = struct.unpack_from(">L", data, chunk.end - 4)
    return bool(zlib.crc32(data[chunk.start + 4 : chunk.end - 4]) != check)


def _is_used_text(kind: bytes, body: bytes) -> bool:
    """Return whether a text has a picture's orientation, and is no longer than such texts are."""
    if not body.startswith(_USED_TEXTS) or len(body) > LONGEST_TEXT:
        return False
    is_packed = kind == b"iTXt" and body.partition(b"\0")[2][:1] == b"\1"
    return not (is_packed or _expands(kind, body))


def _expands(kind: bytes, body: bytes) -> bool:
    """Return whether a compressed chunk has more bytes than such chunks may have."""
    if kind not in _COMPRESSED:
        return False
    packed = body.partition(b"\0")[2][1:]
    try:
        unpacked = zlib.decompressobj().decompress(packed, _COMPRESSED[kind] + 1)
    except zlib.error:
        return False  # Pillow leaves it out.
    return len(unpacked) > _COMPRESSED[kind]
