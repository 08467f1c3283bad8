"""Outlines of the regions of a scene, drawn many at once."""

import numpy as np

from training.scenes_fields import Array, grid

OUTLINES = ("disc", "box", "triangle", "diamond", "flower", "band", "ring", "blob", "half")
GROUND = len(OUTLINES)  # the label of what is behind all shapes


def shape_masks(rng: np.random.Generator, side: int, count: int) -> tuple[Array, Array]:
    """`count` shapes: their outlines (int [count], numbers in OUTLINES) and the pixels inside (bool
    [count, side, side]). Later ones are smaller, for they cover earlier ones."""
    outlines = rng.integers(0, len(OUTLINES), count)
    rows, columns = grid(side)
    centres = rng.uniform(0, side, (2, count, 1, 1)).astype(np.float32)
    smallest = np.where(np.arange(count) < 2, 0.17, 0.07) * side
    radius = np.exp(rng.uniform(np.log(smallest), np.log(0.47 * side)))
    turn = rng.uniform(0, 2 * np.pi, count) * (rng.uniform(size=count) < 0.7)
    cosine, sine, radius = (
        each.astype(np.float32)[:, None, None] for each in (np.cos(turn), np.sin(turn), radius)
    )
    x, y = columns - centres[0], rows - centres[1]
    u, v = (cosine * x + sine * y) / radius, (cosine * y - sine * x) / radius
    masks = np.empty(u.shape, bool)
    for number, outline in enumerate(outlines):
        masks[number] = _inside(rng, u[number], v[number], OUTLINES[outline])
    return outlines, masks


def _inside(rng: np.random.Generator, u: Array, v: Array, outline: str) -> Array:
    """Whether (u, v) is inside a shape of radius about 1."""
    narrow = rng.uniform(1, 2)
    if outline == "disc":
        distance = np.hypot(u, v * narrow)
    elif outline == "box":
        distance = np.maximum(np.abs(u), np.abs(v) * narrow)
    elif outline == "triangle":
        distance = 1.5 * np.maximum(0.866 * np.abs(u) + 0.5 * v, -v)
    elif outline == "diamond":
        distance = np.abs(u) + np.abs(v) * narrow
    elif outline == "flower":
        petals = int(rng.integers(3, 8))
        distance = np.hypot(u, v) / (0.7 + 0.3 * np.cos(petals * np.arctan2(v, u)))
    elif outline == "band":
        distance = np.abs(v + 0.15 * np.sin(u * rng.uniform(1, 4))) * rng.uniform(2, 6)
    elif outline == "ring":
        distance = np.abs(np.hypot(u, v) - 0.8) * rng.uniform(3, 6)
    elif outline == "blob":
        angle, wobble = np.arctan2(v, u), np.zeros_like(u)
        for order in range(1, 6):
            wobble += rng.normal() / order * np.cos(order * angle + rng.uniform(0, 6))
        distance = np.hypot(u, v) / np.maximum(1 + 0.4 * wobble, 0.1)
    else:  # half: a plane's edge, wavy, such as a horizon or a hill
        distance = 1 + v + rng.uniform(0, 0.3) * np.sin(u * rng.uniform(1, 6))
    return distance < 1
