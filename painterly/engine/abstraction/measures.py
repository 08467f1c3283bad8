"""Measures of paintings: whether one is a drawing in ink, and its shares of tones."""

import math
from typing import Any, NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import (
    LUMINANCE,
    blurred,
    closed,
    slope,
)
from painterly.engine.paintings import Paintings
from painterly.images.arrays import resize

# Bounds of drawings in ink. All known ones are at least 1.1 times, and all other paintings at most
# 0.9 times as far.
TWO_TONES, COLOUR, EVEN, LINES = 0.73, 0.018, 0.12, 0.09
SEEN = 512  # px, longer side at which paintings are measured


class Look(NamedTuple):
    """What is measured of a painting.

    Attributes:
        two: The part of its luminance's variance that lies between two tones, 0…1 (Otsu 1979).
        colour: The mean distance of its colours from those between its ink and its paper.
        even: The share of it that is as even as paper.
        line: The share of thin dark lines.
        black, half, pale: The shares of solid black, and of dark and light halftones.
        width: Half of the mean wave across it in px: a line, or the gap between two.
        dark, light: The colours of ink and paper, sRGB 0…1.
        longer: The painting's longer side in px.
    """

    two: float
    colour: float
    even: float
    line: float
    black: float
    half: float
    pale: float
    width: float
    dark: np.ndarray
    light: np.ndarray
    longer: float

    @property
    def ink(self) -> float:
        """How far it is above all the bounds of drawings in ink: they are 1 or more."""
        return min(
            self.two / TWO_TONES,
            COLOUR / max(self.colour, 1e-6),
            self.even / EVEN,
            self.line / LINES,
        )


def ink_of(paintings: Paintings) -> Look | None:
    """Return the mean look of paintings if all are drawings in ink, else None."""
    looks = paintings.looks
    for number, painting in enumerate(paintings.paintings):
        if number not in looks:
            looks[number] = look_of(painting)
        if looks[number].ink < 1:
            return None
    shares = np.array(paintings.shares, np.float32) / sum(paintings.shares)
    fields = zip(*(looks[number] for number in range(len(shares))), strict=True)
    means: list[Any] = [np.tensordot(shares, np.array(each, np.float32), 1) for each in fields]
    return Look(*means)


def look_of(painting: np.ndarray) -> Look:
    """Measure a painting [H, W, 3]."""
    scale = min(1.0, SEEN / max(painting.shape[:2]))
    height, width = (max(16, round(scale * side)) for side in painting.shape[:2])
    seen = resize(painting, height, width)
    luminance, longer = seen @ LUMINANCE, max(height, width)
    low, high = np.quantile(luminance, (0.02, 0.9))
    dark, light = (
        seen[part].mean(0) for part in (luminance <= low + 0.02, luminance >= high - 0.02)
    )
    tone = np.clip((luminance - low) / (high - low + 1e-3), 0, 1)
    between = dark + tone[..., None] * (light - dark)
    side = max(3, round(0.016 * longer) | 1)
    closing = closed(tone, side)
    small = side // 2 | 1
    window = np.lib.stride_tricks.sliding_window_view(luminance, (5, 5))
    local = blurred(tone, longer / 50)
    detail = tone - blurred(tone, longer / 32)
    rms = math.sqrt(float((slope(blurred(tone, 0.7)) ** 2).mean())) + 1e-6
    solid = closed(tone, small) < 0.35
    return Look(
        two=_two_tones(luminance),
        colour=float(np.abs(seen - between).mean()),
        even=float((window.std((2, 3)) < 0.02).mean()),
        line=float((closing - tone > 0.25).mean()),
        black=float(solid.mean()),
        half=float(((local < 0.55) & ~solid).mean()),
        pale=float(((local >= 0.55) & (local < 0.85)).mean()),
        width=float(math.pi * detail.std() / rms),
        dark=dark,
        light=light,
        longer=float(max(painting.shape[:2])),
    )


def _two_tones(luminance: np.ndarray) -> float:
    """Return the greatest part of the variance that lies between two classes of tones."""
    counts, edges = np.histogram(luminance, 64, (0, 1))
    part = counts / counts.sum()
    tone = (edges[1:] + edges[:-1]) / 2
    below, sums = part.cumsum()[:-1], (part * tone).cumsum()
    inside = below * (1 - below)
    between = (sums[-1] * below - sums[:-1]) ** 2 / np.maximum(inside, 1e-9)
    return float(between.max() / (luminance.var() + 1e-9))
