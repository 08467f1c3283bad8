"""The chunks of a PNG: damaged or excessive ones that hold no pixels are left out."""

import struct
import zlib

from painterly.errors import PictureError
from painterly.images.files.content import MISSING_END, Content, Part

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
LONGEST_PROFILE = 16_000_000  # bytes; the profiles of printing presses have a few megabytes
LONGEST_TEXT = 256_000  # bytes of a text that is kept: XMP, or EXIF as text

# Reading takes time for every chunk: a file of nearly empty ones would take it without pixels.
_MANY, _SMALL = 10_000, 256  # chunks, and bytes of them on average

# Bytes of pixels for one of the file in pictures that may be flat, and bytes that are unpacked.
_THIN, _AT_ONCE = 100, 1_000_000
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by type of colour
_FIRST_CHUNK_END = 33

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_METADATA = (b"XML:com.adobe.xmp\0", b"Raw profile type ")  # as texts
_OLD_NAME, _USUAL_NAME = b"Raw profile type APP1\0", b"Raw profile type exif\0"
# Bytes of chunks that Pillow refuses a picture for, if they are shorter.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"acTL": 8}
_COMPRESSED = {b"iCCP": LONGEST_PROFILE, b"zTXt": LONGEST_TEXT}


def content(data: bytes) -> Content:
    """Leave out texts, damaged chunks that hold no pixels, and a cut end. EXIF and texts that are
    used go before the pixels.

    Raises PictureError for a file of too many small chunks, and for Apple's own kind of PNG.
    """
    if data[12:16] == b"CgBI":
        raise PictureError(
            "is a PNG of Apple's own kind, from an app; export it as JPEG or as a usual PNG"
        )
    chunks, is_whole = _chunks(data)
    data = _with_usual_names(data, chunks)
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
    first = next((number for number, each in enumerate(kept) if each.kind == b"IDAT"), len(kept))
    is_cut = not is_whole and first < len(kept)
    if is_cut:
        left_out.append(MISSING_END)
    cicp = next((data[each.body : each.end - 4] for each in kept if each.kind == b"cICP"), b"")
    late = [each for each in kept[first:] if _is_metadata(each)]
    if is_cut or late or len(kept) < len(chunks):
        rest = _END if is_cut else data[chunks[-1].end :]
        # Pillow would have to decode the pixels to find what is after them.
        after = [each for each in kept[first:] if not _is_metadata(each)]
        ordered = [*kept[:1], *late, *kept[1:first], *after]
        data = SIGNATURE + b"".join(data[each.start : each.end] for each in ordered) + rest
    values = struct.unpack("4B", cicp) if len(cicp) == 4 else None
    return Content(data, tuple(left_out), cicp=values)


def is_cut(data: bytes) -> bool:
    """Return whether a picture of few data, which may be flat, ends before its pixels do: Pillow
    would leave the others black if the data have an end."""
    if not data.startswith(SIGNATURE) or len(data) < _FIRST_CHUNK_END:
        return False
    width, height, bits, kind = struct.unpack_from(">LLBB", data, 16)
    left: int = height * (1 + width * bits * _CHANNELS.get(kind, 0) // 8)
    is_interlaced = data[28] != 0
    if left < _THIN * len(data) or is_interlaced:
        return False
    inflate = zlib.decompressobj()
    for part in _chunks(data)[0]:
        packed = data[part.body : part.end - 4] if part.kind == b"IDAT" else b""
        while packed and left > 0:
            try:
                left -= len(inflate.decompress(packed, _AT_ONCE))
            except zlib.error:
                return True
            packed = inflate.unconsumed_tail
    return left > 0


def _with_usual_names(data: bytes, chunks: list[Part]) -> bytes:
    """Name texts of EXIF as Pillow knows them; older versions of ImageMagick named them APP1."""
    old = [each for each in chunks if each.kind in _TEXTS and data.startswith(_OLD_NAME, each.body)]
    if not old:
        return data
    out = bytearray(data)
    for each in old:
        out[each.body : each.body + len(_OLD_NAME)] = _USUAL_NAME
        if not _is_damaged(data, each):
            check = zlib.crc32(out[each.start + 4 : each.end - 4])
            struct.pack_into(">L", out, each.end - 4, check)
    return bytes(out)


def clear_texts(data: bytearray) -> None:
    """Empty the texts that hold EXIF or XMP, which may be compressed, in place. Correct the
    checksums of that and of EXIF."""
    for kind, start, body, end in _chunks(data)[0]:
        if kind in _TEXTS and data[body:end].startswith(_METADATA):
            # A chunk that no reader knows, and that every reader may pass over.
            data[start + 4 : start + 8] = b"teMp"
            data[body : end - 4] = bytes(end - 4 - body)
        if kind in (b"eXIf", *_TEXTS):
            struct.pack_into(">L", data, end - 4, zlib.crc32(data[start + 4 : end - 4]))


def _chunks(data: bytes | bytearray) -> tuple[list[Part], bool]:
    """Return the whole chunks, and whether the last one is the file's end."""
    at = len(SIGNATURE)
    chunks: list[Part] = []
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        if end > len(data) or not kind.isalpha():
            return chunks, False
        chunks.append(Part(kind, at, at + 8, end))
        if kind == b"IEND":
            return chunks, True
        if len(chunks) > _MANY and end < _SMALL * len(chunks):
            raise PictureError(
                "consists of too many small parts, which would take long to read; save it anew"
            )
        at = end
    return chunks, False


def _is_metadata(chunk: Part) -> bool:
    return chunk.kind == b"eXIf" or chunk.kind in _TEXTS


def _is_ancillary(kind: bytes) -> bool:
    return kind[:1].islower()


def _is_damaged(data: bytes, chunk: Part) -> bool:
    if chunk.end - 4 - chunk.body < _LENGTHS.get(chunk.kind, 0):
        return True
    (check,) = struct.unpack_from(">L", data, chunk.end - 4)
    return bool(zlib.crc32(data[chunk.start + 4 : chunk.end - 4]) != check)


def _is_used_text(kind: bytes, body: bytes) -> bool:
    """Return whether a text has a picture's orientation, and is no longer than such texts are."""
    if not body.startswith(_METADATA) or len(body) > LONGEST_TEXT:
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
