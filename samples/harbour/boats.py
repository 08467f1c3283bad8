"""The boats in the harbour: clinker-built hulls with masts, rigging, cabins and nets."""

from dataclasses import dataclass

import numpy as np
from fields import Array, linear

from harbour.faces import Face, Stuff, box, cross, polygon, rod, smooth

STATIONS = 26  # along a hull
ROPE = Stuff("paint", linear("4a4038"), 0.0, (0.05,))
SPAR = Stuff("timber", linear("b08a56"), 3.0)


@dataclass(frozen=True)
class Boat:
    """A hull and where it floats; lengths in metres, `turn` of its bow in radians from x to -z."""

    at: tuple[float, float]  # x, z of its middle
    turn: float
    length: float
    beam: float
    freeboard: float  # height of the gunwale amidships
    planks: tuple[Array, ...]  # colour of each plank, from the water up

    def place(self, points: Array) -> Array:
        """World points (..., 3) of those in the boat's coordinates: bow along x, port along -z."""
        points = np.asarray(points, np.float64)
        c, s = np.cos(self.turn), np.sin(self.turn)
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        return np.stack([self.at[0] + c * x + s * z, y, self.at[1] - s * x + c * z], axis=-1)

    def breadth(self, t: Array, rise: Array) -> Array:
        """Half the breadth at t (-1 stern, 1 bow) and `rise` (0 at the water, 1 at the gunwale)."""
        full = np.where(t > 0, 1.0 - np.abs(t) ** 2.3, 1.0 - 0.42 * np.abs(t) ** 3)
        fine = np.where(t > 0, 1.0 - np.abs(t) ** 1.5, 1.0 - 0.62 * np.abs(t) ** 2.4)
        return 0.5 * self.beam * (fine * (1.0 - rise) + full * rise) * (0.72 + 0.28 * rise)

    def sheer(self, t: Array) -> Array:
        """Height of the gunwale at t."""
        return self.freeboard * (
            1.0 + 0.62 * np.maximum(t, 0) ** 2.2 + 0.22 * np.minimum(t, 0) ** 2
        )

    def skin(self, t: Array, rise: Array) -> Array:
        """Points (..., 3) of the port side of the hull in the boat's coordinates."""
        rake = 0.10 * self.length * np.maximum(t, 0) ** 3 * (rise - 0.4)
        x = 0.5 * self.length * t + rake
        return np.stack([x, -0.25 + (self.sheer(t) + 0.25) * rise, -self.breadth(t, rise)], axis=-1)


def _hull(boat: Boat) -> list[Face]:
    faces = []
    t = np.linspace(-1.0, 1.0, STATIONS + 1)
    count = len(boat.planks)
    for plank, colour in enumerate(boat.planks):
        stuff = Stuff("hull", colour, float(plank))
        low, high = plank / count, (plank + 1) / count
        # A plank laps over the one below it: its lower edge stands out.
        lower, upper = boat.skin(t, np.full_like(t, low)), boat.skin(t, np.full_like(t, high))
        lower[:, 2] -= 0.028
        across = np.gradient(0.5 * (lower + upper), axis=0)
        normals = cross(across, upper - lower)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        for side in (1.0, -1.0):
            mirror = np.array([1.0, 1.0, side])
            a, b = boat.place(lower * mirror), boat.place(upper * mirror)
            outward = boat.place(normals * mirror) - boat.place(np.zeros(3))
            outward *= -1.0
            for i in range(STATIONS):
                loop = [a[i + 1], a[i], b[i], b[i + 1]]
                faces.append(
                    _facing(loop, [outward[i + 1], outward[i], outward[i], outward[i + 1]], stuff)
                )
    return faces


def _facing(points: list[Array], normals: list[Array], stuff: Stuff) -> Face:
    """Smooth face whose corners are put in the order that its normals ask for."""
    flat = cross(points[1] - points[0], points[2] - points[0])
    if np.linalg.norm(flat) < 1e-9:
        flat = cross(points[2] - points[0], points[3] - points[0])
    if flat @ normals[0] < 0.0:
        points, normals = points[::-1], normals[::-1]
    return smooth(points, normals, stuff)


