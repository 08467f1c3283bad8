"""The surfaces of walls, roofs, pavements, timber and the rest, as patterns in metres.

Each takes a Spot, which is many points of one material, and changes it. The patterns follow the
points in space, so that they run on round corners and from one face to the next.
"""

from dataclasses import dataclass, field

import numpy as np
from fields import Array, blend, fbm, linear, perlin, smoothstep

from harbour.house import QUAY


@dataclass
class Spot:
    """Points (count, ...) of one material, and the look of the surface there."""

    u: Array  # coordinates in the plane of the face
    v: Array
    p: Array  # in space
    colour: Array  # of the face; the surface changes it
    seed: Array
    detail: Array  # (count, 6): the numbers of the face
    tilt: Array = field(init=False)  # (count, 2): of the normal along u and v
    gloss: Array = field(init=False)  # 0..1: how much of what it mirrors is seen
    glow: Array = field(init=False)  # light (count, 3) of its own

    def __post_init__(self) -> None:
        self.tilt = np.zeros((len(self.u), 2), np.float32)
        self.gloss = np.zeros(len(self.u), np.float32)
        self.glow = np.zeros((len(self.u), 3), np.float32)

    @property
    def along(self) -> Array:
        """Horizontal coordinate that runs round the corners of a building."""
        return self.p[:, 0] + self.p[:, 2]

    def tint(self, factor: Array) -> None:
        """Multiply the colour by a factor (count,)."""
        self.colour = self.colour * factor[:, None]

    def cover(self, colour: Array, weight: Array) -> None:
        """Mix a colour (3,) or (count, 3) over the surface."""
        self.colour = blend(self.colour, colour, np.clip(weight, 0.0, 1.0))


def scatter(a: Array, b: Array, seed: Array | float) -> Array:
    """A random number 0..1 for each pair of whole numbers."""
    value = np.sin(a * 12.9898 + b * 78.233 + seed * 37.719) * 43758.5453
    return (value - np.floor(value)).astype(np.float32)


def _grime(s: Spot, strength: float = 1.0) -> None:
    """Damp at the foot, streaks of rain below, blotches everywhere."""
    x, y = s.along, s.p[:, 1] - QUAY
    blotch = fbm(0.55 * x + s.seed, 0.55 * y, 301, 4)
    streak = fbm(5.0 * x + s.seed, 0.42 * y, 302, 4, 0.6)
    s.tint(1.0 + strength * (0.22 * blotch - 0.34 * smoothstep(0.0, 0.6, streak)))
    damp = smoothstep(1.25, 0.0, y + 0.7 * fbm(1.1 * x, 0.9 * y + s.seed, 303, 3))
    s.cover(s.colour * linear("8f8a78"), 0.75 * strength * damp)


def plaster(s: Spot) -> None:
    x, y = s.along, s.p[:, 1]
    fine = fbm(9.0 * x + s.seed, 9.0 * y, 303, 3, 0.6)
    s.tint(1.0 + 0.10 * fine + 0.07 * fbm(2.1 * x + s.seed, 2.1 * y, 300, 3))
    s.tilt[:, 0] = 0.075 * perlin(7.0 * x, 7.0 * y, 301) + 0.06 * perlin(24.0 * x, 24.0 * y, 302)
    s.tilt[:, 1] = 0.075 * perlin(7.0 * x, 7.0 * y, 303) + 0.06 * perlin(24.0 * x, 24.0 * y, 300)
    _grime(s)
    # Where the plaster has fallen off, mostly low on the wall, there are bricks.
    bare = fbm(0.9 * x + 2.0 * s.seed, 0.9 * y, 301, 5, 0.55) - 0.055 * (y - QUAY)
    lost = smoothstep(0.40, 0.43, bare)
    if lost.any():
        under = Spot(
            s.u, s.v, s.p, np.broadcast_to(linear("95543d"), s.colour.shape), s.seed, s.detail
        )
        brick(under)
        s.colour = blend(s.colour, under.colour * 0.85, lost)
        rim = np.exp(-(((bare - 0.303) / 0.016) ** 2))
        s.tilt[:, 1] += 0.5 * rim
        s.tint(1.0 - 0.25 * rim)


def brick(s: Spot) -> None:
    tall, wide = 0.088, 0.27
    row = s.p[:, 1] / tall
    course = np.floor(row)
    at = s.along / wide + 0.5 * (course % 2.0)
    number = np.floor(at)
    u, v = at - number, row - course
    tone = scatter(number, course, 1.0)
    burnt = scatter(number, course, 2.0)
    s.tint(0.70 + 0.55 * tone)
    s.cover(s.colour * linear("8a7a86"), 0.8 * (burnt > 0.86))
    s.cover(linear("c98a5e"), 0.30 * (burnt < 0.12))
    edge_u = np.minimum(u, 1.0 - u) * wide
    edge_v = np.minimum(v, 1.0 - v) * tall
    joint = smoothstep(0.011, 0.004, np.minimum(edge_u, edge_v))
    mortar = linear("b3a792") * np.float32(0.85)
    s.tilt[:, 0] = 0.35 * smoothstep(0.03, 0.0, edge_u) * np.sign(u - 0.5)
    s.tilt[:, 1] = 0.35 * smoothstep(0.03, 0.0, edge_v) * np.sign(v - 0.5)
    s.tint(1.0 + 0.20 * perlin(19.0 * s.along, 19.0 * s.p[:, 1], 301))
    s.cover(mortar, 0.85 * joint)
    _grime(s, 0.9)


