"""Measures of paintings: which are drawings in ink, and their shares of tones."""

import math
from typing import Any, NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import LUMINANCE, blurred, closed, gradients
from painterly.engine.paintings import Paintings
from painterly.images.arrays import resize

SEEN = 512  # px, longer side at which paintings are measured
# A drawing in ink has at least these measures, and at most this colour.
TWO_TONES, COLOUR, EVEN, LINES = 0.73, 0.018, 0.12, 0.09


class Look(NamedTuple):
    """What is measured of a painting.

    Attributes:
        two: The part of luminance's variance that lies between two tones, 0…1 (Otsu 1979).
        colour: The mean distance of its colours from those between its ink and its paper.
        even: The share of it that is as even as paper.
        line: The share of thin dark lines.
        black, half, pale: The shares of solid black, and of dark and of light halftones.
        width: Half of the mean wave across it in px: a line, or the gap between two (Rice 1945).
        longer: The painting's longer side in px.
        dark, light: The colours of ink and paper, sRGB 0…1.
    """

    two: float
    colour: float
    even: float
    line: float
    black: float
    half: float
    pale: float
    width: float
    longer: float
    dark: np.ndarray
    light: np.ndarray

    @property
    def margin(self) -> float:
        """How far it is within the bounds of drawings in ink: 1 or more."""
        colour = COLOUR / max(self.colour, 1e-6)
        return min(self.two / TWO_TONES, colour, self.even / EVEN, self.line / LINES)


def ink_of(paintings: Paintings) -> Look | None:
    """Return the mean look of paintings if all are drawings in ink, else None."""
    looks = paintings.looks
    for number, painting in enumerate(paintings.paintings):
        if number not in looks:
            looks[number] = look_of(painting)
        if looks[number].margin < 1:
            return None
    shares = np.array(paintings.shares, np.float32) / sum(paintings.shares)
    fields = zip(*(looks[number] for number in range(len(shares))), strict=True)
    means: list[Any] = [np.tensordot(shares, np.array(each, np.float32), 1) for each in fields]
    return Look(*means)


def look_of(painting: np.ndarray) -> Look:
    """Measure a painting [H, W, 3]."""
    scale = min(1.0, SEEN / max(painting.shape[:2]))
    seen = resize(painting, *(max(16, round(scale * side)) for side in painting.shape[:2]))
    luminance, longer = seen @ LUMINANCE, max(seen.shape)
    low, high = np.quantile(luminance, (0.02, 0.9))
    parts = luminance <= low + 0.02, luminance >= high - 0.02
    dark, light = (seen[part].mean(0) for part in parts)
    tone = np.clip((luminance - low) / (high - low + 1e-3), 0, 1)
    side = max(3, round(0.016 * longer) | 1)
    solid = closed(tone, side // 2 | 1) < 0.35
    local, wave = blurred(tone, longer / 50), tone - blurred(tone, longer / 32)
    slopes = gradients(blurred(tone, 0.7))
    squares = np.lib.stride_tricks.sliding_window_view(luminance, (5, 5))
    return Look(
        two=_two_tones(luminance),
        colour=float(np.abs(seen - dark - tone[..., None] * (light - dark)).mean()),
        even=float((squares.std((2, 3)) < 0.02).mean()),
        line=float((closed(tone, side) - tone > 0.25).mean()),
        black=float(solid.mean()),
        half=float(((local < 0.55) & ~solid).mean()),
        pale=float(((local >= 0.55) & (local < 0.85)).mean()),
        width=float(math.pi * wave.std() / (np.sqrt(2 * np.square(slopes).mean()) + 1e-6)),
        longer=float(max(painting.shape[:2])),
        dark=dark,
        light=light,
    )


def _two_tones(luminance: np.ndarray) -> float:
    """Return the greatest part of the variance that lies between two classes of tones."""
    counts, edges = np.histogram(luminance, 64, (0, 1))
    part, tone = counts / counts.sum(), (edges[1:] + edges[:-1]) / 2
    below, sums = part.cumsum()[:-1], (part * tone).cumsum()
    inside = np.maximum(below * (1 - below), 1e-9)
    between = (sums[-1] * below - sums[:-1]) ** 2 / inside
    return float(between.max() / (luminance.var() + 1e-9))
