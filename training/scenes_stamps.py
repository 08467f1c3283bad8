"""Many small shapes on a plane, each over those before it: the dabs, dots, leaves and stones of
textures; and sets of points to put them on."""

import numpy as np

from training.scenes_fields import Array

LAYOUTS = ("grid", "hexagonal", "brick", "random")
SHAPES = ("disc", "square", "triangle", "diamond", "ring", "star", "cross", "crescent")


def points(
    rng: np.random.Generator, side: int, step: float, layout: str, jitter: float, angle: float
) -> Array:
    """Points [n, 2] (row, column) about `step` pixels apart, on the plane and a margin of 2 steps.

    layout: one of LAYOUTS. jitter: in steps. angle: of the lattice, in radians.
    """
    if layout == "random":
        count = int(((side + 4 * step) / step) ** 2)
        return rng.uniform(-2 * step, side + 2 * step, (count, 2)).astype(np.float32)
    reach = int(side * 0.75 / step) + 3
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).astype(float)
    if layout == "hexagonal":
        rows, columns = 0.866 * rows, columns + 0.5 * (rows % 2)
    elif layout == "brick":
        columns = 2 * (columns + 0.5 * (rows % 2))
    lattice = np.stack([rows, columns], axis=1)
    lattice = step * (lattice + rng.uniform(-jitter, jitter, lattice.shape))
    cosine, sine = np.cos(angle), np.sin(angle)
    lattice = lattice @ np.array([[cosine, sine], [-sine, cosine]])
    lattice += side / 2 + rng.uniform(-step, step, 2)
    inside = ((lattice > -2 * step) & (lattice < side + 2 * step)).all(axis=1)
    return lattice[inside].astype(np.float32)


def shape_distance(u: Array, v: Array, shape: str) -> Array:
    """How far (u, v) is from the centre of a shape of radius 1: 0 there, 1 on the outline."""
    if shape == "disc":
        return np.hypot(u, v)
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v))
    if shape == "triangle":
        return 1.6 * np.maximum(0.866 * np.abs(u) + 0.5 * v, -v)
    if shape == "diamond":
        return np.abs(u) + np.abs(v)
    if shape == "ring":
        return 4 * np.abs(np.hypot(u, v) - 0.75)
    if shape == "star":
        return np.hypot(u, v) / (0.65 + 0.35 * np.cos(5 * np.arctan2(v, u)))
    if shape == "cross":
        flat, tall = (4 * np.abs(u), np.abs(v)), (np.abs(u), 4 * np.abs(v))
        return np.minimum(np.maximum(*flat), np.maximum(*tall))
    return np.maximum(np.hypot(u, v), 1.8 * (0.62 - np.hypot(u - 0.5, v)))  # crescent


def stamped(
    rng: np.random.Generator,
    side: int,
    centres: Array,
    radius: float,
    elongation: float,
    angle: Array | float,
    shape: str,
) -> tuple[Array, Array, Array]:
    """Shapes at `centres` [n, 2], later ones over earlier ones.

    radius: in pixels, across the shape; each shape's varies by a quarter. elongation: length by
    width. angle: of all shapes, or a field [side, side] of angles.
    Returns for each pixel the number of the shape on top (int32, -1: none), how deep it is inside
    (0 on the outline, 1 in the centre), and its coordinate across the shape (-1…1).
    """
    number = np.full(side * side, -1, np.int32)
    depth, across = np.zeros(side * side, np.float32), np.zeros(side * side, np.float32)
    reach = int(1.3 * radius * max(elongation, 1.0) + 2)
    window = np.arange(-reach, reach + 1, dtype=np.int32)
    chunk = max(1, 400_000 // window.size**2)  # shapes; bounds the memory
    for first in range(0, len(centres), chunk):
        some = centres[first : first + chunk]
        near = np.clip(some.astype(np.int32), 0, side - 1)
        turn = angle[near[:, 0], near[:, 1]] if isinstance(angle, np.ndarray) else angle
        turn = np.broadcast_to(turn, len(some))[:, None, None] + np.float32(0)
        size = np.float32(radius) * rng.uniform(0.75, 1.3, (len(some), 1, 1)).astype(np.float32)
        y = near[:, 0, None, None] + window[None, :, None]
        x = near[:, 1, None, None] + window[None, None, :]
        dy, dx = y - some[:, 0, None, None], x - some[:, 1, None, None]
        cosine, sine = np.cos(turn), np.sin(turn)
        u = (cosine * dx + sine * dy) / (elongation * size)
        v = (cosine * dy - sine * dx) / size
        distance = shape_distance(u, v, shape)
        mask = (distance < 1) & (y >= 0) & (y < side) & (x >= 0) & (x < side)
        where = (y * side + x)[mask]
        # The last of several values assigned to one place stays: later shapes cover earlier ones.
        order = np.arange(first, first + len(some), dtype=np.int32)[:, None, None]
        number[where] = np.broadcast_to(order, mask.shape)[mask]
        depth[where] = 1 - distance[mask]
        across[where] = v[mask]
    return number.reshape(side, side), depth.reshape(side, side), across.reshape(side, side)
