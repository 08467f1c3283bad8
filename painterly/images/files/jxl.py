"""The headers of a JPEG XL (ISO 18181-1), and its first picture alone if it is an animation.

Its plugin decodes a file as a whole when it opens it, and shows the last frame.
"""

import struct
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from painterly.errors import PictureError
from painterly.images.files.boxes import JXL_STARTS, boxes
from painterly.images.files.content import Content, Size

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_CODESTREAM = (b"jxlc", b"jxlp")
_MOST_CHANNELS = 16  # in addition to red, green and blue
_MOST_FRAMES = 10_000
_MOST_PIXELS = 400_000_000  # in all frames of one picture
_LONGEST_HEADER = 100_000  # bytes of headers that are looked at

# Codes of numbers: the count of bits and the first value for each of four choices.
_Code = tuple[tuple[int, int], ...]
_SIDE: _Code = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: _Code = ((0, 0), (0, 1), (4, 2), (6, 18))
_TEXT: _Code = ((0, 0), (4, 0), (5, 16), (10, 48))
_POWER: _Code = ((0, 1), (0, 2), (0, 4), (0, 8))
_SMALL: _Code = ((0, 0), (0, 1), (0, 2), (3, 3))
_PLACE: _Code = ((8, 0), (11, 256), (14, 2304), (30, 18_688))
_DURATION: _Code = ((0, 0), (0, 1), (8, 0), (32, 0))
_LENGTH: _Code = ((10, 0), (14, 1024), (22, 17_408), (30, 4_211_712))
_XY: _Code = ((19, 0), (19, 524_288), (20, 1_048_576), (21, 2_097_152))
_HALF = 16  # bits of a float

_REGULAR, _DC, _REFERENCE = (0, 3), 1, 2  # types of frames
_USE_DC_FRAME = 32
_BLEND, _ADD_WEIGHTED, _MULTIPLY = 2, 3, 4


class _Bits:
    """Bits, least significant first."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> int:
        """Return the next number of `count` bits. Raises ValueError at the end."""
        first, end = self.at // 8, (self.at + count + 7) // 8
        if end > len(self.data):
            raise ValueError("the headers end early")
        value = int.from_bytes(self.data[first:end], "little") >> self.at % 8
        self.at += count
        return value & (1 << count) - 1

    def number(self, code: _Code) -> int:
        """Return the next number of a code (U32)."""
        count, first = code[self.take(2)]
        return first + self.take(count)

    def long(self) -> int:
        """Return the next number of up to 64 bits (U64)."""
        choice = self.take(2)
        if choice < 3:
            return ((0, 0), (4, 1), (8, 17))[choice][1] + self.take((0, 4, 8)[choice])
        value, shift = self.take(12), 12
        while shift < 60 and self.take(1):
            value, shift = value | self.take(8) << shift, shift + 8
        return value

    def extensions(self) -> None:
        """Pass over extensions."""
        sizes = [self.long() for _ in range(self.long().bit_count())]
        self.at += sum(sizes)

    def text(self) -> None:
        """Pass over a text."""
        length = self.number(_TEXT)
        self.at += 8 * length

    def align(self) -> None:
        """Go to the next byte."""
        self.at += -self.at % 8


class JxlHeader(NamedTuple):
    """The header of a JPEG XL.

    Attributes:
        size: The width and height in px, as shown.
        channels: How many there are in addition to red, green and blue.
        is_animated: Whether it has several pictures.
    """

    size: Size
    channels: int
    is_animated: bool


@dataclass
class _Image:
    """The parts of the image's header that frames need; see `JxlHeader`."""

    size: Size
    orientation: int = 1
    channels: int = 0
    is_animated: bool = False
    has_timecodes: bool = False
    has_preview: bool = False
    has_profile: bool = False
    is_xyb: bool = True


class _Frame(NamedTuple):
    """A frame: its size, its places in bits and bytes, and whether a picture ends with it."""

    size: Size
    is_shown: bool
    is_last: bool
    last_at: int  # in bits
    name_at: int
    is_permuted: bool
    header_end: int
    lengths_at: int  # in bytes
    end: int


