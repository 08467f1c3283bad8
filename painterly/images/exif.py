"""A photo's EXIF (CIPA DC-008), as far as it is still right for a result.

EXIF is a TIFF without an image: directories (IFDs) of entries, each with a tag, a type, a count and
a value, which is copied here byte for byte. The same directories make a whole TIFF file. Pillow's
writer would change values: it turns é into ??, drops texts in UTF-8 (type 129), and gives a
UserComment another type.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from PIL.ExifTags import Base

PREFIX = b"Exif\0\0"
SHORT, LONG, UNDEFINED = 3, 4, 7
# Bytes of one value, by TIFF's types.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPE_SIZES[129] = 1  # text in UTF-8

# A JPEG holds 64 kB of EXIF; this leaves room for the entries that a result adds.
_LONGEST = 65_000
_CAMERA, _GPS = Base.ExifOffset, Base.GPSInfo
_INTEROPERABILITY = Base.ExifInteroperabilityOffset
_SUBJECT_AREA = 0x9214
# Values of ColorSpace: see the ICC profile, or DCF's index; and what some cameras write instead.
UNCALIBRATED, _NIKONS_ADOBE_RGB = 0xFFFF, 2

# Everything else in the first directory is the file's layout, or private to a program.
_KEPT = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist),
    *(Base.Orientation, Base.XResolution, Base.YResolution, Base.ResolutionUnit),
    *(Base.HostComputer, Base.Copyright, Base.Rating, Base.RatingPercent),
    *(Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject),
    *(_CAMERA, _GPS),
}
# In the camera's directory: what describes the stored pixels, or offsets in the file.
_DROPPED = {
    *(Base.MakerNote, Base.ExifInteroperabilityOffset, Base.ComponentsConfiguration),
    *(Base.CompressedBitsPerPixel, _SUBJECT_AREA, Base.SubjectLocation),
    *(Base.FocalPlaneXResolution, Base.FocalPlaneYResolution, Base.FocalPlaneResolutionUnit),
    *(Base.RelatedSoundFile, Base.Gamma),
}
_LAST_STANDARD_TAG = 0xA4FF


@dataclass(frozen=True)
class IfdEntry:
    """A tag's value: its TIFF type, the number of values, and their bytes in the file's order."""

    type: int
    count: int
    value: bytes


Directory = dict[int, IfdEntry]


@dataclass
class Exif:
    """An EXIF block: the first directory, the camera's and the GPS position's.

    `byte_order` is as in `struct`.
    """

    byte_order: Literal["<", ">"]
    main: Directory
    camera: Directory
    gps: Directory

    def number(self, kind: int, *values: int) -> IfdEntry:
        """Return an entry of numbers of a kind, SHORT or LONG."""
        format_ = f"{self.byte_order}{len(values)}{'H' if kind == SHORT else 'L'}"
        return IfdEntry(kind, len(values), struct.pack(format_, *values))

    def tiff(self, body: bytes = b"") -> bytes:
        """Return a TIFF file: its header, `body` from offset 8 on, and the directories."""
        offset = 8 + len(body) + len(body) % 2
        start = {"<": b"II", ">": b"MM"}[self.byte_order]
        start += struct.pack(f"{self.byte_order}HL", 42, offset)
        return (start + body).ljust(offset, b"\0") + self._directories(offset)

    def block(self) -> bytes:
        """Return the EXIF block of a JPEG, with its prefix."""
        return PREFIX + self.tiff()

    def _directories(self, offset: int) -> bytes:
        others = {_CAMERA: self.camera, _GPS: self.gps}
        others = {tag: entries for tag, entries in others.items() if entries}
        main = self.main | dict.fromkeys(others, self.number(LONG, 0))
        position = offset + len(_to_bytes(self.byte_order, main, offset))
        parts = []
        for tag, directory in others.items():
            main[tag] = self.number(LONG, position)
            parts.append(_to_bytes(self.byte_order, directory, position))
            position += len(parts[-1])
        return _to_bytes(self.byte_order, main, offset) + b"".join(parts)


def kept(data: bytes | None) -> bytes | None:
    """Return the part of an EXIF block, or of a whole TIFF file, that is right for a result.

    Orientation is upright; thumbnail, maker note and the file's layout are left out. The answer is
    None if nothing is left, if it is damaged, or if a JPEG cannot hold it.
    """
    try:
        exif = _read((data or b"").removeprefix(PREFIX))
    except (struct.error, KeyError, ValueError):
        return None
    if not (exif.main or exif.camera or exif.gps):
        return None
    exif.main[Base.Orientation] = exif.number(SHORT, 1)
    block = exif.block()
    return block if len(block) <= _LONGEST else None


def is_adobe_rgb(data: bytes | None) -> bool:
    """Return whether an EXIF block, or a whole TIFF file, declares Adobe RGB, as cameras do without
    an ICC profile (DCF 2.0: the interoperability index R03)."""
    block = (data or b"").removeprefix(PREFIX)
    try:
        main = _directory_at(block, block[4:8], {_CAMERA}.__contains__)
        wanted = {Base.ColorSpace, _INTEROPERABILITY}
        camera = _directory_at(block, main[_CAMERA].value, wanted.__contains__)
        (space,) = struct.unpack(f"{_order(block)}H", camera[Base.ColorSpace].value)
        if space == _NIKONS_ADOBE_RGB:
            return True
        index = _directory_at(block, camera[_INTEROPERABILITY].value, {1}.__contains__)[1]
        return space == UNCALIBRATED and index.value.startswith(b"R03")
    except (struct.error, KeyError, ValueError):
        return False


def has_position(data: bytes | None) -> bool:
    """Return whether an EXIF block, or a whole TIFF file, has entries of a position."""
    block = (data or b"").removeprefix(PREFIX)
    try:
        order = _order(block)
        (pointer,) = struct.unpack_from(f"{order}L", block, 4)
        return any(
            any(kind for _, _, kind, _, _ in entries(block, order, value))
            for _, tag, _, _, value in entries(block, order, pointer)
            if tag == _GPS
        )
    except (struct.error, KeyError):
        return False  # Damaged, so that no reader knows it.


def layout(data: bytes) -> Directory:
    """Return all entries of the first directory of a TIFF that this program has written."""
    order = _order(data)
    (offset,) = struct.unpack_from(f"{order}L", data, 4)
    out: Directory = {}
    for at, tag, kind, count, position in entries(data, order, offset):
        length = TYPE_SIZES[kind] * count
        start = position if length > 4 else at + 8
        out[tag] = IfdEntry(kind, count, data[start : start + length])
    return out


def for_result(exif: bytes, width: int, height: int, srgb: bool, keep_gps: bool) -> Exif:
    """Return the EXIF of a result.

    Args:
        exif: The block that `kept` returned.
        width: The result's width in px.
        height: Its height in px.
        srgb: Whether it is in sRGB.
        keep_gps: Whether to keep the GPS position.
    """
    result = _read(exif.removeprefix(PREFIX))
    result.camera[Base.ExifImageWidth] = result.number(LONG, width)
    result.camera[Base.ExifImageHeight] = result.number(LONG, height)
    result.camera[Base.ColorSpace] = result.number(SHORT, 1 if srgb else UNCALIBRATED)
    if not keep_gps:
        result.gps = {}
    return result


def _read(data: bytes) -> Exif:
    """Parse EXIF. Raises struct.error, KeyError or ValueError if what is kept is damaged."""
    main = _directory_at(data, data[4:8], _KEPT.__contains__)
    camera, gps = {}, {}
    if _CAMERA in main:
        camera = _directory_at(data, main.pop(_CAMERA).value, _is_kept_of_camera)
    if _GPS in main:
        gps = _directory_at(data, main.pop(_GPS).value, lambda _: True)
    return Exif(_order(data), main, camera, gps)


def _order(data: bytes) -> Literal["<", ">"]:
    orders: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">"}
    return orders[data[:4]]


def _is_kept_of_camera(tag: int) -> bool:
    return tag not in _DROPPED and tag <= _LAST_STANDARD_TAG


def entries(
    data: bytes | bytearray, order: str, directory: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield the offset, tag, type, count and value of each entry of the directory at an offset.

    Raises struct.error if it is damaged.
    """
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    for at in range(directory + 2, directory + 2 + 12 * count, 12):
        yield at, *struct.unpack_from(f"{order}HHLL", data, at)


