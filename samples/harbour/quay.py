"""The quay: its wall and pavement, and what stands on it and hangs from it."""

import numpy as np
from fields import linear

from harbour.faces import Face, Stuff, box, polygon, rod, sheet, upright
from harbour.house import QUAY

EDGE = 5.2  # z of the quay's edge
IRON = Stuff("paint", linear("2b2c2c"), 0.0, (0.3,))
# Where ropes are made fast: height on a bollard, and z.
BOLLARD = (QUAY + 0.35, EDGE - 0.35)


def quay(left: float, right: float) -> list[Face]:
    """The quay between two x, with all that belongs to it."""
    ashlar, cobbles = Stuff("ashlar", linear("8d8472")), Stuff("cobbles", linear("8c8375"))
    end = [(right, 0.0, EDGE), (right, 0.0, -9.0), (right, QUAY, -9.0), (right, QUAY, EDGE)]
    front, back = (
        [(x, QUAY, EDGE - 0.5) for x in (left, right)],
        [(x, QUAY, -9.0) for x in (left, right)],
    )
    faces = [
        sheet(front, back, cobbles),
        upright((left, 0.0), (right, QUAY), EDGE, ashlar),
        polygon(end, ashlar),
    ]
    x, number = left, 0
    while x < right:  # coping stones
        wide = 1.1 + 0.5 * ((number * 0.618) % 1.0)
        slab = Stuff("stone", linear("b0a692"), float(number))
        low, high = (x, QUAY - 0.17, EDGE - 0.5), (x + wide - 0.012, QUAY + 0.03, EDGE + 0.07)
        faces += box(low, high, slab, "ft")
        x, number = x + wide, number + 1
    return faces + _posts() + _ladder(17.5) + _barrels() + _crates()


def _posts() -> list[Face]:
    """Bollards and lamps on the quay, and piles in front of it."""
    faces: list[Face] = []
    z = EDGE - 0.35
    for x in np.arange(-4.0, 37.0, 5.5):
        faces += rod((x, QUAY, z), (x, QUAY + 0.42, z), (0.13, 0.11), IRON, 9)
        faces += rod((x, QUAY + 0.42, z), (x, QUAY + 0.52, z), (0.17, 0.15), IRON, 9)
    for x in (1.4, 14.6, 27.5):
        faces += _lamp(x, EDGE - 1.1)
    pile = Stuff("timber", linear("4f4234"), 2.0)
    for x in (-2.2, 3.0, 12.9, 21.9, 27.0, 32.0):
        faces += rod((x, 0.0, EDGE + 0.2), (x, QUAY + 0.38, EDGE + 0.2), (0.16, 0.15), pile, 9)
    return faces


def _lamp(x: float, z: float) -> list[Face]:
    foot, head = QUAY, QUAY + 3.4
    faces = rod((x, foot, z), (x, foot + 0.5, z), (0.12, 0.09), IRON, 8)
    faces += rod((x, foot + 0.5, z), (x, head, z), (0.06, 0.045), IRON, 8)
    faces += rod((x - 0.28, head - 0.35, z), (x + 0.28, head - 0.35, z), (0.025, 0.025), IRON, 6)
    glass = Stuff("lamp", linear("ffdf9a"))
    faces += rod((x, head, z), (x, head + 0.42, z), (0.11, 0.19), glass, 6)
    faces += rod((x, head + 0.42, z), (x, head + 0.64, z), (0.24, 0.04), IRON, 6)
    faces += rod((x, head + 0.64, z), (x, head + 0.74, z), (0.03, 0.03), IRON, 6)
    return faces


def _ladder(x: float) -> list[Face]:
    faces, z = [], EDGE + 0.12
    for rail in (x, x + 0.45):
        faces += rod((rail, 0.0, z), (rail, QUAY + 0.1, z), (0.025, 0.025), IRON)
    for y in np.arange(0.15, QUAY, 0.25):
        faces += rod((x, y, z), (x + 0.45, y, z), (0.02, 0.02), IRON)
    return faces


def _barrels() -> list[Face]:
    faces, oak = [], Stuff("timber", linear("7d5733"), 4.0)
    heights, girths = np.linspace(QUAY, QUAY + 0.85, 6), (0.27, 0.325, 0.35, 0.35, 0.325, 0.27)
    turn = np.linspace(0.0, 2.0 * np.pi, 10, endpoint=False)
    for x, z in ((-0.6, 1.0), (0.15, 1.25), (-0.25, 1.75), (22.6, 1.2), (23.3, 1.35)):
        for i in range(5):
            foot, head = (x, heights[i], z), (x, heights[i + 1], z)
            faces += rod(foot, head, (girths[i], girths[i + 1]), IRON if i in (1, 3) else oak, 10)
        rim = [(x + 0.26 * np.cos(a), QUAY + 0.83, z - 0.26 * np.sin(a)) for a in turn]
        faces.append(polygon(rim, oak))
    return faces


def _crates() -> list[Face]:
    faces = []
    for x, y, z, size in (
        (20.2, 0.0, 1.4, 0.7),
        (20.95, 0.0, 1.5, 0.6),
        (20.4, 0.56, 1.4, 0.5),
        (9.6, 0.0, 3.9, 0.55),
        (10.25, 0.0, 3.85, 0.5),
    ):
        wood = Stuff("crate", linear("b08d5c"), x)
        low, high = (x, QUAY + y, z), (x + size, QUAY + y + 0.8 * size, z + size)
        faces += box(low, high, wood, "flrt")
    return faces
