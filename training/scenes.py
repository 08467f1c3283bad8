"""Scenes: shapes filled with textures, one over another, with light, shadow and marks on top, and
what is known about every place in them. Endless: scene n of a seed is the same on every machine.

`python -m training scenes` shows some.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import numpy as np
from scipy import ndimage

from training.scenes_fields import Array, displacement, grid, power_noise, unit, warped
from training.scenes_marks import MARKS, Mark
from training.scenes_palettes import colour_transforms
from training.scenes_shapes import GROUND, OUTLINES, shape_masks
from training.scenes_textures import DAMAGES, FAMILIES, damaged, texture, to_bytes

SIDE = 128  # of a scene, in pixels
CELL = 4  # pixels per side of the cells that labels are given for
TEXTURE_SIDE = 192
POOL = 384  # textures that scenes are drawn from at a time
BATCHES_PER_TEXTURE = 8  # after so many batches the oldest texture gives way to a new one
FAMILY_NAMES = (*FAMILIES, "marks")
SHAPES = len(OUTLINES) + 2  # outlines, the ground, marks
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
Rng = np.random.Generator


@dataclass(frozen=True)
class Scenes:
    """n scenes with labels. Those per cell have shape [n, 32, 32].

    image: uint8 [n, 128, 128, 3]. outline: uint8 [n, 128, 128], the luminance of the same picture
    with every texture replaced by its mean colour: shapes, marks, light and shadow alone. region:
    int32, equal where one texture continues, across occlusions too, within a scene. family, damage,
    shape: int64, numbers in FAMILY_NAMES, DAMAGES, and OUTLINES (then the ground, marks). contour:
    bool, whether the outline of a shape or mark passes through the cell.
    """

    image: Array
    outline: Array
    region: Array
    family: Array
    damage: Array
    shape: Array
    contour: Array

    @classmethod
    def stacked(cls, scenes: list["Scenes"]) -> "Scenes":
        """Several as one."""
        names = [each.name for each in fields(cls)]
        return cls(*(np.concatenate([getattr(one, name) for one in scenes]) for name in names))


@dataclass
class TexturePool:
    """The textures at hand: POOL consecutive numbers of an endless series, each with a spoilt twin.
    Which ones depends on the batch alone, so that training resumes where it stopped."""

    seed: int
    size: int = POOL
    images: Array = field(init=False)
    twins: Array = field(init=False)
    numbers: Array = field(init=False)  # of the texture in each place, -1: none yet
    families: Array = field(init=False)
    damages: Array = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.size, TEXTURE_SIDE, TEXTURE_SIDE, 3)
        self.images, self.twins = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self.numbers = np.full(self.size, -1)
        self.families, self.damages = np.zeros(self.size, int), np.zeros(self.size, int)

    def advance(self, batch: int) -> None:
        """Makes the textures of this batch's scenes present."""
        first = batch // BATCHES_PER_TEXTURE
        for number in range(first, first + self.size):
            place = number % self.size
            if self.numbers[place] != number:
                self._draw(place, number)

    def _draw(self, place: int, number: int) -> None:
        rng = np.random.default_rng([self.seed, 1, number])
        family = number % len(FAMILIES)
        self.images[place] = texture(rng, FAMILY_NAMES[family], TEXTURE_SIDE)
        damage = int(rng.integers(1, len(DAMAGES)))
        self.twins[place] = damaged(rng, self.images[place], DAMAGES[damage])
        self.numbers[place], self.families[place] = number, family
        self.damages[place] = damage


def batches(seed: int, numbers: range, count: int, pool_size: int = POOL) -> Iterator[Scenes]:
    """Batches of `count` scenes with these numbers; each depends on seed, number and count only."""
    pool = TexturePool(seed, pool_size)
    for number in numbers:
        pool.advance(number)
        yield draw_batch(pool, seed, number, count)


def draw_batch(pool: TexturePool, seed: int, number: int, count: int) -> Scenes:
    """One batch, from a pool that has been advanced to it."""
    rngs = (np.random.default_rng([seed, 2, number, each]) for each in range(count))
    return Scenes.stacked([scene(rng, pool) for rng in rngs])


class _Fill:
    """What the regions of a scene are filled with: for each a crop of a texture, its colours
    changed, its contrast lowered at times, as faint as skin or sky."""

    def __init__(self, rng: Rng, pool: TexturePool, count: int) -> None:
        chosen = rng.integers(0, pool.size, count)
        spoilt = rng.uniform(size=count) < 0.25
        twin_pair = np.flatnonzero(spoilt[1:] & (rng.uniform(size=count - 1) < 0.5)) + 1
        chosen[twin_pair] = chosen[twin_pair - 1]  # A texture and its twin in one scene.
        self.label = chosen + pool.size * spoilt
        self.family = pool.families[chosen]
        self.damage = np.where(spoilt, pool.damages[chosen], 0)
        crops = np.empty((count, SIDE, SIDE, 3), np.uint8)
        for each, (row, column) in enumerate(rng.integers(0, TEXTURE_SIDE - SIDE + 1, (count, 2))):
            source = pool.twins if spoilt[each] else pool.images
            crop = source[chosen[each], row : row + SIDE, column : column + SIDE]
            crop = crop[:: rng.choice([1, -1]), :: rng.choice([1, -1])]
            crops[each] = crop.transpose(1, 0, 2) if rng.uniform() < 0.5 else crop
        self.crops = crops
        matrices, offsets = colour_transforms(rng, count)
        self.mean = crops[:, ::4, ::4].mean((1, 2)) / 255
        contrast = np.where(rng.uniform(size=count) < 0.3, rng.uniform(0.05, 0.5, count), 1.0)
        self.matrices = (matrices * contrast[:, None, None]).astype(np.float32)
        self.base = np.einsum("nc,ncd->nd", self.mean, matrices) + offsets
        self.base = np.clip(self.base, 0.03, 0.97).astype(np.float32)
        angle, strength = rng.uniform(0, 2 * np.pi, count), rng.uniform(0, 1, count) ** 2
        slant = np.stack([np.sin(angle), np.cos(angle)], 1) * strength[:, None] / SIDE
        self.slant = slant.astype(np.float32)


