"""Sheets of paper: their names and sizes, and the part of a photo that fills one."""

import re
from typing import NamedTuple

NONE = "none"
SHEETS = {
    "A2": (420.0, 594.0),
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "letter": (215.9, 279.4),
}  # mm
FORM = f"{NONE}, {', '.join(SHEETS)}, or a width and a height, such as 30x40cm or 8x10in"
USUAL_DPI = 300
_MM = {"mm": 1.0, "cm": 10.0, "in": 25.4}
_NUMBER = r"([0-9]{1,4}(?:\.[0-9]{1,3})?)"
_SIDES = re.compile(rf"{_NUMBER}\s*[x×]\s*{_NUMBER}\s*({'|'.join(_MM)})")
_LENGTH = re.compile(rf"{_NUMBER}\s*({'|'.join(_MM)})?")


class Part(NamedTuple):
    """A part of a picture: `box` has its top, left, bottom and right in px, `whole` the picture's
    (height, width)."""

    box: tuple[int, int, int, int]
    whole: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Its (height, width) in px."""
        top, left, bottom, right = self.box
        return bottom - top, right - left

    def slices(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of this part in a mask of the picture, which may have another
        size."""
        (top, left, bottom, right), (rows, columns) = self.box, self.whole
        return _scaled(top, bottom, height / rows), _scaled(left, right, width / columns)


def parsed(text: str) -> str | None:
    """Return a paper as settings have it, `A4` or `30x40cm`, the shorter side first; None for a
    text that names none."""
    plain = text.strip().lower()
    for name in (NONE, *SHEETS):
        if plain == name.lower():
            return name
    match = _SIDES.fullmatch(plain)
    if match is None:
        return None
    shorter, longer = sorted(map(float, match.groups()[:2]))
    return f"{shorter:.7g}x{longer:.7g}{match[3]}" if shorter else None


def millimetres(text: str) -> float | None:
    """Return the mm of a length, such as `3mm`, `0.125in`, or `3` for mm; None for other texts."""
    match = _LENGTH.fullmatch(text.strip().lower())
    return None if match is None else float(match[1]) * _MM[match[2] or "mm"]


def sides_px(paper: str, bleed: float, dpi: int) -> tuple[int, int]:
    """Return the shorter and the longer side of a paper in px.

    Args:
        paper: A paper, but not `none`.
        bleed: The mm beyond each edge.
        dpi: The pixels per inch.
    """
    shorter, longer = (
        max(1, round((side + 2 * bleed) / _MM["in"] * dpi)) for side in sides_mm(paper)
    )
    return shorter, longer


def most_dpi(paper: str, bleed: float, longest: int) -> int:
    """Return the most dpi, at least 1, with which a paper's longer side has at most `longest`
    px."""
    return max(1, int(longest * _MM["in"] / (sides_mm(paper)[1] + 2 * bleed)))


def shown(paper: str) -> str:
    """Return a paper as people write it, such as `30 × 40 cm`."""
    match = _SIDES.fullmatch(paper)
    return f"{match[1]} × {match[2]} {match[3]}" if match else paper[0].upper() + paper[1:]


def part_shown(size: tuple[int, int], sheet: tuple[int, int]) -> Part:
    """Return the part in the centre of a picture that fills a sheet, as large as it can be. Less
    than a pixel is not cut off, so that the part of a part is the part itself.

    Args:
        size: The picture's (height, width).
        sheet: The sheet's.
    """
    height, width = size
    fitting_height = max(1, round(width * sheet[0] / sheet[1]))
    fitting_width = max(1, round(height * sheet[1] / sheet[0]))
    if height != fitting_height and width != fitting_width:
        height, width = min(height, fitting_height), min(width, fitting_width)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return Part((top, left, top + height, left + width), size)


def sides_mm(paper: str) -> tuple[float, float]:
    """Return the shorter and the longer side of a paper, but not `none`, in mm."""
    if paper in SHEETS:
        return SHEETS[paper]
    match = _SIDES.fullmatch(paper)
    assert match is not None  # As `parsed` returns it.
    shorter, longer = (float(number) * _MM[match[3]] for number in match.groups()[:2])
    return shorter, longer


def _scaled(first: int, end: int, scale: float) -> slice:
    start = round(first * scale)
    return slice(start, max(start + 1, round(end * scale)))
