"""A poster: pictures in frames on a wall, as in a salon, with a plate below each.

A row has columns of one picture or two. All is linear in the height of the row, which follows from
its width. Of many hangings, the one that fills the paper best is drawn.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from painterly.images.arrays import resize, to_integers
from painterly.images.posters.lettering import Lettering

TRIALS = 600  # hangings
PAIRED, PAIRS_FROM = 0.55, 0.9  # share of wide pictures that hang in pairs; width by height
NARROWEST, WIDEST = 0.5, 2.0  # width by height of a frame
FACE = 0.22  # the part of a cut that is taken above
EDGE_GAP = 0.3  # the room between pictures without frames
WIDTH = 100.0  # all lengths are in percent of the paper's width
RAIL, MAT, PLATE_TEXT = 0.4, 0.16, 0.74
PAPER, PALE, INK, QUIET = (251, 248, 241), (234, 226, 212), (31, 26, 21), (97, 87, 75)
SHADOW, WHITE, DARK = (222, 214, 200), (255, 253, 248), (50, 44, 38)
FRAMES = {"black": (29, 25, 22), "oak": (169, 122, 65), "none": None}


class Place(NamedTuple):
    """The place of a frame: its left, top, width and height."""

    left: float
    top: float
    width: float
    height: float


class Look(NamedTuple):
    """The look of a hanging.

    Attributes:
        proportion: The paper's width by height.
        edge: Whether they are in rows from edge to edge, without frames, instead of on a wall.
        frame: A key of FRAMES.
        plates: Whether names are below the pictures.
        seed: Decides which hangings are tried.
    """

    proportion: float = 2**0.5
    edge: bool = False
    frame: str = "black"
    plates: bool = True
    seed: int = 0


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
    def of(cls, look: Look) -> "Wall":
        """Return the wall for a look."""
        height, wide = WIDTH / look.proportion, look.proportion >= 1
        wall = cls(height, 4, 8.2, 1.7, 2.4) if wide else cls(height, 5.5, 11, 2.1, 3)
        return wall if look.plates else wall._replace(plate=0)


@lru_cache(64)
def hang(ratios: tuple[float, ...], look: Look) -> list[Place]:
    """Return the place of each picture. It is found once, in half a second.

    Args:
        ratios: The width by height of each picture; there is at least one.
        look: How they are hung.
    """
    if look.edge:
        return _rows(len(ratios), look)
    wall, random = Wall.of(look), Random(look.seed)
    bounded = [min(WIDEST, max(NARROWEST, ratio)) for ratio in ratios]
    usual = math.sqrt(0.7 * len(ratios) / look.proportion)
    counts = sorted({max(1, math.floor(usual)), max(1, math.ceil(usual))})
    trials = (
        _hung(_columns(bounded, random), rows, bounded, wall)
        for rows in counts
        for _ in range(TRIALS)
    )
    return min(trials, key=lambda trial: trial[0])[1]


def _rows(count: int, look: Look) -> list[Place]:
    """Return places from edge to edge, nearly squares, in an order that the seed decides."""
    proportion = look.proportion

    def unlikeness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return (rows * columns - count) / count + abs(math.log(proportion * rows / columns))

    columns = min(range(1, count + 1), key=unlikeness)
    rows = math.ceil(count / columns)
    width = (WIDTH - EDGE_GAP * (columns + 1)) / columns
    height = (WIDTH / proportion - EDGE_GAP * (rows + 1)) / rows
    order = Random(look.seed).sample(range(count), count) if look.seed else range(count)
    return [
        Place(
            EDGE_GAP + (number % columns) * (width + EDGE_GAP),
            EDGE_GAP + (number // columns) * (height + EDGE_GAP),
            width,
            height,
        )
        for number in order
    ]


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
        self, places: Sequence[Place], look: Look, width: int, plates: Sequence[str], title: str
    ) -> None:
        """Draw the wall with empty frames.

        Args:
            places: As from `hang`.
            look: As for `hang`.
            width: The paper's width in px.
            plates: The words for each picture, as `label` returns them: a name, and a second line.
            title: The title below all.
        """
        self.places, self._look, self._plates = places, look, plates
        self._unit, wall = width / WIDTH, Wall.of(look)
        self._rail = 0.0 if look.edge or not FRAMES[look.frame] else RAIL
        size = width, round(width / look.proportion)
        self._sheet = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._sheet)
        self._text = Lettering(max(8, round(PLATE_TEXT * self._unit)))
        for number, place in enumerate(places):
            self._frame(place)
            self._put_plate(number)
        if not look.edge:
            heading = Lettering(max(10, round(wall.title * 0.32 * self._unit)))
            at = wall.margin * self._unit, (wall.height - wall.title * 0.72) * self._unit
            room = round((WIDTH - 2 * wall.margin) * self._unit)
            heading.draw(self._draw, at, title, room, INK, centred=False)

    @property
    def pixels(self) -> np.ndarray:
        """uint8 [H, W, 3], sRGB."""
        return np.asarray(self._sheet)

    def put(self, number: int, picture: np.ndarray) -> None:
        """Put a picture, uint8 [h, w, 3], into a frame, which cuts it to its shape."""
        left, top, right, bottom = self._box(self.places[number], self._inside)
        height, width = bottom - top, right - left
        scale = max(height / picture.shape[0], width / picture.shape[1])
        rows, columns = round(height / scale), round(width / scale)
        above = round((picture.shape[0] - rows) * FACE)
        before = (picture.shape[1] - columns) // 2
        part = picture[above : above + rows, before : before + columns]
        fitting = to_integers(resize(part, height, width), 8)
        self._sheet.paste(Image.fromarray(fitting), (left, top))
        if self._look.edge:
            self._put_plate(number)

    @property
    def _inside(self) -> float:
        return self._rail + MAT if self._rail else 0.0

    def _put_plate(self, number: int) -> None:
        """Write the words of a picture below it, or at its lower edge."""
        if not self._look.plates:
            return
        place, lines = self.places[number], self._plates[number].split("\n")
        left, bottom = place.left, place.top + place.height
        if self._look.edge:
            [name] = lines[:1]
            across = min(place.width - 1, (len(name) * 0.62 + 1.2) * PLATE_TEXT)
            box = Place(left + 0.5, bottom - 2.6 * PLATE_TEXT, across, 1.9 * PLATE_TEXT)
            self._draw.rectangle(self._box(box, 0), DARK)
            lines, inks, left, bottom = [name], [WHITE], left + 0.9, bottom - 2.3 * PLATE_TEXT
            room = across - 0.8
        else:
            inks, bottom, room = [INK, QUIET], bottom + 0.5, place.width
        for line, (words, ink) in enumerate(zip(lines, inks, strict=False)):
            at = left * self._unit, (bottom + 1.25 * line * PLATE_TEXT) * self._unit
            width = round(room * self._unit)
            self._text.draw(self._draw, at, words, width, ink, centred=False)

    def _frame(self, place: Place) -> None:
        frame = FRAMES[self._look.frame]
        if self._rail and frame:
            left, top, right, bottom = self._box(place, 0)
            shade = max(1, round(0.35 * self._unit))
            shadow = left + shade // 2, top + shade, right + shade // 2, bottom + shade
            self._draw.rectangle(shadow, SHADOW)
            for inside, colour in ((0, frame), (RAIL, WHITE)):
                left, top, right, bottom = self._box(place, inside)
                self._draw.rectangle((left, top, right - 1, bottom - 1), colour)
        left, top, right, bottom = self._box(place, self._inside)
        self._draw.rectangle((left, top, right - 1, bottom - 1), PALE)

    def _box(self, place: Place, inside: float) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom of a place in px, this far inside it."""
        sides = (
            *(place.left + inside, place.top + inside),
            *(place.left + place.width - inside, place.top + place.height - inside),
        )
        left, top, right, bottom = (round(each * self._unit) for each in sides)
        return left, top, right, bottom
