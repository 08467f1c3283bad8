"""The border of a scanned or printed painting: paper, or the black of a scanner's lid."""

import numpy as np

from styletransfer.images.decode import Picture
from styletransfer.images.header import MIN_SIDE
from styletransfer.log import event

LIKE = 28 / 255  # of the full range: how far a border's pixels may be from its colour
UNIFORM = 0.98  # of the pixels of a border's row or column that are like it: scans have specks
LEAST = 0.005  # of a side: narrower borders are not worth a cut
BLURRED = 0.005  # of a side, which is cut off too: where a border blends into the painting,
BLOCK = 8  # but at least so many px: in a JPEG's blocks the painting's edge rings
MOST_INSIDE = 0.1  # of what is inside: where more of it is like the border, it is no border
LEAST_LEFT = 0.5  # of a side
SAMPLES = 512  # of rows and columns that are looked at inside


def used_pixels(painting: Picture, masked: bool, name: str) -> np.ndarray:
    """A painting's pixels as integers [H, W, 3]: without its border, which the log says under its
    name, unless a mask or alpha already says what of it is used."""
    pixels = painting.pixels_int
    if masked or painting.alpha_int is not None:
        return pixels
    inside = without_border(pixels)
    if inside.shape != pixels.shape:
        event(f"{name}: its border is left out")
    return inside


def without_border(pixels: np.ndarray) -> np.ndarray:
    """A painting's pixels [H, W, 3], integers or floats 0…1, without a border of one colour, as a
    view; all of them if it has none.

    The colours of paper around a painting are not the painting's: skies would turn white. A border
    is at both ends of a side at least, and of a colour that the painting inside hardly has. Where
    it has more of that colour, as a drawing on white paper, nothing is cut off.
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
    """The first row [W, 3] inside the border, the first after it, and the border's colour; all rows
    and no colour without one."""
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
    """How many rows from the first on are border."""
    for number, row in enumerate(rows):
        if _like(row, colour, scale).mean() < UNIFORM:
            return number
    return len(rows)


def _like(pixels: np.ndarray, colour: np.ndarray, scale: float) -> np.ndarray:
    like: np.ndarray = (np.abs(pixels - colour) <= LIKE * scale).all(-1)
    return like
