"""Makes a drawing in ink of a photo: lines, black forms, halftones and paper.

Lines follow the photo's contours (Kang, Lee & Chui 2007, "Coherent Line Drawing"), forms and
halftones have the painting's shares, and plain or blurred backgrounds become paper.
"""

import math
from typing import NamedTuple

import numpy as np

from painterly.engine.abstraction.filters import (
    along,
    blurred,
    calmest,
    ramp,
    scaled,
    slope,
    spread,
    tangents,
)
from painterly.engine.abstraction.measures import LUMINANCE, SEEN, Look
from painterly.engine.schedule import painting_size
from painterly.images.arrays import resize
from painterly.settings.settings import Settings

# Drawings are made at this size, where a painting is seen with SEEN px, and then enlarged.
DRAWN = 640
# The strength from which on the picture is led to the drawing alone.
DRAWN_FROM = 0.3
BOLD = 1.4  # times the strength: most of the drawing's part in the subject
# Backgrounds up to this mean tone are black if so much of the painting is, not paper.
NIGHT, MUCH_BLACK = 0.35, 0.15
# Lines: a difference of Gaussians of these deviations in px, sharp and broad, and the factors of
# the channels. An orange ground and white fur have one luminance.
SHARP, BROAD, BROAD_PART, SHARPENED = (0.7, 1.12), (1.8, 2.9), 0.6, 19.0
CHANNELS = 0.8, 0.8, 0.6
LEAST_LINE, MOST_LINES, LINES_PART = 0.03, 0.11, 0.5
HATCHING, WAVERING = math.radians(36), 1.2  # its angle, and how far its lines stray in px


