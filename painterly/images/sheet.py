"""A sheet of pictures: a grid with a label below each."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from painterly.images.arrays import fit_size, resize, to_integers
from painterly.images.lettering import Lettering

LARGEST_CELL, SMALLEST_CELL = 512, 96  # px of a picture's longer side
MOST_PIXELS = 16_000_000  # in all pictures together, unless cells are the smallest
SHAPE = 4 / 3  # width by height that a sheet comes close to
PAPER, INK = (250, 249, 246), (34, 34, 34)


def cell_side(count: int) -> int:
    """Return the longer side in px of each picture on a sheet with `count` of them."""
    side = int(math.sqrt(MOST_PIXELS / count))
    return max(SMALLEST_CELL, min(LARGEST_CELL, side))


def fitted(pixels: np.ndarray, side: int, alpha: np.ndarray | None = None) -> np.ndarray:
    """Return pixels, float or integer, with a longer side of `side` px, uint8, over white."""
    height, width = fit_size(pixels.shape[0], pixels.shape[1], side)
    over_white = None if alpha is None else resize(alpha, height, width)
    return to_integers(resize(pixels, height, width), 8, over_white)


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
    lettering = Lettering(size)
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
                lettering.draw(draw, middle, text, width, INK)
    return np.asarray(sheet)