def _directory_at(data: bytes, pointer: bytes, is_kept: Callable[[int], bool]) -> Directory:
    """Return the entries that are kept of a directory, from its offset in 4 bytes. Raises errors as
    `_read`."""
    order = _order(data)
    (offset,) = struct.unpack(f"{order}L", pointer)
    out: Directory = {}
    left = _LONGEST
    for at, tag, kind, count, position in entries(data, order, offset):
        if not is_kept(tag):
            continue
        length = TYPE_SIZES[kind] * count
        left -= length  # Entries may share a value: a small file could expand to gigabytes.
        if left < 0:
            raise ValueError("longer than EXIF can be")
        start = position if length > 4 else at + 8
        value = data[start : start + length]
        if len(value) < length:
            raise ValueError("truncated")
        out[tag] = IfdEntry(kind, count, value)
    return out


def _to_bytes(order: str, directory: Directory, offset: int) -> bytes:
    """Encode a directory for an even offset in a file, followed by its values."""
    table, values = struct.pack(f"{order}H", len(directory)), b""
    values_offset = offset + 2 + 12 * len(directory) + 4
    for tag, entry in sorted(directory.items()):
        table += struct.pack(f"{order}HHL", tag, entry.type, entry.count)
        if len(entry.value) <= 4:
            table += entry.value.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}L", values_offset + len(values))
            values += entry.value + b"\0" * (len(entry.value) % 2)
    return table + bytes(4) + values