def _deck(boat: Boat, depth: float, stuff: Stuff, rail: Stuff) -> list[Face]:
    """Gunwales, the transom, and a deck or floor `depth` below the gunwale."""
    faces = []
    t = np.linspace(-1.0, 0.985, STATIONS // 2 + 1)
    edge = boat.skin(t, np.ones_like(t))
    inner = boat.skin(t, np.full_like(t, 0.98))
    inner[:, 2] = np.minimum(inner[:, 2] + 0.11, -0.01)
    inner[:, 1] = edge[:, 1] + 0.04
    edge[:, 1] += 0.04
    floor = inner - np.array([0.0, depth, 0.0])
    for side in (1.0, -1.0):
        mirror = np.array([1.0, 1.0, side])
        outer, rim, low = (boat.place(part * mirror) for part in (edge, inner, floor))
        for i in range(len(t) - 1):
            for loop, what in (
                ([outer[i], outer[i + 1], rim[i + 1], rim[i]], rail),
                ([rim[i], rim[i + 1], low[i + 1], low[i]], stuff),
            ):
                faces.append(polygon(loop if side < 0 else loop[::-1], what))
            below = outer - np.array([0.0, 0.12, 0.0])
            loop = [below[i], below[i + 1], outer[i + 1], outer[i]]
            faces.append(polygon(loop[::-1] if side > 0 else loop, rail))
    stern = boat.skin(np.full(7, -1.0), np.linspace(0.0, 1.0, 7))
    loop = [*stern, *(stern[::-1] * np.array([1.0, 1.0, -1.0]))]
    faces.append(polygon(list(boat.place(np.array(loop))), Stuff("hull", boat.planks[-2], 9.0)))
    outline = [*floor, *(floor[::-1] * np.array([1.0, 1.0, -1.0]))]
    level = np.array(outline)
    level[:, 1] = boat.freeboard + 0.04 - depth
    faces.append(polygon(list(boat.place(level)), stuff))
    return faces


def _line(boat: Boat, start: tuple, end: tuple, thick: float, stuff: Stuff = ROPE) -> list[Face]:
    a, b = boat.place(np.array([start, end]))
    return rod(a, b, (thick, thick), stuff, 5)


def _block(boat: Boat, low: tuple, high: tuple, stuff: Stuff) -> list[Face]:
    """An upright block in the boat's coordinates."""
    (x0, y0, z0), (x1, y1, _) = low, high
    back = polygon([(x1, y0, z0), (x0, y0, z0), (x0, y1, z0), (x1, y1, z0)], stuff)
    faces = [*box(low, high, stuff, "flr"), back, *box(low, high, stuff, "t")]
    return [polygon(boat.place(face.corners), stuff) for face in faces]


def cutter(at: tuple[float, float], turn: float) -> list[Face]:
    """A fishing boat with a wheelhouse, a mast and a furled sail."""
    red, white, blue = linear("8f2f22"), linear("e2ddcf"), linear("2f5f86")
    planks = (red, red, blue, blue, blue, blue, white)
    boat = Boat(at, turn, 8.2, 2.7, 1.05, planks)
    deck = Stuff("timber", linear("a8865c"), 2.0)
    faces = _hull(boat) + _deck(boat, 0.32, deck, Stuff("paint", linear("a5723c"), 0.0, (0.3,)))
    paint = Stuff("paint", linear("e8e2d2"), 4.0, (0.25,))
    roof = Stuff("paint", linear("b9543a"), 4.0, (0.2,))
    faces += _block(boat, (-2.5, 0.7, -0.75), (-0.7, 2.35, 0.75), paint)
    faces += _block(boat, (-2.65, 2.35, -0.9), (-0.5, 2.47, 0.9), roof)
    for x0, x1 in ((-2.3, -1.75), (-1.45, -0.9)):
        for z in (0.752, -0.752):
            loop = boat.place(
                np.array([(x0, 1.62, z), (x1, 1.62, z), (x1, 2.16, z), (x0, 2.16, z)])
            )
            glass = Stuff("window", linear("7a4a2c"), x0, (0.55, 0.54, 1, 1, 0.0, 0.0))
            faces.append(polygon(list(loop if z > 0 else loop[::-1]), glass))
    for z0, z1 in ((-0.6, -0.08), (0.08, 0.6)):
        loop = boat.place(
            np.array(
                [(-0.698, 1.62, z1), (-0.698, 1.62, z0), (-0.698, 2.16, z0), (-0.698, 2.16, z1)]
            )
        )
        faces.append(
            polygon(list(loop), Stuff("window", linear("7a4a2c"), z0, (0.52, 0.54, 1, 1, 0.0, 0.0)))
        )
    faces += _block(
        boat, (0.2, 0.7, -0.55), (1.3, 1.22, 0.55), Stuff("timber", linear("7c5a38"), 6.0)
    )
    foot, head = (0.75, 0.7, 0.0), (0.68, 7.3, 0.0)
    a, b = boat.place(np.array([foot, head]))
    faces += rod(a, b, (0.085, 0.05), SPAR, 8)
    a, b = boat.place(np.array([(0.75, 2.75, 0.0), (-3.4, 3.05, 0.0)]))
    faces += rod(a, b, (0.06, 0.045), SPAR)
    canvas = Stuff("canvas", linear("8e4a30"), 8.0)
    cloth = np.linspace(0.0, 1.0, 9)
    for i in range(8):
        ends = [
            (0.55 - 3.8 * t, 2.93 + 0.28 * t + 0.02 * np.sin(9 * t), 0.0) for t in cloth[i : i + 2]
        ]
        thick = [
            0.11 + 0.10 * np.sin(np.pi * (0.12 + 0.8 * t)) * (0.9 + 0.2 * np.sin(21 * t))
            for t in cloth[i : i + 2]
        ]
        a, b = boat.place(np.array(ends))
        faces += rod(a, b, (thick[0], thick[1]), canvas, 8)
    for start in (
        (4.35, 1.72, 0.0),
        (-4.0, 1.3, 0.0),
        (0.2, 1.1, 1.3),
        (0.2, 1.1, -1.3),
        (1.3, 1.15, 1.25),
    ):
        faces += _line(boat, start, (0.68, 6.9, 0.0), 0.014)
    faces += _line(boat, (-3.4, 3.05, 0.0), (0.68, 7.1, 0.0), 0.012)
    flag = boat.place(
        np.array([(0.66, 7.25, 0.0), (-0.1, 7.12, 0.1), (-0.12, 6.82, 0.0), (0.66, 6.9, 0.0)])
    )
    faces.append(polygon(list(flag[::-1]), Stuff("canvas", linear("c23a2a"), 1.0)))
    for x, z in ((-1.2, 1.34), (1.5, 1.22)):
        faces += rod(
            *boat.place(np.array([(x, 0.85, z + 0.08), (x, 0.42, z + 0.08)])),
            (0.10, 0.10),
            Stuff("paint", linear("5a5248"), 0.0, (0.2,)),
            8,
        )
    return faces


def dinghy(at: tuple[float, float], turn: float, colour: Array) -> list[Face]:
    """A rowing boat with thwarts and oars."""
    wood = linear("a8763f")
    boat = Boat(at, turn, 4.1, 1.5, 0.52, (linear("5a3a26"), colour, colour, colour, wood))
    inside = Stuff("timber", linear("9a7448"), 5.0)
    faces = _hull(boat) + _deck(boat, 0.40, inside, Stuff("timber", linear("7a5230"), 7.0))
    for x in (-1.2, 0.0, 1.0):
        faces += _block(boat, (x - 0.13, 0.36, -0.52), (x + 0.13, 0.41, 0.52), inside)
    for z in (-0.25, 0.22):
        faces += _line(boat, (-1.9, 0.62, z), (1.3, 0.46, z * 0.7), 0.03, SPAR)
    return faces


def sloop(at: tuple[float, float], turn: float, size: float) -> list[Face]:
    """A distant sailing boat at its mooring, with bare mast and boom."""
    white = linear("e6e2d8")
    boat = Boat(
        at,
        turn,
        6.4 * size,
        2.1 * size,
        0.8 * size,
        (linear("7c2c24"), white, white, linear("2c4a40")),
    )
    faces = _hull(boat) + _deck(boat, 0.1, Stuff("timber", linear("a8865c"), 2.0), SPAR)
    faces += _block(
        boat,
        (-1.2 * size, 0.7 * size, -0.5 * size),
        (0.8 * size, 1.25 * size, 0.5 * size),
        Stuff("paint", white, 0.0, (0.3,)),
    )
    head = (0.5 * size, 8.2 * size, 0.0)
    a, b = boat.place(np.array([(0.5 * size, 0.7, 0.0), head]))
    faces += rod(a, b, (0.07, 0.045), SPAR, 7)
    a, b = boat.place(np.array([(0.5 * size, 1.8 * size, 0.0), (-2.5 * size, 1.9 * size, 0.0)]))
    faces += rod(a, b, (0.13, 0.10), Stuff("canvas", linear("d8d2c2"), 5.0))
    for start in (
        (3.1 * size, 1.1 * size, 0.0),
        (-3.1 * size, 0.9 * size, 0.0),
        (0.3, 0.8 * size, size),
        (0.3, 0.8 * size, -size),
    ):
        faces += _line(boat, start, head, 0.016)
    return faces
