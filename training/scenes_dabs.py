"""Textures of single marks, each over those before it: strokes, dots, leaves, ornaments. Each
function draws one [side, side, 3], 0…1, with parameters of its own drawn from `rng`."""

import numpy as np

from training.scenes_draws import draw_angle, draw_flow, log_uniform
from training.scenes_fields import Array, equalised, line_integral, power_noise, unit
from training.scenes_palettes import mixed_colours, palette, ramp
from training.scenes_stamps import SHAPES, points, stamped

Rng = np.random.Generator


def strokes(rng: Rng, side: int) -> Array:
    """Dabs of a brush along a flow, with bristles and a lit ridge of paint."""
    width, flow = log_uniform(rng, 1.6, 5), draw_flow(rng, side)
    elongation = rng.uniform(2.5, 7)
    step = width * rng.uniform(1.1, 2)
    centres = points(rng, side, step, "random", 0, 0)
    number, depth, across = stamped(rng, side, centres, width, elongation, flow, "disc")
    colours = palette(rng, int(rng.integers(3, 7)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0.2, 1.2))[number]
    if rng.uniform() < 0.5:  # neighbouring dabs in neighbouring tones
        image = 0.5 * image + 0.5 * ramp(equalised(power_noise(rng, side, 1.6)), colours)
    bristle = line_integral(rng.standard_normal((side, side), np.float32), flow, 5)
    relief = rng.uniform(0, 0.12) * bristle + rng.uniform(0, 0.3) * across * (depth < 0.7)
    return np.where((number < 0)[..., None], colours[0], image * (1 + relief)[..., None])


def dots(rng: Rng, side: int) -> Array:
    """Halftone and pointillism: dots whose size or colour follows a tone."""
    step = log_uniform(rng, 4.5, 14)
    layout = str(rng.choice(["grid", "hexagonal", "random"]))
    centres = points(
        rng, side, step * (0.6 if layout == "random" else 1), layout, 0.1, draw_angle(rng)
    )
    number, depth, _ = stamped(rng, side, centres, rng.uniform(0.3, 0.6) * step, 1, 0.0, "disc")
    colours = palette(rng, int(rng.integers(2, 7)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0, 1))[number]
    size = 0.6 * unit(power_noise(rng, side, 2)) if rng.uniform() < 0.5 else 0.0
    return np.where(((number < 0) | (depth < size))[..., None], colours[0], image)


def leaves(rng: Rng, side: int) -> Array:
    """Dead leaves: one shape over and over, each over those before it."""
    radius, shape = log_uniform(rng, 3, 14), str(rng.choice(SHAPES))
    centres = points(rng, side, radius * rng.uniform(0.8, 1.6), "random", 0, 0)
    turn = rng.uniform(0, 2 * np.pi) + rng.choice([0.0, 0.5, 6]) * power_noise(rng, side, 0.5)
    number, depth, _ = stamped(rng, side, centres, radius, rng.uniform(1, 2.5), turn, shape)
    colours = palette(rng, int(rng.integers(3, 7)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0.2, 1.2))[number]
    image = image * (1 - rng.uniform(0, 0.5) * (1 - np.minimum(depth * 2, 1)))[..., None]
    return np.where((number < 0)[..., None], colours[0], image)


def ornaments(rng: Rng, side: int) -> Array:
    """One shape on a lattice: wallpaper, printed cloth, gold leaf."""
    step, shape = log_uniform(rng, 7, 24), str(rng.choice(SHAPES))
    layout = str(rng.choice(["grid", "hexagonal", "brick"]))
    centres = points(rng, side, step, layout, rng.choice([0, 0, 0.15]), draw_angle(rng))
    radius, turn = rng.uniform(0.25, 0.55) * step, rng.uniform(0, np.pi)
    number, depth, _ = stamped(rng, side, centres, radius, 1.2, turn, shape)
    colours = palette(rng, int(rng.integers(2, 6)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0, 0.8))[number]
    image = image * (0.8 + 0.4 * np.minimum(depth, 0.5))[..., None]
    ground = colours[0] * (1 + 0.1 * power_noise(rng, side, 1))[..., None]
    return np.where((number < 0)[..., None], ground, image)
