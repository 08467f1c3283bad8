"""What fills the holes in a front wall: windows with shutters and flowers, doors, and a shop."""

from dataclasses import replace

import numpy as np
from fields import Array, linear

from harbour.faces import Face, Stuff, box, polygon, upright
from harbour.house import GROUND, QUAY, STOREY, House, Opening

SHOP = 4.0  # in place of the kind of curtains: a shop window


def fill(
    house: House, x: float, seed: float, rng: np.random.Generator
) -> tuple[list[Opening], list[Face]]:
    """The holes in the front wall of a house whose left corner is at x, and what is in them."""
    holes, faces = [], []
    for hole, in_gable in _windows(house, x):
        holes.append(hole)
        look = (float(rng.random() < 0.16), float(rng.integers(0, 4)))
        own_seed = seed + 3.0 * len(holes)
        faces += window(house, hole, look, own_seed)
        if house.shutters is not None and not in_gable:
            faces += _shutters(house.shutters, hole, rng)
        if not in_gable and rng.random() < 0.24:
            faces += _flower_box(hole, own_seed)
    z = house.front
    if house.shop:
        glass = Opening(x + 0.35, QUAY + 0.62, house.width - 2.0, 1.62, z)
        door = Opening(x + house.width - 1.32, QUAY + 0.12, 0.98, 2.12, z)
        return [*holes, glass, door], faces + _shop(house, x, glass, seed) + _door(
            house, door, seed
        )
    middle = x + house.width / house.columns * (house.door_at + 0.5)
    door = Opening(middle - 0.55, QUAY + 0.14, 1.1, 2.38, z)
    return [*holes, door], faces + _door(house, door, seed) + _portal(door, seed)


def _windows(house: House, x: float) -> list[tuple[Opening, bool]]:
    """The windows, and whether each is one in the gable, which has neither shutters nor flowers."""
    wide, tall = house.window
    found = []
    for storey in range(house.storeys + 1):
        low = QUAY + GROUND + STOREY * (storey - 1) + 0.55 if storey else QUAY + 0.95
        height = tall * (1.0 - 0.06 * (storey - 1)) if storey else min(tall, 1.45)
        for column in range(house.columns):
            if storey or not (house.shop or column == house.door_at):
                left = x + house.width / house.columns * (column + 0.5) - wide / 2
                found.append((Opening(left, low, wide, height, house.front), False))
    count = 2 if house.width > 5.2 and house.gable == "plain" else 1
    for i in range(count if house.gable else 0):
        left = x + house.width / 2 + (i - 0.5 * (count - 1)) * 1.35 - 0.38
        found.append((Opening(left, house.eaves + 0.35, 0.76, 1.0, house.front), True))
    return found


def _reveals(hole: Opening, deep: float, stuff: Stuff) -> list[Face]:
    """The sides of a hole in a wall: left, right, top, below."""
    (left, low, z), (right, top) = (hole.left, hole.low, hole.z), (hole.right, hole.top)
    back = z - deep
    loops = [
        [(left, low, z), (left, low, back), (left, top, back), (left, top, z)],
        [(right, low, back), (right, low, z), (right, top, z), (right, top, back)],
        [(left, top, z), (left, top, back), (right, top, back), (right, top, z)],
        [(left, low, back), (left, low, z), (right, low, z), (right, low, back)],
    ]
    return [polygon(loop, stuff) for loop in loops]


def _glazing(hole: Opening, deep: float, stuff: Stuff) -> Face:
    """What closes a hole, `deep` behind the wall."""
    return upright((hole.left, hole.low), (hole.right, hole.top), hole.z - deep, stuff)


def window(house: House, hole: Opening, look: tuple[float, float], seed: float) -> list[Face]:
    """A window set back in its wall, with a sill; `look` is whether it is lit, and its curtains."""
    deep, z = 0.13, hole.z
    glass = Stuff("window", house.frame, seed, (hole.wide, hole.tall, *house.panes, *look))
    jamb = replace(house.wall, colour=house.wall.colour * 0.92)
    faces = [_glazing(hole, deep, glass), *_reveals(hole, deep, jamb)]
    low, high = (
        (hole.left - 0.09, hole.low - 0.09, z - deep),
        (hole.right + 0.09, hole.low, z + 0.11),
    )
    faces += box(low, high, Stuff("stone", linear("c9bea8"), seed))
    if house.wall.material == "brick":
        lintel = Stuff("stone", linear("cfc4ad"), seed + 1)
        low = (hole.left - 0.12, hole.top, z - 0.02)
        faces += box(low, (hole.right + 0.12, hole.top + 0.2, z + 0.03), lintel, "flrb")
    elif house.wall.material == "plaster" and not house.timbered:
        faces += _architrave(hole, Stuff("paint", house.frame * 0.93, seed, (0.05,)))
    return faces


