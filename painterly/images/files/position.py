"""Removes from a picture's file where it was taken, and changes nothing else: no pixel is decoded.

The bytes of the position are overwritten in place, in EXIF blocks, which are TIFF structures in a
file of any format, in XMP packets, and in the short film behind a "motion photo". Files are not
trusted: the time of every search grows with the size of the file, and no faster.
"""

import contextlib
import re
import struct
import zlib
from typing import BinaryIO

from PIL.ExifTags import IFD

from painterly.errors import PictureError
from painterly.images.files.tiff import (
    IFD_OFFSET,
    LONG,
    TYPE_SIZES,
    entries,
    first_directory,
    pages,
)

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PNG_METADATA = (b"XML:com.adobe.xmp\0", b"Raw profile type ")  # names of texts
_TIFF = re.compile(rb"II\*\0|MM\0\*")
# `exif:GPSLatitude`, and attributes of other vocabularies, such as a drone's
# `drone-dji:GpsLatitude`. A byte that is not text ends a value as well: if a damaged packet lacks
# its second quote, the next one may be among the pixels.
_XMP_ATTRIBUTE = re.compile(
    rb"""(?<=[\w-])(:(?:GPS|Gps|gps)\w*\s*=\s*)"""
    rb"""("[^"<\0-\x08\x0e-\x1f]*"|'[^'<\0-\x08\x0e-\x1f]*')"""
)
_XMP_ELEMENT = re.compile(rb"(<[\w-]{1,40}:(?:GPS|Gps|gps)[^<>]*>)([^<]*)(?=</)")
_XMP_LOOSE = re.compile(rb":(?:GPS|Gps|gps)")
_XMP_LEFT = re.compile(
    rb"(?<=[\w-]):(?:GPS|Gps|gps)"
    rb"(?:\w*\s*=\s*[\"'][^\"'\s]|[^<>\"'=/]{0,99}>\s*[^<\s])"
)
# ISO 6709, in MP4: as phones write it, and by its form, wherever QuickTime's own keys have it.
_FILM = re.compile(
    rb"(?<=\xa9xyz.{4})[+-][0-9.+-]{6,40}"
    rb"|[+-]\d{2,6}\.\d{2,9}[+-]\d{3,7}\.\d{2,9}[0-9.+-]{0,20}(?=/)",
    re.DOTALL,
)
# An item of HEIC or AVIF with a content encoding (ISO 23008-12): its metadata are compressed.
_COMPRESSED = re.compile(rb"infe.{8,10}mime[^\0]{0,99}\0[^\0]{1,99}\0[!-~]", re.DOTALL)
_MOST_BLOCKS = 100  # Pictures have one EXIF block, or a few if a file has several pictures.
_LONGEST_VALUE = 65_536  # bytes of a part of a position
_PIECE, _LONGEST_TEXT = 1 << 20, 100  # bytes of a film that are searched at a time, and of a match


def refusal() -> PictureError:
    """Return the error for a position that is not found in a file's bytes."""
    return PictureError("the position where it was taken cannot be removed; export it anew as JPEG")


def cleared(data: bytes) -> bytes:
    """Return a picture's file without the positions that are found in its EXIF and XMP.

    Raises PictureError for far too many EXIF blocks, and for compressed metadata.
    """
    out = bytearray(data)
    blocks = [found.start() for found in _TIFF.finditer(data)]
    if len(blocks) > _MOST_BLOCKS or _COMPRESSED.search(data):
        raise refusal()
    for start in blocks:
        _clear_exif(out, start)
    if data.startswith(_PNG):
        end = _clear_texts(out)
        return bytes(out[:end]) + _without_xmp(bytes(out[end:]))
    return _without_xmp(bytes(out))


def clear_film(file: BinaryIO) -> None:
    """Overwrite in a film's file the positions that are written as texts, wherever they are."""
    for start in range(0, file.seek(0, 2), _PIECE):
        file.seek(start)
        for found in _FILM.finditer(file.read(_PIECE + _LONGEST_TEXT)):
            file.seek(start + found.start())
            file.write(b" " * len(found[0]))


def is_in_xmp(packet: bytes | str) -> bool:
    """Return whether XMP, in UTF-8, 16 or 32, has a position."""
    stored = packet if isinstance(packet, bytes) else packet.encode()
    return bool(_XMP_LEFT.search(stored.replace(b"\0", b"")))


def _clear_exif(data: bytearray, start: int) -> None:
    """Empty the GPS directories of the TIFF structure at an offset, as far as it is not damaged. A
    whole file has one for each page."""
    with contextlib.suppress(struct.error, IndexError):
        for directory in (first_directory(data, start),) if start else pages(data):
            for entry in entries(data, directory, start):
                is_pointer = entry.type in (LONG, IFD_OFFSET) and entry.number == 1
                if entry.tag == IFD.GPSInfo and is_pointer:
                    _clear_directory(data, start, start + entry.value)


def _clear_directory(data: bytearray, start: int, directory: int) -> None:
    for at, _, kind, count, value in entries(data, directory, start):
        length = TYPE_SIZES.get(kind, 1) * count
        if 4 < length <= _LONGEST_VALUE:
            end = min(start + value + length, len(data))
            data[start + value : end] = bytes(max(0, end - start - value))
        data[at : at + 12] = bytes(12)
    data[directory : directory + 2] = bytes(2)


def _clear_texts(data: bytearray) -> int:
    """Empty the texts of a PNG that hold EXIF or XMP, which may be compressed, in place. Correct
    the checksums of that and of EXIF. Return the offset of the picture's end."""
    at, kind = len(_PNG), b""
    while at + 12 <= len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">L4s", data, at)
        body = at + 8
        end = min(body + length, len(data) - 4)
        if kind in _PNG_TEXTS and data.startswith(_PNG_METADATA, body):
            # A chunk that no reader knows, and that every reader may pass over.
            kind = b"teMp"
            data[at + 4 : body] = kind
            data[body:end] = bytes(end - body)
        if kind in (b"eXIf", b"teMp"):
            struct.pack_into(">L", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return at


def _without_xmp(data: bytes) -> bytes:
    """Return a file without the position in XMP packets and films."""
    if _XMP_LOOSE.search(data):
        data = _XMP_ATTRIBUTE.sub(
            lambda match: match[1] + match[2][:1] + b" " * (len(match[2]) - 2) + match[2][-1:],
            data,
        )
        data = _XMP_ELEMENT.sub(lambda match: match[1] + b" " * len(match[2]), data)
    return _FILM.sub(lambda match: b" " * len(match[0]), data)
