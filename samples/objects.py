"""The objects of the still life: their shapes as signed distance fields, and their surfaces.

Points are arrays (count, 3): x to the right, y up, z towards the viewer. Colours are linear light.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fields import Array, blend, fbm, linear, perlin, smoothstep

SEED = 1600


def unit(v: Array) -> Array:
    """Vectors (..., 3) scaled to length 1."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def smooth_min(a: Array, b: Array, fillet: float) -> Array:
    """Minimum of two distances with a fillet of about `fillet`."""
    h = np.maximum(fillet - np.abs(a - b), 0.0) / fillet
    return np.minimum(a, b) - 0.25 * fillet * h * h


def _column(r: Array, y: Array, radius: float, ends: tuple[float, float], rounding: float) -> Array:
    """Distance to an upright cylinder with rounded edges, from the radius r and height y."""
    low, high = ends
    dx = r - (radius - rounding)
    dy = np.abs(y - 0.5 * (low + high)) - (0.5 * (high - low) - rounding)
    outside = np.hypot(np.maximum(dx, 0.0), np.maximum(dy, 0.0))
    return outside + np.minimum(np.maximum(dx, dy), 0.0) - rounding


def _stem(p: Array, foot: float, top: float, lean: float) -> Array:
    t = np.clip((p[:, 1] - foot) / (top - foot), 0.0, 1.0)
    x = p[:, 0] - lean * t * t
    y = p[:, 1] - (foot + t * (top - foot))
    return np.sqrt(x * x + y * y + p[:, 2] ** 2) - (0.016 + 0.012 * t * t)


def _apple(p: Array) -> Array:
    r, y = np.hypot(p[:, 0], p[:, 2]), p[:, 1]
    lobes = 1.0 + 0.020 * np.cos(5.0 * np.arctan2(p[:, 2], p[:, 0])) * smoothstep(0.1, -0.3, y)
    girth = (1.0 + 0.22 * y) * lobes  # narrower below
    body = (np.hypot(r / girth - 0.150, y * 0.84) - 0.262) * 0.84
    return np.minimum(body, _stem(p, 0.20, 0.46, 0.07))


def _pear(p: Array) -> Array:
    low = np.linalg.norm(p, axis=1) - 0.345
    x = p[:, 0] - 0.03
    high = np.sqrt(x * x + (p[:, 1] - 0.46) ** 2 + p[:, 2] ** 2) - 0.165
    return np.minimum(smooth_min(low, high, 0.36), _stem(p, 0.58, 0.84, 0.12))


def _lemon(p: Array) -> Array:
    r, along = np.hypot(p[:, 1], p[:, 2]), np.abs(p[:, 0])
    k = np.sqrt((r / 0.265) ** 2 + (along / 0.36) ** 2) + 1e-6
    body = k * (k - 1.0) / np.sqrt((r / 0.265**2) ** 2 + (along / 0.36**2) ** 2 + 1e-6)
    tip = np.hypot(r, along - 0.36) - 0.055
    return smooth_min(body, tip, 0.16) * 0.85


def _pile_of_grapes() -> Array:
    """Centres (count, 3) of grapes heaped in three layers inside the outline of a drop."""
    rng = np.random.default_rng(SEED + 1)
    centres = []
    for layer, (inset, height) in enumerate(((0.0, 0.11), (0.11, 0.27), (0.24, 0.42))):
        for row in range(-4, 5):
            for column in range(-6, 7):
                x = 0.205 * (column + 0.5 * (row % 2)) + 0.1 * layer
                z = 0.180 * row + 0.06 * layer
                width = 0.46 * np.sqrt(np.clip((x + 0.62) / 0.4, 0.0, 1.0)) * (0.85 - 0.5 * x)
                if abs(z) < width - inset and -0.62 + inset < x < 0.66 - inset:
                    centres.append(np.array([x, height, z]) + rng.normal(0.0, 0.016, 3))
    return np.array(centres, np.float32)


GRAPES = _pile_of_grapes()
GRAPE = 0.116  # radius


def _grapes(p: Array) -> Array:
    nearest = np.full(len(p), np.inf, np.float32)
    for centre in GRAPES:
        offset = p - centre
        nearest = np.minimum(nearest, np.einsum("ij,ij->i", offset, offset))
    return np.sqrt(nearest) - GRAPE


