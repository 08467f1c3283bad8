"""Finds paintings that are drawings in ink, and makes such a drawing of a photo: lines, black
forms, halftones and paper.

Lines follow the photo's contours (Kang, Lee & Chui 2007, "Coherent Line Drawing"), black and
halftones have the painting's shares, and plain or blurred backgrounds become paper.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import (
    along,
    blurred,
    calmest,
    closed,
    gradients,
    luminance_of,
    moments,
    ramp,
    scaled,
    spread,
    tangents,
)
from painterly.engine.paintings import Paintings, resized
from painterly.engine.picture import picture_size
from painterly.engine.places import is_used
from painterly.engine.schedule import painting_size
from painterly.images.arrays import resize, to_float
from painterly.settings.settings import Settings

SEEN = 512  # px, longer side at which paintings are measured
FEW = 128  # px, at which one is found to have far too many colours, which saves time
# A drawing in ink has at least these measures, and at most this colour.
TWO_TONES, COLOUR, EVEN, LINES = 0.7, 0.018, 0.12, 0.09
# Drawings have at most this longer side in px where the painting is seen with SEEN px. Lines of a
# larger picture are as much wider as the painting's.
DRAWN = 600
# The drawing's part in the subject, per strength, and the strength below which the photo's colours
# stay in part.
BOLD, DRAWN_FROM = 1.4, 0.3
# Backgrounds up to this mean tone are black, not paper, if more than this share of the painting is.
NIGHT, MUCH_BLACK = 0.35, 0.15
# Lines: differences of Gaussians of these deviations in px, with their factors, and the factors of
# the channels. An orange ground and white fur have one luminance.
GAUSSIANS = (0.7, 1.12, 19.0), (1.8, 2.9, 11.4)
CHANNELS = 0.8, 0.8, 0.6
OWN_TONES = 0.85  # the part of their own tones that features of a face keep
LEAST_LINE, MOST_LINES = 0.03, 0.11  # the contrast of a line, and the share of lines
# Cells of 4 px. Through such a gap in a contour, no paper reaches the subject.
GAP = 2
HATCHING, WAVERING = math.radians(36), 1.2  # its angle, and how far its lines stray in px


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


def drawn(
    photo: np.ndarray, look: Look, settings: Settings, features: np.ndarray | None = None
) -> Callable[[float], np.ndarray]:
    """Return the function that draws a photo for paintings that look so.

    Args:
        photo: The photo [h, w, 3], sRGB 0…1.
        features: Where it shows eyes, noses and mouths, [h, w], 0…1, or None without faces. They
            are drawn by their own tones.
        settings: The settings. Near a strength of 0, the drawing is the photo.

    Returns:
        A function of the boldness: with 1 the subject is drawn as far as the strength permits, with
        0 it keeps the photo's tones. Its results are float32 [h, w, 3].
    """
    size, longer, painting = photo.shape[:2], max(photo.shape), int(look.longer)
    seen, _ = painting_size(painting, painting, longer, settings.stroke_size)
    part = min(1.0, DRAWN / seen)
    small = resize(photo, *(max(8, round(part * side)) for side in size))
    known = None if features is None else resize(features, *picture_size(small))
    tones, plain = _drawn(small, look, part * seen / SEEN, known)
    grey = np.minimum(1, 1.2 * _stretched(luminance_of(photo), 0.01, 0.97))
    if tones.shape != size:
        tones = np.clip((scaled(tones, size) - 0.5) / part + 0.5, 0, 1)
        plain = scaled(plain, size)
    most, colourless = min(1.0, BOLD * settings.strength), settings.strength / DRAWN_FROM

    def draw(boldness: float) -> np.ndarray:
        mixed = grey + np.maximum(most * boldness, plain) * (tones - grey)
        drawing = mixed[..., None] * (look.light - look.dark)
        drawing += look.dark
        return drawing if colourless >= 1 else photo + colourless * (drawing - photo)

    return draw


def _stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values so that these quantiles become 0 and 1."""
    first, last = np.quantile(values[::2, ::2], (low, high)).astype(np.float32)
    return np.clip((values - first) / (last - first + 1e-3), 0, 1)