def header(data: bytes) -> JxlHeader:
    """Return the header. Raises ValueError or struct.error for damaged files."""
    image = _image(_Bits(_codestream(data, 2 * _LONGEST_HEADER), 16))
    size = image.size[::-1] if image.orientation > 4 else image.size
    return JxlHeader(size, image.channels, image.is_animated)


def content(data: bytes) -> Content:
    """Return the content: of an animation, its first picture.

    Raises PictureError for one in which that is not found, and for too many layers; ValueError or
    struct.error for damaged files.
    """
    stream = _codestream(data)
    bits = _Bits(stream, 16)
    image = _image(bits)
    if image.size[0] * image.size[1] > _MOST_PIXELS:
        return Content(data, declared=(image.size,))
    if image.channels > _MOST_CHANNELS:
        raise PictureError(
            f"is a JPEG XL of a rare kind ({image.channels} channels); export it as JPEG or PNG"
        )
    bits.align()
    start, sizes = bits.at // 8, []
    if image.has_profile or image.has_preview:
        _check_still(image)
        return Content(data)
    for _ in range(_MOST_FRAMES):
        frame = _frame(_Bits(stream, 8 * start), image)
        sizes.append(frame.size)
        if frame.is_last:
            return Content(data, declared=tuple(sizes), is_short=frame.end > len(stream))
        if sum(across * down for across, down in sizes) > _MOST_PIXELS:
            raise PictureError(
                "is a JPEG XL of more layers than a picture has, which would take long to read; "
                "save it anew"
            )
        if frame.is_permuted:
            _check_still(image)
            return Content(data, declared=tuple(sizes))
        if frame.is_shown:
            still = (
                stream[:start]
                + _last(stream, 8 * start, frame)
                + stream[frame.lengths_at : frame.end]
            )
            return Content(_boxed(data, still), declared=tuple(sizes))
        start = frame.end
    raise ValueError("no last frame")


def _check_still(image: _Image) -> None:
    if image.is_animated:
        raise PictureError(
            "is an animated JPEG XL of a rare kind (with a colour profile, a preview, or its parts "
            "in another order); export its first picture as JPEG or PNG"
        )


def _codestream(data: bytes, longest: int | None = None) -> bytes:
    """Return a JPEG XL's codestream, or its start of about `longest` bytes."""
    if data.startswith(JXL_STARTS[0]):
        return data if longest is None else data[:longest]
    parts: list[bytes] = []
    for box in boxes(data):
        if box.kind in _CODESTREAM:
            parts.append(data[box.body + 4 * (box.kind == b"jxlp") : box.end][:longest])
        if longest and sum(map(len, parts)) >= longest:
            break
    if not parts:
        raise ValueError("no codestream")
    return b"".join(parts)


def _boxed(data: bytes, stream: bytes) -> bytes:
    """Return a file with another codestream."""
    if data.startswith(JXL_STARTS[0]):
        return stream
    others = [data[box.start : box.end] for box in boxes(data) if box.kind not in _DROPPED]
    return b"".join([*others, struct.pack(">L4s", 8 + len(stream), b"jxlc"), stream])


_DROPPED = (*_CODESTREAM, b"jxli", b"jbrd")  # an animation's index, and a JPEG's rest


