"""Families of textures: each function draws one texture [side, side, 3], 0…1, with parameters of
its own drawn from `rng`. `texture` draws one of a family, `damaged` spoils one."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from training.scenes_fields import (
    Array,
    along,
    displacement,
    equalised,
    gabor_noise,
    grid,
    line_integral,
    power_noise,
    soft_step,
    unit,
    warped,
)
from training.scenes_marks import text_page
from training.scenes_palettes import mixed_colours, palette, ramp
from training.scenes_stamps import LAYOUTS, SHAPES, points, stamped

Rng = np.random.Generator


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _angle(rng: Rng) -> float:
    """Of a straight texture: often level or upright, as in most pictures."""
    return float(rng.choice([0, np.pi / 2]) if rng.uniform() < 0.25 else rng.uniform(0, np.pi))


def _flow(rng: Rng, side: int) -> Array:
    """A field of angles: nearly straight, bending, or swirling."""
    return rng.uniform(0, np.pi) + rng.choice([0.1, 0.5, 1.5]) * power_noise(rng, side, 2.4)


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
        _log_uniform(rng, 0.03, 0.3),
        rng.uniform(0.2, 0.6),
        _angle(rng),
        rng.choice([0.12, 0.3, 0.7, 4]),
    )
    return ramp(0.5 + 0.25 * noise, palette(rng, int(rng.integers(2, 5))))


def stripes(rng: Rng, side: int) -> Array:
    """Branching stripes or labyrinths: zebra, coral, woodcut."""
    spread = rng.choice([0.1, 0.25, 0.5, 4])
    noise = gabor_noise(rng, side, _log_uniform(rng, 0.04, 0.22), 0.15, _angle(rng), spread)
    sharp = soft_step(equalised(noise), rng.uniform(0.25, 0.75), rng.choice([0.05, 0.15, 0.4]))
    return ramp(sharp, palette(rng, 2))


def spots(rng: Rng, side: int) -> Array:
    """Islands of one colour in another, all about one size."""
    noise = gabor_noise(rng, side, _log_uniform(rng, 0.03, 0.2), 0.3)
    return ramp(soft_step(noise, rng.uniform(0.3, 1.3), rng.choice([0.1, 0.5])), palette(rng, 2))


def marble(rng: Rng, side: int) -> Array:
    """Veins: a warped wave."""
    wave = along(side, _angle(rng))[0] / _log_uniform(rng, 12, 60)
    wave = np.sin(2 * np.pi * (wave + rng.uniform(0.3, 1.2) * power_noise(rng, side, 1.8)))
    wave = np.abs(wave) if rng.uniform() < 0.5 else 0.5 + 0.5 * wave
    return ramp(wave, palette(rng, int(rng.integers(2, 5))))


def ridges(rng: Rng, side: int) -> Array:
    """Thin bright or dark lines along a noise's zeros: cracks, veins of leaves, wrinkles."""
    spread = rng.choice([0.15, 0.6, 4])
    noise = gabor_noise(rng, side, _log_uniform(rng, 0.02, 0.12), 0.5, _angle(rng), spread)
    return ramp(1 - np.minimum(2.5 * np.abs(noise), 1), palette(rng, 3))


def grain(rng: Rng, side: int) -> Array:
    """Sand, canvas, noise: fine and without any structure."""
    noise = gabor_noise(rng, side, rng.uniform(0.15, 0.45), 0.6)
    if rng.uniform() < 0.3:
        noise = power_noise(rng, side, rng.uniform(0, 0.5))
    return ramp(0.5 + rng.uniform(0.08, 0.3) * noise, palette(rng, 3))


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
    centres = points(rng, side, step, layout, jitter, _angle(rng))
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
    return _jointed(rng, side, _log_uniform(rng, 6, 26), "random", 0, 2, False)


def mosaic(rng: Rng, side: int) -> Array:
    """Square stones in rows that bend: tesserae."""
    jitter = rng.uniform(0, 0.2)
    return _jointed(rng, side, _log_uniform(rng, 5, 16), "grid", jitter, 2, rng.uniform() < 0.7)


def bricks(rng: Rng, side: int) -> Array:
    """Walls and tiles."""
    layout = str(rng.choice(["brick", "hexagonal", "grid"]))
    return _jointed(rng, side, _log_uniform(rng, 6, 22), layout, 0.04, rng.choice([1, 2]), False)


def bubbles(rng: Rng, side: int) -> Array:
    """Rounded cells: pebbles, foam, hammered metal."""
    step = _log_uniform(rng, 6, 26)
    centres = points(rng, side, step, str(rng.choice(LAYOUTS)), 0.25, _angle(rng))
    _, inside, edge = _cells(rng, side, centres, 2)
    return ramp(
        unit(inside if rng.uniform() < 0.5 else edge), palette(rng, int(rng.integers(2, 5)))
    )


