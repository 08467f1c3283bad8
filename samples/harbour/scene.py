"""All that is built and afloat: the row of houses on the quay, boats, and what is seen far off."""

from itertools import pairwise

import numpy as np
from fields import linear

from harbour.boats import cutter, dinghy, sloop
from harbour.faces import Face, Stuff, box, front, polygon, rod
from harbour.house import HOUSES
from harbour.quay import BOLLARD, IRON, quay
from harbour.walls import build

SEED = 1653
FIRST = -7.0  # x of the left end of the row


def town() -> list[Face]:
    """Every face of the scene."""
    rng = np.random.default_rng(SEED)
    faces, x = [], FIRST
    for house in HOUSES:
        faces += build(house, x, rng)
        x += house.width
    # A house outside of the picture, whose shadow falls on the first of the row.
    faces += box((-30.0, 0.0, -8.0), (-11.5, 13.5, 6.0), HOUSES[0].wall, "flrt")
    faces += quay(FIRST - 25.0, x + 1.6)
    faces += cutter((15.2, 9.2), 0.13)
    faces += dinghy((3.4, 11.6), -0.35, linear("d8d0bc"))
    faces += dinghy((6.9, 7.2), 0.1, linear("3f6f5c"))
    faces += sloop((29.5, 8.6), 2.95, 0.95)
    return faces + _ropes() + _mole(74.0, -27.0) + _church(43.0, -35.0)


def _ropes() -> list[Face]:
    """The lines by which the boats are moored, sagging."""
    hemp = Stuff("timber", linear("9a8866"), 5.0)
    faces = []
    for start, end, sag in (
        ((19.3, 1.75, 8.7), (17.9, *BOLLARD), 0.35),
        ((11.2, 1.25, 9.4), (12.4, *BOLLARD), 0.30),
        ((8.9, 0.9, 7.0), (6.95, *BOLLARD), 0.25),
        ((5.3, 0.85, 12.3), (6.95, *BOLLARD), 0.9),
        ((26.9, 0.95, 8.9), (28.9, *BOLLARD), 0.35),
    ):
        t = np.linspace(0.0, 1.0, 9)[:, None]
        line = np.array(start) * (1 - t) + np.array(end) * t
        line[:, 1:2] -= 4.0 * sag * t * (1.0 - t)
        for a, b in pairwise(line):
            faces += rod(a, b, (0.018, 0.018), hemp, 5)
    return faces


def _mole(x: float, z: float) -> list[Face]:
    """A mole across the harbour's mouth, with a lighthouse at x and z."""
    stone = Stuff("ashlar", linear("7f7a6e"))
    faces = box((x - 4.0, 0.0, z - 3.0), (x + 60.0, 1.9, z + 3.0), stone, "flt")
    white, red = linear("e9e4d8"), linear("a93a2c")
    heights, radii = np.linspace(1.9, 12.5, 6), np.linspace(1.55, 1.05, 6)
    for i in range(5):
        band = Stuff("paint", red if i % 2 else white, 3.0, (0.05,))
        ends = (x, heights[i], z), (x, heights[i + 1], z)
        faces += rod(*ends, (radii[i], radii[i + 1]), band, 14)
    faces += rod((x, 12.5, z), (x, 12.8, z), (1.55, 1.55), IRON, 14)
    faces += rod((x, 12.8, z), (x, 14.4, z), (0.8, 0.8), Stuff("lamp", linear("b9c9cf")), 10)
    roof = Stuff("paint", red, 0.0, (0.1,))
    faces += rod((x, 14.4, z), (x, 15.6, z), (1.05, 0.1), roof, 14)
    for turn in np.linspace(0.0, 2.0 * np.pi, 10, endpoint=False):
        post = (x + 1.5 * np.cos(turn), 12.8, z + 1.5 * np.sin(turn))
        faces += rod(post, (post[0], 13.7, post[2]), (0.05, 0.05), IRON, 5)
    return faces


def _church(x: float, z: float) -> list[Face]:
    """The tower of a church behind the houses, with a spire of weathered copper."""
    half, top, wide = 2.9, 18.0, 3.2
    stone, dark = (
        Stuff("stone", linear("a89a84"), 12.0),
        Stuff("paint", linear("2c2620"), 0.0, (0.0,)),
    )
    faces = box((x - half, 8.0, z - half), (x + half, top, z + half), stone, "flr")
    faces += box((x - wide, top, z - wide), (x + wide, top + 0.4, z + wide), stone)
    copper = Stuff("paint", linear("44604f"), 2.0, (0.1,))
    ring = [
        (x + a * wide, top + 0.4, z + b * wide) for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1))
    ]
    for i, corner in enumerate(ring):
        faces.append(polygon([corner, ring[(i + 1) % 4], (x, 33.0, z)], copper))
    for side in (-1.1, 1.1):  # the openings of the belfry
        arch = [(-0.5, 13.4), (0.5, 13.4), (0.5, 16.2), (0.0, 16.9), (-0.5, 16.2)]
        faces.append(front([(x + side + u, y) for u, y in arch], z + half + 0.02, dark))
        faces.append(polygon([(x - half - 0.02, y, z + side + u) for u, y in arch], dark))
    return faces + rod((x, 32.8, z), (x, 34.6, z), (0.07, 0.07), IRON, 5)
