"""Gives faces the strokes of the paintings.

A face that is held to its photo is smooth where a painting has dots, brushwork or joints. So
squares of the painting with nearly the face's colours give it what is finer in them than its
features, as in Efros & Freeman 2001, "Image Quilting for Texture Synthesis and Transfer". Of
similar squares the calm ones are taken, since a contour of the painting would be a scar. Where a
face varies as much as the painting already, as in eyes, little is added. A small face gets finer
and fainter strokes. An optimised face has strokes already, and gets none.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import scaled
from painterly.engine.faces.care import Care
from painterly.engine.features.convolutions import spread
from painterly.engine.paintings import Paintings, resized
from painterly.engine.patches import drawn
from painterly.engine.places import is_used
from painterly.images.arrays import bands, resampled
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SQUARES, SIDE, STEP = 400, 32, 20  # squares of paintings, their px, and px from one to the next
# The standard deviation of a blur in px, at most, and in parts of a face's width: strokes are what
# it takes away.
FINE, FINE_OF_FACE = 7.0, 0.05
NEAR, CALM = 16, 8  # squares that are most similar, and the calmest of them; one is taken
CLIPPED = 3.0  # Much larger differences than so many medians of a square's are no strokes.
# The variance of strokes and own detail in Oklab's L, a and b, in parts of the square's. A person
# is known by tones, so colours vary more.
BOLD = np.array([2, 4, 4], np.float32)
WHOLE = 180.0  # px, the width of a face from which strokes have all of their strength
IN_FEATURES = 0.2  # the part of it that features get
TYPICAL = 0.3  # No strokes vary more than those of this part of the squares.
TINY = 1e-6
AT_ONCE = 50  # squares that a thread prepares at a time, in a core's cache


def add_strokes(
    picture: np.ndarray, cares: Sequence[Care], groups: Sequence[tuple["Squares", np.ndarray]]
) -> None:
    """Add strokes to the faces in a picture [h, w, 3], sRGB 0…1.

    Args:
        groups: For each group of paintings squares of them, and the share of each pixel that it
            paints, [h, w, 1].
    """

    @lru_cache(1)  # Faces that are not small have the same strokes.
    def strokes_of(deviation: float) -> tuple[np.ndarray, list[_Strokes]]:
        smooth = _smoothing(deviation)
        return smooth, [_Strokes.of(squares, smooth) for squares, _ in groups]

    for care in cares:
        across = care.width * care.size[0] / len(care.oval)
        smooth, prepared = strokes_of(min(FINE, FINE_OF_FACE * across))
        mask = scaled(care.oval - (1 - IN_FEATURES) * care.features, care.size)[..., None]
        mask *= min(1.0, across / WHOLE)
        # On the picture's grid, so that strokes stay in place if a face's box moves.
        (rows, columns), (first, left) = care.part, (STEP * (of.start // STEP) for of in care.part)
        width = SIDE + STEP * ((columns.stop - left - 1) // STEP)
        change = np.zeros((SIDE, width, 3), np.float32)
        for top in range(first, rows.stop, STEP):
            band = np.s_[top : top + SIDE, left : columns.stop]
            lab = srgb_to_oklab(picture[band].clip(0, 1))
            for strokes, (_, share) in zip(prepared, groups, strict=True):
                place = top // STEP, left // STEP
                added = strokes.like(_padded(lab, width), smooth, place)
                change += _padded(share[band], width) * added
            done = slice(max(top, rows.start), min(top + STEP, rows.stop))
            part = np.s_[done.start - top : done.stop - top, columns.start - left :]
            lab = lab[part]
            lab += mask[done.start - rows.start :][: len(lab)] * change[part][:, : lab.shape[1]]
            picture[done, columns] = oklab_to_srgb(lab)
            change = np.concatenate([change[STEP:], np.zeros_like(change[:STEP])])


class Squares(NamedTuple):
    """Squares of paintings."""

    lab: np.ndarray  # in Oklab [N, 3, SIDE, SIDE]

    @classmethod
    def of(
        cls, paintings: Paintings, members: Sequence[int], sizes: Sequence[tuple[int, int]]
    ) -> "Squares":
        """Draw squares of some paintings at random, after their shares. `sizes` has the (height,
        width) at which each of all is seen."""
        total, found = sum(paintings.shares[each] for each in members), []
        for each in members:
            painting = resampled(paintings.paintings[each], sizes[each])
            used = is_used(resized(paintings.masks[each], sizes[each]))
            count = max(1, int(paintings.shares[each] / total * SQUARES))
            found += drawn(painting, used, count, SIDE, turns=1)
        pixels = np.concatenate(found).astype(np.float16).astype(np.float32)
        return cls(np.ascontiguousarray(srgb_to_oklab(pixels).transpose(0, 3, 1, 2)))


class _Strokes(NamedTuple):
    """Strokes of paintings, for comparison of their squares with a face's.

    Attributes:
        means: The squares' coarse colours [N, 12].
        varies: The variance of their strokes in Oklab's channels [N, 3].
        typical: The variance that their strokes may have, [N, 3].
        strokes: These, as differences in Oklab, [N, 3, SIDE, SIDE].
    """

    means: np.ndarray
    varies: np.ndarray
    typical: np.ndarray
    strokes: np.ndarray

    @classmethod
    def of(cls, squares: Squares, smooth: np.ndarray) -> "_Strokes":
        """Take the strokes of squares, with a matrix of `_smoothing`."""
        count, strokes = len(squares.lab), np.empty_like(squares.lab)
        means, varies = np.empty((count, 12), np.float32), np.empty((count, 3), np.float32)

        def take(todo: Iterator[slice]) -> None:
            for some in todo:
                means[some], fine = _split(squares.lab[some], smooth)
                most = CLIPPED * _medians(np.abs(fine)) + TINY
                fine /= most
                np.multiply(most, np.tanh(fine, out=fine), out=strokes[some])
                varies[some] = np.square(strokes[some]).mean((2, 3)) + TINY

        spread(bands(count, AT_ONCE), take)
        # An ornament would be a scar as well.
        return cls(means, varies, np.minimum(varies, np.quantile(varies, TYPICAL, 0)), strokes)

    def like(self, band: np.ndarray, smooth: np.ndarray, place: tuple[int, int]) -> np.ndarray:
        """Return strokes for a row of squares [SIDE, W, 3] in Oklab, of its shape, that fade where
        squares overlap. The place is the number of the row, and of its first square, in the
        picture."""
        seen = np.lib.stride_tricks.sliding_window_view(band, (SIDE, SIDE), (0, 1))[0, ::STEP]
        wanted, own = _split(seen, smooth)
        apart = np.square(self.means).sum(1) - 2 * wanted @ self.means.T
        near = np.argsort(apart, 1)[:, :NEAR]
        calm = np.take_along_axis(near, self.typical[near, 0].argsort(1), 1)[:, :CALM]
        row, first = place
        choices = np.random.default_rng(row).random(first + len(seen))[first:]
        taken = calm[np.arange(len(seen)), (choices * calm.shape[1]).astype(int)]
        typical = self.typical[taken]
        missing = np.maximum(BOLD - np.square(own).mean((2, 3)) / typical, 0)
        fade = _faded() * (
            self.strokes[taken] * np.sqrt(typical / self.varies[taken])[..., None, None]
        )
        strokes = np.zeros_like(band)
        added = zip(fade.transpose(0, 2, 3, 1), np.sqrt(missing), strict=True)
        for number, (square, gain) in enumerate(added):
            strokes[:, STEP * number : STEP * number + SIDE] += gain * square
        return strokes


@cache
def _faded() -> np.ndarray:
    """Return the weights of a square's pixels [SIDE, SIDE]. The sum of the squares of two ramps is
    1, so the variance is the same where they overlap."""
    ramp = np.sin(np.pi / 2 * (np.arange(SIDE - STEP) + 0.5) / (SIDE - STEP))
    line = np.concatenate([ramp, np.ones(2 * STEP - SIDE), ramp[::-1]]).astype(np.float32)
    return line[:, None] * line


def _medians(values: np.ndarray) -> np.ndarray:
    """Return the median of each square [N, 3, SIDE, SIDE], [N, 3, 1, 1]. NumPy's own takes twice
    the time."""
    flat = values.reshape(*values.shape[:2], -1)
    half = flat.shape[-1] // 2
    flat.partition(half - 1, -1)
    return ((flat[..., half - 1] + flat[..., half:].min(-1)) / 2)[..., None, None]


def _padded(band: np.ndarray, width: int) -> np.ndarray:
    height, shown = band.shape[:2]
    return np.pad(band, [(0, SIDE - height), (0, width - shown), (0, 0)], "edge")


def _smoothing(deviation: float) -> np.ndarray:
    """Return the matrix [SIDE, SIDE] that blurs the lines of a square."""
    line = np.arange(SIDE)
    weights = np.exp(-0.5 * np.square((line - line[:, None]) / deviation))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _split(squares: np.ndarray, smooth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean colours of the quarters of squares [N, 3, SIDE, SIDE], [N, 12], and what is
    finer than their blur, of the squares' shape."""
    coarse, half = smooth @ squares @ smooth.T, SIDE // 2
    means = coarse.reshape(-1, 3, 2, half, 2, half).mean((3, 5))
    return means.reshape(len(squares), -1), squares - coarse