def boards(s: Spot) -> None:
    row = s.p[:, 1] / 0.17
    plank = np.floor(row)
    part = row - plank
    grain = fbm(2.0 * s.along + 17.0 * plank, 45.0 * s.p[:, 1], 303, 4, 0.65)
    s.tint((0.93 + 0.14 * scatter(plank, 0.0 * plank, s.seed)) * (1.0 + 0.13 * grain))
    s.tint(1.0 - 0.55 * smoothstep(0.13, 0.03, part) * smoothstep(-0.02, 0.02, part))
    s.tilt[:, 1] = 0.16
    worn = smoothstep(0.38, 0.6, fbm(1.5 * s.along, 7.0 * s.p[:, 1], 300, 4) + 0.2 * grain)
    s.cover(linear("8a7a66"), 0.7 * worn)
    _grime(s, 0.8)


def tiles(s: Spot) -> None:
    wide, tall = 0.25, 0.34
    column = s.u / wide
    number = np.floor(column)
    row = s.v / tall + 0.05 * scatter(number, 0.0 * number, s.seed)
    course = np.floor(row)
    across, up = column - number, row - course
    tone = scatter(number, course, s.seed)
    s.tint(0.68 + 0.55 * tone)
    s.cover(linear("5b4038"), 0.45 * (scatter(number, course, s.seed + 3.0) > 0.82))
    s.tilt[:, 0] = -0.85 * np.cos(2.0 * np.pi * across)
    s.tilt[:, 1] = 0.12
    gap = smoothstep(0.80, 1.0, up)
    s.tint((1.0 - 0.60 * gap) * (0.80 + 0.20 * np.sin(2.0 * np.pi * across + 0.8)))
    s.tint(1.0 + 0.22 * smoothstep(0.12, 0.0, up))
    x, y = s.u + s.seed, s.v
    soot = fbm(0.6 * x, 0.4 * y, 301, 4)
    s.tint(1.0 + 0.24 * soot + 0.14 * fbm(14.0 * x, 14.0 * y, 302, 2))
    moss = smoothstep(0.16, 0.5, fbm(1.3 * x, 0.9 * y, 303, 5, 0.6) + 0.25 * gap)
    s.cover(linear("6c6f3f") * np.float32(0.8), 0.62 * moss)
    lichen = smoothstep(0.50, 0.60, perlin(11.0 * x, 11.0 * y, 300))
    s.cover(linear("b5ad8e"), 0.45 * lichen)


def stone(s: Spot) -> None:
    x, y = s.along, s.p[:, 1] + 0.7 * s.p[:, 2]
    s.tint(1.0 + 0.20 * fbm(2.6 * x + s.seed, 2.6 * y, 301, 5, 0.6))
    s.tint(0.90 + 0.2 * scatter(s.seed, 0.0 * s.seed, 1.0))
    s.tilt[:, 0] = 0.12 * perlin(17.0 * x, 17.0 * y, 302)
    s.tilt[:, 1] = 0.12 * perlin(17.0 * x, 17.0 * y, 303)
    s.cover(
        s.colour * linear("77705f"), 0.8 * smoothstep(0.15, 0.65, fbm(1.4 * x, 1.4 * y, 300, 4))
    )


def ashlar(s: Spot) -> None:
    tall, wide = 0.37, 0.95
    row = s.p[:, 1] / tall + 0.04 * perlin(0.6 * s.along, 0.0 * s.u, 303)
    course = np.floor(row)
    at = s.along / wide + 0.37 * course + 0.12 * scatter(course, course, 5.0)
    number = np.floor(at)
    u, v = (at - number), row - course
    x, y = s.along, s.p[:, 1]
    s.tint(0.72 + 0.46 * scatter(number, course, 4.0))
    rough = fbm(3.0 * x, 3.0 * y, 300, 5, 0.6)
    s.tint(1.0 + 0.26 * rough)
    edge_u, edge_v = np.minimum(u, 1.0 - u) * wide, np.minimum(v, 1.0 - v) * tall
    s.tilt[:, 0] = 0.6 * smoothstep(0.06, 0.0, edge_u) * np.sign(u - 0.5) + 0.16 * perlin(
        9.0 * x, 9.0 * y, 301
    )
    s.tilt[:, 1] = 0.6 * smoothstep(0.06, 0.0, edge_v) * np.sign(v - 0.5) + 0.16 * perlin(
        9.0 * x, 9.0 * y, 302
    )
    s.cover(linear("3b352c"), 0.85 * smoothstep(0.026, 0.008, np.minimum(edge_u, edge_v)))
    tide = y + 0.12 * fbm(1.8 * x, 1.8 * y, 303, 4)
    s.cover(linear("4a4f2c") * np.float32(0.7), 0.75 * smoothstep(0.62, 0.34, tide))
    s.cover(linear("1c2016"), 0.85 * smoothstep(0.34, 0.10, tide))
    s.gloss = 0.35 * smoothstep(0.5, 0.1, tide)
    s.cover(
        linear("b9b3a0"), 0.35 * smoothstep(0.25, 0.7, fbm(3.5 * x, 0.5 * y, 300, 4)) * (y > 0.5)
    )


