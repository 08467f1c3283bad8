"""A whole house: its walls and gable, its chimney, and the frame of a half-timbered one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from fields import linear

from harbour.faces import Face, Stuff, beam, box, front, polygon, rod
from harbour.house import BEHIND, GROUND, QUAY, STOREY, House
from harbour.openings import fill
from harbour.roofs import ZINC, roof

DARK = Stuff("timber", linear("43332a"))


def build(house: House, x: float, rng: np.random.Generator) -> list[Face]:
    """The faces of a house whose left corner is at x."""
    seed, z = float(rng.integers(1000)), house.front
    wall = replace(house.wall, seed=seed)
    openings, faces = fill(house, x, seed, rng)
    outline = np.array(_front(house)) + np.array([x, 0.0])
    holes = tuple((o.left - x, o.low - QUAY, o.right - x, o.top - QUAY) for o in openings)
    faces += [replace(front(outline, z, wall), holes=holes), *_sides(house, x, wall)]
    faces += roof(house, x, outline, seed) + _chimney(house, x, rng)
    if not house.shop:
        plinth = Stuff("stone", linear("8d8578"), seed)
        low, high = (x, QUAY, z - 0.1), (x + house.width, QUAY + 0.42, z + 0.05)
        faces += box(low, high, plinth, "flrt")
    pipe, top = x + house.width - 0.12, house.eaves - 0.2
    faces += rod((pipe, QUAY, z + 0.1), (pipe, top, z + 0.1), (0.05, 0.05), ZINC)
    if house.timbered:
        faces += _timbers(house, x)
    return faces


def _front(house: House) -> list[tuple[float, float]]:
    """Outline (x, y) of the front wall, counterclockwise from its lower left corner at x = 0."""
    w, h = house.width, house.eaves
    if house.gable == "plain":
        top = [(w, h), (w / 2, h + house.rise), (0.0, h)]
    elif house.gable == "step":
        top = _stepped(w, h, house.rise + 0.55)
    elif house.gable == "bell":
        top = _bell(w, h, house.rise + 0.1)
    else:
        top = [(w, h), (0.0, h)]
    return [(0.0, QUAY), (w, QUAY), *top]


def _stepped(w: float, h: float, rise: float, steps: int = 5) -> list[tuple[float, float]]:
    right = []
    for i in range(steps):
        inset = 0.5 * w * i / (steps + 0.4)
        foot = h + rise * (i - 0.2) / steps if i else h
        right += [(w - inset, foot), (w - inset, h + rise * (i + 0.8) / steps)]
    return [*right, *((w - x, y) for x, y in reversed(right))]


def _bell(w: float, h: float, rise: float) -> list[tuple[float, float]]:
    """Shoulders that swing up to a neck with a round head."""
    t, neck = np.linspace(0.0, 1.0, 22), 0.27
    half = 0.5 * w * (neck + (1 - neck) * (0.5 + 0.5 * np.cos(np.pi * np.minimum(1.25 * t, 1))))
    right = [(float(w / 2 + a), float(h + rise * b)) for a, b in zip(half, t, strict=True)]
    turn, radius = np.linspace(0.0, np.pi, 13), 0.5 * w * neck
    head = [
        (float(w / 2 + radius * np.cos(a)), float(h + rise + 0.75 * radius * np.sin(a)))
        for a in turn
    ]
    return [*right, *head, *((w - x, y) for x, y in reversed(right))]


def _sides(house: House, x: float, wall: Stuff) -> list[Face]:
    """The walls towards the neighbours, of which only what rises above them is seen."""
    top, z = house.eaves, house.front
    corners = [(QUAY, BEHIND), (QUAY, z), (top, z), (top, BEHIND)]
    if not house.gable:
        corners.insert(3, (top + house.rise, 0.5 * (z + BEHIND)))
    left = [(x, y, z) for y, z in corners]
    right = [(x + house.width, y, z) for y, z in reversed(corners)]
    return [polygon(left, wall), polygon(right, wall, len(right) - 2)]


def _chimney(house: House, x: float, rng: np.random.Generator) -> list[Face]:
    ridge = house.eaves + house.rise
    middle, z = x + 0.5 * house.width, 0.5 * (house.front + BEHIND) - 0.3
    if house.gable:
        middle, z = x + house.width * rng.choice([0.26, 0.74]), -3.0 - 2.0 * rng.random()
    top = ridge + 0.75
    brick = Stuff("brick", linear("7d4a38"), float(rng.integers(99)))
    faces = box((middle - 0.36, ridge - 2.6, z - 0.7), (middle + 0.36, top, z), brick, "flrt")
    cap = Stuff("stone", linear("bdb19a"))
    faces += box((middle - 0.43, top, z - 0.77), (middle + 0.43, top + 0.12, z + 0.07), cap)
    clay = Stuff("paint", linear("a8623f"), 0.0, (0.05,))
    for pot in (middle - 0.18, middle + 0.18):
        foot, head = (pot, top + 0.1, z - 0.35), (pot, top + 0.55, z - 0.35)
        faces += rod(foot, head, (0.12, 0.09), clay)
    return faces


def _timbers(house: House, x: float) -> list[Face]:
    """Posts, rails and braces between the windows and in the gable."""
    w, pitch = house.width, house.width / house.columns
    faces: list[Face] = []

    def add(start: tuple[float, float], end: tuple[float, float], thick: float = 0.17) -> None:
        ends = [np.array([x + u, QUAY + v, house.front]) for u, v in (start, end)]
        faces.extend(beam(*ends, thick, 0.045, DARK))

    floors = [GROUND + STOREY * i + 0.1 for i in range(house.storeys + 1)]
    for floor in floors:
        add((0.0, floor), (w, floor), 0.24)
    half = house.window[0] / 2
    for floor, ceiling in pairwise(floors):
        low, high = floor + 0.12, ceiling - 0.12
        for column in range(house.columns + 1):
            at = float(np.clip(column * pitch, 0.09, w - 0.09))
            add((at, low), (at, high))
        for column in range(house.columns):
            for at in (pitch * (column + 0.5) - half - 0.09, pitch * (column + 0.5) + half + 0.09):
                add((at, low), (at, high), 0.13)
        inner = pitch / 2 - half - 0.12
        add((0.12, high - 0.18), (inner, low + 0.08), 0.13)
        add((w - inner, low + 0.08), (w - 0.12, high - 0.18), 0.13)
    base = house.eaves - QUAY
    collar = base + 0.58 * house.rise
    add((w * 0.29, collar), (w * 0.71, collar))
    for part in (0.14, 0.32, 0.5, 0.68, 0.86):
        under_roof = base + house.rise * (1.0 - 2.0 * abs(part - 0.5)) - 0.15
        stops = 0.0 < abs(part - 0.5) < 0.25  # at the collar
        add((w * part, base), (w * part, collar if stops else under_roof), 0.15)
    return faces
