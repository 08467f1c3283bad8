"""Palettes and colour transforms. Colours are float32 sRGB, 0…1."""

import numpy as np

Array = np.ndarray
GREY = np.full((3, 3), 1 / 3, np.float32)


def palette(rng: np.random.Generator, size: int) -> Array:
    """`size` colours [size, 3] that go together: of similar hues, of two opposed hues, or any."""
    spread = rng.choice([0.04, 0.12, 0.4])
    hues = rng.uniform() + spread * rng.standard_normal(size)
    if rng.uniform() < 0.3:
        hues[rng.uniform(size=size) < 0.4] += 0.5
    saturation = np.clip(rng.uniform(0.05, 1) + 0.2 * rng.standard_normal(size), 0, 1)
    value = rng.uniform(0.08, 1, size)
    value[0] = rng.choice([0.08, 0.3, 0.6, 0.95])  # Grounds and joints: often dark or pale.
    return from_hsv(hues, saturation, value)


def from_hsv(hue: Array, saturation: Array, value: Array) -> Array:
    """Colours [n, 3] of hue (turns), saturation and value (0…1), each [n]."""
    sector = (np.array([5, 3, 1]) + 6 * (np.asarray(hue)[:, None] % 1)) % 6
    depth = np.clip(np.minimum(sector, 4 - sector), 0, 1)
    value, saturation = np.asarray(value)[:, None], np.asarray(saturation)[:, None]
    return (value - value * saturation * depth).astype(np.float32)


def ramp(field: Array, colours: Array) -> Array:
    """Colours [H, W, 3] of a field [H, W], 0…1, interpolated between `colours` [n, 3]."""
    place = np.clip(field, 0, 1) * (len(colours) - 1)
    below = np.minimum(place.astype(np.int32), len(colours) - 2)
    share = (place - below)[..., None]
    return colours[below] * (1 - share) + colours[below + 1] * share


def mixed_colours(rng: np.random.Generator, colours: Array, count: int, variation: float) -> Array:
    """`count` colours [count, 3], each one of `colours` but the first, made lighter or darker, and
    slightly shifted in hue, by `variation`."""
    chosen = colours[rng.integers(1, len(colours), count)]
    light = 1 + 0.5 * variation * rng.standard_normal((count, 1))
    shift = 0.12 * variation * rng.standard_normal((count, 3))
    return np.clip(chosen * light + shift, 0, 1).astype(np.float32)


def colour_transforms(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Random colour transforms: matrices [count, 3, 3] and offsets [count, 3], so that a colour c
    becomes c @ matrix + offset. Hue turned about the grey axis, saturation, gain, brightness."""
    angle = rng.uniform(0, 2 * np.pi, count) * (rng.uniform(size=count) < 0.6)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    # Rodrigues' rotation about (1, 1, 1) / √3.
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = cosine * np.eye(3) + (1 - cosine) * GREY + sine * cross
    saturation = np.exp(0.35 * rng.standard_normal(count))[:, None, None]
    saturate = (1 - saturation) * GREY + saturation * np.eye(3)
    gain = np.exp(0.25 * rng.standard_normal(count))[:, None, None]
    offset = 0.08 * rng.standard_normal((count, 1)) + 0.02 * rng.standard_normal((count, 3))
    matrices = gain * np.matmul(turn, saturate).transpose(0, 2, 1)
    return matrices.astype(np.float32), offset.astype(np.float32)
