"""Roofs of tiles: behind a gable, or falling towards the street with dormers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from fields import Array, linear

from harbour.faces import Face, Point, Stuff, beam, front, polygon, rod, sheet, upright
from harbour.house import BEHIND, House, Opening
from harbour.openings import window

ZINC = Stuff("paint", linear("6d7478"), 0.0, (0.25,))
LIFT = 0.1  # of the tiles above what carries them, metres
OVERHANG = 0.1  # of a roof over the street beyond the side walls


def roof(house: House, x: float, outline: Array, seed: float) -> list[Face]:
    """The roof of a house whose left corner is at x, and whose front wall has this outline."""
    tiles = Stuff("tiles", house.roof, seed)
    if not house.gable:
        return _street_roof(house, x, tiles)
    if house.gable == "plain":
        return _saddle(house, x, tiles, 0.22, house.front + 0.32) + _verge(house, x, seed)
    behind_parapet = replace(house, front=house.front - 0.15)
    saddle = _saddle(behind_parapet, x, tiles, 0.0, behind_parapet.front, -0.12)
    return saddle + _coping(house, outline)


def _saddle(
    house: House, x: float, tiles: Stuff, over: float, nose: float, lift: float = LIFT
) -> list[Face]:
    """Two slopes, from the back to `nose`, which stand out over the side walls."""
    low, peak = house.eaves - 1.15 * over + lift, house.eaves + house.rise + lift
    left, middle, right = x - over, x + house.width / 2, x + house.width + over
    ridge = [(middle, peak, BEHIND), (middle, peak, nose)]
    return [
        sheet([(left, low, BEHIND), (left, low, nose)], ridge, tiles),
        sheet([(right, low, nose), (right, low, BEHIND)], ridge[::-1], tiles),
        *_ridge(*ridge, tiles),
    ]


def _ridge(start: Point, end: Point, tiles: Stuff) -> list[Face]:
    return rod(start, end, (0.11, 0.11), replace(tiles, material="paint", detail=(0.1,)), 6)


def _verge(house: House, x: float, seed: float) -> list[Face]:
    """Boards along the edge of a roof in front of a plain gable, and its underside."""
    faces = []
    low, peak = house.eaves - 0.25 + LIFT, house.eaves + house.rise + LIFT
    middle, nose = x + house.width / 2, house.front + 0.32
    board = Stuff("paint", house.frame, seed, (0.1,))
    soffit = Stuff("timber", linear("5a4636"), seed)
    for side, foot in ((1, x - 0.22), (-1, x + house.width + 0.22)):
        ends = [
            np.array([foot, low - 0.09, nose - 0.04]),
            np.array([middle, peak - 0.09, nose - 0.04]),
        ]
        faces += beam(*ends[::side], 0.2, 0.05, board)
        low_edge = [(foot, low - 0.08, nose), (foot, low - 0.08, house.front)]
        high_edge = [(middle, peak - 0.08, nose), (middle, peak - 0.08, house.front)]
        faces.append(sheet(low_edge[::side], high_edge[::side], soffit))
    return faces


def _coping(house: House, outline: Array) -> list[Face]:
    """Slabs of stone along the upper edge of a gable that rises above the roof."""
    faces, pale = [], Stuff("stone", linear("d3c8b2"))
    stepped = house.gable == "step"
    near, far = house.front + 0.07, house.front - 0.3
    for a, b in pairwise(outline[2:]):
        length = np.hypot(*(b - a))
        if length < 1e-6 or (stepped and abs(b[1] - a[1]) > 1e-6):
            continue
        along = (b - a) / length
        if stepped:
            a, b = a - 0.06 * along, b + 0.06 * along
        out = 0.10 * np.array([along[1], -along[0]])
        loop = [a, a + out, b + out, b]
        faces.append(front(loop, near, pale))
        for start, end in pairwise([*loop, loop[0]]):
            edge = [(*start, near), (*start, far)]
            faces.append(sheet(edge, [(*end, near), (*end, far)], pale))
    return faces


def _street_roof(house: House, x: float, tiles: Stuff) -> list[Face]:
    """A roof that falls towards the street, with a gutter and dormers."""
    left, right = x - OVERHANG, x + house.width + OVERHANG
    middle, ridge = 0.5 * (house.front + BEHIND), house.eaves + house.rise + LIFT
    nose, low = house.front + 0.4, house.eaves - 0.12
    board = Stuff("paint", house.frame, 0.0, (0.1,))
    eaves, top = (
        [(left, low, nose), (right, low, nose)],
        [(left, ridge, middle), (right, ridge, middle)],
    )
    under = [(left, low - 0.1, house.front), (right, low - 0.1, house.front)]
    verge = [under[0], (left, low - 0.1, nose), eaves[0], top[0], (left, ridge - 0.15, middle)]
    faces = [
        sheet(eaves, top, tiles),
        sheet(under, [(left, low - 0.1, nose), (right, low - 0.1, nose)], board),
        upright((left, low - 0.1), (right, low), nose, board),
        polygon(verge, board),
        *_ridge(*top, tiles),
        *rod((left, low, nose + 0.06), (right, low, nose + 0.06), (0.075, 0.075), ZINC),
    ]
    gradient = (middle - nose) / (ridge - low)
    for i in range(2):
        foot = np.array([x + house.width * (i + 0.5) / 2, low + 0.75, nose + 0.75 * gradient])
        faces += _dormer(house, foot, gradient, replace(tiles, seed=tiles.seed + i))
    return faces


def _dormer(house: House, foot: Array, gradient: float, tiles: Stuff) -> list[Face]:
    """A window with a roof of its own; `foot` is the middle of its sill, where it meets the roof
    behind, which goes back by `gradient` a metre of height."""
    x, low, z = foot
    half, tall, peak = 0.575, 1.25, 0.62
    boards = replace(house.wall, material="boards", colour=house.frame * 0.9)
    top = low + tall
    gable = [(x - half, low), (x + half, low), (x + half, top), (x, top + peak), (x - half, top)]
    hole = Opening(x - half + 0.15, low + 0.12, 2 * half - 0.30, tall - 0.22, z)
    inside = (0.15, 0.12, 2 * half - 0.15, tall - 0.1)
    faces = [replace(front(gable, z, boards), holes=(inside,))]
    faces += window(house, hole, (0.0, 1.0), tiles.seed)
    ridge = [(x, top + peak + 0.06, z + gradient * (tall + peak)), (x, top + peak + 0.06, z + 0.2)]
    trim = Stuff("paint", house.frame, 0.0, (0.1,))
    for side in (1, -1):
        edge, over, drop = x - side * half, x - side * (half + 0.16), top - 0.13
        cheek = [(edge, low, z), (edge, top, z), (edge, top, z + gradient * tall)]
        faces.append(polygon(cheek[::-side], boards))
        eaves = [(over, drop, ridge[0][2]), (over, drop, z + 0.2)]
        faces.append(sheet(eaves[::side], ridge[::side], tiles))
        ends = [np.array([over, drop - 0.03, z + 0.15]), np.array([x, top + peak + 0.03, z + 0.15])]
        faces += beam(*ends[::side], 0.13, 0.06, trim)
    return faces
