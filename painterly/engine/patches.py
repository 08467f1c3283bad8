"""Rebuilds a finished picture from patches of its paintings, in NumPy.

After Kwatra et al. 2005, "Texture Optimization for Example-based Synthesis", and Elad & Milanfar
2017, "Style Transfer Via Texture Synthesis". A network's features leave much of a picture's pixels
open: a mesh, grain and coloured fringes change few of them. No painting has these. So each patch of
the picture is replaced by the most similar patch of the paintings. If patches overlap, a pixel
is their mean, in which patches that fit well have more weight. If neighbours find the same
patch, the mean repeats every GAP px, which is taken out. Means are smoother than paint, so fine
detail is then strengthened until it varies as much as in the paintings.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import gaussian
from painterly.engine.features import inverted_file
from painterly.engine.features.convolutions import each_of, spread
from painterly.engine.paintings import Paintings, resized
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.places import ROTATIONS, is_used
from painterly.images import arrays
from painterly.signals import CheckStop

SIDE, GAP = 7, 2  # px of a patch, and from one patch of the picture to the next
# Pixels of the picture for each patch of the paintings, and bounds of their number. With fewer,
# smooth parts of a large picture get steps; with more, no difference is seen.
PIXELS_PER_PATCH, LEAST_PATCHES, MOST_PATCHES = 100, 4000, 12_000
DIRECTIONS = 16  # principal components of the patches, on which they are compared
FOCUS = 2.0  # px, the standard deviation of a patch's weight around its middle
# A patch's weight is a power of its squared distance. The further from 0, the less patches mix, and
# the sharper, and the less even, they are.
TRUST, LEAST_DISTANCE = -0.75, 1e-4
DETAIL = 0.7, 1.4  # px, standard deviations of blurs; bands of detail are their differences
FILTERED_PIXELS = 1 << 16  # pixels of a part that is filtered at once
MOST_GAIN = 3.0  # the largest factor of a band of detail
# Weights of neighbouring pixels that take out what alternates from one to the next: 1 minus the
# fourth difference over 16.
STEADY = np.array([-1, 4, 10, 4, -1], np.float32) / 16
AT_ONCE = 2048  # patches of the picture that a thread holds in memory
BANDS_AT_ONCE = 16  # bands of the picture between two checks for a stop


def patch_count(size: tuple[int, int], most: int = MOST_PATCHES) -> int:
    """Return the number of patches, `most` or less, for a picture of this (height, width)."""
    return min(max(math.prod(size) // PIXELS_PER_PATCH, LEAST_PATCHES), most)


class Patches(NamedTuple):
    """Patches of paintings, prepared for comparison."""

    # Their pixels, sRGB 0…1, and 1, each times the pixel's weight, [K, SIDE, SIDE, 4].
    votes: np.ndarray
    mean: np.ndarray  # their mean pixels [SIDE · SIDE · 3]
    basis: np.ndarray  # the weighted directions in which they are compared [SIDE · SIDE · 3, E]
    keys: np.ndarray  # their coordinates, and minus half of their squared lengths, [K, E + 1]
    near: np.ndarray  # the numbers of those near some of them; see inverted_file.py
    deviations: np.ndarray  # the standard deviation of each band of detail of the paintings

    @classmethod
    def of(
        cls,
        paintings: Paintings,
        members: Sequence[int],
        sizes: Sequence[tuple[int, int]],
        count: int,
    ) -> "Patches":
        """Draw `count` patches of some paintings and of their rotations at random, after their
        shares. `sizes` has the (height, width) at which each of all is seen."""
        total = sum(paintings.shares[each] for each in members)
        found, deviations = [], np.zeros(len(DETAIL))
        for each in members:
            part = paintings.shares[each] / total
            painting = arrays.resampled(paintings.paintings[each], sizes[each])
            mask = resized(paintings.masks[each], sizes[each])
            deviations += part * _deviations(painting)
            used = is_used(mask)
            found += drawn(painting, used, max(1, int(part * count / ROTATIONS)), SIDE, ROTATIONS)
            del painting, mask, used  # Not kept while the next painting is resampled.
        pixels = np.concatenate(found)
        del found
        flat = pixels.reshape(len(pixels), -1)
        focus = _focus()
        votes = np.ones((*pixels.shape[:-1], 4), np.float32)
        votes[..., :3] = pixels
        votes *= focus
        mean, weights = flat.mean(0), np.sqrt(focus.ravel()).repeat(3)
        offsets = (flat - mean) * weights
        _, directions = np.linalg.eigh(offsets.T @ offsets)
        basis = weights[:, None] * directions[:, -DIRECTIONS:]
        coordinates = (flat - mean) @ basis
        keys = np.column_stack([coordinates, -0.5 * np.square(coordinates).sum(1)])
        middles = keys[inverted_file.pivots(len(keys))]
        middles[:, -1] = 1
        near = inverted_file.nearest(middles @ keys.T)
        return cls(votes, mean, basis, keys, near, deviations)

    def queries(self, patches: np.ndarray) -> np.ndarray:
        """Return what patches [N, SIDE · SIDE · 3] are compared by: their coordinates, and 1,
        [N, E + 1]."""
        queries = np.ones((len(patches), self.keys.shape[1]), np.float32)
        np.matmul(patches - self.mean, self.basis, out=queries[:, :-1])
        return queries

    def nearest(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the number of the most similar patch to each of others, from their queries, and its
        squared distance."""
        numbers, similarities = inverted_file.most_similar(queries, self.keys, self.near)
        distances = np.square(queries[:, :-1]).sum(1) - 2 * similarities
        return numbers, np.maximum(distances, 0)


