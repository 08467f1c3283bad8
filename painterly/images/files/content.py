"""A picture file's content: bytes that Pillow reads, and what was found in them."""

from typing import NamedTuple

MISSING_END = "its end, which is missing"

Size = tuple[int, int]  # width and height in px


class Content(NamedTuple):
    """A picture file without damage outside of the pixels, and without what takes long to read but
    has no pixels.

    Attributes:
        data: The file.
        left_out: What was left out of it, in a few words each.
        other: The same file in other bytes after its end, if that is missing: the file is complete
            only if both show the same.
        cicp: How its values mean colours (ITU-T H.273): primaries, transfer characteristics,
            matrix, and 1 for the full range; None if that is unknown.
        crop: The part of the pixels that is shown: left, top, right and bottom; None for all.
    """

    data: bytes
    left_out: tuple[str, ...] = ()
    other: bytes | None = None
    cicp: tuple[int, int, int, int] | None = None
    crop: tuple[int, int, int, int] | None = None


class Part(NamedTuple):
    """A chunk or box: its type, and the offsets of its first byte, of its body, and after its
    end."""

    kind: bytes
    start: int
    body: int
    end: int