def _drawn(
    photo: np.ndarray, look: Look, unit: float, features: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tones of the drawing of a small photo [h, w], 0 ink and 1 paper, and its
    background, 0…1. `unit` is the px of what is one px in a picture of SEEN px."""
    luminance = luminance_of(photo)
    channels = [np.ascontiguousarray(photo[..., each]) for each in range(3)]
    smooth = blurred(calmest(luminance, max(2, round(4 * unit))), 0.8 * unit)
    tone = _stretched(smooth, 0.005, 0.995)
    black = look.black + 0.4 * look.half
    limit = least = _valley(tone, black)
    if look.black > MUCH_BLACK:
        limit = max(limit, NIGHT)
    plain, night = _background(channels, tone, limit)
    subject = plain < 0.5
    if subject.mean() > 0.05:
        wanted = (black - (night > 0.5).mean()) / subject.mean()
        least = _valley(tone[subject], float(np.clip(wanted, 0.02, 0.6)))
    forms = np.where(subject, _below(tone, least), 0)
    forms = np.where(night > 0.02, _below(tone, limit), forms)  # up to the subject's contour
    forms[blurred(night, 4 * unit) > 0.98] = 1
    forms = np.clip(1.6 * blurred(forms, 0.6 * unit) - 0.3, 0, 1)
    lines, lights = _lines([luminance, *channels], look, forms, unit)
    lines *= blurred(plain, 2 * unit) < 0.97
    hatched = np.where(subject, _hatched(tone, look, unit), 0)
    tones = 1 - np.maximum(lines, (1 - lights) * np.maximum(forms, hatched))
    # Eyes and mouths keep more of their own tones.
    detail = blurred(np.abs(luminance - blurred(luminance, 2.5 * unit)), 4 * unit)
    first = float(np.clip(np.quantile(detail[::2, ::2], 0.9), 0.02, 0.03))
    small = ramp(detail, first, first + 0.03) * (1 - ramp(blurred(forms, 6 * unit), 0.35, 0.6))
    local = np.clip(0.8 + 2.5 * (luminance - blurred(luminance, 8 * unit)), 0, 1)
    own = 0.6 * small
    if features is not None:
        own = np.maximum(own, OWN_TONES * features)
    tones = tones + own * (local - tones)
    return tones.astype(np.float32), ramp(blurred(plain, 2 * unit), 0.5, 1)


def _below(tone: np.ndarray, limit: float) -> np.ndarray:
    return ramp(limit + 0.01 - tone, -0.012, 0.012)


def _valley(tones: np.ndarray, share: float) -> float:
    """Return the tone up to which a photo is black: near this share of it, where the fewest tones
    are."""
    first, last = np.quantile(tones, (0.8 * share, min(0.9, 1.3 * share)))
    last = float(np.clip(last, 0.16, 0.5))
    counts, edges = np.histogram(tones, 100, (0, 1))
    smooth, middle = np.convolve(counts, np.ones(5), "same"), (edges[1:] + edges[:-1]) / 2
    allowed = (middle >= min(first, last) - 0.01) & (middle <= last + 0.01)
    return float(middle[allowed][smooth[allowed].argmin()])


def _background(
    channels: list[np.ndarray], tone: np.ndarray, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo's background, 0…1: connected parts without fine detail that reach its upper
    borders; and of it what is darker than a limit. It is sought at the same size in all pictures:
    enlarged, a photo has no fine detail."""
    part = min(1.0, SEEN / max(tone.shape))
    seen = tuple(max(8, round(part * side)) for side in tone.shape)
    unit = max(seen) / SEEN
    maps = (blurred(scaled(each, seen), unit) for each in channels)
    fine = unit * np.max([np.hypot(*gradients(each)) for each in maps], 0)
    size = tuple(max(4, round(side / max(1.0, 4 * unit))) for side in seen)
    detail = blurred(scaled(ramp(fine, 0.008, 0.025), size), 1.0)
    free = core = detail < 0.3
    for _ in range(GAP):
        core = ~spread(~core)
    labels = _labels(core)
    for _ in range(GAP + 1):
        labels = np.where(labels > 0, labels, spread(labels) * free)
    areas = np.bincount(labels.ravel())
    means = np.bincount(labels.ravel(), scaled(tone, size).ravel()) / np.maximum(areas, 1)
    sides = labels[: 2 * len(labels) // 3]
    edges = labels[: GAP + 1], sides[:, : GAP + 1], sides[:, -GAP - 1 :]
    reaches = np.isin(np.arange(len(areas)), np.concatenate([each.ravel() for each in edges]))
    reaches &= areas > 0.004 * labels.size
    reaches[0] = False

    def grown(which: np.ndarray) -> np.ndarray:
        part = which[labels]
        for _ in range(2):
            part = spread(part) & (detail < 0.8)
        whole = part.astype(np.float32)
        return scaled(whole, tone.shape)

    return grown(reaches), grown(reaches & (means < limit))


def _labels(free: np.ndarray) -> np.ndarray:
    """Return numbers [h, w] of the connected parts of a mask, from 1; 0 elsewhere."""
    wide = np.pad(free * np.arange(1, free.size + 1).reshape(free.shape), 1)
    labels, before = wide[1:-1, 1:-1], -1
    beside = wide[2:, 1:-1], wide[:-2, 1:-1], wide[1:-1, 2:], wide[1:-1, :-2]
    while before != (before := int(labels.sum())):
        for each in 8 * beside:
            np.maximum(labels, each, out=labels, where=free)
    return np.unique(np.append(0, labels), return_inverse=True)[1][1:].reshape(free.shape)


def _lines(
    maps: list[np.ndarray], look: Look, forms: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return dark lines, 0…1, and light lines within black forms; `maps` are luminance and
    channels."""
    luminance, *channels = maps
    low, high = np.quantile(luminance[::2, ::2], (0.01, 0.99)).astype(np.float32)
    dark = light = np.zeros_like(luminance)
    stretched = (luminance - low) / (high - low + 1e-3)
    for each, factor in zip((stretched, *channels), (1.0, *CHANNELS), strict=True):
        sharp, broad = (
            factor * gain * (blurred(each, unit * fine) - blurred(each, unit * coarse))
            for fine, coarse, gain in GAUSSIANS
        )
        dark, light = np.minimum(dark, np.minimum(sharp, broad)), np.maximum(light, sharp)
    flow = tangents([blurred(each, 0.8 * unit) for each in channels], 3 * unit)
    lines = along(dark + 1j * light, flow, 4 * unit, 1.4 * unit)
    dark, light = lines.real, lines.imag
    reach = max(forms.shape) / 24
    near = np.sqrt(blurred(dark * dark, reach))
    mean = near.mean()
    dark *= mean / (0.5 * near + 0.5 * mean + 1e-4)
    least = -min(np.quantile(dark[::2, ::2], min(MOST_LINES, 0.5 * look.line)), -LEAST_LINE)
    lines = _whole(np.clip(0.5 - 2 * (dark / least + 1), 0, 1), unit)
    inside = blurred(forms, 1.5 * unit) > 0.9
    if not inside.any():
        return lines, np.zeros_like(lines)
    energy = blurred(light * light * inside, reach) / (blurred(forms, reach) + 1e-3)
    light = light / (np.sqrt(np.maximum(energy, 0)) + 0.06)
    least = max(np.quantile(light[inside], 0.88), 0.9)
    return lines, _whole(np.clip(2 * (light - least) + 0.5, 0, 1) * inside, unit)


def _whole(lines: np.ndarray, unit: float) -> np.ndarray:
    return lines * ramp(blurred(lines, 2.2 * unit), 0.13, 0.22)


def _hatched(tone: np.ndarray, look: Look, unit: float) -> np.ndarray:
    """Return the hatching of two halftones, 0…1: parallel lines as far apart as the painting's."""
    tone = blurred(tone, 1.5 * unit)
    shares = min(0.9, look.black + look.half), min(0.95, look.black + look.half + 0.5 * look.pale)
    half, pale = np.minimum(np.quantile(tone[::2, ::2], shares), (0.42, 0.58))
    rows, columns = np.mgrid[: tone.shape[0], : tone.shape[1]].astype(np.float32) / np.float32(unit)
    stray = WAVERING * (np.sin(columns / 13 + rows / 29) + np.sin(rows / 17 - columns / 37))
    across = rows * math.cos(HATCHING) + columns * math.sin(HATCHING) + stray
    wave = np.cos(2 * math.pi * across / (1.15 * look.width))
    edge = np.where(tone < half, math.cos(0.5 * math.pi), math.cos(0.3 * math.pi))
    return np.where(tone < pale, np.clip(1.1 * unit * (wave - edge) + 0.5, 0, 1), 0)