def rebuilt(
    picture: np.ndarray, groups: Iterable[tuple[Patches, np.ndarray]], check_stop: CheckStop
) -> np.ndarray:
    """Rebuild a picture [h, w, 3], sRGB 0…1, each part of it from its own patches, with the share
    of each pixel that is rebuilt from them, [h, w, 1]. The sum of shares is 1 at most; the rest of
    a pixel stays as it is. `check_stop` is called several times a second, and may raise an
    exception."""
    whole = picture
    for patches, share in groups:
        if share.min() == 1:
            return _rebuilt(picture, patches, check_stop)
        if share.any():
            change = _rebuilt(picture, patches, check_stop)
            change -= picture
            change *= share
            change += whole
            whole = change
    return whole


def _rebuilt(picture: np.ndarray, patches: Patches, check_stop: CheckStop) -> np.ndarray:
    # Nested, so that each picture is freed as soon as the next step has read it.
    return _sharpened(_steady(_mean(picture, patches, check_stop)), patches.deviations)


def _mean(picture: np.ndarray, patches: Patches, check_stop: CheckStop) -> np.ndarray:
    """Return the mean at each pixel of a picture [h, w, 3] of the patches that replace its own."""
    seen = _Mirrored(picture, SIDE, SIDE + GAP)
    down, across = (-(-(side - SIDE + 1) // GAP) for side in seen.size)
    sums = np.zeros((GAP * (down - 1) + SIDE, GAP * (across - 1) + SIDE, 4), np.float32)
    some = [*arrays.bands(down, max(1, AT_ONCE // across))]
    for first in range(0, len(some), BANDS_AT_ONCE):
        check_stop()
        bands = some[first : first + BANDS_AT_ONCE]
        # Added in order, so that sums are the same each time.
        for rows, part in zip(bands, _votes(seen, across, bands, patches), strict=True):
            sums[GAP * rows.start : GAP * rows.start + len(part)] += part
    height, width = picture.shape[:2]
    sums = sums[SIDE : SIDE + height, SIDE : SIDE + width]
    return np.divide(sums[..., :3], sums[..., 3:], out=sums[..., :3])


def _votes(
    picture: "_Mirrored", across: int, bands: Sequence[slice], patches: Patches
) -> Sequence[np.ndarray]:
    """Return the weighted sum of the patches that are most similar to those in some rows of a
    picture, and of their weights, [H, W, 4] for each band. `across` is the number of the picture's
    patches in a row."""
    starts = np.cumsum([0, *(across * (rows.stop - rows.start) for rows in bands)])
    parts = [slice(*ends) for ends in pairwise(starts)]
    queries = np.empty((starts[-1], patches.keys.shape[1]), np.float32)

    def ask(todo: Iterator[tuple[slice, slice]]) -> None:
        for rows, part in todo:
            shown = picture.rows(GAP * rows.start, GAP * (rows.stop - 1) + SIDE)
            seen = _windows(shown)[::GAP, ::GAP].transpose(0, 1, 3, 4, 2)
            queries[part] = patches.queries(seen.reshape(-1, 3 * SIDE**2))

    def vote(part: slice) -> np.ndarray:
        voted = patches.votes[nearest[part]]
        voted *= weights[part, None, None, None]
        return _overlapped(voted.reshape(-1, across, SIDE, 4 * SIDE))

    spread(zip(bands, parts, strict=True), ask)
    nearest, distances = patches.nearest(queries)
    weights = (distances + LEAST_DISTANCE) ** TRUST
    return each_of(parts, vote)


def _overlapped(patches: np.ndarray) -> np.ndarray:
    """Return the sums of patches [rows, columns, SIDE, 4 · SIDE], each GAP px from the next,
    [H, W, 4]."""
    down, across = patches.shape[:2]
    apart = -(-SIDE // GAP)  # Patches with that many columns from one to the next do not overlap.
    width = GAP * (across - 1) + SIDE
    sums = np.zeros((GAP * (down - 1) + SIDE, 4 * (width + GAP * apart - SIDE)), np.float32)
    for first in range(min(apart, across)):
        added = patches[:, first::apart]
        step, start = 4 * GAP * apart, 4 * GAP * first
        for y in range(SIDE):
            rows = sums[y : y + GAP * down - 1 : GAP, start : start + step * added.shape[1]]
            rows.reshape(down, -1, step)[..., : 4 * SIDE] += added[:, :, y]
    return sums[:, : 4 * width].reshape(len(sums), width, 4)


def _focus() -> np.ndarray:
    """Return the weight of each pixel of a patch [SIDE, SIDE, 1], of sum 1."""
    line = np.exp(-0.5 * ((np.arange(SIDE) - SIDE // 2) / FOCUS) ** 2)
    return (np.outer(line, line) / line.sum() ** 2).astype(np.float32)[..., None]


def drawn(
    painting: np.ndarray, used: np.ndarray, count: int, side: int, turns: int
) -> list[np.ndarray]:
    """Draw patches [count, side, side, 3] of some rotations of a painting [H, W, 3] at random, or
    as many as there are, around pixels that are used [H, W]."""
    random, middles = np.random.default_rng(0), np.flatnonzero(used)
    mirrored = _Mirrored(painting, side // 2, side // 2)
    patches = []
    for quarters in range(turns):
        some = middles[random.choice(len(middles), min(len(middles), count), replace=False)]
        rows, columns = np.unravel_index(some, used.shape)
        shown = mirrored.squares(rows, columns, side)
        patches.append(np.rot90(shown, quarters, (1, 2)))
    return patches


def _windows(image: np.ndarray) -> np.ndarray:
    """Return all patches of an image [H, W, 3], a view [rows, columns, 3, SIDE, SIDE]."""
    return np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE), (0, 1))


class _Mirrored:
    """An image [H, W, 3], mirrored by some pixels before and after its borders, of `size` (height,
    width). Only the parts that are asked for are copied."""

    def __init__(self, image: np.ndarray, before: int, after: int) -> None:
        canvas = Canvas(picture_size(image), (before, before), (after, after))
        self._image, self.size = image, canvas.size
        self._rows, self._columns = canvas.shown()

    def rows(self, first: int, last: int) -> np.ndarray:
        return self._image[self._rows[first:last]].take(self._columns, 1)

    def squares(self, rows: np.ndarray, columns: np.ndarray, side: int) -> np.ndarray:
        """Return squares [N, side, side, 3] from their first rows [N] and columns [N]."""
        line = np.arange(side)
        across = self._columns[columns[:, None, None] + line]
        return self._image[self._rows[rows[:, None, None] + line[:, None]], across]


def _steady(image: np.ndarray) -> np.ndarray:
    """Return an image [h, w, 3] without what alternates from row to row, or column to column."""
    steady = np.empty_like(image)

    def store(rows: slice, values: np.ndarray) -> None:
        steady[rows] = _filtered(values, STEADY)

    _with_margin(image, len(STEADY) // 2, store)
    return steady


def _sharpened(image: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Strengthen the bands of detail of an image [h, w, 3] until each has such a deviation."""
    gains = np.clip(deviations / (_deviations(image) + 1e-6), 1, MOST_GAIN)
    sharp = np.empty_like(image)

    def store(rows: slice, details: list[np.ndarray], rest: np.ndarray) -> None:
        for gain, detail in zip(gains, details, strict=True):
            detail *= np.float32(gain)
            rest += detail
        np.clip(rest, 0, 1, out=sharp[rows])

    _in_bands(image, store)
    return sharp


def _deviations(image: np.ndarray) -> np.ndarray:
    sums: dict[int, list[float]] = {}

    def add(rows: slice, details: list[np.ndarray], rest: np.ndarray) -> None:
        sums[rows.start] = [float(np.square(detail).sum()) for detail in details]

    _in_bands(image, add)
    # In the order of rows, so that they are the same each time.
    return np.sqrt(np.sum([sums[top] for top in sorted(sums)], 0) / image.size)


def _in_bands(
    image: np.ndarray, use: Callable[[slice, list[np.ndarray], np.ndarray], None]
) -> None:
    """Split an image [h, w, 3] into bands of detail, finest first, and the rest, and pass them to
    `use` for some rows at a time, in several threads. It may overwrite them."""
    blurs = [gaussian(deviation).astype(np.float32) for deviation in DETAIL]
    margin = sum(len(weights) // 2 for weights in blurs)

    def split(rows: slice, values: np.ndarray) -> None:
        left, details = margin, []
        for weights in blurs:
            smooth, radius = _filtered(values, weights), len(weights) // 2
            left -= radius
            inside = _without_border(values, radius) - smooth
            details.append(_without_border(inside, left))
            values = smooth
        use(rows, details, values)

    _with_margin(image, margin, split)


def _with_margin(image: np.ndarray, margin: int, use: Callable[[slice, np.ndarray], None]) -> None:
    """Pass some rows of an image [h, w, 3] at a time to `use`, in several threads: the rows, and
    their pixels with those around them, mirrored at the image's borders."""
    mirrored = _Mirrored(image, margin, margin)

    def work(todo: Iterator[slice]) -> None:
        for rows in todo:
            use(rows, mirrored.rows(rows.start, rows.stop + 2 * margin))

    spread(arrays.bands(len(image), max(2 * margin, FILTERED_PIXELS // image.shape[1])), work)


def _without_border(values: np.ndarray, px: int) -> np.ndarray:
    return values[px : len(values) - px, px : values.shape[1] - px]


def _filtered(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sums of neighbouring values [h, w, 3] along both axes, where all of them
    are inside."""
    for axis in (0, 1):
        shifted = np.lib.stride_tricks.sliding_window_view(values, len(weights), axis)
        sums = weights[0] * shifted[..., 0]
        product = np.empty_like(sums)
        for number, weight in enumerate(weights[1:], start=1):
            np.multiply(shifted[..., number], weight, out=product)
            sums += product
        values = sums
    return values