def _bowl(p: Array) -> Array:
    r, y = np.hypot(p[:, 0], p[:, 2]), p[:, 1]
    shell = np.abs(np.hypot(r, (y - 1.02) * 1.12) - 1.0) - 0.03
    shell = np.maximum(shell, y - 0.70) * 0.9
    rim = np.hypot(r - 0.935, y - 0.70) - 0.042
    foot = _column(r, y, 0.46, (0.0, 0.13), 0.03)
    return smooth_min(np.minimum(shell, rim), foot, 0.06)


def _bottle(p: Array) -> Array:
    r, y = np.hypot(p[:, 0], p[:, 2]), p[:, 1]
    body = _column(r, y, 0.37, (0.0, 1.50), 0.07)
    neck = _column(r, y, 0.118, (1.2, 2.50), 0.02)
    lip = np.hypot(r - 0.115, (y - 2.41) * 0.7) - 0.036
    return np.minimum(smooth_min(body, neck, 0.55), lip) * 0.92


@dataclass(frozen=True)
class Thing:
    """An object: a distance field in its own coordinates, and its place in the scene."""

    kind: str
    centre: tuple[float, float, float]
    bound: float  # radius of a sphere about `middle` that holds the object
    distance: Callable[[Array], Array]
    turn: float = 0.0  # about the vertical, radians
    tip: float = 0.0  # about the viewer's axis, radians
    middle: float = 0.0  # height of the bounding sphere's centre above `centre`

    def local(self, p: Array) -> Array:
        """World points in the coordinates of the object."""
        q = p - np.array(self.centre, np.float32)
        c, s = np.float32(np.cos(self.tip)), np.float32(np.sin(self.tip))
        x, y = c * q[:, 0] + s * q[:, 1], c * q[:, 1] - s * q[:, 0]
        c, s = np.float32(np.cos(self.turn)), np.float32(np.sin(self.turn))
        return np.stack([c * x + s * q[:, 2], y, c * q[:, 2] - s * x], axis=1)

    def __call__(self, p: Array) -> Array:
        return self.distance(self.local(p))

    @property
    def ball(self) -> Array:
        """Centre of the bounding sphere."""
        return np.array(self.centre, np.float32) + np.array([0, self.middle, 0], np.float32)


THINGS = (
    Thing("bottle", (-1.42, 0.0, -0.75), 1.42, _bottle, middle=1.28),
    Thing("bowl", (0.42, 0.0, -0.35), 1.06, _bowl, middle=0.42),
    Thing("apple", (0.02, 0.82, -0.10), 0.52, _apple, turn=0.4, tip=0.35),
    Thing("lemon", (0.72, 0.86, 0.02), 0.45, _lemon, turn=-0.5, tip=0.35),
    Thing("pear", (0.52, 0.93, -0.62), 0.92, _pear, turn=1.0, tip=-0.22, middle=0.15),
    Thing("apple", (0.98, 0.86, -0.52), 0.52, _apple, turn=2.2, tip=-0.5),
    Thing("pear", (-1.02, 0.335, 0.55), 0.92, _pear, turn=2.6, tip=0.10, middle=0.15),
    Thing("apple", (-1.86, 0.30, 0.42), 0.52, _apple, turn=5.0, tip=-0.16),
    Thing("lemon", (-0.22, 0.262, 1.15), 0.45, _lemon, turn=0.55),
    Thing("grapes", (1.62, 0.0, 0.72), 0.95, _grapes, turn=0.25, middle=0.2),
)
ROUGHNESS = {
    "bottle": 0.02,
    "bowl": 0.03,
    "apple": 0.05,
    "lemon": 0.14,
    "pear": 0.11,
    "grapes": 0.07,
}
SHEEN = {"bottle": 1.0, "bowl": 0.9, "apple": 1.0, "lemon": 0.7, "pear": 0.7, "grapes": 0.9}


