"""A photo's EXIF (CIPA DC-008), reduced to the entries that are right for a result.

EXIF is a TIFF without an image: directories of entries, each with a tag, a type, a count and a
value. A whole TIFF file has the same. Entries are copied byte for byte: Pillow's writer would turn
é into ??, drop texts in UTF-8 (type 129), and give a UserComment another type.
"""

import struct
from collections.abc import Callable, Iterable
from fractions import Fraction

from PIL.ExifTags import Base

from painterly.images.files import tiff
from painterly.images.files.tiff import LONG, RATIONAL, SHORT, byte_order

PREFIX = b"Exif\0\0"
Dpi = tuple[float, float]  # dots per inch, across and down

# A JPEG holds 64 kB of EXIF; this leaves room for the entries that a result adds.
_LONGEST, _ADDED = 65_000, 500
EMPTY = b"II*\0\x08\0\0\0" + bytes(6)
_CAMERA, _GPS = Base.ExifOffset, Base.GPSInfo
_INTEROPERABILITY = Base.ExifInteroperabilityOffset
_SUBJECT_AREA = 0x9214
# Values of ColorSpace: the ICC profile or DCF's index decides; some cameras write 2 for Adobe RGB.
_UNCALIBRATED, _NIKONS_ADOBE_RGB = 0xFFFF, 2
_UNITS = {2: 1.0, 3: 2.54}  # values of ResolutionUnit, in inches and centimetres, as dots per inch
_INCHES = 2
_RESOLUTION = (Base.XResolution, Base.YResolution, Base.ResolutionUnit)

# Everything else in the first directory is the file's layout, or private to a program.
_OF_MAIN = {
    *(Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist),
    *(Base.Orientation, *_RESOLUTION),
    *(Base.HostComputer, Base.Copyright, Base.Rating, Base.RatingPercent),
    *(Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject),
}
# Entries of the camera's directory that describe the stored pixels, or hold offsets in the file.
_NOT_OF_CAMERA = {
    *(Base.MakerNote, Base.ExifInteroperabilityOffset, Base.ComponentsConfiguration),
    *(Base.CompressedBitsPerPixel, _SUBJECT_AREA, Base.SubjectLocation),
    *(Base.FocalPlaneXResolution, Base.FocalPlaneYResolution, Base.FocalPlaneResolutionUnit),
    *(Base.RelatedSoundFile, Base.Gamma),
}
_LAST_STANDARD_TAG = 0xA4FF

_Values = dict[int, tuple[int, bytes]]  # by tag: a type, and a value's bytes
_Kept = Callable[[int], bool]  # takes a tag
_Rows = dict[int, bytes]  # by tag: an entry as it is stored


def without_position(data: bytes | None) -> bytes | None:
    """Return the part of an EXIF block, or of a whole TIFF file, that is right for a result.

    Orientation is upright; thumbnail, maker note and the file's layout are left out. The answer is
    None if nothing is left, if it is damaged, or if a JPEG cannot hold it.
    """
    source = (data or b"").removeprefix(PREFIX)
    out = bytearray(source[:4] + bytes(4))
    try:
        rows = _copied(out, source, {}, {}, keeps_gps=True)
        if not rows:
            return None
        rows[Base.Orientation] = _row(out, Base.Orientation, _numbers(source, SHORT, 1))
        block = _block(out, rows)
    except (struct.error, KeyError):
        return None
    return block if len(block) <= _LONGEST else None


def for_result(
    block: bytes | None, size: tuple[int, int], is_srgb: bool, keeps_gps: bool, dpi: Dpi | None
) -> bytes:
    """Return the EXIF block of a result.

    Args:
        block: What `without_position` returned; without it, the result's says `dpi` alone.
        size: The result's height and width in px.
        is_srgb: Whether it is in sRGB.
        keeps_gps: Whether the GPS position stays.
        dpi: Its resolution, if that is known.
    """
    source = (block or EMPTY).removeprefix(PREFIX)
    main: _Values = {}
    if dpi:
        for tag, dots in zip(_RESOLUTION[:2], dpi, strict=True):
            ratio = Fraction(round(100 * dots), 100)
            main[tag] = _numbers(source, RATIONAL, ratio.numerator, ratio.denominator)
        main[Base.ResolutionUnit] = _numbers(source, SHORT, _INCHES)
    camera: _Values = {
        Base.ExifImageWidth: _numbers(source, LONG, size[1]),
        Base.ExifImageHeight: _numbers(source, LONG, size[0]),
        Base.ColorSpace: _numbers(source, SHORT, 1 if is_srgb else _UNCALIBRATED),
    }
    out = bytearray(source[:4] + bytes(4))
    return _block(out, _copied(out, source, main, camera if block else {}, keeps_gps))


def with_block(file: bytes, block: bytes) -> bytes:
    """Return a TIFF file with the entries of an EXIF block, which has the same byte order. Entries
    of the file take precedence, except its resolution."""
    out = bytearray(file)
    rows = _copied(out, block.removeprefix(PREFIX), {}, {}, keeps_gps=True)
    layout = {each.tag: file[each.at : each.at + 12] for each in _first(file)}
    rows |= {tag: row for tag, row in layout.items() if tag not in _RESOLUTION}
    _append(out, rows, pointer=4)
    return bytes(out)


