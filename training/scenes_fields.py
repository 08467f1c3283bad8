"""Scalar fields on a square grid, from which textures and scenes are drawn: spectral noise, warps,
ramps and soft thresholds. All arrays are float32 [side, side] unless stated otherwise."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

Array = np.ndarray


@lru_cache(maxsize=8)
def grid(side: int) -> tuple[Array, Array]:
    """Row and column of every pixel. The arrays are shared: do not write to them."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


@lru_cache(maxsize=8)
def _frequencies(side: int) -> tuple[Array, Array]:
    """Magnitude (cycles per pixel) and angle (radians) of the frequencies of a real FFT,
    [side, side // 2 + 1]."""
    vertical = np.fft.fftfreq(side).astype(np.float32)[:, None]
    horizontal = np.fft.rfftfreq(side).astype(np.float32)[None]
    return np.hypot(vertical, horizontal), np.arctan2(vertical, horizontal)


def _spectral_noise(rng: np.random.Generator, side: int, amplitude: Array) -> Array:
    """Periodic Gaussian noise with this amplitude spectrum, mean 0, standard deviation 1."""
    white = np.fft.rfft2(rng.standard_normal((side, side), np.float32))
    white[0, 0] = 0
    noise = np.fft.irfft2(white * amplitude, s=(side, side)).astype(np.float32)
    return noise / (noise.std() + 1e-9)


def power_noise(rng: np.random.Generator, side: int, exponent: float) -> Array:
    """1/f^exponent noise, mean 0, standard deviation 1. Exponent 0 is white, 2 looks like cloud."""
    magnitude, _ = _frequencies(side)
    return _spectral_noise(rng, side, 1 / np.maximum(magnitude, 1 / side) ** exponent)


def gabor_noise(
    rng: np.random.Generator,
    side: int,
    frequency: float,
    bandwidth: float,
    angle: float = 0.0,
    spread: float = np.pi,
) -> Array:
    """Noise with one band of frequencies and orientations, mean 0, standard deviation 1.

    frequency: cycles per pixel. bandwidth: standard deviation in octaves. angle, spread: centre and
    standard deviation of the orientation in radians; a spread of π or more is isotropic. After
    Lagae et al. 2009, "Procedural Noise using Sparse Gabor Convolution", drawn in the spectrum.
    """
    magnitude, direction = _frequencies(side)
    octaves = np.log2(np.maximum(magnitude, 1e-3) / frequency) / bandwidth
    turned = np.angle(np.exp(2j * (direction - angle))) / 2 / spread
    amplitude = np.exp(-0.5 * (octaves**2 + turned**2)).astype(np.float32)
    return _spectral_noise(rng, side, amplitude)


def unit(field: Array) -> Array:
    """The field scaled to 0…1."""
    low, high = field.min(), field.max()
    return ((field - low) / (high - low + 1e-9)).astype(np.float32)


def equalised(field: Array) -> Array:
    """The field with its values replaced by their ranks, 0…1: a uniform histogram."""
    ranks = np.empty(field.size, np.float32)
    ranks[np.argsort(field, axis=None)] = np.linspace(0, 1, field.size, dtype=np.float32)
    return ranks.reshape(field.shape)


def soft_step(field: Array, threshold: Array | float, width: float) -> Array:
    """0 below the threshold, 1 above it, with a linear ramp of this width between."""
    return np.clip((field - threshold) / max(width, 1e-3) + 0.5, 0, 1)


def along(side: int, angle: float) -> tuple[Array, Array]:
    """Coordinates in pixels along `angle` (radians, 0 is to the right) and across it."""
    rows, columns = grid(side)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cosine * columns + sine * rows, cosine * rows - sine * columns


def displacement(rng: np.random.Generator, side: int, amplitude: float) -> Array:
    """A smooth displacement in pixels, [2, side, side], of at most ± amplitude."""
    fields = [2 * unit(power_noise(rng, side, 2.2)) - 1 for _ in range(2)]
    return np.float32(amplitude) * np.stack(fields)


def warped(image: Array, shift: Array, order: int = 1) -> Array:
    """image [side, side] or [side, side, C] sampled where `shift` [2, side, side] points to, its
    borders mirrored. Order 1 is bilinear; 0, for labels, takes the nearest pixel."""
    rows, columns = grid(image.shape[0])
    where = [rows + shift[0], columns + shift[1]]
    channels = image[..., None] if image.ndim == 2 else image
    planes = [
        ndimage.map_coordinates(channels[..., channel], where, order=order, mode="mirror")
        for channel in range(channels.shape[2])
    ]
    return planes[0] if image.ndim == 2 else np.stack(planes, axis=-1)


def line_integral(noise: Array, angle: Array, length: int) -> Array:
    """noise averaged along the streamlines of `angle` (radians), up to `length` pixels each way:
    line integral convolution (Cabral & Leedom 1993), which looks like a brush's bristles."""
    side = noise.shape[0]
    rows, columns = grid(side)
    cosine, sine = np.cos(angle), np.sin(angle)
    total = noise.copy()
    for direction in (1, -1):
        y, x = rows.copy(), columns.copy()
        for _ in range(length):
            where = np.rint(y).astype(np.int32) % side, np.rint(x).astype(np.int32) % side
            y += direction * sine[where]
            x += direction * cosine[where]
            total += noise[np.rint(y).astype(np.int32) % side, np.rint(x).astype(np.int32) % side]
    return total / (total.std() + 1e-9)