def cobbles(s: Spot) -> None:
    x, z = s.p[:, 0], s.p[:, 2]
    row = z / 0.17
    course = np.floor(row)
    at = x / 0.21 + 0.5 * (course % 2.0)
    number = np.floor(at)
    u, v = at - number - 0.5, row - course - 0.5
    s.tint(0.68 + 0.5 * scatter(number, course, 8.0))
    s.tint(1.0 + 0.2 * fbm(0.7 * x, 0.7 * z, 301, 4))
    s.tilt[:, 0], s.tilt[:, 1] = 0.7 * u, -0.7 * v
    s.tint(1.0 - 0.55 * smoothstep(0.36, 0.5, np.maximum(np.abs(u), np.abs(v))))


def timber(s: Spot) -> None:
    x, y, z = s.p.T
    grain = fbm(30.0 * s.u + s.seed, 2.5 * s.v, 303, 3) + fbm(
        2.5 * s.u + s.seed, 30.0 * s.v, 300, 3
    )
    s.tint(1.0 + 0.22 * grain + 0.18 * fbm(1.7 * (x + z), 1.7 * y, 301, 3))
    s.tilt[:, 0] = 0.10 * perlin(26.0 * s.u, 5.0 * s.v, 302)
    wet = smoothstep(0.55, 0.25, y + 0.1 * perlin(5.0 * x, 5.0 * z, 303))
    s.cover(linear("2a2c1e"), 0.8 * wet)


def paint(s: Spot) -> None:
    """Painted wood or metal; its first number is the gloss."""
    x, y = s.along, s.p[:, 1]
    s.tint(
        1.0 + 0.10 * fbm(2.3 * x + s.seed, 2.3 * y, 303, 4) + 0.05 * perlin(31.0 * x, 31.0 * y, 300)
    )
    s.cover(
        s.colour * linear("8b7d68"),
        0.55 * smoothstep(0.25, 0.65, fbm(3.7 * x, 2.0 * y + s.seed, 301, 4)),
    )
    s.gloss = s.detail[:, 0].copy()


def hull(s: Spot) -> None:
    x, y, z = s.p.T
    s.tint(
        1.0
        + 0.12 * fbm(1.6 * (x + z), 9.0 * y, 301, 4)
        + 0.06 * perlin(23.0 * (x - z), 23.0 * y, 302)
    )
    s.tint(1.0 - 0.42 * smoothstep(0.035, 0.0, s.v))
    stain = smoothstep(0.0, 0.6, fbm(4.0 * (x + z), 0.7 * y, 303, 4)) * smoothstep(0.9, 0.2, y)
    s.cover(s.colour * linear("a08b6a"), 0.6 * stain)
    s.cover(
        linear("25281c"), 0.75 * smoothstep(0.16, 0.03, y + 0.05 * perlin(4.0 * x, 4.0 * z, 300))
    )
    s.gloss = np.full(len(s.u), 0.40, np.float32)


def canvas(s: Spot) -> None:
    x, y, z = s.p.T
    fold = fbm(5.0 * (x + z), 14.0 * y, 303, 3)
    s.tint(1.0 + 0.25 * fold)
    s.tilt[:, 1] = 0.35 * perlin(5.0 * (x + z), 12.0 * y, 300)


def crate(s: Spot) -> None:
    part = (s.v / 0.115) % 1.0
    grain = fbm(3.0 * s.u + s.seed, 40.0 * s.v, 301, 4)
    s.tint((1.0 + 0.25 * grain) * (0.85 + 0.3 * scatter(np.floor(s.v / 0.115), s.seed, 2.0)))
    s.tint(1.0 - 0.75 * smoothstep(0.84, 0.92, part))


def flowers(s: Spot) -> None:
    """Leaves with blossoms among them."""
    u, v = s.u / 0.055, s.v / 0.055
    cell_u, cell_v = np.floor(u), np.floor(v)
    tone = scatter(cell_u, cell_v, s.seed)
    s.tint(0.45 + 1.1 * tone)
    round_ = np.hypot(u - cell_u - 0.5, v - cell_v - 0.5) < 0.52
    bloom = round_ & (scatter(cell_u, cell_v, s.seed + 7.0) > 0.66)
    kinds = np.stack([linear("c8283c"), linear("e8e0e4"), linear("d8568c"), linear("e09a2c")])
    s.colour = np.where(bloom[:, None], kinds[(s.seed.astype(int)) % 4], s.colour)
    s.tilt[:] = 1.2 * (np.stack([tone, scatter(cell_v, cell_u, 3.0)], axis=1) - 0.5)


def lamp(s: Spot) -> None:
    s.glow = s.colour * np.float32(0.55)
    s.gloss[:] = 0.6
