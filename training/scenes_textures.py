"""All families of textures, by name. `texture` draws one of a family, `damaged` spoils one."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from training.scenes_dabs import dots, leaves, ornaments, strokes
from training.scenes_fields import Array, displacement, gabor_noise, warped
from training.scenes_rows import hatching, lattice, lettering, scales, weave
from training.scenes_stones import bricks, bubbles, mosaic, voronoi
from training.scenes_surfaces import (
    bristles,
    clouds,
    gabor,
    gradient,
    grain,
    marble,
    ridges,
    sponge,
    spots,
    stripes,
    wash,
)

Rng = np.random.Generator
FAMILIES: dict[str, Callable[[Rng, int], Array]] = {
    each.__name__: each
    for each in (
        *(gradient, clouds, gabor, stripes, spots, marble, ridges, grain, voronoi, mosaic, bricks),
        *(bubbles, strokes, bristles, dots, leaves, ornaments, hatching, weave, scales, lattice),
        *(wash, sponge, lettering),
    )
}
DAMAGES = ("none", "grain", "scrambled", "shuffled", "blurred")


def texture(rng: Rng, family: str, side: int) -> Array:
    """A texture of this family, uint8 [side, side, 3]; some warped, some with grain on top."""
    image = FAMILIES[family](rng, side)
    if rng.uniform() < 0.2:
        image = warped(image, displacement(rng, side, rng.uniform(3, 16)))
    if rng.uniform() < 0.3:
        image = image + rng.uniform(0.01, 0.05) * rng.standard_normal((side, side, 1), np.float32)
    return to_bytes(image)


def damaged(rng: Rng, image: Array, damage: str) -> Array:
    """What resembles a texture without being it, uint8 [side, side, 3]: the faults that style
    transfer makes with poor features, so that a network learns to see them. damage: in DAMAGES."""
    side, picture = image.shape[0], image.astype(np.float32) / 255
    if damage == "grain":
        noise = gabor_noise(rng, side, rng.uniform(0.2, 0.45), 0.5)
        picture = picture + rng.uniform(0.06, 0.2) * noise[..., None]
    elif damage == "scrambled":
        # The same spectrum and colours, other phases: what a Gram matrix of random features keeps.
        spectrum = np.fft.rfft2(picture, axes=(0, 1))
        turn = np.fft.rfft2(rng.standard_normal((side, side), np.float32))
        turn /= np.abs(turn) + 1e-9
        turn[0, 0] = 1
        picture = np.fft.irfft2(spectrum * turn[..., None], s=(side, side), axes=(0, 1))
    elif damage == "shuffled":
        noise = [gabor_noise(rng, side, rng.uniform(0.08, 0.25), 0.5) for _ in range(2)]
        picture = warped(picture, rng.uniform(1.5, 5) * np.stack(noise), order=0)
    elif damage == "blurred":
        picture = ndimage.gaussian_filter(picture, (*[rng.uniform(1, 2.5)] * 2, 0))
    return to_bytes(picture)


def to_bytes(image: Array) -> Array:
    """An image 0…1 as uint8, what is beyond clipped."""
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