def wood(p: Array) -> Array:
    """Colour (count, 3) of the table: planks along x, with rings, pores and worn edges."""
    x, z = p[:, 0], p[:, 2] + 0.21
    plank = np.floor(z / 0.62)
    shift = plank * 17.31
    across = z / 0.62 - plank
    bend = 0.20 * fbm(0.5 * x + shift, 2.2 * z, SEED + 10, 3)
    rings = (z + bend + 0.05 * fbm(1.1 * x + shift, 7.0 * z, SEED + 11, 3)) * 13.0 + shift
    ring = (rings % 1.0) ** 2.2
    fibre = fbm(3.0 * x + shift, 95.0 * z, SEED + 12, 4, 0.7)
    pores = smoothstep(0.32, 0.75, perlin(9.0 * x + shift, 130.0 * z, SEED + 13))
    tone = 0.42 + 0.30 * ring + 0.22 * fibre + 0.16 * np.sin(5.1 * plank)
    colour = blend(linear("36211a"), linear("a06f48"), np.clip(tone, 0.0, 1.0))
    seam = smoothstep(0.030, 0.008, np.minimum(across, 1.0 - across))
    return colour * (1.0 - 0.45 * pores)[:, None] * (1.0 - 0.85 * seam)[:, None]


def plaster(p: Array) -> Array:
    """Colour (count, 3) of the wall: blotched plaster with the marks of the trowel."""
    x, y = p[:, 0], p[:, 1]
    blotch = fbm(0.55 * x + 3.0, 0.55 * y, SEED + 20, 5)
    trowel = fbm(3.2 * x + 1.1 * y, 4.2 * y - 1.6 * x, SEED + 21, 5, 0.6)
    colour = blend(linear("5c6f6c"), linear("a3a58f"), np.clip(0.45 + 0.5 * blotch, 0.0, 1.0))
    return colour * (1.0 + 0.16 * trowel)[:, None]


def solid_noise(q: Array, frequency: float, seed: int) -> Array:
    """Noise on the skin of a roundish object: three plane noises, blended by the side faced."""
    weight = q**4 / np.maximum((q**4).sum(axis=1, keepdims=True), 1e-9)
    total = np.zeros(len(q), np.float32)
    for axis in range(3):
        u, v = q[:, (axis + 1) % 3], q[:, (axis + 2) % 3]
        total += weight[:, axis] * perlin(frequency * u + 31.0, frequency * v, seed + axis)
    return total


def _apple_skin(q: Array, seed: int) -> Array:
    azimuth, y = np.arctan2(q[:, 2], q[:, 0]), q[:, 1]
    streak = fbm(6.0 * np.cos(azimuth) + 20.0, 6.0 * np.sin(azimuth) + 0.8 * y, seed, 4, 0.75)
    blush = solid_noise(q, 2.0, seed + 5)
    red = np.clip(0.78 + 0.34 * streak + 0.75 * blush - 0.8 * smoothstep(0.22, 0.33, y), 0.0, 1.0)
    colour = blend(linear("d9a233"), linear("a3161a"), smoothstep(0.1, 0.9, red))
    colour = blend(colour, linear("650a14"), 0.7 * smoothstep(0.0, 0.8, blush + 0.5 * streak))
    dots = smoothstep(0.50, 0.66, solid_noise(q, 30.0, seed + 9))
    colour = blend(colour, linear("d9a878"), 0.45 * dots)
    hollow = smoothstep(0.10, 0.02, np.hypot(q[:, 0], q[:, 2])) * (y > 0.1)
    return blend(colour, linear("6d7a2c"), 0.8 * hollow)


def _pear_skin(q: Array) -> Array:
    blush = solid_noise(q, 2.2, SEED + 30) + 0.4 * solid_noise(q, 7.0, SEED + 33)
    colour = blend(linear("a0a52e"), linear("cf9a30"), np.clip(0.4 + 0.9 * blush, 0.0, 1.0))
    colour = blend(colour, linear("c0622c"), 0.65 * smoothstep(0.05, 0.8, blush + 0.9 * q[:, 0]))
    russet = solid_noise(q, 27.0, SEED + 31) + 0.5 * blush
    colour = blend(colour, linear("7c5a22"), 0.5 * smoothstep(0.35, 0.75, russet))
    return blend(colour, linear("8a6a2a"), 0.5 * smoothstep(0.45, 0.62, q[:, 1] + 0.08 * blush))


