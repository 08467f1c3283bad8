"""Flat faces in space, solids built of them, and views that find the face behind each pixel.

Points are (3,) or (..., 3): x to the right along the quay, y up, z towards the viewer, in metres.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from fields import Array, perlin
from numpy.typing import NDArray

Point = Sequence[float] | Array
RIGHT, UP, FRONT = np.eye(3, dtype=np.float32)
NOTHING = -1  # index of the face behind a pixel of the sky
NEAREST = 0.2  # depth of what is too near to be seen
GRAZING = 1e-5  # cosine below which a plane is seen from its edge


@dataclass(frozen=True)
class Face:
    """A polygon in a plane, with what its surface is made of."""

    origin: Array  # of the plane's coordinates (u, v)
    u: Array  # unit vectors of the plane, at right angles, and their cross product
    v: Array
    normal: Array
    outline: NDArray[np.float64]  # corners (count, 2) in the plane's coordinates, in metres
    material: str
    colour: Array  # linear light
    seed: float = 0.0
    detail: tuple[float, ...] = ()  # numbers that the material reads
    holes: tuple[tuple[float, float, float, float], ...] = ()  # left, bottom, right, top
    # Change (3, 3) of the normal: at the origin, and per metre along u and along v.
    bend: Array = field(default_factory=lambda: np.zeros((3, 3), np.float32))
    gaps: float | None = None  # foliage: noise, about -1 to 1, below which there is a gap

    @cached_property
    def corners(self) -> Array:
        """Corners (count, 3) in space."""
        return self.origin + self.outline[:, :1] * self.u + self.outline[:, 1:] * self.v

    @cached_property
    def extent(self) -> float:
        """Area of the outline's bounding box, square metres."""
        return float(np.prod(np.ptp(self.outline, axis=0)))


@dataclass(frozen=True)
class Stuff:
    """What a solid is made of: the material's name, its colour (3,), and numbers for it."""

    material: str
    colour: Array
    seed: float = 0.0
    detail: tuple[float, ...] = ()


