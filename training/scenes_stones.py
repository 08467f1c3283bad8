"""Textures of cells that fill the plane: stones, tiles, foam. Each function draws one
[side, side, 3], 0…1, with parameters of its own drawn from `rng`."""

import numpy as np
from scipy.spatial import cKDTree

from training.scenes_draws import draw_angle, log_uniform
from training.scenes_fields import Array, displacement, grid, soft_step, unit
from training.scenes_palettes import mixed_colours, palette, ramp
from training.scenes_stamps import LAYOUTS, points

Rng = np.random.Generator


def _cells(rng: Rng, side: int, centres: Array, norm: float) -> tuple[Array, Array, Array]:
    """The Voronoi cells of these points: number, distance to the centre, to the next cell's."""
    where = np.stack([plane.ravel() for plane in grid(side)], axis=1)
    distance, number = cKDTree(centres).query(where, k=2, p=norm)
    nearest, second = distance.astype(np.float32).reshape(side, side, 2).transpose(2, 0, 1)
    return number[:, 0].reshape(side, side), nearest, second - nearest


def _jointed(
    rng: Rng, side: int, step: float, layout: str, jitter: float, norm: float, flowing: bool
) -> Array:
    """Stones of several colours with joints between them, each lit from one side."""
    centres = points(rng, side, step, layout, jitter, draw_angle(rng))
    if flowing:
        shift = displacement(rng, side, rng.uniform(1, 3) * step)
        near = np.clip(centres, 0, side - 1).astype(int)
        centres = centres + shift[:, near[:, 0], near[:, 1]].T
    number, _, edge = _cells(rng, side, centres, norm)
    colours = palette(rng, int(rng.integers(3, 7)))
    image = mixed_colours(rng, colours, len(centres), rng.uniform(0.1, 1.2))[number]
    if rng.uniform() < 0.5:
        light = rng.uniform(-0.3, 0.3) * (edge / step - 0.4)
        tilt = rng.normal(size=(len(centres), 2)).astype(np.float32)[number]
        rows, columns = grid(side)
        off = (rows - centres[number, 0]) * tilt[..., 0] + (columns - centres[number, 1]) * tilt[
            ..., 1
        ]
        image = image * (1 + light + rng.uniform(0, 0.2) * off / step)[..., None]
    joint = soft_step(edge, rng.uniform(0.06, 0.25) * step, max(0.15 * step, 0.8))[..., None]
    return image * joint + colours[0] * (1 - joint)


def voronoi(rng: Rng, side: int) -> Array:
    """Irregular stones: crazy paving, stained glass, giraffe."""
    return _jointed(rng, side, log_uniform(rng, 6, 26), "random", 0, 2, False)


def mosaic(rng: Rng, side: int) -> Array:
    """Square stones in rows that bend: tesserae."""
    jitter = rng.uniform(0, 0.2)
    return _jointed(rng, side, log_uniform(rng, 5, 16), "grid", jitter, 2, rng.uniform() < 0.7)


def bricks(rng: Rng, side: int) -> Array:
    """Walls and tiles."""
    layout = str(rng.choice(["brick", "hexagonal", "grid"]))
    return _jointed(rng, side, log_uniform(rng, 6, 22), layout, 0.04, rng.choice([1, 2]), False)


def bubbles(rng: Rng, side: int) -> Array:
    """Rounded cells: pebbles, foam, hammered metal."""
    step = log_uniform(rng, 6, 26)
    centres = points(rng, side, step, str(rng.choice(LAYOUTS)), 0.25, draw_angle(rng))
    _, inside, edge = _cells(rng, side, centres, 2)
    return ramp(
        unit(inside if rng.uniform() < 0.5 else edge), palette(rng, int(rng.integers(2, 5)))
    )
