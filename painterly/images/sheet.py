"""A sheet of pictures: a grid with a label below each."""

import itertools
import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from logging import WARNING
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from painterly.images.arrays import fit_size, resize, to_integers
from painterly.log import event
from painterly.words.wording import printable

LARGEST_CELL, SMALLEST_CELL = 512, 96  # px of a picture's longer side
MOST_PIXELS = 16_000_000  # in all pictures together, unless cells are the smallest
SHAPE = 4 / 3  # width by height that a sheet comes close to
PAPER, INK = (250, 249, 246), (34, 34, 34)
# Latin, Greek and Cyrillic letters. Pillow's own font has no accents.
FONT = Path(__file__).parent / "DejaVuSans.ttf"
TRIED_AT = 24  # px
NO_CHARACTER = "\U0010ffff"
INVISIBLE = ("Z", "C")  # categories of spaces and of controls, such as joiners


def cell_side(count: int) -> int:
    """Return the longer side in px of each picture on a sheet with `count` of them."""
    side = int(math.sqrt(MOST_PIXELS / count))
    return max(SMALLEST_CELL, min(LARGEST_CELL, side))


def side_for(count: int, size: int | str, longest: int | None = None) -> int:
    """Return the longer side in px of each of `count` painted pictures on a sheet.

    Args:
        count: Their number.
        size: The setting `size`, which bounds it.
        longest: The side without that bound, if the number does not decide it.
    """
    side = longest or cell_side(count + 1)
    return side if size == "full" else min(side, int(size))


def fitted(pixels: np.ndarray, side: int, alpha: np.ndarray | None = None) -> np.ndarray:
    """Return pixels, float or integer, with a longer side of `side` px, uint8, over white."""
    height, width = fit_size(pixels.shape[0], pixels.shape[1], side)
    over_white = None if alpha is None else resize(alpha, height, width)
    return to_integers(resize(pixels, height, width), 8, over_white)


def label(text: str, number: int) -> str:
    """Return a label that can be drawn: without letters that the font lacks, for which the number
    of its picture stands, which the log explains."""
    # A Mac's disk stores accents apart.
    text = "\n".join(map(printable, unicodedata.normalize("NFC", text).split("\n")))
    missing = {each for each in text if each != "\n" and not _is_drawn(each)}
    if not missing:
        return text
    event(f"picture {number} of the sheet is {text!r}: the font lacks letters of it", level=WARNING)
    drawn = "".join(each for each in text if each not in missing).strip()
    return f"[{number}] {drawn}".strip()


def sheet_of(
    pictures: Sequence[tuple[np.ndarray, str]], side: int, text_height: int | None = None
) -> np.ndarray:
    """Draw a sheet, uint8 [H, W, 3].

    Args:
        pictures: Each picture, uint8 [h, w, 3], with sides of `side` px at most, and its `label`,
            of one or more lines. A line that is wider than its cell loses its middle.
        side: As from `cell_side`.
        text_height: The size of the labels in px; by default, it grows with `side`.
    """
    gap, size = max(8, side // 16), text_height or max(11, side // 20)
    font = ImageFont.truetype(FONT, size)
    width = max(picture.shape[1] for picture, _ in pictures)
    height = max(picture.shape[0] for picture, _ in pictures)
    line, lines = round(1.4 * size), 1 + max(label.count("\n") for _, label in pictures)
    step_x, step_y = width + gap, height + gap // 3 + lines * line + gap
    count = len(pictures)

    def unlikeness(columns: int) -> float:
        """Return how far a sheet is from SHAPE, and how much of it would be empty."""
        rows = math.ceil(count / columns)
        shape = columns * step_x / (rows * step_y)
        return abs(math.log(shape / SHAPE)) + rows * columns / count

    columns = min(range(1, count + 1), key=unlikeness)
    rows = math.ceil(count / columns)
    sheet = Image.new("RGB", (gap + columns * step_x, gap + rows * step_y), PAPER)
    draw = ImageDraw.Draw(sheet)
    # Rows differ by one picture at most; short ones are centred.
    ends = [math.ceil(count * row / rows) for row in range(rows + 1)]
    for row, (start, end) in enumerate(itertools.pairwise(ends)):
        indent = (columns - (end - start)) * step_x // 2
        for column, (picture, label) in enumerate(pictures[start:end]):
            left, top = gap + indent + column * step_x, gap + row * step_y
            place = left + (width - picture.shape[1]) // 2, top + height - picture.shape[0]
            sheet.paste(Image.fromarray(picture), place)
            for below, text in enumerate(label.split("\n")):
                middle = left + width / 2, top + height + gap // 3 + below * line
                draw.text(middle, _shortened(text, font, width), INK, font, anchor="ma")
    return np.asarray(sheet)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return a line without its middle if it is wider than `width` px."""
    shown, count = text, len(text)
    while font.getlength(shown) > width and count > 2:
        count -= 1
        shown = f"{text[: count - count // 2]}…{text[-(count // 2) :]}"
    return shown


@cache
def _is_drawn(character: str) -> bool:
    """Return whether the font has a character: others look like one that does not exist."""
    if unicodedata.category(character)[0] in INVISIBLE:
        return True
    font = ImageFont.truetype(FONT, TRIED_AT, layout_engine=ImageFont.Layout.BASIC)
    shown, missing = (font.getmask(each) for each in (character, NO_CHARACTER))
    return (shown.size, bytes(shown)) != (missing.size, bytes(missing))