def _last(stream: bytes, start: int, frame: _Frame) -> bytes:
    """Return the header of a frame, its bits from `start`, for a frame that is the last one: it has
    no number for others to refer to."""
    out, length = 0, 0
    for first, end in ((start, frame.last_at), (None, 1), (frame.name_at, frame.header_end)):
        count = 1 if first is None else end - first
        value = 1 if first is None else _Bits(stream, first).take(count)
        out, length = out | value << length, length + count
    return out.to_bytes((length + 1 + 7) // 8, "little")  # One bit more: no other order of parts.


def _size(bits: _Bits) -> Size:
    """Parse SizeHeader."""
    is_small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else bits.number(_SIDE)

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _image(bits: _Bits) -> _Image:
    """Parse the headers of an image, up to its colour profile."""
    image = _Image(_size(bits))
    if not bits.take(1):
        _metadata(bits, image)
    if not bits.take(1):  # CustomTransformData
        if image.is_xyb and not bits.take(1):
            bits.take(16 * _HALF)
        mask = bits.take(3)
        weights = sum(count for bit, count in enumerate((15, 55, 210)) if mask >> bit & 1)
        bits.take(weights * _HALF)
    return image


def _metadata(bits: _Bits, image: _Image) -> None:
    """Parse ImageMetadata."""
    if has_extra_fields := bits.take(1):
        image.orientation = 1 + bits.take(3)
        if bits.take(1):
            _size(bits)
        image.has_preview = bool(bits.take(1))
        if image.has_preview:
            _preview_size(bits)
        image.is_animated = bool(bits.take(1))
        if image.is_animated:
            bits.number(((0, 100), (0, 1000), (10, 1), (30, 1)))
            bits.number(((0, 1), (0, 1001), (8, 1), (10, 1)))
            bits.number(((0, 0), (3, 0), (16, 0), (32, 0)))
            image.has_timecodes = bool(bits.take(1))
    _depth(bits)
    bits.take(1)
    image.channels = bits.number(((0, 0), (0, 1), (4, 2), (12, 1)))
    for _ in range(image.channels):
        _channel(bits)
    image.is_xyb = bool(bits.take(1))
    image.has_profile = _colours(bits)
    if has_extra_fields and not bits.take(1):
        bits.take(3 * _HALF + 1)
    bits.extensions()


def _preview_size(bits: _Bits) -> None:
    """Pass over PreviewHeader."""
    is_small = bits.take(1)
    sides: _Code = (
        ((0, 16), (0, 32), (5, 1), (9, 33))
        if is_small
        else ((6, 1), (8, 65), (10, 321), (12, 1345))
    )
    bits.number(sides)
    if not bits.take(3):
        bits.number(sides)


def _depth(bits: _Bits) -> None:
    """Pass over BitDepth."""
    if bits.take(1):
        bits.number(((0, 32), (0, 16), (0, 24), (6, 1)))
        bits.take(4)
    else:
        bits.number(((0, 8), (0, 10), (0, 12), (6, 1)))


def _channel(bits: _Bits) -> None:
    """Pass over ExtraChannelInfo."""
    if bits.take(1):
        return
    kind = bits.number(_ENUM)
    _depth(bits)
    bits.number(((0, 0), (0, 3), (0, 4), (3, 1)))
    bits.text()
    match kind:
        case 0:
            bits.take(1)
        case 2:
            bits.take(4 * _HALF)
        case 5:
            bits.number(((0, 1), (2, 0), (4, 3), (8, 19)))


def _colours(bits: _Bits) -> bool:
    """Parse ColourEncoding: return whether a profile follows the headers."""
    if bits.take(1):
        return False
    has_profile, space = bits.take(1), bits.number(_ENUM)
    if has_profile:
        return True
    if space == 2:  # XYB
        bits.number(_ENUM)
        return False
    for values in (1, 3) if space != 1 else (1,):  # white and primaries, but none of grey
        if bits.number(_ENUM) == 2:
            for _ in range(2 * values):
                bits.number(_XY)
    if bits.take(1):
        bits.take(24)
    else:
        bits.number(_ENUM)
    bits.number(_ENUM)
    return False


def _frame(bits: _Bits, image: _Image) -> _Frame:
    """Parse a frame's header and its table of lengths."""
    if bits.take(1):
        return _Frame(image.size, True, True, 0, 0, False, 0, 0, 0)
    kind, is_modular, flags = bits.take(2), bits.take(1), bits.long()
    uses_dc = flags & _USE_DC_FRAME
    if not image.is_xyb and bits.take(1) and not uses_dc:
        bits.take(6)
    upsampling = 1
    if not uses_dc:
        upsampling = bits.number(_POWER)
        bits.take(2 * image.channels)
    group = 128 << bits.take(2) if is_modular else 256
    if not is_modular and image.is_xyb:
        bits.take(6)
    passes = _passes(bits) if kind != _REFERENCE else 1
    level = bits.take(2) + 1 if kind == _DC else 0
    size, is_partial = _frame_size(bits, kind, image) if kind != _DC else (image.size, False)
    duration, is_last, last_at, replaces = 0, 0, 0, False
    if kind in _REGULAR:
        blendings = [_blending(bits, image, is_partial) for _ in range(1 + image.channels)]
        replaces = blendings[0] == 0
        if image.is_animated:
            duration = bits.number(_DURATION)
            bits.take(32 * image.has_timecodes)
        last_at = bits.at
        is_last = bits.take(1)
    reference = bits.take(2) if kind != _DC and not is_last else 0
    can_be_referenced = not is_last and kind != _DC and (duration == 0 or reference)
    if kind == _REFERENCE or (can_be_referenced and replaces and not is_partial):
        bits.take(1)
    name_at = bits.at
    bits.text()
    _loop_filter(bits, bool(is_modular))
    bits.extensions()
    header_end, is_permuted = bits.at, bits.take(1)
    bits.align()
    lengths_at = bits.at // 8
    across, down = (ceil(side / (1 << 3 * level) / upsampling) for side in size)
    groups = ceil(across / group) * ceil(down / group)
    parts = 2 + ceil(across / group / 8) * ceil(down / group / 8) + groups * passes
    end = 0
    is_huge = size[0] * size[1] > _MOST_PIXELS
    is_last |= is_huge  # None is looked at behind it.
    if not (is_permuted or is_huge):
        total = sum(bits.number(_LENGTH) for _ in range(1 if groups * passes == 1 else parts))
        bits.align()
        end = bits.at // 8 + total
        if not total:
            raise ValueError("a frame without data")
    is_shown = kind in _REGULAR and duration > 0
    return _Frame(
        *(size, is_shown, bool(is_last), last_at, name_at, bool(is_permuted)),
        *(header_end, lengths_at, end),
    )


def _passes(bits: _Bits) -> int:
    """Parse Passes: return how many there are."""
    count = bits.number(((0, 1), (0, 2), (0, 3), (3, 4)))
    if count > 1:
        reduced = bits.number(((0, 0), (0, 1), (0, 2), (1, 3)))
        bits.take(2 * (count - 1) + 2 * reduced)
        for _ in range(reduced):
            bits.number(((0, 0), (0, 1), (0, 2), (3, 0)))
    return count


def _frame_size(bits: _Bits, kind: int, image: _Image) -> tuple[Size, bool]:
    """Parse a frame's size: return it, and whether it covers only a part of the image."""
    if not bits.take(1):
        return image.size, False
    places = [bits.number(_PLACE) for _ in range(4 if kind in _REGULAR else 2)]
    width, height = places[-2:]
    if kind not in _REGULAR:
        return (width, height), False
    left, top = (each // 2 if each % 2 == 0 else -(each // 2) - 1 for each in places[:2])
    covers = left <= 0 and top <= 0
    covers &= left + width >= image.size[0] and top + height >= image.size[1]
    return (width, height), not covers


def _blending(bits: _Bits, image: _Image, is_partial: bool) -> int:
    """Parse BlendingInfo: return the mode."""
    mode = bits.number(((0, 0), (0, 1), (0, 2), (2, 3)))
    has_alpha = image.channels > 0 and mode in (_BLEND, _ADD_WEIGHTED)
    if has_alpha:
        bits.number(_SMALL)
    if has_alpha or mode == _MULTIPLY:
        bits.take(1)
    if mode or is_partial:
        bits.take(2)
    return mode


def _loop_filter(bits: _Bits, is_modular: bool) -> None:
    """Pass over LoopFilter."""
    if bits.take(1):
        return
    if bits.take(1) and bits.take(1):
        bits.take(6 * _HALF)
    if bits.take(2):
        if not is_modular and bits.take(1):
            bits.take(8 * _HALF)
        if bits.take(1):
            bits.take(5 * _HALF)
        if bits.take(1):
            bits.take((3 if is_modular else 4) * _HALF)
        if is_modular:
            bits.take(_HALF)
    bits.extensions()
