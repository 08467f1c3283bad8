"""The light in the town: the sky, and how much of it and of the sun reaches a surface."""

import numpy as np
from fields import Array, blend, fbm, linear, mix, smoothstep
from numpy.typing import NDArray

from harbour.faces import UP, Face, View, cross

SEED = 1653
HAZE = linear("c9d0d6")
SUN = np.array([-0.80, 0.52, 0.36], np.float32)
SUN /= np.linalg.norm(SUN)
SUNLIGHT = np.array([3.7, 2.75, 1.80], np.float32)
SKYLIGHT = np.array([0.205, 0.265, 0.38], np.float32)
BOUNCE = np.array([0.20, 0.155, 0.11], np.float32)
# The part of the town that casts shadows: corners of a box.
LOW, HIGH = np.array([-14.0, 0.0, -9.5]), np.array([56.0, 16.5, 13.0])
DOME = 24  # directions in which the sky is sampled; a multiple of PHASES
PHASES = 4  # the pixels of a block of 2 x 2 take turns with the samples of the light
TAPS = 4  # of the sun's disc, a pixel


class Shadows:
    """What keeps the light of a direction from the town: depths seen along it."""

    def __init__(self, towards: Array, faces: list[Face], pixel: float) -> None:
        forward = -towards / np.linalg.norm(towards)
        right = cross(forward, UP)
        right /= np.linalg.norm(right)
        up = cross(right, forward)
        corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
        corners = LOW + corners * (HIGH - LOW)
        a, b = corners @ right, corners @ up
        axes = [np.arange(part.min(), part.max(), pixel) for part in (a, b)]
        eye = forward * (float((corners @ forward).min()) - 60.0)
        self.view = View(
            *(part.astype(np.float32) for part in (eye, right, up, forward)),
            *axes,
            parallel=True,
        )
        self.depth, _ = self.view.scan(faces)
        self.pixel = pixel

    def open(self, p: Array, bias: float, jitter: Array | None = None) -> Array:
        """Whether points (count, 3), moved by `jitter` (count, 2) metres across, are lit."""
        column, row, depth = self.view.project(p)
        if jitter is not None:
            column, row = column + jitter[:, 0] / self.pixel, row + jitter[:, 1] / self.pixel
        rows, columns = self.depth.shape
        i = np.clip(np.rint(row), 0, rows - 1).astype(np.intp)
        j = np.clip(np.rint(column), 0, columns - 1).astype(np.intp)
        outside = (np.abs(row - i) > 1.0) | (np.abs(column - j) > 1.0)
        return (self.depth[i, j] > depth - bias) | outside


class Light:
    """The light in the town: the sun's, the sky's, and what is cast back by the ground."""

    def __init__(self, faces: list[Face], scale: float) -> None:
        size = min(max(scale, 0.1), 1.6)
        self.sun = Shadows(SUN, faces, 0.028 / size)
        large = [face for face in faces if face.extent > 0.8]
        turn = np.arange(DOME) * np.pi * (3.0 - np.sqrt(5.0))
        height = (np.arange(DOME) + 0.5) / DOME
        across = np.sqrt(1.0 - height**2)
        self.dome = np.stack([across * np.cos(turn), height, across * np.sin(turn)], axis=1)
        self.dome = self.dome.astype(np.float32)
        self.sky = [Shadows(towards, large, 0.13 / min(size, 1.0)) for towards in self.dome]
        spiral = np.sqrt((np.arange(PHASES * TAPS) + 0.5) / (PHASES * TAPS))
        angle = np.arange(PHASES * TAPS) * np.pi * (3.0 - np.sqrt(5.0))
        disc = np.stack([spiral * np.cos(angle), spiral * np.sin(angle)], axis=1)
        self.disc = (0.060 * disc).astype(np.float32)

    def arriving(self, p: Array, flat: Array, normal: Array, phase: NDArray[np.intp]) -> Array:
        """Light (count, 3) on surfaces at p with a bumpy `normal`; `flat` is that of the face.

        A point takes only the samples of its `phase`: a block of pixels has all of them.
        """
        start = p + 0.03 * flat
        facing = np.clip(normal @ SUN, 0.0, 1.0) * (flat @ SUN > 0.0)
        lit = np.zeros(len(p), np.float32)
        day = np.flatnonzero(facing > 0.0)
        for tap in range(TAPS):
            jitter = self.disc[phase[day] + PHASES * tap]
            lit[day] += self.sun.open(start[day], 0.05, jitter) / TAPS
        total = SUNLIGHT * (lit * facing)[:, None]
        start = p + 0.12 * flat
        seen = np.zeros(len(p), np.float32)
        for number, (towards, shadows) in enumerate(zip(self.dome, self.sky, strict=True)):
            here = np.flatnonzero(phase == number % PHASES)
            cosine = np.clip(normal[here] @ towards, 0.0, 1.0)
            seen[here] += cosine * shadows.open(start[here], 0.16)
        seen *= 2.0 * PHASES / DOME
        total += SKYLIGHT * seen[:, None]
        under = np.clip(0.55 - 0.45 * normal[:, 1], 0.0, 1.0)
        low = 0.35 + 0.65 * np.exp(-np.maximum(p[:, 1] - 1.0, 0.0) / 4.0)
        return total + BOUNCE * (under * low * (0.3 + 0.7 * np.minimum(seen, 1.0)))[:, None]