def drawings(photo: np.ndarray, look: Look, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo [h, w, 3], sRGB 0…1, as a drawing for paintings that look so, and as the
    faintest one, which keeps the tones of its subject. Near a strength of 0, both are the photo."""
    strength = settings.strength
    side = round(look.longer)
    seen, _ = painting_size(side, side, max(photo.shape[:2]), settings.stroke_size)
    bold, faint = _drawings(photo, look, seen, min(1.0, BOLD * strength))
    if (part := strength / DRAWN_FROM) < 1:
        bold, faint = (photo + part * (each - photo) for each in (bold, faint))
    return bold, faint


def _drawings(
    photo: np.ndarray, look: Look, seen: float, part: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo as two drawings, of which the second one keeps the tones of its subject.

    Args:
        photo: The photo [h, w, 3], sRGB 0…1.
        look: The measures of the painting.
        seen: The longer side in px at which the painting is compared with it.
        part: The drawing's part in the subject, 0…1; the rest keeps the photo's tones.

    Returns:
        Each float32 [h, w, 3], in the colours between ink and paper.
    """
    height, width = photo.shape[:2]
    longer = max(height, width)
    side = min(longer, round(DRAWN / SEEN * SEEN * longer / seen))
    small = resize(photo, *(max(8, round(each * side / longer)) for each in (height, width)))
    tones, plain = _drawn(small, look, seen / SEEN * side / longer)
    luminance = photo @ LUMINANCE
    grey = np.minimum(1, 1.2 * _stretched(luminance, 0.01, 0.97))
    if tones.shape != (height, width):
        tones = scaled(tones, (height, width))
        edge = longer / side
        tones = np.clip((tones - 0.5) * edge + 0.5, 0, 1)
        plain = scaled(plain, (height, width))

    def inked(part: float) -> np.ndarray:
        mixed = grey + np.maximum(part, plain) * (tones - grey)
        return look.dark + mixed[..., None] * (look.light - look.dark)

    return inked(part), inked(0.0)


def _stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values so that these quantiles become 0 and 1."""
    first, last = np.quantile(values[::2, ::2], (low, high))
    return np.clip((values - first) / (last - first + 1e-3), 0, 1)


class _Ground(NamedTuple):
    """The parts of a photo that are plain or blurred, and reach its upper borders, 0…1; and of
    them those that are dark."""

    plain: np.ndarray
    night: np.ndarray


def _drawn(photo: np.ndarray, look: Look, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw a photo of at most DRAWN px.

    Args:
        photo: The photo [h, w, 3].
        look: The measures of the painting.
        unit: The px of what is one px in a picture of SEEN px.

    Returns:
        The tones of the drawing [h, w], 0 ink and 1 paper, and where it is the background, 0…1.
    """
    luminance = photo @ LUMINANCE
    channels = [np.ascontiguousarray(photo[..., each]) for each in range(3)]
    smooth = blurred(calmest(photo, max(2, round(4 * unit))), 0.8 * unit)
    tone = _stretched(smooth, 0.005, 0.995)
    black = look.black + 0.4 * look.half
    limit = _valley(tone, black)
    dark = max(limit, NIGHT) if look.black > MUCH_BLACK else limit
    ground = _ground(channels, tone, dark, unit)
    plain, night = ground.plain > 0.5, ground.night > 0.5
    subject = ~plain
    own = limit
    if subject.mean() > 0.05:
        wanted = (black - night.mean()) / subject.mean()
        own = _valley(tone[subject], float(np.clip(wanted, 0.02, 0.6)))
    deep = blurred(ground.night, 4 * unit) > 0.98
    near_night = (ground.night > 0.02) & ~deep
    forms = np.where(subject, ramp(own + 0.01 - tone, -0.012, 0.012), 0)
    forms = np.where(near_night, ramp(dark + 0.01 - tone, -0.012, 0.012), forms)
    forms[deep] = 1
    forms *= ramp(blurred(forms, 2.5 * unit), 0.3, 0.5)  # without specks
    forms = np.clip(1.6 * blurred(forms, 0.6 * unit) - 0.3, 0, 1)
    lines, lights = _lines(luminance, channels, look, forms, unit)
    lines *= blurred(ground.plain, 2 * unit) < 0.97
    hatched = _hatched(tone, plain, look, unit)
    inked = np.maximum.reduce([lines, forms * (1 - lights), hatched * (1 - lights)])
    # Eyes and mouths keep more of their own tones.
    near = blurred(np.abs(luminance - blurred(luminance, 2.5 * unit)), 4 * unit)
    first = float(np.clip(np.quantile(near, 0.9), 0.02, 0.03))
    small = 0.6 * ramp(near, first, first + 0.03) * (1 - ramp(blurred(forms, 6 * unit), 0.35, 0.6))
    local = np.clip(0.8 + 2.5 * (luminance - blurred(luminance, 8 * unit)), 0, 1)
    tones = 1 - inked
    tones += small * (local - tones)
    plain = ramp(blurred(ground.plain, 2 * unit), 0.5, 1)
    return tones.astype(np.float32), plain.astype(np.float32)


def _valley(tones: np.ndarray, share: float) -> float:
    """Return the tone below which a photo is black: near this share of it, where the fewest tones
    are."""
    first, last = np.quantile(tones, (0.8 * share, min(0.9, 1.3 * share)))
    last = float(np.clip(last, 0.16, 0.5))
    counts, edges = np.histogram(tones, 100, (0, 1))
    counts = np.convolve(counts, np.ones(5) / 5, "same")
    middle = (edges[1:] + edges[:-1]) / 2
    allowed = (middle >= min(first, last) - 0.01) & (middle <= last + 0.01)
    return float(middle[allowed][counts[allowed].argmin()])


def _ground(channels: list[np.ndarray], tone: np.ndarray, limit: float, unit: float) -> _Ground:
    """Return a photo's background: connected parts without fine detail."""
    fine = np.maximum.reduce([slope(blurred(each, unit)) for each in channels]) * unit
    factor = max(1.0, 4 * unit)
    size = height, width = tuple(max(4, round(side / factor)) for side in tone.shape)
    detail = blurred(scaled(ramp(fine, 0.008, 0.025), size), 1.0)
    free = detail < 0.3
    labels = _labels(free)
    count = labels.max() + 1
    areas = np.bincount(labels.ravel(), minlength=count)
    means = np.bincount(labels.ravel(), scaled(tone, size).ravel(), count) / np.maximum(areas, 1)
    border = np.concatenate(
        [labels[0], labels[: 2 * height // 3, 0], labels[: 2 * height // 3, -1]]
    )
    reaches = np.zeros(count, bool)
    reaches[border] = True
    reaches &= areas > 0.004 * height * width
    reaches[0] = False

    def grown(which: np.ndarray) -> np.ndarray:
        part = which[labels]
        for _ in range(2):
            part = spread(part) & (detail < 0.8)
        whole = part.astype(np.float32)
        whole[blurred(whole, 1.5) > 0.76] = 1  # specks in it
        return scaled(whole, tone.shape)

    return _Ground(grown(reaches), grown(reaches & (means < limit)))


def _labels(free: np.ndarray) -> np.ndarray:
    """Return numbers [h, w] of the connected parts of a mask, from 1; 0 elsewhere."""
    labels = np.where(free, np.arange(1, free.size + 1).reshape(free.shape), 0)
    before = -1
    while before != (total := int(labels.sum())):
        before = total
        for _ in range(8):
            labels = spread(labels) * free
    numbers, labels = np.unique(labels, return_inverse=True)
    return labels.reshape(free.shape) + (numbers[0] > 0)


def _lines(
    luminance: np.ndarray, channels: list[np.ndarray], look: Look, forms: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return dark lines, 0…1, and light lines within black forms."""
    reach = max(luminance.shape) / 24
    low, high = np.quantile(luminance[::2, ::2], (0.01, 0.99))
    dark = light = np.zeros_like(luminance)
    for each, factor in (
        ((luminance - low) / (high - low + 1e-3), 1.0),
        *zip(channels, CHANNELS, strict=True),
    ):
        fine, less = (blurred(each, unit * deviation) for deviation in SHARP)
        sharp = SHARPENED * factor * (fine - less)
        dark, light = np.minimum(dark, sharp), np.maximum(light, sharp)
        fine, less = (blurred(each, unit * deviation) for deviation in BROAD)
        dark = np.minimum(dark, BROAD_PART * SHARPENED * factor * (fine - less))
    flow = tangents([blurred(each, 0.8 * unit) for each in channels], 3 * unit)
    dark, light = along([dark, light], flow, 4 * unit, unit)
    near = np.sqrt(blurred(dark * dark, reach))
    mean = float(near.mean())
    dark *= mean / (0.5 * near + 0.5 * mean + 1e-4)
    least = min(np.quantile(dark, min(MOST_LINES, LINES_PART * look.line)), -LEAST_LINE)
    lines = _whole(np.clip(0.5 - 2 * (dark - least) / abs(least), 0, 1), unit)
    inside = blurred(forms, 1.5 * unit) > 0.9
    if not inside.any():
        return lines, np.zeros_like(lines)
    energy = blurred(light * light * inside, reach) / (blurred(forms, reach) + 1e-3)
    light = light / (np.sqrt(np.maximum(energy, 0)) + 0.06)
    least = max(np.quantile(light[inside], 0.88), 0.9)
    return lines, _whole(np.clip(2 * (light - least) + 0.5, 0, 1) * inside, unit)


def _whole(lines: np.ndarray, unit: float) -> np.ndarray:
    """Return lines without scraps."""
    return lines * ramp(blurred(lines, 2.2 * unit), 0.13, 0.22)


def _hatched(tone: np.ndarray, plain: np.ndarray, look: Look, unit: float) -> np.ndarray:
    """Return the hatching of halftones, 0…1: two tones, each of parallel lines as far from each
    other as the painting's."""
    longer = max(tone.shape)
    tone = blurred(tone, 1.5 * unit)
    tone = 0.7 * tone + 0.3 * np.clip(0.5 + tone - blurred(tone, longer / 10), 0, 1)
    shares = look.black + look.half, look.black + look.half + 0.5 * look.pale
    half, pale = (
        min(np.quantile(tone, min(0.95, share)), most)
        for share, most in zip(shares, (0.42, 0.58), strict=True)
    )
    height, width = tone.shape
    noise = np.random.default_rng(0).normal(
        size=tuple(max(2, -(-each // 8)) for each in tone.shape)
    )
    stray = scaled(blurred(noise.astype(np.float32), max(0.5, 1.5 * unit)), (height, width))
    stray *= WAVERING * unit / (stray.std() + 1e-6)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    across = rows * math.cos(HATCHING) + columns * math.sin(HATCHING) + stray
    wave = 0.5 + 0.5 * np.cos(2 * math.pi * across / (1.15 * look.width * unit))
    inked = np.zeros_like(tone)
    for among, share in (((tone < pale) & (tone >= half), 0.3), (tone < half, 0.5)):
        edge = 0.5 + 0.5 * math.cos(math.pi * share)
        inked += among * np.clip((wave - edge) * 2.2 * unit + 0.5, 0, 1)
    return inked * ~plain
