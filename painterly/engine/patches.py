"""Rebuilds a finished picture from patches of its paintings, in NumPy.

After Kwatra et al. 2005, "Texture Optimization for Example-based Synthesis", and Elad & Milanfar
2017, "Style Transfer Via Texture Synthesis". A network's features leave much of a picture's pixels
open: a mesh, grain and coloured fringes change few of them. No painting has these. So each patch of
the picture is replaced by the most similar patch of the paintings. If patches overlap, a pixel
is their mean, in which patches that fit well have more weight. Means are smoother than paint, so
fine detail is then strengthened until it varies as much as in the paintings.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from painterly.engine.convolutions import spread
from painterly.engine.memory_model import ROTATIONS
from painterly.engine.paintings import Paintings, resized
from painterly.engine.places import is_used
from painterly.engine.transfer import CheckStop
from painterly.images import arrays

SIDE, GAP = 7, 2  # px of a patch, and from one patch of the picture to the next
# Pixels of the picture for each patch of the paintings, and bounds of their number. With fewer,
# smooth parts of a large picture get steps; with more, no difference is seen.
PIXELS_PER_PATCH, LEAST_PATCHES, MOST_PATCHES = 100, 4000, 12_000
DIRECTIONS = 16  # principal components of the patches, on which they are compared
FOCUS = 2.0  # px, the standard deviation of a patch's weight around its middle
# A patch's weight is a power of its squared distance. The further from 0, the less patches mix, and
# the sharper, and the less even, they are.
TRUST, LEAST_DISTANCE = -0.75, 1e-4
DETAIL = 0.7, 1.4  # px, the standard deviations of blurs, between which bands of detail are
MOST_GAIN = 2.0  # the largest factor of a band of detail
AT_ONCE = 2048  # patches of the picture that a thread holds in memory
BANDS_AT_ONCE = 16  # bands of the picture between two checks for a stop
COMPARED = 128  # patches compared at a time: a cache holds their similarities to the paintings'


def patch_count(size: tuple[int, int], most: int = MOST_PATCHES) -> int:
    """Return the number of patches, `most` or less, for a picture of this (height, width)."""
    return min(max(math.prod(size) // PIXELS_PER_PATCH, LEAST_PATCHES), most)


class Patches(NamedTuple):
    """Patches of paintings, prepared for comparison.

    Attributes:
        votes: Their pixels, sRGB 0…1, and 1, each times the pixel's weight, [K, SIDE, SIDE, 4].
        mean: Their mean pixels [SIDE · SIDE · 3].
        basis: The weighted directions in which they are compared [SIDE · SIDE · 3, E].
        keys: Their coordinates, and minus half of their squared lengths, [E + 1, K].
        deviations: The standard deviation of each band of detail of the paintings.
    """

    votes: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    keys: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(
        cls,
        paintings: Paintings,
        members: Sequence[int],
        sizes: Sequence[tuple[int, int]],
        count: int,
    ) -> "Patches":
        """Draw patches of paintings and of their rotations at random.

        Args:
            paintings: All paintings of a style.
            members: The indices of those that are drawn from, after their shares.
            sizes: The (height, width) at which each of all is seen.
            count: The number of patches, see `patch_count`.
        """
        total = sum(paintings.shares[each] for each in members)
        found, deviations = [], np.zeros(len(DETAIL))
        for each in members:
            random, part = np.random.default_rng(0), paintings.shares[each] / total
            painting = arrays.resampled(paintings.paintings[each], sizes[each])
            used = is_used(resized(paintings.masks[each], sizes[each]))
            deviations += part * _deviations(painting)
            windows = _windows(painting, SIDE // 2, SIDE // 2)
            rows, columns = np.nonzero(used)
            of_each = min(len(rows), max(1, int(part * count / ROTATIONS)))
            for quarters in range(ROTATIONS):
                some = random.choice(len(rows), of_each, replace=False)
                drawn = windows[rows[some], columns[some]].transpose(0, 2, 3, 1)
                found.append(np.rot90(drawn, quarters, (1, 2)))
        pixels = np.concatenate(found)
        flat = pixels.reshape(len(pixels), -1)
        focus = _focus()
        votes = focus * np.concatenate([pixels, np.ones_like(pixels[..., :1])], -1)
        mean, weights = flat.mean(0), np.sqrt(focus.ravel()).repeat(3)
        offsets = (flat - mean) * weights
        _, directions = np.linalg.eigh(offsets.T @ offsets)
        basis = weights[:, None] * directions[:, -DIRECTIONS:]
        coordinates = (flat - mean) @ basis
        keys = np.vstack([coordinates.T, -0.5 * np.square(coordinates).sum(1)])
        return cls(votes, mean, basis, keys, deviations)

    def nearest(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the number of the most similar patch to each of others [N, SIDE · SIDE · 3], and its
        squared distance."""
        numbers, distances = np.empty(len(patches), np.int32), np.empty(len(patches), np.float32)
        for part in arrays.bands(len(patches), COMPARED):
            queries = np.ones((len(patches[part]), len(self.keys)), np.float32)
            np.matmul(patches[part] - self.mean, self.basis, out=queries[:, :-1])
            similar = queries @ self.keys
            best = similar.argmax(1)
            products = np.take_along_axis(similar, best[:, None], 1)[:, 0]
            squares = np.square(queries[:, :-1]).sum(1)
            numbers[part], distances[part] = best, np.maximum(squares - 2 * products, 0)
        return numbers, distances