def sky(ray: Array, octaves: int = 6) -> Array:
    """Light (count, 3) from directions: a hazy blue with soft clouds, and hills at the horizon."""
    level = np.hypot(ray[:, 0], ray[:, 2])
    rise = ray[:, 1] / level
    up = np.clip(rise, 0.0, None)
    colour = blend(linear("dfe0dc"), linear("8db2d6"), smoothstep(0.0, 0.28, up))
    colour = blend(colour, linear("3b70b4"), smoothstep(0.15, 0.85, up))
    reach = 1.0 / (up + 0.28)
    u, v = ray[:, 0] / level * reach, -ray[:, 2] / level * reach
    warp = 0.35 * fbm(0.7 * u, 0.7 * v, SEED + 1, 3)

    def density(du: float, dv: float, detail: int) -> Array:
        return fbm(1.7 * (u + du) + warp, 2.3 * (v + dv) + warp, SEED + 2, detail, 0.54)

    here = density(0.0, 0.0, octaves)
    cover = smoothstep(0.0, 0.42, here + 0.06)
    lit = np.clip(0.62 + 1.5 * (here - density(-0.10, 0.06, max(octaves - 2, 2))), 0.0, 1.0)
    bright = linear("fff6e8") * np.float32(1.35)
    shade = linear("9aa6b8") * np.float32(1.05)
    cloud = blend(shade, bright, lit)
    wisps = fbm(0.5 * u + 5.0 + warp, 1.6 * v, SEED + 3, max(octaves - 2, 2), 0.6)
    veil = smoothstep(0.0, 0.7, wisps)
    colour = blend(colour, bright, 0.35 * veil * smoothstep(0.03, 0.25, up))
    colour = blend(colour, cloud, 0.88 * cover * smoothstep(0.03, 0.20, up))
    return _hills(ray, rise, colour)


def _hills(ray: Array, rise: Array, colour: Array) -> Array:
    """Wooded hills in the haze, in front of the sky."""
    low = np.flatnonzero(rise < 0.12)
    turn, rise = np.arctan2(ray[low, 0], -ray[low, 2]).astype(np.float32), rise[low]
    seen = colour[low]
    flat = np.zeros_like(turn)
    for far, (height, seed) in enumerate(((0.062, 1), (0.036, 2))):
        crest = height * (0.75 + 0.7 * fbm(2.6 * turn + 3.0 * far, flat, SEED + seed, 4))
        crest = crest + 0.0035 * fbm(60.0 * turn, flat, SEED + seed, 3) * (1 + far)
        inside = smoothstep(-0.0012, 0.0012, crest - rise)
        leaf = fbm(70.0 * turn, 150.0 * rise, SEED + seed, 4, 0.6)
        wood = blend(linear("4a5f45"), linear("8a9463"), np.clip(0.45 + 0.6 * leaf, 0.0, 1.0))
        haze = mix(0.72, 0.52, far) + 0.2 * smoothstep(0.03, 0.0, rise)
        seen = blend(seen, blend(wood, HAZE, haze), inside)
    colour[low] = seen
    return colour
