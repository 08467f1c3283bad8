"""Removes from a picture's file where it was taken, and changes nothing else: no pixel is decoded.

The bytes of the position are overwritten in place, in EXIF blocks, which are TIFF structures in a
file of any format, in XMP packets, and in the short film behind a "motion photo". Files are not
trusted: the time of every search grows with the size of the file, and no faster.
"""

import contextlib
import re
import struct
import zlib

from PIL.ExifTags import IFD

from painterly.errors import PictureError
from painterly.images.exif import LONG, TYPE_SIZES, entries, has_position
from painterly.images.extra_formats import RAW
from painterly.images.opening import errors_named, open_picture

_TIFF = re.compile(rb"II\*\0|MM\0\*")
_TEXTS = (b"iTXt", b"zTXt", b"tEXt")  # chunks of a PNG, and how those begin that hold metadata
_METADATA = (b"XML:com.adobe.xmp\0", b"Raw profile type ")
_PNG = b"\x89PNG\r\n\x1a\n"
# `exif:GPSLatitude`, and attributes of other vocabularies, such as a drone's
# `drone-dji:GpsLatitude`. A byte that is not text ends a value as well: if a damaged packet lacks
# its second quote, the next one may be among the pixels.
_XMP_ATTRIBUTE = re.compile(
    rb"""(?<=[\w-]{2})(:(?:GPS|Gps|gps)\w*\s*=\s*)"""
    rb"""("[^"<\0-\x08\x0e-\x1f]*"|'[^'<\0-\x08\x0e-\x1f]*')"""
)
_XMP_ELEMENT = re.compile(rb"(<[\w-]{2,40}:(?:GPS|Gps|gps)[^<>]*>)([^<]*)(?=</)")
_XMP_LOOSE = re.compile(rb":(?:GPS|Gps|gps)")
_XMP_LEFT = re.compile(rb"(?<=[\w-]{2}):(?:GPS|Gps|gps)\w*\s*=\s*[\"'][^\"'\s]")
_FILM = re.compile(rb"(?<=\xa9xyz)(.{4})([+-][0-9.+-]{6,40})", re.DOTALL)  # ISO 6709, in MP4
_MOST_BLOCKS = 100  # Pictures have one EXIF block, or a few if a file has several pictures.
_LONGEST_VALUE = 65_536  # bytes of a part of a position


def without_position(data: bytes, name: str) -> bytes:
    """Return a picture's file without the position in its EXIF and XMP.

    Raises PictureError, naming the file, if it has a position that is not found in its bytes.
    """
    cleared = bytearray(data)
    blocks = [found.start() for found in _TIFF.finditer(data)]
    if len(blocks) > _MOST_BLOCKS:
        raise _refusal(name)
    for start in blocks:
        _clear_exif(cleared, start)
    if data.startswith(_PNG):
        _clear_texts(cleared)
    else:
        _clear_xmp(cleared)
    result = bytes(cleared)
    if _has_position(result, name):
        raise _refusal(name)
    return result


def _refusal(name: str) -> PictureError:
    return PictureError(
        f"{name}: the position where it was taken cannot be removed; export it anew as JPEG"
    )


def _clear_exif(data: bytearray, start: int) -> None:
    """Empty the GPS directory of the TIFF structure at an offset, as far as it is not damaged."""
    order = "<" if data[start : start + 2] == b"II" else ">"
    with contextlib.suppress(struct.error, IndexError):
        (offset,) = struct.unpack_from(f"{order}L", data, start + 4)
        for _, tag, kind, count, value in entries(data, order, start + offset):
            if (tag, kind, count) == (IFD.GPSInfo, LONG, 1):
                _clear_directory(data, order, start, start + value)


def _clear_directory(data: bytearray, order: str, start: int, directory: int) -> None:
    for at, _, kind, count, value in entries(data, order, directory):
        length = TYPE_SIZES.get(kind, 1) * count
        if 4 < length <= _LONGEST_VALUE:
            end = min(start + value + length, len(data))
            data[start + value : end] = bytes(max(0, end - start - value))
        data[at : at + 12] = bytes(12)
    data[directory : directory + 2] = bytes(2)


def _clear_xmp(data: bytearray) -> None:
    whole = bytes(data)
    if _XMP_LOOSE.search(whole):
        whole = _XMP_ATTRIBUTE.sub(
            lambda match: match[1] + match[2][:1] + b" " * (len(match[2]) - 2) + match[2][-1:],
            whole,
        )
        whole = _XMP_ELEMENT.sub(lambda match: match[1] + b" " * len(match[2]), whole)
    data[:] = _FILM.sub(lambda match: match[1] + b" " * len(match[2]), whole)


def _clear_texts(data: bytearray) -> None:
    """Empty the text of a PNG that holds XMP, which may be compressed, in place. Correct the
    checksums of that and of EXIF."""
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">L", data, at)
        kind, body = bytes(data[at + 4 : at + 8]), at + 8
        end = body + length
        if end + 4 > len(data):
            return
        if kind in _TEXTS and data[body:end].startswith(_METADATA):
            # A chunk that no reader knows, and that every reader may pass over.
            data[at + 4 : at + 8] = b"teMp"
            data[body:end] = bytes(length)
        if kind in (b"eXIf", *_TEXTS):
            struct.pack_into(">L", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


def _has_position(data: bytes, name: str) -> bool:
    with errors_named(name):
        image = open_picture(data)
    text = image.info.get("xmp") or b""
    packet = text if isinstance(text, bytes) else str(text).encode()
    block = data if image.format in ("TIFF", RAW) else image.info.get("exif")
    return has_position(block) or bool(_XMP_LEFT.search(packet))
