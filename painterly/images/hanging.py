"""A poster: pictures in frames on a wall, as in a salon, with a plate below each.

A row has columns of one picture or two. All is linear in the height of the row, which follows from
its width. Of many hangings, the one that fills the paper best is drawn.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from painterly.images.arrays import resize, to_integers
from painterly.images.lettering import Lettering

TRIALS = 600  # hangings
PAIRED, PAIRS_FROM = 0.55, 0.9  # share of wide pictures that hang in pairs; width by height
NARROWEST, WIDEST = 0.5, 2.0  # width by height of a frame
FACE = 0.22  # of a picture that is cut, this part is cut off above
WIDTH = 100.0  # of the paper; all lengths below are in this unit
RAIL, MAT, PLATE_TEXT = 0.4, 0.16, 0.74
PAPER, PALE, INK, QUIET = (251, 248, 241), (234, 226, 212), (31, 26, 21), (97, 87, 75)
FRAME, SHADOW, WHITE = (29, 25, 22), (222, 214, 200), (255, 253, 248)


class Place(NamedTuple):
    """The place of a frame: its left, top, width and height."""

    left: float
    top: float
    width: float
    height: float


class Wall(NamedTuple):
    """The wall of a paper.

    Attributes:
        height: The paper's height.
        margin, title, gap, plate: The room at the edges, of the title below, between frames, and
            of a plate.
    """

    height: float
    margin: float
    title: float
    gap: float
    plate: float

    @classmethod
    def of(cls, proportion: float) -> "Wall":
        """Return the wall of a paper with this width by height."""
        height = WIDTH / proportion
        return cls(height, 4, 8.2, 1.7, 2.4) if proportion >= 1 else cls(height, 5.5, 11, 2.1, 3)


def hang(ratios: Sequence[float], proportion: float, seed: int) -> list[Place]:
    """Return the place of each picture.

    Args:
        ratios: The width by height of each picture; there is at least one.
        proportion: The paper's.
        seed: Decides which hangings are tried.
    """
    wall, random = Wall.of(proportion), Random(seed)
    bounded = [min(WIDEST, max(NARROWEST, ratio)) for ratio in ratios]
    usual = math.sqrt(0.7 * len(ratios) / proportion)
    counts = sorted({max(1, math.floor(usual)), max(1, math.ceil(usual))})
    trials = (
        _hung(_columns(bounded, random), rows, bounded, wall)
        for rows in counts
        for _ in range(TRIALS)
    )
    return min(trials, key=lambda trial: trial[0])[1]


def _columns(ratios: Sequence[float], random: Random) -> list[list[int]]:
    """Return the numbers of the pictures in random columns."""
    deck, columns = random.sample(range(len(ratios)), len(ratios)), []
    while deck:
        column = [deck.pop()]
        wide = [each for each in deck if min(ratios[each], ratios[column[0]]) > PAIRS_FROM]
        if wide and random.random() < PAIRED:
            column.append(wide[0])
            deck.remove(wide[0])
        columns.append(column)
    return columns


def _hung(
    columns: list[list[int]], rows: int, ratios: Sequence[float], wall: Wall
) -> tuple[float, list[Place]]:
    """Return how far a hanging is from a full paper with pictures of one size, and its places."""
    across, down = WIDTH - 2 * wall.margin, wall.height - wall.margin - wall.title
    cuts = [round(row * len(columns) / rows) for row in range(rows + 1)]
    hung = [columns[start:end] for start, end in pairwise(cuts) if end > start]
    slopes = [[1 / sum(1 / ratios[each] for each in column) for column in row] for row in hung]
    fixed = [
        [wall.gap * (len(column) - 1) + wall.plate * len(column) for column in row] for row in hung
    ]
    heights = [
        (across - wall.gap * (len(row) - 1) + float(np.dot(slope, taken))) / sum(slope)
        for row, slope, taken in zip(hung, slopes, fixed, strict=True)
    ]
    total = sum(heights) + wall.gap * (len(hung) - 1)
    scale = min(1.0, down / total)
    places: dict[int, Place] = {}
    top = wall.margin + max(0.0, down - total) * 0.3
    for row, slope, taken, height in zip(hung, slopes, fixed, heights, strict=True):
        left = wall.margin + across * (1 - scale) / 2
        for column, part, fix in zip(row, slope, taken, strict=True):
            width, at = part * (height - fix) * scale, top
            for each in column:
                places[each] = Place(left, at, width, width / ratios[each])
                at += width / ratios[each] + (wall.plate + wall.gap) * scale
            left += width + wall.gap * scale
        top += (height + wall.gap) * scale
    areas = np.array([place.width * place.height for place in places.values()])
    spread = float(areas.std() / areas.mean())
    uneven = (max(heights) - min(heights)) / down
    cost = 9 * abs(total - down) / down + 0.8 * spread + 0.5 * uneven
    return cost, [places[number] for number in range(len(ratios))]


class Poster:
    """A poster that is drawn picture by picture.

    Attributes:
        places: As from `hang`.
    """

    def __init__(
        self,
        places: Sequence[Place],
        proportion: float,
        side: int,
        plates: Sequence[str],
        title: str,
    ) -> None:
        """Draw the wall with empty frames.

        Args:
            places: As from `hang`.
            proportion: As for `hang`.
            side: The longer side in px of the largest picture.
            plates: The text below each picture, as `label` returns it: a name, and a second line.
            title: The title below all.
        """
        self.places = places
        self._unit = side / max(max(place.width, place.height) for place in places)
        wall = Wall.of(proportion)
        size = round(WIDTH * self._unit), round(wall.height * self._unit)
        self._sheet = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._sheet)
        text = Lettering(max(8, round(PLATE_TEXT * self._unit)))
        for place, plate in zip(places, plates, strict=True):
            self._frame(place)
            below = place.top + place.height + 0.5
            for line, (words, ink) in enumerate(zip(plate.split("\n"), (INK, QUIET), strict=False)):
                at = place.left * self._unit, (below + 1.25 * line * PLATE_TEXT) * self._unit
                width = round(place.width * self._unit)
                text.draw(self._draw, at, words, width, ink, centred=False)
        heading = Lettering(max(10, round(wall.title * 0.32 * self._unit)))
        at = wall.margin * self._unit, (wall.height - wall.title * 0.72) * self._unit
        width = round((WIDTH - 2 * wall.margin) * self._unit)
        heading.draw(self._draw, at, title, width, INK, centred=False)

    @property
    def pixels(self) -> np.ndarray:
        """uint8 [H, W, 3], sRGB."""
        return np.asarray(self._sheet)

    def put(self, number: int, picture: np.ndarray) -> None:
        """Put a picture, uint8 [h, w, 3], into a frame, which cuts it to its shape."""
        left, top, right, bottom = self._box(self.places[number], RAIL + MAT)
        height, width = bottom - top, right - left
        scale = max(height / picture.shape[0], width / picture.shape[1])
        rows, columns = round(height / scale), round(width / scale)
        above = round((picture.shape[0] - rows) * FACE)
        before = (picture.shape[1] - columns) // 2
        part = picture[above : above + rows, before : before + columns]
        self._sheet.paste(Image.fromarray(to_integers(resize(part, height, width), 8)), (left, top))

    def _frame(self, place: Place) -> None:
        left, top, right, bottom = self._box(place, 0)
        shade = max(1, round(0.35 * self._unit))
        self._draw.rectangle(
            (left + shade // 2, top + shade, right + shade // 2, bottom + shade), SHADOW
        )
        for inside, colour in ((0, FRAME), (RAIL, WHITE), (RAIL + MAT, PALE)):
            left, top, right, bottom = self._box(place, inside)
            self._draw.rectangle((left, top, right - 1, bottom - 1), colour)

    def _box(self, place: Place, inside: float) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom of a place in px, this far inside it."""
        sides = (
            *(place.left + inside, place.top + inside),
            *(place.left + place.width - inside, place.top + place.height - inside),
        )
        left, top, right, bottom = (round(each * self._unit) for each in sides)
        return left, top, right, bottom
