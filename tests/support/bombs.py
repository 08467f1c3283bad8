"""Clips whose tables name the same bytes again and again."""

import io
import struct

from PIL import Image

_MATRIX = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


def box(kind: bytes, *inside: bytes) -> bytes:
    """A box of an mp4 file (ISO/IEC 14496-12)."""
    body = b"".join(inside)
    return struct.pack(">L4s", 8 + len(body), kind) + body


def _full(kind: bytes, *inside: bytes) -> bytes:
    return box(kind, bytes(4), *inside)


def repeated(count: int, length: int) -> bytes:
    """A QuickTime file with one picture of a length in bytes, which its table names as `count`
    pictures."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 90, 40)).save(out, "JPEG")
    picture, lasts, sides = out.getvalue().ljust(length, b"\0"), 40 * count, (64 << 16, 64 << 16)
    codec = struct.pack(">HHLLLH", 64, 64, 72 << 16, 72 << 16, 0, 1)
    entry = bytes(6) + b"\0\1" + bytes(16) + codec + bytes(32) + struct.pack(">Hh", 24, -1)
    head = box(b"ftyp", b"qt  \0\0\0\0qt  ")

    def tables(at: int) -> bytes:
        times = struct.pack(">LLLLLH", 0, 0, 1000, lasts, 65536, 256)
        movie = _full(b"mvhd", times, bytes(10), _MATRIX, bytes(24), struct.pack(">L", 2))
        shown = struct.pack(">LLLLL", 0, 0, 1, 0, lasts), bytes(16), _MATRIX
        track = box(b"tkhd", b"\0\0\0\7", *shown, struct.pack(">LL", *sides))
        samples = box(
            b"stbl",
            _full(b"stsd", struct.pack(">L", 1), box(b"jpeg", entry)),
            _full(b"stts", struct.pack(">LLL", 1, count, 40)),
            _full(b"stsc", struct.pack(">LLLL", 1, 1, 1, 1)),
            _full(b"stsz", struct.pack(">LL", length, count)),
            _full(b"stco", struct.pack(">L", count), struct.pack(">L", at) * count),
        )
        where = box(b"dinf", _full(b"dref", struct.pack(">L", 1), box(b"url ", b"\0\0\0\1")))
        inside = box(b"minf", box(b"vmhd", b"\0\0\0\1", bytes(8)), where, samples)
        about = _full(b"mdhd", struct.pack(">LLLLHH", 0, 0, 1000, lasts, 0, 0))
        kind = _full(b"hdlr", b"mhlrvide", bytes(12), b"\0")
        return box(b"moov", movie, box(b"trak", track, box(b"mdia", about, kind, inside)))

    at = len(head) + len(tables(0)) + 8
    return head + tables(at) + box(b"mdat", picture)