def _architrave(hole: Opening, trim: Stuff) -> list[Face]:
    """Mouldings round a window."""
    left, right, top, z = hole.left, hole.right, hole.top, hole.z
    faces = box((left, top, z), (right, top + 0.08, z + 0.025), trim, "fb")
    for a, b in ((left - 0.11, left), (right, right + 0.11)):
        faces += box((a, hole.low, z - 0.01), (b, top + 0.11, z + 0.025), trim, "flrt")
    return faces + box((left - 0.16, top + 0.08, z), (right + 0.16, top + 0.2, z + 0.09), trim)


def _shutters(colour: Array, hole: Opening, rng: np.random.Generator) -> list[Face]:
    """A pair of shutters folded back on the wall, some not quite."""
    wing, low, top = hole.wide / 2 + 0.02, hole.low, hole.top
    faces = []
    for side, hinge in ((-1, hole.left - 0.03), (1, hole.right + 0.03)):
        ajar = 0.06 + (0.30 * rng.random() if rng.random() < 0.3 else 0.0)
        stuff = Stuff("shutter", colour, float(rng.integers(99)), (wing, hole.tall))
        edge = replace(stuff, material="paint", detail=(0.1,))
        z = hole.z + 0.05
        tip = (hinge + side * np.sqrt(wing**2 - ajar**2), z + ajar)
        (x0, z0), (x1, z1) = ((hinge, z), tip)[::side]
        thick = 0.04
        faces += [
            polygon([(x0, low, z0), (x1, low, z1), (x1, top, z1), (x0, top, z0)], stuff),
            polygon(
                [(x0, low, z0 - thick), (x0, low, z0), (x0, top, z0), (x0, top, z0 - thick)], edge
            ),
            polygon(
                [(x0, top, z0), (x1, top, z1), (x1, top, z1 - thick), (x0, top, z0 - thick)], edge
            ),
        ]
    return faces


def _flower_box(hole: Opening, seed: float) -> list[Face]:
    left, right, low, z = hole.left, hole.right, hole.low, hole.z
    trough = Stuff("timber", linear("6b4a34"), seed)
    faces = box((left, low - 0.04, z + 0.1), (right, low + 0.16, z + 0.32), trough)
    for depth, high in ((0.30, 0.34), (0.24, 0.44), (0.17, 0.5)):
        plant = Stuff("flowers", linear("4f7a35"), seed + 50.0 * depth)
        rank = upright((left - 0.06, low + 0.02), (right + 0.06, low + high), z + depth, plant)
        faces.append(replace(rank, gaps=-0.25))
    return faces


def _door(house: House, hole: Opening, seed: float) -> list[Face]:
    """A panelled door with panes above it and a step below."""
    leaf, stone = Stuff("door", house.door, seed, (hole.wide, hole.tall)), _surround(seed)
    low, high = (hole.left - 0.2, QUAY, hole.z), (hole.right + 0.2, hole.low, hole.z + 0.55)
    step = box(low, high, _surround(seed + 4), "flrt")
    return [_glazing(hole, 0.2, leaf), *_reveals(hole, 0.2, stone), *step]


def _surround(seed: float) -> Stuff:
    return Stuff("stone", linear("cabfa9"), seed)


def _portal(hole: Opening, seed: float) -> list[Face]:
    """Posts of stone beside a door, and a cornice on them."""
    left, right, top, z = hole.left, hole.right, hole.top, hole.z
    low, high = (left - 0.28, top + 0.02, z), (right + 0.28, top + 0.22, z + 0.18)
    faces = box(low, high, _surround(seed))
    for a, b in ((left - 0.17, left), (right, right + 0.17)):
        faces += box((a, hole.low, z), (b, top + 0.1, z + 0.07), _surround(seed), "flrt")
    return faces


def _shop(house: House, x: float, hole: Opening, seed: float) -> list[Face]:
    """A shop window between pilasters of painted wood, and the board with the sign over it."""
    left, right, z = x + 0.05, x + house.width - 0.05, house.front
    glass = Stuff("window", house.door, seed, (hole.wide, hole.tall, 3, 1, 1.0, SHOP))
    wood = Stuff("paint", house.door, seed, (0.3,))
    faces = [_glazing(hole, 0.16, glass), *_reveals(hole, 0.16, wood)]
    sill = (hole.right + 0.1, hole.low, z + 0.14)
    faces += box((hole.left - 0.1, hole.low - 0.1, z - 0.1), sill, wood)
    faces += box((hole.left, QUAY + 0.05, z), (hole.right, hole.low - 0.1, z + 0.04), wood, "flt")
    low, high = QUAY + 2.32, QUAY + 3.22
    for edge in (x + 0.06, hole.right + 0.06, x + house.width - 0.26):
        faces += box((edge, QUAY, z), (edge + 0.2, low, z + 0.09), wood, "flrt")
    board = Stuff("sign", house.door, seed, (right - left, high - low))
    faces.append(upright((left, low), (right, high), z + 0.13, board))
    faces += box((left, low, z), (right, high, z + 0.13), wood, "lrtb")
    return faces + box((left - 0.07, high, z), (right + 0.07, high + 0.11, z + 0.26), wood)
