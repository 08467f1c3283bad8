"""A photo's EXIF (CIPA DC-008), as far as it is still right for a result.

EXIF is a TIFF without an image: directories (IFDs) of entries, each with a tag, a type, a count and
a value, which is copied here byte for byte. The same directories make a whole TIFF file. Pillow's
writer would change values: it turns é into ??, drops texts in UTF-8 (type 129), and gives a
UserComment another type.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from PIL.ExifTags import Base

from painterly.images.files import tiff
from painterly.images.files.tiff import LONG, RATIONAL, SHORT, byte_order, entries

PREFIX = b"Exif\0\0"

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
_UNITS = {2: 1.0, 3: 2.54}  # values of ResolutionUnit, in inches and centimetres, as dots per inch
_INCHES = 2


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

    byte_order: tiff.ByteOrder
    main: Directory
    camera: Directory
    gps: Directory

    def number(self, kind: int, *values: int) -> IfdEntry:
        """Return an entry of numbers of a kind, SHORT or LONG."""
        format_ = f"{self.byte_order}{len(values)}{'H' if kind == SHORT else 'L'}"
        return IfdEntry(kind, len(values), struct.pack(format_, *values))

    def set_dpi(self, across: float, down: float) -> None:
        """Declare a resolution in dots per inch, exact to 1/100."""
        for tag, dots in ((Base.XResolution, across), (Base.YResolution, down)):
            ratio = Fraction(round(100 * dots), 100)
            value = struct.pack(f"{self.byte_order}2L", ratio.numerator, ratio.denominator)
            self.main[tag] = IfdEntry(RATIONAL, 1, value)
        self.main[Base.ResolutionUnit] = self.number(SHORT, _INCHES)

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
        main = _directory(block, {_CAMERA}.__contains__)
        wanted = {Base.ColorSpace, _INTEROPERABILITY}
        camera = _directory(block, wanted.__contains__, main[_CAMERA])
        (space,) = struct.unpack(f"{byte_order(block)}H", camera[Base.ColorSpace].value)
        if space == _NIKONS_ADOBE_RGB:
            return True
        index = _directory(block, {1}.__contains__, camera[_INTEROPERABILITY])[1]
        return space == UNCALIBRATED and index.value.startswith(b"R03")
    except (struct.error, KeyError, ValueError):
        return False


def resolution(data: bytes | None) -> tuple[float, float] | None:
    """Return the dots per inch, across and down, that an EXIF block or a whole TIFF file declares,
    or None."""
    block = (data or b"").removeprefix(PREFIX)
    tags = {Base.XResolution, Base.YResolution, Base.ResolutionUnit}
    try:
        main = _directory(block, tags.__contains__)
        order, unit = byte_order(block), _INCHES
        if Base.ResolutionUnit in main:
            (unit,) = struct.unpack(f"{order}H", main[Base.ResolutionUnit].value)
        across, down = (
            _UNITS[unit] * dots / by
            for tag in (Base.XResolution, Base.YResolution)
            for dots, by in [struct.unpack(f"{order}2L", main[tag].value)]
        )
    except (struct.error, KeyError, ValueError, ZeroDivisionError):
        return None
    return across, down


def has_position(data: bytes | None) -> bool:
    """Return whether an EXIF block, or any page of a whole TIFF or BigTIFF, has entries of a
    position."""
    block = (data or b"").removeprefix(PREFIX)
    if not block.startswith(tiff.STARTS):
        return False
    try:
        return any(
            any(entry.type for entry in entries(block, pointer.value, is_whole=True))
            for page in tiff.pages(block)
            for pointer in entries(block, page, is_whole=True)
            if pointer.tag == _GPS
        )
    except struct.error:
        return False  # Damaged, so that no reader knows it.


def layout(data: bytes) -> Directory:
    """Return all entries of the first directory of a TIFF that this program has written."""
    return _directory(data, lambda _: True, longest=len(data))


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
    main = _directory(data, _KEPT.__contains__)
    camera, gps = {}, {}
    if _CAMERA in main:
        camera = _directory(data, _is_kept_of_camera, main.pop(_CAMERA))
    if _GPS in main:
        gps = _directory(data, lambda _: True, main.pop(_GPS))
    return Exif(byte_order(data), main, camera, gps)


def _is_kept_of_camera(tag: int) -> bool:
    return tag not in _DROPPED and tag <= _LAST_STANDARD_TAG


def _directory(
    data: bytes,
    is_kept: Callable[[int], bool],
    pointer: IfdEntry | None = None,
    longest: int = _LONGEST,
) -> Directory:
    """Return the entries that are kept of a directory.

    Args:
        data: The EXIF, or a whole TIFF file.
        is_kept: Returns whether the entry of a tag is kept.
        pointer: The entry that points to the directory; None for the first one.
        longest: The most bytes of all values: entries may share one, so that a small file could
            expand to gigabytes.

    Raises:
        struct.error, KeyError, ValueError: As `_read`, also for more bytes.
    """
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise ValueError("not EXIF")
    if pointer is None:
        offset = tiff.first_directory(data)
    else:
        (offset,) = struct.unpack(f"{byte_order(data)}L", pointer.value)
    out: Directory = {}
    left = longest
    for at, tag, kind, count, position in entries(data, offset, is_whole=True):
        if not is_kept(tag):
            continue
        length = tiff.TYPE_SIZES[kind] * count
        left -= length
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
