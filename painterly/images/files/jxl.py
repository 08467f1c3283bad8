"""The header of a JPEG XL (ISO 18181-1), as far as it says the size and whether there are several
pictures.

Its plugin decodes a file as a whole when it opens it, and shows the last picture of an animation.
"""

from painterly.errors import PictureError
from painterly.images.files.boxes import JXL_STARTS, boxes
from painterly.images.files.content import Size

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_CODESTREAM = (b"jxlc", b"jxlp")
_LONGEST = 100  # bytes of a header

# Codes of numbers: the count of bits and the first value for each of four choices.
_Code = tuple[tuple[int, int], ...]
_SIDE: _Code = ((9, 1), (13, 1), (18, 1), (30, 1))
_PREVIEW: _Code = ((6, 1), (8, 65), (10, 321), (12, 1345))
_SMALL_PREVIEW: _Code = ((0, 16), (0, 32), (5, 1), (9, 33))


class _Bits:
    """Bits, least significant first; zeros follow them."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """Return the next number of `count` bits."""
        value = self._value & (1 << count) - 1
        self._value >>= count
        return value

    def number(self, code: _Code) -> int:
        """Return the next number of a code (U32)."""
        count, first = code[self.take(2)]
        return first + self.take(count)


def size(data: bytes) -> Size:
    """Return the width and height of a picture, as shown.

    Raises PictureError for an animation, ValueError or struct.error for a damaged file.
    """
    bits = _Bits(_codestream(data)[len(JXL_STARTS[0]) :])
    width, height = _size(bits)
    if bits.take(1) or not bits.take(1):  # All is as usual.
        return width, height
    orientation = 1 + bits.take(3)
    if bits.take(1):
        _size(bits)
    if bits.take(1):
        _pass_preview(bits)
    if bits.take(1):
        raise PictureError(
            "is an animated JPEG XL, which is not read; export its first picture as JPEG or PNG"
        )
    return (height, width) if orientation > 4 else (width, height)


def _codestream(data: bytes) -> bytes:
    """Return the start of a JPEG XL's codestream."""
    if data.startswith(JXL_STARTS[0]):
        return data[:_LONGEST]
    for box in boxes(data):
        if box.kind in _CODESTREAM:
            return data[box.body + 4 * (box.kind == b"jxlp") : box.end][:_LONGEST]
    raise ValueError("no codestream")


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


def _pass_preview(bits: _Bits) -> None:
    """Pass over PreviewHeader."""
    is_small = bits.take(1)
    sides = _SMALL_PREVIEW if is_small else _PREVIEW
    bits.number(sides)
    if not bits.take(3):
        bits.number(sides)
