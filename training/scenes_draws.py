"""Parameters that several kinds of textures draw."""

import numpy as np

from training.scenes_fields import Array, power_noise

Rng = np.random.Generator


def log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_angle(rng: Rng) -> float:
    """Of a straight texture: often level or upright, as in most pictures."""
    return float(rng.choice([0, np.pi / 2]) if rng.uniform() < 0.25 else rng.uniform(0, np.pi))


def draw_flow(rng: Rng, side: int) -> Array:
    """A field of angles: nearly straight, bending, or swirling."""
    return rng.uniform(0, np.pi) + rng.choice([0.1, 0.5, 1.5]) * power_noise(rng, side, 2.4)
