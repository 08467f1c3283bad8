"""Textures in rows: hatching, cloth, scales, checks, writing. Each function draws one
[side, side, 3], 0…1, with parameters of its own drawn from `rng`."""

import numpy as np

from training.scenes_draws import draw_angle, log_uniform
from training.scenes_fields import Array, along, displacement, power_noise, soft_step, unit, warped
from training.scenes_marks import text_page
from training.scenes_palettes import palette, ramp

Rng = np.random.Generator


def hatching(rng: Rng, side: int) -> Array:
    """One to three layers of lines that swell with a tone: pen, engraving, woodcut."""
    step, angle, flow = log_uniform(rng, 3.5, 12), draw_angle(rng), rng.choice([0.0, 0.3, 1.0])
    tone = unit(power_noise(rng, side, rng.uniform(1.6, 2.4)))
    bend = flow * step * power_noise(rng, side, 2.2)
    paper = np.ones((side, side), np.float32)
    for layer in range(int(rng.integers(1, 4))):
        line, run = along(side, angle + layer * rng.uniform(0.5, 1.4))
        wave = np.abs(((line + bend) / step) % 1 - 0.5) * 2
        wave = wave + 0.15 * power_noise(rng, side, 0.8) * rng.uniform(0, 1)
        broken = 0.3 * (np.sin(run / rng.uniform(4, 20)) > 0.7) * rng.integers(0, 2)
        width = rng.uniform(0.15, 0.5) + 0.35 * (tone - 0.5) + 0.15 * layer
        paper = np.minimum(paper, soft_step(wave + broken, 1 - width - 0.3, 0.2))
    wash = 1 + 0.08 * power_noise(rng, side, 1.5)
    return ramp(paper, palette(rng, 2)) * wash[..., None]


def weave(rng: Rng, side: int) -> Array:
    """Threads over and under one another: cloth, baskets."""
    angle, step = draw_angle(rng), log_uniform(rng, 5, 18)
    warp_threads, weft_threads = (plane / step for plane in along(side, angle))
    twill = int(rng.integers(1, 4))
    over = (np.floor(warp_threads) + twill * np.floor(weft_threads)) % (twill + 1) >= 1
    if twill == 1:
        over = (np.floor(warp_threads) + np.floor(weft_threads)) % 2 > 0
    colours = palette(rng, 4)
    one = ramp(np.sin(np.pi * (warp_threads % 1)), colours[:2])
    other = ramp(np.sin(np.pi * (weft_threads % 1)), colours[2:])
    cloth = np.where(over[..., None], one, other)
    return warped(cloth, displacement(rng, side, rng.choice([0, 2, 8])))


def scales(rng: Rng, side: int) -> Array:
    """Rows of arcs over one another: fish, roofs, waves of a print."""
    step = log_uniform(rng, 8, 26)
    columns, rows = (plane / step for plane in along(side, rng.choice([0.0, 0.0, draw_angle(rng)])))
    row = np.floor(rows * 2)
    arc = np.zeros((side, side), np.float32)
    for offset in (1, 0, -1):
        across = columns + 0.5 * ((row + offset) % 2)
        across = across - np.round(across)
        distance = np.hypot(across * 2, (rows * 2 - row - offset) / 1.3)
        arc = np.where(distance < 1.25, distance, arc)
    rings = 0.5 + 0.5 * np.cos(arc * np.pi * int(rng.integers(1, 6)))
    return ramp(rings, palette(rng, int(rng.integers(2, 5))))


def lattice(rng: Rng, side: int) -> Array:
    """Checks, stripes and grids."""
    one, other = (plane / log_uniform(rng, 5, 24) for plane in along(side, draw_angle(rng)))
    kind = rng.integers(3)
    if kind == 0:
        wave = np.sin(2 * np.pi * one) * np.sin(2 * np.pi * other)
    elif kind == 1:
        wave = np.sin(2 * np.pi * one)
    else:
        wave = np.maximum(np.sin(2 * np.pi * one), np.sin(2 * np.pi * other)) - 0.5
    return ramp(soft_step(wave, rng.uniform(-0.4, 0.4), rng.choice([0.1, 0.5, 2])), palette(rng, 2))


def lettering(rng: Rng, side: int) -> Array:
    """Rows of signs that look like writing."""
    page = text_page(rng, side, log_uniform(rng, 5, 16))
    colours = palette(rng, 2)
    return ramp(page, colours) * (1 + 0.05 * power_noise(rng, side, 1.5))[..., None]