def cross(a: Array, b: Array) -> Array:
    """Cross product of vectors (3,) or (count, 3); NumPy's own takes long for so few."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]).T


def polygon(points: Iterable[Point], stuff: Stuff, first: int = 0) -> Face:
    """Face through corners in space, counterclockwise seen from outside; u along one edge."""
    corners = np.array([np.asarray(point, np.float64) for point in points])
    spokes = corners[1:] - corners[0]
    normal = cross(spokes[:-1], spokes[1:]).sum(axis=0)
    normal /= np.sqrt(normal @ normal)
    edge = corners[(first + 1) % len(corners)] - corners[first]
    u = edge / np.sqrt(edge @ edge)
    v = cross(normal, u)
    offset = corners - corners[first]
    outline = np.stack([offset @ u, offset @ v], axis=1)
    return Face(
        corners[first].astype(np.float32),
        u.astype(np.float32),
        v.astype(np.float32),
        normal.astype(np.float32),
        outline,
        stuff.material,
        stuff.colour,
        stuff.seed,
        stuff.detail,
    )


def front(points: Iterable[tuple[float, float]], z: float, stuff: Stuff) -> Face:
    """Face that looks at the viewer, through corners (x, y), counterclockwise."""
    return polygon([(x, y, z) for x, y in points], stuff)


def upright(low: tuple[float, float], high: tuple[float, float], z: float, stuff: Stuff) -> Face:
    """Rectangle that looks at the viewer, between two corners (x, y)."""
    return front([low, (high[0], low[1]), high, (low[0], high[1])], z, stuff)


def sheet(foot: Sequence[Point], head: Sequence[Point], stuff: Stuff) -> Face:
    """Rectangle between two edges of two points each, which run the same way: u along them."""
    return polygon([foot[0], foot[1], head[1], head[0]], stuff)


def box(low: Point, high: Point, stuff: Stuff, sides: str = "flrtb") -> list[Face]:
    """Faces of an upright box: front, left, right, top, below."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    corners = {
        "f": [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
        "l": [(x0, y0, z0), (x0, y0, z1), (x0, y1, z1), (x0, y1, z0)],
        "r": [(x1, y0, z1), (x1, y0, z0), (x1, y1, z0), (x1, y1, z1)],
        "t": [(x0, y1, z1), (x1, y1, z1), (x1, y1, z0), (x0, y1, z0)],
        "b": [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
    }
    return [polygon(corners[side], stuff) for side in sides]


def beam(start: Point, end: Point, width: float, depth: float, stuff: Stuff) -> list[Face]:
    """A straight piece of timber on a wall that faces the viewer, `depth` in front of it."""
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = (end - start) / np.linalg.norm(end - start)
    side = 0.5 * width * np.array([-along[1], along[0], 0.0])
    out = np.array([0.0, 0.0, depth])
    a, b, c, d = start - side, end - side, end + side, start + side
    loops = [
        [a + out, b + out, c + out, d + out],
        [d + out, c + out, c, d],
        [a, b, b + out, a + out],
    ]
    return [polygon(loop, stuff) for loop in loops]


def rod(
    start: Point, end: Point, radii: tuple[float, float], stuff: Stuff, sides: int = 7
) -> list[Face]:
    """A round bar between two points, tapering, with smooth shading."""
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = (end - start) / np.linalg.norm(end - start)
    helper = FRONT if abs(along[2]) < 0.9 else RIGHT
    across = cross(along, helper)
    across /= np.linalg.norm(across)
    other = cross(along, across)
    turn = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    ring = np.cos(turn)[:, None] * across + np.sin(turn)[:, None] * other
    faces = []
    for i in range(sides):
        loop = [start + radii[0] * ring[i], start + radii[0] * ring[i + 1]]
        loop += [end + radii[1] * ring[i + 1], end + radii[1] * ring[i]]
        faces.append(smooth(loop, [ring[i], ring[i + 1], ring[i + 1], ring[i]], stuff))
    return faces


def smooth(points: Sequence[Point], normals: Sequence[Point], stuff: Stuff) -> Face:
    """Face whose normal changes linearly between those of its corners."""
    flat = polygon(points, stuff)
    system = np.concatenate([np.ones((len(points), 1)), flat.outline], axis=1)
    turned = np.asarray(normals, np.float64) - flat.normal
    bend = np.linalg.lstsq(system, turned, rcond=None)[0]
    return replace(flat, bend=bend.astype(np.float32))


@dataclass(frozen=True)
class View:
    """An eye: the ray of pixel (row, column) leans from `forward` by its entries of `a` and `b`."""

    eye: Array
    right: Array
    up: Array
    forward: Array
    a: Array  # (columns,): to the right, per unit of `forward`, or in metres if parallel
    b: Array  # (rows,): upwards, likewise
    parallel: bool = False

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Column, row (fractional) and depth of points (..., 3)."""
        offset = points - self.eye
        depth = offset @ self.forward
        scale = 1.0 if self.parallel else 1.0 / np.maximum(depth, 1e-3)
        column = (offset @ self.right * scale - self.a[0]) / (self.a[1] - self.a[0])
        row = (offset @ self.up * scale - self.b[0]) / (self.b[1] - self.b[0])
        return column, row, depth

    def rays(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
        """Directions (count, 3) of pixels, of length 1 along `forward`."""
        return (
            self.forward
            + self.a[columns].astype(np.float32)[:, None] * self.right
            + self.b[rows].astype(np.float32)[:, None] * self.up
        )

    def scan(self, faces: Sequence[Face]) -> tuple[Array, NDArray[np.int32]]:
        """Depth (rows, columns) of the nearest face, infinite for none, and its index."""
        depth = np.full((len(self.b), len(self.a)), np.inf, np.float32)
        index = np.full(depth.shape, NOTHING, np.int32)
        columns, rows, far = self.project(np.concatenate([face.corners for face in faces]))
        first = np.cumsum([0, *(len(face.outline) for face in faces[:-1])])
        visible = np.minimum.reduceat(far, first) > NEAREST
        spans = []  # first and last pixel of each face, downwards and across
        for part, count in ((rows, len(self.b)), (columns, len(self.a))):
            start = np.maximum(np.ceil(np.minimum.reduceat(part, first)), 0)
            stop = np.minimum(np.floor(np.maximum.reduceat(part, first)) + 1, count)
            visible &= start < stop
            spans.append((start, stop))
        for number in np.flatnonzero(visible):
            down, across = (slice(int(start[number]), int(stop[number])) for start, stop in spans)
            window = (down, across)
            nearer, t = self._meet(faces[number], window, depth[window])
            depth[window][nearer] = t[nearer]
            index[window][nearer] = number
        return depth, index

    def _meet(
        self, face: Face, window: tuple[slice, slice], limit: Array
    ) -> tuple[NDArray[np.bool_], Array]:
        """Which pixels of a window see the face nearer than `limit`, and its depth there."""
        a = self.a[window[1]].astype(np.float32)
        b = self.b[window[0]].astype(np.float32)[:, None]

        def run(vector: Array) -> Array:
            return a * np.float32(self.right @ vector) + b * np.float32(self.up @ vector)

        normal, start = face.normal, self.eye - face.origin
        facing = np.float32(self.forward @ normal)
        above = -np.float32(start @ normal)
        if self.parallel:
            above = above - run(normal)
        else:
            facing = facing + run(normal)
        t = above / np.where(np.abs(facing) < GRAZING, GRAZING, facing)
        nearer = (t > NEAREST) & (t < limit)

        def along(vector: Array, base: Array) -> Array:
            part, forward = run(vector), np.float32(self.forward @ vector)
            inner = part + t * forward if self.parallel else t * (forward + part)
            return np.float32(base @ vector) + inner

        if nearer.any():
            nearer &= along(UP, self.eye) >= 0.0  # nothing is seen through the water
            nearer &= _inside(face, along(face.u, start), along(face.v, start))
        return nearer, t


def _inside(face: Face, u: Array, v: Array) -> NDArray[np.bool_]:
    """Whether points of the plane are on the face: an odd number of edges are to their right."""
    odd = np.zeros(u.shape, bool)
    corners = face.outline.tolist()
    for (u0, v0), (u1, v1) in pairwise([*corners, corners[0]]):
        if abs(v1 - v0) < 1e-9:
            continue
        crossing = np.float32(u0) + (v - np.float32(v0)) * np.float32((u1 - u0) / (v1 - v0))
        odd ^= ((v0 > v) != (v1 > v)) & (u < crossing)
    for left, bottom, right, top in face.holes:
        odd &= ~((u > left) & (u < right) & (v > bottom) & (v < top))
    if face.gaps is not None:
        leaves = perlin(9.0 * u, 9.0 * v, 5) + 0.7 * perlin(23.0 * u, 23.0 * v, 6)
        odd &= leaves > face.gaps
    return odd