def resolution(data: bytes | None) -> Dpi | None:
    """Return the resolution that an EXIF block or a whole TIFF file declares, or None."""
    block = (data or b"").removeprefix(PREFIX)
    try:
        main = {each.tag: each for each in _first(block)}
        unit = _INCHES
        if Base.ResolutionUnit in main:
            (unit,) = _unpacked(block, "H", main[Base.ResolutionUnit])
        across, down = (
            _UNITS[unit] * dots / by
            for tag in _RESOLUTION[:2]
            for dots, by in [_unpacked(block, "2L", main[tag])]
        )
    except (struct.error, KeyError, ZeroDivisionError):
        return None
    return across, down


def is_adobe_rgb(data: bytes | None) -> bool:
    """Return whether an EXIF block, or a whole TIFF file, declares Adobe RGB, as cameras do without
    an ICC profile (DCF 2.0: the interoperability index R03)."""
    block = (data or b"").removeprefix(PREFIX)
    try:
        main = {each.tag: each for each in _first(block)}
        camera = {each.tag: each for each in tiff.entries(block, main[_CAMERA].value)}
        (space,) = _unpacked(block, "H", camera[Base.ColorSpace])
        if space != _UNCALIBRATED:
            return bool(space == _NIKONS_ADOBE_RGB)
        inner = tiff.entries(block, camera[_INTEROPERABILITY].value)
        index = {each.tag: each for each in inner}[1]
        return tiff.value_of(block, index).startswith(b"R03")
    except (struct.error, KeyError):
        return False


def has_position(data: bytes | None) -> bool:
    """Return whether an EXIF block, or any page of a whole TIFF or BigTIFF, has entries of a
    position."""
    block = (data or b"").removeprefix(PREFIX)
    if not block.startswith(tiff.STARTS):
        return False
    try:
        return any(
            any(entry.type for entry in tiff.entries(block, pointer.value))
            for page in tiff.pages(block)
            for pointer in tiff.entries(block, page)
            if pointer.tag == _GPS
        )
    except struct.error:
        return False  # Damaged, so that no reader knows it.


def _first(data: bytes) -> list[tiff.Entry]:
    """Return the entries of the first directory. Raises struct.error if the data is no EXIF."""
    if not data.startswith(tiff.STARTS[:2]):
        raise struct.error("not EXIF")
    return [*tiff.entries(data, tiff.first_directory(data))]


def _unpacked(data: bytes, form: str, entry: tiff.Entry) -> tuple[int, ...]:
    return struct.unpack(byte_order(data) + form, tiff.value_of(data, entry))


def _numbers(data: bytes, kind: int, *values: int) -> tuple[int, bytes]:
    """Return a value in the byte order of EXIF: SHORT, LONG, or RATIONAL, of two numbers."""
    form = f"{byte_order(data)}{len(values)}{'H' if kind == SHORT else 'L'}"
    return kind, struct.pack(form, *values)


def _copied(
    out: bytearray, source: bytes, main: _Values, camera: _Values, keeps_gps: bool
) -> _Rows:
    """Append the entries of another structure that are kept.

    Args:
        out: The structure, in the same byte order.
        source: EXIF, or a whole TIFF file.
        main: Values that replace those in its first directory.
        camera: Values that replace those in the camera's.
        keeps_gps: Whether the position is kept.

    Returns:
        The entries of its first directory, which is not appended yet.

    Raises:
        struct.error, KeyError: They are damaged, or longer than a JPEG holds.
    """
    # Entries may share a value, and a small file expand to gigabytes.
    most = len(out) + _LONGEST + _ADDED

    def directory(entries: Iterable[tiff.Entry], own: _Values, is_kept: _Kept) -> _Rows:
        rows = {}
        for each in entries:
            if is_kept(each.tag):
                rows[each.tag] = _row(out, each.tag, (each.type, tiff.value_of(source, each)))
            if len(out) > most:
                raise struct.error("longer than a JPEG holds")
        return rows | {tag: _row(out, tag, value) for tag, value in own.items()}

    first = {each.tag: each for each in _first(source)}
    rows = directory(first.values(), main, _OF_MAIN.__contains__)
    for tag, own, is_kept in (
        (_CAMERA, camera, lambda tag: tag not in _NOT_OF_CAMERA and tag <= _LAST_STANDARD_TAG),
        (_GPS, {}, lambda _: keeps_gps),
    ):
        entries = tiff.entries(source, first[tag].value) if tag in first else ()
        if inner := directory(entries, own, is_kept):
            rows[tag] = _row(out, tag, _numbers(source, LONG, _append(out, inner)))
    return rows


def _row(out: bytearray, tag: int, value: tuple[int, bytes]) -> bytes:
    """Return an entry. Its value is appended to the structure, unless the entry holds it."""
    kind, stored = value
    order = byte_order(out)
    field = stored.ljust(4, b"\0")
    if len(stored) > 4:
        out += bytes(len(out) % 2)
        field = struct.pack(f"{order}L", len(out))
        out += stored
    return struct.pack(f"{order}HHL", tag, kind, len(stored) // tiff.TYPE_SIZES[kind]) + field


def _append(out: bytearray, rows: _Rows, pointer: int | None = None) -> int:
    """Append a directory to a structure, write its offset at `pointer`, and return it."""
    out += bytes(len(out) % 2)
    offset, order = len(out), byte_order(out)
    out += struct.pack(f"{order}H", len(rows))
    out += b"".join(row for _, row in sorted(rows.items())) + bytes(4)
    if pointer is not None:
        struct.pack_into(f"{order}L", out, pointer, offset)
    return offset


def _block(out: bytearray, rows: _Rows) -> bytes:
    _append(out, rows, pointer=4)
    return PREFIX + bytes(out)
