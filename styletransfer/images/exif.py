"""What a camera told of a photo (EXIF, CIPA DC-008), kept where it holds for a painting of it too.

EXIF is a TIFF without a picture: directories of entries, each a tag, a type, a count, and a value,
copied here as the bytes that it is. The same directories make a whole TIFF file.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL.ExifTags import Base

PREFIX = b"Exif\0\0"
SHORT, LONG, UNDEFINED = 3, 4, 7
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}

# A JPEG holds 64 kB of it; what a result's own size adds fits in besides.
_LONGEST = 65_000
_CAMERA, _PLACE = Base.ExifOffset, Base.GPSInfo
_SUBJECT_AREA = 0x9214

# All else in the first directory tells where the file's parts lie, or is some program's own.
_KEPT = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist),
    *(Base.Orientation, Base.XResolution, Base.YResolution, Base.ResolutionUnit),
    *(Base.HostComputer, Base.Copyright, Base.Rating, Base.RatingPercent),
    *(Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject),
    *(_CAMERA, _PLACE),
}
# Of the camera's, what speaks of the pixels as they were stored, or of places in the file.
_DROPPED = {
    *(Base.MakerNote, Base.ExifInteroperabilityOffset, Base.ComponentsConfiguration),
    *(Base.CompressedBitsPerPixel, _SUBJECT_AREA, Base.SubjectLocation),
    *(Base.FocalPlaneXResolution, Base.FocalPlaneYResolution, Base.FocalPlaneResolutionUnit),
    *(Base.RelatedSoundFile, Base.Gamma),
}
_LAST_STANDARD_TAG = 0xA4FF


@dataclass(frozen=True)
class IfdEntry:
    """A tag's value: its TIFF type, how many of that type, and their bytes in the file's order."""

    type: int
    count: int
    value: bytes


Directory = dict[int, IfdEntry]


@dataclass
class Exif:
    """`order` of bytes, "<" or ">", and three directories: the first, the camera's, the place's."""

    order: str
    main: Directory
    camera: Directory
    place: Directory

    def number(self, kind: int, *values: int) -> IfdEntry:
        """An entry of numbers, SHORT or LONG."""
        letter = {SHORT: "H", LONG: "L"}[kind]
        return IfdEntry(
            kind, len(values), struct.pack(f"{self.order}{len(values)}{letter}", *values)
        )

    def tiff(self, body: bytes = b"") -> bytes:
        """A TIFF file with `body` right behind its header, at 8, and the directories after it."""
        offset = 8 + len(body) + len(body) % 2
        start = {"<": b"II", ">": b"MM"}[self.order] + struct.pack(f"{self.order}HL", 42, offset)
        return (start + body).ljust(offset, b"\0") + self._directories(offset)

    def block(self) -> bytes:
        """EXIF as JPEG has it, with its prefix."""
        return PREFIX + self.tiff()

    def _directories(self, offset: int) -> bytes:
        others = {tag: each for tag, each in ((_CAMERA, self.camera), (_PLACE, self.place)) if each}
        main = self.main | dict.fromkeys(others, self.number(LONG, 0))
        place = offset + len(_to_bytes(self.order, main, offset))
        parts = []
        for tag, directory in others.items():
            main[tag] = self.number(LONG, place)
            parts.append(_to_bytes(self.order, directory, place))
            place += len(parts[-1])
        return _to_bytes(self.order, main, offset) + b"".join(parts)


def kept(data: bytes | None) -> bytes | None:
    """Of an EXIF block, or of a whole TIFF file, what can stand in a painting of that photo.

    Upright; without thumbnail, maker note, and all that tells of the old file's layout. None where
    there is nothing, where it is damaged, or more than a JPEG can hold.
    """
    try:
        exif = _read((data or b"").removeprefix(PREFIX))
    except (struct.error, KeyError, ValueError):
        return None
    if not (exif.main or exif.camera or exif.place):
        return None
    exif.main[Base.Orientation] = exif.number(SHORT, 1)
    block = exif.block()
    return block if len(block) <= _LONGEST else None


def for_result(exif: bytes, width: int, height: int, srgb: bool, keep_gps: bool) -> Exif:
    """What `kept` gave, with the size in px and the colour space of a result; the place where the
    photo was taken only with `keep_gps`."""
    told = _read(exif.removeprefix(PREFIX))
    told.camera[Base.ExifImageWidth] = told.number(LONG, width)
    told.camera[Base.ExifImageHeight] = told.number(LONG, height)
    # 0xFFFF: another one, which the profile tells.
    told.camera[Base.ColorSpace] = told.number(SHORT, 1 if srgb else 0xFFFF)
    if not keep_gps:
        told.place = {}
    return told


def _read(data: bytes) -> Exif:
    """Raises struct.error, KeyError or ValueError where anything that is kept is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
    main = _directory(data, order, data[4:8], _KEPT.__contains__)
    camera = place = None
    if _CAMERA in main:
        camera = _directory(data, order, main.pop(_CAMERA).value, _is_kept_of_camera)
    if _PLACE in main:
        place = _directory(data, order, main.pop(_PLACE).value, lambda _: True)
    return Exif(order, main, camera or {}, place or {})


def _is_kept_of_camera(tag: int) -> bool:
    return tag not in _DROPPED and tag <= _LAST_STANDARD_TAG


def _directory(
    data: bytes, order: str, pointer: bytes, is_kept: Callable[[int], bool]
) -> Directory:
    (offset,) = struct.unpack(f"{order}L", pointer)
    (entries,) = struct.unpack_from(f"{order}H", data, offset)
    out, left = {}, _LONGEST
    for number in range(entries):
        row = struct.unpack_from(f"{order}HHL4s", data, offset + 2 + 12 * number)
        tag, kind, count, value = row
        if not is_kept(tag):
            continue
        length = _BYTES[kind] * count
        left -= length  # Many entries may share one place: a small file could tell gigabytes.
        if left < 0:
            raise ValueError("longer than EXIF can be")
        if length > 4:
            (place,) = struct.unpack(f"{order}L", value)
            value = data[place : place + length]
            if len(value) < length:
                raise ValueError("cut off")
        out[tag] = IfdEntry(kind, count, value[:length])
    return out


def _to_bytes(order: str, directory: Directory, offset: int) -> bytes:
    """A directory as it lies in a file at `offset`, an even number, its values behind it."""
    table, values = struct.pack(f"{order}H", len(directory)), b""
    behind = offset + 2 + 12 * len(directory) + 4
    for tag, entry in sorted(directory.items()):
        table += struct.pack(f"{order}HHL", tag, entry.type, entry.count)
        if len(entry.value) <= 4:
            table += entry.value.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}L", behind + len(values))
            values += entry.value + b"\0" * (len(entry.value) % 2)
    return table + bytes(4) + values