def strokes(rng: Rng, side: int) -> Array:
    """Dabs of a brush along a flow, with bristles and a lit ridge of paint."""
    width, flow = _log_uniform(rng, 1.6, 5), _flow(rng, side)
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


def bristles(rng: Rng, side: int) -> Array:
    """Long flowing strokes without single dabs: hair, grass, wet paint, wood."""
    flow = _flow(rng, side)
    noise = gabor_noise(rng, side, _log_uniform(rng, 0.08, 0.35), 0.5)
    smeared = line_integral(noise, flow, int(rng.integers(6, 16)))
    tone = equalised(smeared + rng.uniform(0, 1.5) * power_noise(rng, side, 2))
    return ramp(tone, palette(rng, int(rng.integers(2, 6))))


def dots(rng: Rng, side: int) -> Array:
    """Halftone and pointillism: dots whose size or colour follows a tone."""
    step = _log_uniform(rng, 4.5, 14)
    layout = str(rng.choice(["grid", "hexagonal", "random"]))
    centres = points(rng, side, step * (0.6 if layout == "random" else 1), layout, 0.1, _angle(rng))
    number, depth, _ = stamped(rng, side, centres, rng.uniform(0.3, 0.6) * step, 1, 0.0, "disc")
    colours = palette(rng, int(rng.integers(2, 7)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0, 1))[number]
    size = 0.6 * unit(power_noise(rng, side, 2)) if rng.uniform() < 0.5 else 0.0
    return np.where(((number < 0) | (depth < size))[..., None], colours[0], image)


def leaves(rng: Rng, side: int) -> Array:
    """Dead leaves: one shape over and over, each over those before it."""
    radius, shape = _log_uniform(rng, 3, 14), str(rng.choice(SHAPES))
    centres = points(rng, side, radius * rng.uniform(0.8, 1.6), "random", 0, 0)
    turn = rng.uniform(0, 2 * np.pi) + rng.choice([0.0, 0.5, 6]) * power_noise(rng, side, 0.5)
    number, depth, _ = stamped(rng, side, centres, radius, rng.uniform(1, 2.5), turn, shape)
    colours = palette(rng, int(rng.integers(3, 7)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0.2, 1.2))[number]
    image = image * (1 - rng.uniform(0, 0.5) * (1 - np.minimum(depth * 2, 1)))[..., None]
    return np.where((number < 0)[..., None], colours[0], image)


def ornaments(rng: Rng, side: int) -> Array:
    """One shape on a lattice: wallpaper, printed cloth, gold leaf."""
    step, shape = _log_uniform(rng, 7, 24), str(rng.choice(SHAPES))
    layout = str(rng.choice(["grid", "hexagonal", "brick"]))
    centres = points(rng, side, step, layout, rng.choice([0, 0, 0.15]), _angle(rng))
    radius, turn = rng.uniform(0.25, 0.55) * step, rng.uniform(0, np.pi)
    number, depth, _ = stamped(rng, side, centres, radius, 1.2, turn, shape)
    colours = palette(rng, int(rng.integers(2, 6)))
    image = mixed_colours(rng, colours, len(centres) + 1, rng.uniform(0, 0.8))[number]
    image = image * (0.8 + 0.4 * np.minimum(depth, 0.5))[..., None]
    ground = colours[0] * (1 + 0.1 * power_noise(rng, side, 1))[..., None]
    return np.where((number < 0)[..., None], ground, image)


def hatching(rng: Rng, side: int) -> Array:
    """One to three layers of lines that swell with a tone: pen, engraving, woodcut."""
    step, angle, flow = _log_uniform(rng, 3.5, 12), _angle(rng), rng.choice([0.0, 0.3, 1.0])
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
    angle, step = _angle(rng), _log_uniform(rng, 5, 18)
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
    step = _log_uniform(rng, 8, 26)
    columns, rows = (plane / step for plane in along(side, rng.choice([0.0, 0.0, _angle(rng)])))
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
    one, other = (plane / _log_uniform(rng, 5, 24) for plane in along(side, _angle(rng)))
    kind = rng.integers(3)
    if kind == 0:
        wave = np.sin(2 * np.pi * one) * np.sin(2 * np.pi * other)
    elif kind == 1:
        wave = np.sin(2 * np.pi * one)
    else:
        wave = np.maximum(np.sin(2 * np.pi * one), np.sin(2 * np.pi * other)) - 0.5
    return ramp(soft_step(wave, rng.uniform(-0.4, 0.4), rng.choice([0.1, 0.5, 2])), palette(rng, 2))


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


def lettering(rng: Rng, side: int) -> Array:
    """Rows of signs that look like writing."""
    page = text_page(rng, side, _log_uniform(rng, 5, 16))
    colours = palette(rng, 2)
    return ramp(page, colours) * (1 + 0.05 * power_noise(rng, side, 1.5))[..., None]


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