def rebuilt(
    picture: np.ndarray, groups: Iterable[tuple[Patches, np.ndarray]], check_stop: CheckStop
) -> np.ndarray:
    """Rebuild a picture, each part of it from its own patches.

    Args:
        picture: The picture [h, w, 3], sRGB 0…1.
        groups: Patches, and the share of each pixel that is rebuilt from them, [h, w, 1]. The sum
            of shares is 1 at most; the rest of a pixel stays as it is.
        check_stop: Is called several times a second, and may raise an exception.
    """
    whole = picture
    for patches, share in groups:
        if share.min() == 1:
            return _rebuilt(picture, patches, check_stop)
        if share.any():
            change = _rebuilt(picture, patches, check_stop)
            change -= picture
            change *= share
            whole = whole + change
    return whole


def _rebuilt(picture: np.ndarray, patches: Patches, check_stop: CheckStop) -> np.ndarray:
    """Return a picture [h, w, 3] rebuilt from patches."""
    windows = _windows(picture, SIDE, SIDE + GAP)[::GAP, ::GAP]
    down, across = windows.shape[:2]
    sums = np.zeros((GAP * (down - 1) + SIDE, GAP * (across - 1) + SIDE, 4), np.float32)
    some = [*arrays.bands(down, max(1, AT_ONCE // across))]
    for first in range(0, len(some), BANDS_AT_ONCE):
        check_stop()
        bands = some[first : first + BANDS_AT_ONCE]
        # Added in order, so that sums are the same each time.
        for rows, part in zip(bands, _votes(windows, bands, patches), strict=True):
            sums[GAP * rows.start : GAP * rows.start + len(part)] += part
    del windows  # A large picture's memory is shortest below.
    height, width = picture.shape[:2]
    sums = sums[SIDE : SIDE + height, SIDE : SIDE + width]
    mean = np.divide(sums[..., :3], sums[..., 3:], out=sums[..., :3])
    return _sharpened(mean, patches.deviations)


def _votes(windows: np.ndarray, bands: Sequence[slice], patches: Patches) -> Sequence[np.ndarray]:
    """Return the weighted sum of the patches that are most similar to those in some rows of a
    picture, and of their weights, [H, W, 4] for each band.

    Args:
        windows: The picture's patches [rows, columns, 3, SIDE, SIDE].
        bands: The rows of each band.
        patches: The patches of the paintings.
    """
    votes = [np.empty(0)] * len(bands)

    def work(todo: Iterator[tuple[int, slice]]) -> None:
        for number, rows in todo:
            seen = windows[rows].transpose(0, 1, 3, 4, 2)
            nearest, distances = patches.nearest(seen.reshape(-1, 3 * SIDE**2))
            voted = patches.votes[nearest]
            voted *= ((distances + LEAST_DISTANCE) ** TRUST)[:, None, None, None]
            voted = voted.reshape(*seen.shape[:2], SIDE, SIDE, 4)
            high, wide = (GAP * (count - 1) for count in seen.shape[:2])
            sums = np.zeros((high + SIDE, wide + SIDE, 4), np.float32)
            for y in range(SIDE):
                for x in range(SIDE):
                    sums[y : y + high + 1 : GAP, x : x + wide + 1 : GAP] += voted[:, :, y, x]
            votes[number] = sums

    spread(enumerate(bands), work)
    return votes


def _focus() -> np.ndarray:
    """Return the weight of each pixel of a patch [SIDE, SIDE, 1], of sum 1."""
    line = np.exp(-0.5 * ((np.arange(SIDE) - SIDE // 2) / FOCUS) ** 2)
    return (np.outer(line, line) / line.sum() ** 2).astype(np.float32)[..., None]


def _windows(image: np.ndarray, before: int, after: int) -> np.ndarray:
    """Return all patches of an image [H, W, 3] that is mirrored by some pixels before and after its
    borders, a view [rows, columns, 3, SIDE, SIDE]."""
    padded = np.pad(image, ((before, after), (before, after), (0, 0)), "symmetric")
    return np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), (0, 1))


def _sharpened(image: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Strengthen the bands of detail of an image [h, w, 3] until each has such a deviation."""
    gains = np.clip(deviations / (_deviations(image) + 1e-6), 1, MOST_GAIN)
    sharp = np.empty_like(image)
    for channel in range(3):  # One after another: they take less memory.
        *details, rest = _bands(image[..., channel])
        for gain, detail in zip(gains, details, strict=True):
            rest = rest + np.float32(gain) * detail
        np.clip(rest, 0, 1, out=sharp[..., channel])
    return sharp


def _deviations(image: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each band of detail of an image [h, w, 3]."""
    squares = [
        [np.square(band).mean() for band in _bands(image[..., channel])[:-1]]
        for channel in range(3)
    ]
    return np.sqrt(np.mean(squares, 0))


def _bands(channel: np.ndarray) -> list[np.ndarray]:
    """Return the bands of detail of a channel [h, w], finest first, and then the rest."""
    bands = []
    for deviation in DETAIL:
        smooth = _blurred(_blurred(channel, deviation).T, deviation).T
        bands.append(channel - smooth)
        channel = smooth
    return [*bands, channel]


def _blurred(values: np.ndarray, deviation: float) -> np.ndarray:
    """Blur the columns of values [h, w]."""
    radius = math.ceil(3 * deviation)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    padded = np.pad(values, ((radius, radius), (0, 0)), "symmetric")
    blurred = np.zeros_like(values)
    for first, tap in enumerate(taps):
        blurred += tap * padded[first : first + len(values)]
    return blurred
