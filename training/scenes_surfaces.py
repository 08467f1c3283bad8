"""Textures of noise, warped, cut or smeared: surfaces without single marks. Each function draws
one [side, side, 3], 0…1, with parameters of its own drawn from `rng`."""

import numpy as np

from training.scenes_draws import draw_angle, draw_flow, log_uniform
from training.scenes_fields import (
    Array,
    along,
    equalised,
    gabor_noise,
    line_integral,
    power_noise,
    soft_step,
    unit,
)
from training.scenes_palettes import palette, ramp

Rng = np.random.Generator


def gradient(rng: Rng, side: int) -> Array:
    """A plain surface, with a soft gradient of light."""
    slant = along(side, rng.uniform(0, 2 * np.pi))[0] / side
    return ramp(unit(slant + 0.1 * power_noise(rng, side, 2.5)), palette(rng, 2))


def clouds(rng: Rng, side: int) -> Array:
    """1/f noise through a palette."""
    noise = power_noise(rng, side, rng.uniform(0.7, 2.2))
    return ramp(equalised(noise), palette(rng, int(rng.integers(2, 6))))


def gabor(rng: Rng, side: int) -> Array:
    """Gabor noise: fur, water, cloth."""
    noise = gabor_noise(
        rng,
        side,
        log_uniform(rng, 0.03, 0.3),
        rng.uniform(0.2, 0.6),
        draw_angle(rng),
        rng.choice([0.12, 0.3, 0.7, 4]),
    )
    return ramp(0.5 + 0.25 * noise, palette(rng, int(rng.integers(2, 5))))


def stripes(rng: Rng, side: int) -> Array:
    """Branching stripes or labyrinths: zebra, coral, woodcut."""
    spread = rng.choice([0.1, 0.25, 0.5, 4])
    noise = gabor_noise(rng, side, log_uniform(rng, 0.04, 0.22), 0.15, draw_angle(rng), spread)
    sharp = soft_step(equalised(noise), rng.uniform(0.25, 0.75), rng.choice([0.05, 0.15, 0.4]))
    return ramp(sharp, palette(rng, 2))


def spots(rng: Rng, side: int) -> Array:
    """Islands of one colour in another, all about one size."""
    noise = gabor_noise(rng, side, log_uniform(rng, 0.03, 0.2), 0.3)
    return ramp(soft_step(noise, rng.uniform(0.3, 1.3), rng.choice([0.1, 0.5])), palette(rng, 2))


def marble(rng: Rng, side: int) -> Array:
    """Veins: a warped wave."""
    wave = along(side, draw_angle(rng))[0] / log_uniform(rng, 12, 60)
    wave = np.sin(2 * np.pi * (wave + rng.uniform(0.3, 1.2) * power_noise(rng, side, 1.8)))
    wave = np.abs(wave) if rng.uniform() < 0.5 else 0.5 + 0.5 * wave
    return ramp(wave, palette(rng, int(rng.integers(2, 5))))


def ridges(rng: Rng, side: int) -> Array:
    """Thin bright or dark lines along a noise's zeros: cracks, veins of leaves, wrinkles."""
    spread = rng.choice([0.15, 0.6, 4])
    noise = gabor_noise(rng, side, log_uniform(rng, 0.02, 0.12), 0.5, draw_angle(rng), spread)
    return ramp(1 - np.minimum(2.5 * np.abs(noise), 1), palette(rng, 3))


def grain(rng: Rng, side: int) -> Array:
    """Sand, canvas, noise: fine and without any structure."""
    noise = gabor_noise(rng, side, rng.uniform(0.15, 0.45), 0.6)
    if rng.uniform() < 0.3:
        noise = power_noise(rng, side, rng.uniform(0, 0.5))
    return ramp(0.5 + rng.uniform(0.08, 0.3) * noise, palette(rng, 3))


def bristles(rng: Rng, side: int) -> Array:
    """Long flowing strokes without single dabs: hair, grass, wet paint, wood."""
    flow = draw_flow(rng, side)
    noise = gabor_noise(rng, side, log_uniform(rng, 0.08, 0.35), 0.5)
    smeared = line_integral(noise, flow, int(rng.integers(6, 16)))
    tone = equalised(smeared + rng.uniform(0, 1.5) * power_noise(rng, side, 2))
    return ramp(tone, palette(rng, int(rng.integers(2, 6))))


def wash(rng: Rng, side: int) -> Array:
    """Water colour and ink: pools of pigment, darker along their rims, on paper."""
    colours = palette(rng, 4)
    image = np.broadcast_to(0.75 + 0.25 * colours[0], (side, side, 3)).astype(np.float32)
    for colour in colours[1:]:
        pool = power_noise(rng, side, rng.uniform(1.5, 2.2)) - rng.uniform(0, 0.8)
        inside = soft_step(pool, 0, rng.uniform(0.05, 0.3))
        rim = np.exp(-((pool / 0.12) ** 2))
        strength = inside * (0.35 + 0.12 * power_noise(rng, side, 1.2)) + 0.3 * rim * inside
        image = image * (1 - np.clip(strength, 0, 1)[..., None] * (1 - colour))
    return image


def sponge(rng: Rng, side: int) -> Array:
    """Broken colour: layers of dry paint that leave the one below open."""
    colours = palette(rng, int(rng.integers(3, 6)))
    image = np.broadcast_to(colours[0], (side, side, 3)).astype(np.float32)
    for colour in colours[1:]:
        noise = power_noise(rng, side, rng.uniform(0.5, 1.4))
        cover = soft_step(noise, rng.uniform(0, 1), 0.3)[..., None]
        image = image * (1 - cover) + colour * cover
    return image