def scene(rng: Rng, pool: TexturePool) -> Scenes:
    """One scene, with a leading axis of 1."""
    count = int(rng.integers(2, 10))
    outlines, masks = shape_masks(rng, SIDE, count - 1)
    region = np.zeros((SIDE, SIDE), np.int32)
    shadow = np.ones((SIDE, SIDE), np.float32)
    for number, mask in enumerate(masks, start=1):
        if rng.uniform() < 0.3:
            _cast_shadow(rng, shadow, mask)
        region[mask], shadow[mask] = number, 1.0
    fill = _Fill(rng, pool, count)
    rows, columns = grid(SIDE)
    picked = fill.crops.reshape(-1, 3)[region * (SIDE * SIDE) + (rows * SIDE + columns).astype(int)]
    texel = picked.astype(np.float32) / 255 - fill.mean.astype(np.float32)[region]
    detail = np.matmul(texel[..., None, :], fill.matrices[region])[..., 0, :]
    slant = fill.slant[region]
    light = 1 + slant[..., 0] * (rows - SIDE / 2) + slant[..., 1] * (columns - SIDE / 2)
    light = (light * shadow)[..., None]
    plain = fill.base[region] * light
    image = plain + detail * light
    labels = [table[region] for table in (fill.label, fill.family, fill.damage)]
    shape = np.concatenate([[GROUND], outlines])[region]
    edges = _edges(region)
    for mark in _marks(rng):
        image, plain = (_covered(each, mark) for each in (image, plain))
        edges |= _edges(mark.alpha > 0.5)
        if mark.solid:
            inside = mark.alpha > 0.5
            values = (2 * pool.size, len(FAMILIES), 0, GROUND + 1)
            for plane, value in zip((*labels, shape), values, strict=True):
                plane[inside] = value
    return _finished(rng, image, plain, [*labels, shape], edges)


def _cast_shadow(rng: Rng, shadow: Array, mask: Array) -> None:
    """Darkens what is beside and below a shape."""
    distance = int(rng.integers(1, 6))
    moved = np.zeros_like(shadow)
    moved[distance:, distance:] = mask[:-distance, :-distance]
    soft = ndimage.uniform_filter(moved, 2 * distance + 1)
    shadow *= 1 - np.float32(rng.uniform(0.2, 0.7)) * soft


def _marks(rng: Rng) -> list[Mark]:
    count = int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2]))
    return [MARKS[int(rng.integers(len(MARKS)))](rng, SIDE) for _ in range(count)]


def _covered(picture: Array, mark: Mark) -> Array:
    alpha = mark.alpha[..., None]
    return picture * (1 - alpha) + mark.colour * alpha


def _edges(plane: Array) -> Array:
    """Where a plane of labels differs from the pixel above or on the left."""
    edges = np.zeros(plane.shape, bool)
    edges[1:] |= plane[1:] != plane[:-1]
    edges[:, 1:] |= plane[:, 1:] != plane[:, :-1]
    return edges


def _finished(rng: Rng, image: Array, plain: Array, labels: list[Array], edges: Array) -> Scenes:
    """What a camera adds: bent shapes, uneven light, blur, noise."""
    edges = ndimage.uniform_filter(edges.astype(np.float32), 3)
    if rng.uniform() < 0.3:
        shift = displacement(rng, SIDE, rng.uniform(2, 10))
        both = warped(np.concatenate([image, plain], axis=-1), shift)
        image, plain, edges = both[..., :3], both[..., 3:], warped(edges, shift)
        labels = [warped(label, shift, order=0) for label in labels]
    if rng.uniform() < 0.3:
        light = 1 + rng.uniform(0, 0.6) * (unit(power_noise(rng, SIDE, 2.4))[..., None] - 0.5)
        image, plain = image * light, plain * light
    if rng.uniform() < 0.25:
        sigma = rng.uniform(0.3, 1.0)
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0))
    if rng.uniform() < 0.4:
        image = image + rng.uniform(0, 0.04) * rng.standard_normal(image.shape, np.float32)
    cells = SIDE // CELL
    contour = edges.reshape(cells, CELL, cells, CELL).max((1, 3)) > 0.3
    middle = slice(CELL // 2, None, CELL)
    region, family, damage, shape = (label[middle, middle].astype(np.int64) for label in labels)
    found = (to_bytes(image), to_bytes(plain @ LUMINANCE), region, family, damage, shape, contour)
    return Scenes(*(each[None] for each in found))
