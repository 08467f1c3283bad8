"""A poster: pictures in frames on a wall, as in a salon, with a plate below each.

A row has columns of one picture or two. All is linear in the height of the row, which follows from
its width. Hangings are tried at random, and the best is changed bit by bit while that makes it
better: it fills the paper, with no frame much smaller than the others.
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
from painterly.images.lettering import ITALIC, SERIF, Lettering

STARTS, CHANGES = 200, 3000  # hangings that are tried
WORSE = 0.5  # how much worse the first changes may be: a better hanging can be behind them
PAIRED = 0.3  # the part of the columns with two pictures at a start
FULL, UNEVEN, SMALLEST, LARGEST = 30.0, 0.5, 3.0, 1.0  # weights of what is wrong with a hanging
WIDER = 0.6  # the part of a gap that may be added to it
NARROWEST, WIDEST = 0.5, 2.0  # width by height of a frame
FACE = 0.22  # the part of a cut that is taken above
EDGE_GAP = 0.3  # the room between pictures without frames
WIDTH = 100.0  # all lengths are in percent of the paper's width
RAIL, MAT, PLATE_TEXT, PLATE_GAP = 0.4, 0.16, 0.74, 0.5
PAPER, PALE, INK, QUIET = (251, 248, 241), (234, 226, 212), (31, 26, 21), (97, 87, 75)
SHADOW, WHITE, DARK = (222, 214, 200), (255, 253, 248), (50, 44, 38)
SIGNATURE = "painterly"
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
    counts = {max(1, math.floor(usual)), max(1, math.ceil(usual))}
    best = (_best(rows, bounded, wall, random) for rows in sorted(counts))
    return min(best, key=lambda hung: hung[0])[1]


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


class _Plan(NamedTuple):
    """The order of the pictures, and the numbers of pictures by column and of columns by row."""

    order: list[int]
    columns: list[int]
    rows: list[int]

    @classmethod
    def at_random(cls, rows: int, count: int, random: Random) -> "_Plan":
        """Return a plan with rows of about as many columns each."""
        columns = list[int]()
        while (room := count - sum(columns)) > 0:
            columns.append(2 if room > 1 and random.random() < PAIRED else 1)
        cuts = [round(row * len(columns) / rows) for row in range(rows + 1)]
        row_sizes = [end - start for start, end in pairwise(cuts) if end > start]
        return cls(random.sample(range(count), count), columns, row_sizes)

    def changed(self, random: Random) -> "_Plan":
        """Return a plan with two pictures or two columns exchanged, with a pair more or less, or
        with a column in a neighbouring row."""
        order, columns, rows = map(list, self)
        kind = random.random()
        if kind < 0.5:
            _exchange(order, random)
        elif kind < 0.7:
            _exchange(columns, random)
        else:
            row = random.randrange(len(rows))
            at = sum(rows[:row]) + random.randrange(rows[row])
            if kind < 0.8 and columns[at] == 2:
                columns[at : at + 1], rows[row] = [1, 1], rows[row] + 1
            elif kind < 0.9 and rows[row] > 1 and columns[at - 1] == columns[at] == 1:
                columns[at], rows[row] = 2, rows[row] - 1
                del columns[at - 1]
            elif rows[row] > 1:
                rows[row] -= 1
                rows[random.randrange(len(rows))] += 1
        return _Plan(order, columns, rows)

    def hung(self) -> list[list[list[int]]]:
        """Return the numbers of the pictures by row and column."""
        pictures = iter(self.order)
        columns = ([next(pictures) for _ in range(size)] for size in self.columns)
        return [[next(columns) for _ in range(size)] for size in self.rows]


def _exchange(items: list[int], random: Random) -> None:
    one, other = random.randrange(len(items)), random.randrange(len(items))
    items[one], items[other] = items[other], items[one]


def _best(
    rows: int, ratios: Sequence[float], wall: Wall, random: Random
) -> tuple[float, list[Place]]:
    """Return the best hanging with some rows, as from `_hung`."""
    starts = (_Plan.at_random(rows, len(ratios), random) for _ in range(STARTS))
    best, plan = min(
        ((_hung(plan.hung(), ratios, wall), plan) for plan in starts), key=lambda pair: pair[0][0]
    )
    cost = best[0]
    for number in range(CHANGES):
        changed = plan.changed(random)
        hung = _hung(changed.hung(), ratios, wall)
        if hung[0] < cost + WORSE * (1 - number / CHANGES):
            cost, plan = hung[0], changed
        best = min(best, hung, key=lambda each: each[0])
    return best


def _hung(
    hung: Sequence[Sequence[Sequence[int]]], ratios: Sequence[float], wall: Wall
) -> tuple[float, list[Place]]:
    """Return how far a hanging is from a full paper with pictures of one size, and its places."""
    across, down = WIDTH - 2 * wall.margin, wall.height - wall.margin - wall.title
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
    # Spare room goes into the gaps, so that the frames are flush with the title.
    below = min(max(0.0, down - total) / max(1, len(hung) - 1), WIDER * wall.gap)
    top = wall.margin
    for row, slope, taken, height in zip(hung, slopes, fixed, heights, strict=True):
        spare, gaps = across * (1 - scale), len(row) - 1
        beside = min(spare / gaps, WIDER * wall.gap) if gaps else 0.0
        left = wall.margin + (spare - beside * gaps) / 2
        for column, part, fix in zip(row, slope, taken, strict=True):
            width, at = part * (height - fix) * scale, top
            for each in column:
                places[each] = Place(left, at, width, width / ratios[each])
                at += width / ratios[each] + (wall.plate + wall.gap) * scale
            left += width + wall.gap * scale + beside
        top += (height + wall.gap) * scale + below
    areas = np.array([place.width * place.height for place in places.values()])
    uneven = (max(heights) - min(heights)) / down
    sizes = np.log(np.maximum(areas, 1e-9))
    middle = np.median(sizes)
    unlike = SMALLEST * (middle - sizes.min()) + LARGEST * (sizes.max() - middle)
    cost = FULL * abs(total - down) / down + UNEVEN * uneven + float(unlike)
    return cost, [places[number] for number in range(len(ratios))]


class Poster:
    """A poster that is drawn picture by picture.

    Attributes:
        places: As from `hang`.
    """

    def __init__(
        self,
        places: Sequence[Place],
        look: Look,
        width: int,
        plates: Sequence[str],
        title: tuple[str, str],
    ) -> None:
        """Draw the wall with empty frames.

        Args:
            places: As from `hang`.
            look: As for `hang`.
            width: The paper's width in px.
            plates: The words for each picture, as `label` returns them: a name, and a second line.
            title: The title below all, at the left, and what follows it in italics.
        """
        self.places, self._look, self._plates = places, look, [*plates]
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
            self._put_title(wall, *title)

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

    def leave_empty(self, number: int, why: str) -> None:
        """Say why the frame of a picture stays empty: on its plate, or without plates in the
        frame.

        Args:
            number: The number of the picture.
            why: The reason in some words.
        """
        place, edge = self.places[number], self._look.edge
        if not self._look.plates:
            left, top, right, bottom = self._box(place, self._inside)
            middle = (left + right) / 2, (top + bottom - self._text.size) / 2
            self._text.draw(self._draw, middle, why, right - left, QUIET)
            return
        name = self._plates[number].split("\n")[0]
        self._plates[number] = f"{name} – {why}" if edge else f"{name}\n{why}"
        if not edge:  # Over the title.
            below, line = place.top + place.height + PLATE_GAP, self._text.size / self._unit
            plate = Place(place.left, below, place.width, 1.25 * PLATE_TEXT + 1.3 * line)
            self._draw.rectangle(self._box(plate, 0), PAPER)
        self._put_plate(number)

    @property
    def _inside(self) -> float:
        return self._rail + MAT if self._rail else 0.0

    def _put_title(self, wall: Wall, title: str, after: str) -> None:
        size = max(10, round(wall.title * 0.32 * self._unit))
        heading, following = Lettering(size, SERIF), Lettering(size, ITALIC)
        signed = Lettering(max(8, round(wall.title * 0.2 * self._unit)), ITALIC)
        right, long = (WIDTH - wall.margin) * self._unit, signed.length(SIGNATURE)
        left, top = wall.margin * self._unit, (wall.height - wall.title * 0.72) * self._unit
        room = round(right - left - 1.5 * long)
        if after:
            title = f"{title}, "
        first = min(heading.length(title), max(room / 2, room - following.length(after)))
        rest = round(room - first)
        heading.draw(self._draw, (left, top), title, math.ceil(first), INK, centred=False)
        following.draw(self._draw, (left + first, top), after, rest, INK, centred=False)
        below = top + heading.ascent - signed.ascent
        signed.draw(
            self._draw, (right - long, below), SIGNATURE, math.ceil(long), INK, centred=False
        )

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
            inks, bottom, room = [INK, QUIET], bottom + PLATE_GAP, place.width
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