def _glaze(q: Array) -> Array:
    """White glaze with cobalt bands and a scroll painted between them."""
    azimuth, y = np.arctan2(q[:, 2], q[:, 0]), q[:, 1]
    middle = np.sqrt(np.clip(1.0 - ((y - 1.02) * 1.12) ** 2, 0.0, 1.0))  # radius of the bowl's wall
    outside = np.hypot(q[:, 0], q[:, 2]) > 0.98 * middle
    ink = smoothstep(0.020, 0.012, np.abs(y - 0.625)) + smoothstep(0.013, 0.006, np.abs(y - 0.575))
    ink = ink + smoothstep(0.018, 0.010, np.abs(y - 0.19))
    phase = azimuth * 9.0 / (2.0 * np.pi)
    u, v = ((phase % 1.0) - 0.5) * 0.60, y - 0.385
    r = np.hypot(u, v)
    turn = (np.arctan2(v, u) / (2.0 * np.pi) - r / 0.085) % 1.0
    ink = ink + smoothstep(0.50, 0.40, np.abs(turn - 0.5) * 2.0) * smoothstep(0.150, 0.140, r)
    wave = np.abs(v - 0.13 * np.cos(2.0 * np.pi * phase)) - 0.012
    ink = np.clip(ink + smoothstep(0.006, -0.004, wave), 0.0, 1.0) * outside
    wash = 0.85 + 0.25 * fbm(6.0 * azimuth, 14.0 * y, SEED + 40, 3)
    return blend(linear("e9e6da"), linear("1c3c8c"), np.clip(ink * wash, 0.0, 1.0))


def skin(thing: Thing, p: Array, normal: Array, view: Array) -> Array:
    """Diffuse colour (count, 3) of an object at surface points."""
    q = thing.local(p)
    if thing.kind == "apple":
        colour = _apple_skin(q, SEED + 50 + THINGS.index(thing))
        stalk = (np.hypot(q[:, 0], q[:, 2]) < 0.10) & (_stem(q, 0.20, 0.46, 0.07) < 0.006)
        return np.where(stalk[:, None], linear("4a3218"), colour)
    if thing.kind == "pear":
        stalk = _stem(q, 0.58, 0.84, 0.12) < 0.006
        return np.where(stalk[:, None], linear("4a3218"), _pear_skin(q))
    if thing.kind == "lemon":
        blotch = solid_noise(q, 4.0, SEED + 60) + 0.6 * solid_noise(q, 22.0, SEED + 62)
        tip = smoothstep(0.30, 0.42, np.abs(q[:, 0]))
        colour = blend(linear("e3b012"), linear("cf8c0c"), np.clip(0.5 + 0.6 * blotch, 0.0, 1.0))
        return blend(colour, linear("a8962a"), 0.6 * tip)
    if thing.kind == "grapes":
        offset = np.linalg.norm(q[:, None, :] - GRAPES[None], axis=2).argmin(axis=1)
        ripe = np.random.default_rng(SEED).random(len(GRAPES))[offset]
        colour = blend(linear("1c0c2a"), linear("541a3a"), ripe)
        bloom = np.clip(
            0.35 + 0.6 * fbm(8 * q[:, 0], 8 * q[:, 1] + 8 * q[:, 2], SEED + 61, 3), 0.0, 1.0
        )
        return blend(colour, linear("7d7fa8"), 0.42 * bloom * smoothstep(-0.2, 0.9, normal[:, 1]))
    if thing.kind == "bowl":
        return _glaze(q)
    glow = smoothstep(0.75, 0.15, np.abs(np.einsum("ij,ij->i", normal, view)))
    glass = blend(linear("07120b"), linear("4a6a24"), glow * smoothstep(2.0, 0.6, q[:, 1]))
    capsule = smoothstep(2.02, 2.03, q[:, 1])
    glass = blend(glass, linear("6b1420"), capsule)
    label = smoothstep(0.01, -0.01, np.abs(q[:, 1] - 0.78) - 0.29)
    rules = np.abs(np.abs(q[:, 1] - 0.78) - 0.235) < 0.010
    paper = np.where(rules[:, None], linear("8c2a22"), linear("e4d5ae"))
    crest = np.abs(np.hypot(q[:, 0] - 0.05, q[:, 1] - 0.80) - 0.12) < 0.022
    paper = np.where((crest & (q[:, 2] > 0))[:, None], linear("8c2a22"), paper)
    return blend(glass, paper, label)


def pitted(kind: str, q: Array, normal: Array) -> Array:
    """Normals roughened by the pores of a lemon's skin; others as they are."""
    if kind != "lemon":
        return normal
    bump = np.stack([solid_noise(q, 24.0, SEED + 70 + 3 * i) for i in range(3)], axis=1)
    return unit(normal + 0.075 * bump)
