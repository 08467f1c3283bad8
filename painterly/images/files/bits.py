"""Numbers in a stream of bits, most significant bit first, as video codecs write them; and the
sizes that the headers of AV1 and HEVC declare."""

from painterly.images.files.content import Size

_LONGEST = 1000  # bytes of a header that are looked at
_SEQUENCE_HEADER, _SPS = 1, 33  # types of AV1's and HEVC's units


class _Bits:
    """The bits of some bytes; zeros follow them."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:_LONGEST])
        self._left = 8 * len(data[:_LONGEST])

    def take(self, count: int) -> int:
        """Return the next number of `count` bits."""
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & (1 << count) - 1

    def golomb(self) -> int:
        """Return the next number in an exponential-Golomb code."""
        zeros = 0
        while self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def av1(data: bytes) -> tuple[Size, int | None] | None:
    """Return the size that an AV1 stream declares, and its matrix of H.273 if it has one; or None
    without a sequence header at its start."""
    at = 0
    while at + 2 <= len(data):
        kind, has_extension, has_size = data[at] >> 3 & 15, data[at] >> 2 & 1, data[at] >> 1 & 1
        at += 1 + has_extension
        length = shift = 0
        while has_size and at < len(data) and shift < 56:
            length |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if not data[at - 1] & 128:
                break
        if kind == _SEQUENCE_HEADER:
            return _sequence_header(_Bits(data[at : at + length] if has_size else data[at:]))
        if not has_size:
            break
        at += length
    return None


def _sequence_header(bits: _Bits) -> tuple[Size, int | None]:
    """Parse AV1's sequence_header_obu (5.5)."""
    profile, _, reduced = bits.take(3), bits.take(1), bits.take(1)
    if reduced:
        bits.take(5)
    else:
        _operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    size = bits.take(across) + 1, bits.take(down) + 1
    if not reduced and bits.take(1):
        bits.take(7)
    bits.take(3)
    if not reduced:
        bits.take(4)
        has_order = bits.take(1)
        bits.take(2 * has_order)
        chosen = bits.take(1) or bits.take(1)
        if chosen and not bits.take(1):
            bits.take(1)
        bits.take(3 * has_order)
    bits.take(3)
    if bits.take(1) and profile == 2:
        bits.take(1)
    if profile != 1:
        bits.take(1)
    return size, bits.take(24) & 255 if bits.take(1) else None


def _operating_points(bits: _Bits) -> None:
    """Pass over timing and operating points of AV1's sequence header."""
    delay = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        if bits.take(1):
            delay = bits.take(5) + 1
            bits.take(42)
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)


def hevc(unit: bytes) -> Size | None:
    """Return the size that a unit of an HEVC stream declares, if it is a sequence parameter set
    (ITU-T H.265, 7.3.2.2)."""
    if len(unit) < 4 or unit[0] >> 1 & 63 != _SPS:
        return None
    bits = _Bits(unit[2:_LONGEST].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.golomb()
    if bits.golomb() == 3:
        bits.take(1)
    return bits.golomb(), bits.golomb()
