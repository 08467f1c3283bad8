"""Fields over the picture plane: coordinates, gradient noise and colour, shared by all samples.

One unit of length is the picture's height, so that a picture is the same drawing at every scale.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_LATTICE = 256  # nodes after which the noise repeats; a power of two
_BLOCK = 16384  # points of noise computed at a time


def pixel_grid(height: int, width: int) -> tuple[Array, Array]:
    """Coordinates of pixel centres, (height, width) each: x in 0..width/height, y in 0..1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / height, (y + 0.5) / height


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Hermite ramp: 0 at `low`, 1 at `high` (`low` may be the larger one), any shape."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(first: Array, second: Array, weight: Array) -> Array:
    """Interpolate from `first` (weight 0) to `second` (weight 1). The shapes must broadcast."""
    return first + (second - first) * weight


@lru_cache(maxsize=64)
def _gradients(seed: int) -> tuple[Array, Array]:
    """Unit vectors of the noise's lattice, x and y components, (LATTICE * LATTICE,) each."""
    angle = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, _LATTICE * _LATTICE)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _perlin_flat(x: Array, y: Array, seed: int) -> Array:
    gradient_x, gradient_y = _gradients(seed)
    floor_x, floor_y = np.floor(x), np.floor(y)
    x, y = x - floor_x, y - floor_y
    column, row = floor_x.astype(np.int32), floor_y.astype(np.int32)
    columns = (column & (_LATTICE - 1), (column + 1) & (_LATTICE - 1))
    rows = ((row & (_LATTICE - 1)) * _LATTICE, ((row + 1) & (_LATTICE - 1)) * _LATTICE)

    def corner(right: int, down: int) -> Array:
        entry = rows[down] + columns[right]
        return gradient_x[entry] * (x - right) + gradient_y[entry] * (y - down)

    fade_x = x * x * x * (x * (x * 6.0 - 15.0) + 10.0)
    fade_y = y * y * y * (y * (y * 6.0 - 15.0) + 10.0)
    upper, lower = corner(0, 0), corner(0, 1)
    upper += (corner(1, 0) - upper) * fade_x
    lower += (corner(1, 1) - lower) * fade_x
    return 1.5 * (upper + (lower - upper) * fade_y)


def perlin(x: Array, y: Array, seed: int) -> Array:
    """Perlin's gradient noise with lattice spacing 1: the shape of `x`, about -1 to 1."""
    x, y = np.broadcast_arrays(x, y)
    flat_x, flat_y = (np.ascontiguousarray(part, np.float32).ravel() for part in (x, y))
    noise = np.empty(flat_x.size, np.float32)
    for start in range(0, flat_x.size, _BLOCK):  # blocks that stay in the processor's cache
        block = slice(start, start + _BLOCK)
        noise[block] = _perlin_flat(flat_x[block], flat_y[block], seed)
    return noise.reshape(x.shape)


def fbm(x: Array, y: Array, seed: int, octaves: int = 5, gain: float = 0.5) -> Array:
    """Fractal sum of `octaves` of Perlin noise, each twice as fine: about -1 to 1, mean 0."""
    total, amplitude, reach = np.zeros(np.shape(x), np.float32), 1.0, 0.0
    for octave in range(octaves):
        frequency = 2.0**octave
        total = total + amplitude * perlin(x * frequency, y * frequency, seed + octave)
        reach += amplitude
        amplitude *= gain
    return total / reach * 1.4


def ridged(x: Array, y: Array, seed: int) -> Array:
    """Ridged multifractal noise (sharp crests, wide valleys), about 0 to 1."""
    total: Array = np.zeros(np.shape(x), np.float32)
    weight: float | Array = 1.0
    amplitude, reach = 1.0, 0.0
    for octave in range(6):
        frequency = 2.0**octave
        crest = (1.0 - np.abs(perlin(x * frequency, y * frequency, seed + octave))) ** 2
        total = total + amplitude * crest * weight
        weight = np.clip(crest * 1.6, 0.0, 1.0)  # detail grows on crests; valleys stay smooth
        reach += amplitude
        amplitude *= 0.5
    return total / reach


def rgb(code: str) -> Array:
    """Colour (3,) in 0..1 from hexadecimal such as "1d3a8f"."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255.0


def to_bytes(image: Array) -> NDArray[np.uint8]:
    """Bytes of an image (height, width, 3), clipped to 0..1."""
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def shrink(image: Array, factor: int) -> Array:
    """Mean over blocks of factor x factor pixels (the anti-aliasing of a supersampled image)."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: height * factor, : width * factor]
    return blocks.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))
