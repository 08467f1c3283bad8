"""Measures of paintings: which are drawings in ink, and their shares of tones."""

import math
from typing import Any, NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import blurred, closed, gradients, luminance_of, moments
from painterly.engine.paintings import Paintings, resized
from painterly.engine.places import is_used
from painterly.images.arrays import resize, to_float

SEEN = 512  # px, longer side at which paintings are measured
FEW = 128  # px, at which one is found to have far too many colours, which saves time
# A drawing in ink has at least these measures, and at most this colour.
TWO_TONES, COLOUR, EVEN, LINES = 0.7, 0.018, 0.12, 0.09


class Look(NamedTuple):
    """A painting's measures.

    Attributes:
        two: The part of luminance's variance between two tones, 0…1 (Otsu 1979).
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
        """Its margin within the bounds of drawings in ink, as a factor; below 1, it is none."""
        colour = COLOUR / max(self.colour, 1e-6)
        return min(self.two / TWO_TONES, colour, self.even / EVEN, self.line / LINES)


def ink_of(paintings: Paintings) -> Look | None:
    """Return the mean look of paintings if all are drawings in ink, else None."""
    looks = paintings.looks
    for number, painting in enumerate(paintings.paintings):
        if number not in looks:
            step = max(1, max(painting.shape[:2]) // FEW)
            few, mask = to_float(painting[::step, ::step]), paintings.masks[number]
            *_, colour = _tones_of(few, is_used(resized(mask, few.shape[:2])))
            looks[number] = None if colour > 2 * COLOUR else look_of(painting, mask)
        if looks[number] is None or looks[number].margin < 1:
            return None
    shares = np.array(paintings.shares, np.float32) / sum(paintings.shares)
    fields = zip(*(looks[number] for number in range(len(shares))), strict=True)
    means: list[Any] = [np.tensordot(shares, np.array(each, np.float32), 1) for each in fields]
    return Look(*means)


def look_of(painting: np.ndarray, mask: np.ndarray | None = None) -> Look:
    """Measure a painting [H, W, 3], or the part of it that a mask [h, w] lets through."""
    scale = min(1.0, SEEN / max(painting.shape[:2]))
    seen = resize(painting, *(max(16, round(scale * side)) for side in painting.shape[:2]))
    used = is_used(resized(mask, seen.shape[:2]))
    luminance, longer = luminance_of(seen), max(seen.shape)
    dark, light, tone, colour = _tones_of(seen, used)
    side = max(3, round(0.016 * longer) | 1)
    solid = closed(tone, side // 2 | 1) < 0.35
    local, wave = blurred(tone, longer / 50), tone - blurred(tone, longer / 32)
    slopes = (each[used] for each in gradients(blurred(tone, 0.7)))
    _, variance = moments(np.pad(luminance, 2, "edge"), 5)
    return Look(
        two=_two_tones(luminance[used]),
        colour=colour,
        even=float((variance < 0.02**2)[used].mean()),
        line=float((closed(tone, side) - tone > 0.25)[used].mean()),
        black=float(solid[used].mean()),
        half=float(((local < 0.55) & ~solid)[used].mean()),
        pale=float(((local >= 0.55) & (local < 0.85))[used].mean()),
        width=float(math.pi * wave[used].std() / (np.sqrt(2 * np.square([*slopes]).mean()) + 1e-6)),
        longer=float(max(painting.shape[:2])),
        dark=dark,
        light=light,
    )


def _tones_of(
    seen: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return the colours of ink and paper, the tone of each pixel between them, 0…1, and
    `Look.colour`."""
    luminance = luminance_of(seen)
    low, high = np.quantile(luminance[used], (0.02, 0.9))
    parts = luminance <= low + 0.02, luminance >= high - 0.02
    dark, light = (seen[part & used].mean(0) for part in parts)
    tone = np.clip((luminance - low) / (high - low + 1e-3), 0, 1)
    far = np.abs(seen - dark - tone[..., None] * (light - dark))
    return dark, light, tone, float(far[used].mean())


def _two_tones(luminance: np.ndarray) -> float:
    """Return the greatest part of the variance between two classes of tones."""
    counts, edges = np.histogram(luminance, 64, (0, 1))
    part, tone = counts / counts.sum(), (edges[1:] + edges[:-1]) / 2
    below, sums = part.cumsum()[:-1], (part * tone).cumsum()
    inside = np.maximum(below * (1 - below), 1e-9)
    between = (sums[-1] * below - sums[:-1]) ** 2 / inside
    return float(between.max() / (luminance.var() + 1e-9))
