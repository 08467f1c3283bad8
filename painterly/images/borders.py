"""The border of a scanned or printed painting: paper, or the black of a scanner's lid."""

import numpy as np

from painterly.images.header import MIN_SIDE
from painterly.images.picture import Picture
from painterly.log import event

# Shares of a side, unless a comment says otherwise.
LIKE = 28 / 255  # largest difference of a border's pixels from its colour, of the full range
UNIFORM = 0.98  # smallest share of a border's row or column with its colour: scans have specks
LEAST = 0.005  # narrowest border that is cut off
BLURRED = 0.005  # width that is also cut off, because a border blends into the painting,
BLOCK = 8  # px, the least such width: in a JPEG's blocks the painting's edge rings
MOST_INSIDE = 0.1  # largest share of the border's colour inside; with more, it is not a border
LEAST_LEFT = 0.5
SAMPLES = 512  # rows and columns that are examined inside


def used_pixels(painting: Picture, masked: bool, name: str) -> np.ndarray:
    """Return a painting's pixels without its border, as integers [H, W, 3].

    If a mask or alpha already selects a part of the painting, all of them are returned.

    Args:
        masked: Whether it has a mask.
        name: Its name, for the log.
    """
    pixels = painting.pixels_int
    if masked or painting.alpha_int is not None:
        return pixels
    inside = without_border(pixels)
    if inside.shape != pixels.shape:
        event(f"{name}: its border is left out")
    return inside


def without_border(pixels: np.ndarray) -> np.ndarray:
    """Return a painting's pixels without a border of one colour, as a view.

    The colours of paper around a painting would turn skies white. A border is at both ends of a
    side at least, and its colour is rare inside: the paper of a drawing stays.

    Args:
        pixels: [H, W, 3], integers or floats 0…1.
    """
    scale = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1.0
    top, bottom, colours = _ends(pixels, scale)
    left, right, others = _ends(pixels[top:bottom].swapaxes(0, 1), scale)
    inside = pixels[top:bottom, left:right]
    step = 1 + max(inside.shape) // SAMPLES
    for colour in colours + others:
        if _like(inside[::step, ::step], colour, scale).mean() >= MOST_INSIDE:
            return pixels
    return inside if colours + others else pixels


def _ends(rows: np.ndarray, scale: float) -> tuple[int, int, list[np.ndarray]]:
    """Find the border at both ends of rows [W, 3].

    Returns:
        The first row inside, the first after it, and the border's colour. Without a border: all
        rows and no colour.
    """
    count = len(rows)
    colour = np.median(np.concatenate([rows[0], rows[-1]]), axis=0)
    first = _border(rows, colour, scale)
    last = _border(rows[::-1], colour, scale)
    blurred = max(BLOCK, round(BLURRED * count))
    left = count - first - last - 2 * blurred
    if min(first, last) < LEAST * count or left < max(LEAST_LEFT * count, MIN_SIDE):
        return 0, count, []
    return first + blurred, first + blurred + left, [colour]


def _border(rows: np.ndarray, colour: np.ndarray, scale: float) -> int:
    for number, row in enumerate(rows):
        if _like(row, colour, scale).mean() < UNIFORM:
            return number
    return len(rows)


def _like(pixels: np.ndarray, colour: np.ndarray, scale: float) -> np.ndarray:
    like: np.ndarray = (np.abs(pixels - colour) <= LIKE * scale).all(-1)
    return like
