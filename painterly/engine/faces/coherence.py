"""Gives people in a finished picture colours as coherent as their photo's.

Each place of a picture is matched alone, so an area of one colour in the photo may get two, such as
white and orange in a face, or blots in hair and clothes. Around each pixel, a guided filter
therefore fits the picture's colours as a linear function of the photo's (He et al. 2013, "Guided
Image Filtering", and He & Sun 2015, "Fast Guided Filter"), which has one value for one colour. The
fitted colours are then spread as much as before, and move towards the photo's, those of skin
furthest. Only Oklab's a and b change, at scales coarser than strokes. Tones and strokes stay,
except light specks in hair and clothes that are smooth and dark.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from PIL import Image

from painterly.engine.abstraction.filters import blurred, linear_ramp, luminance_of
from painterly.engine.faces.care import People
from painterly.engine.picture import picture_size
from painterly.images.arrays import fit_size, resample, small_bands
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SEEN, FITTED = 256, 96  # px, the longer sides at which the photo is seen, and colours are fitted
# How far a pixel's surroundings reach, in parts of the longer side; the weight of the photo's tones
# in the fit; and the standard deviation of its colours below which they count as one.
AROUND, TONE, ALIKE = 0.03, 0.3, 0.02
MOST_GAIN = 1.5  # the largest factor of the fitted colours' spread
OWN, OWN_SKIN = 0.35, 0.7  # parts of the way to the photo's colours, and to those of skin
COLOURED = 0.03  # the mean chroma from which a photo counts as coloured
# The photo's tones in which nothing, and everything, is dark; the standard deviations of tones NEAR
# a pixel, in parts of the longer side, in which nothing, and everything, is smooth; and how much
# lighter than its surroundings a pixel of a smooth dark area may be, in luminance.
DARK, SMOOTH, NEAR, LIGHTER = (0.55, 0.4), (0.08, 0.04), 0.012, 0.06
TINY = 1e-6


def seen(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a photo of this (height, width), given smaller as [h, w, 3], sRGB 0…1, as its colours
    are seen: of SEEN px."""
    return _averaged(photo, fit_size(*size, SEEN))


def make_coherent(
    picture: np.ndarray, photo: np.ndarray, people: People, shares: Sequence[np.ndarray]
) -> None:
    """Give people in a finished picture [H, W, 3], sRGB 0…1, coherent colours.

    Args:
        photo: The photo as it is `seen`, [h, w, 3].
        people: The people in it.
        shares: The share of each pixel that each group of paintings paints, [H, W, 1]. Their sum is
            1 at most. The rest stays.
    """
    size = picture_size(photo)
    has, shown = (srgb_to_oklab(each) for each in (_averaged(picture, size), photo))
    moved, way = has.copy(), OWN + (OWN_SKIN - OWN) * people.skin[..., None]
    parts = [_averaged(share, size)[..., 0] for share in shares]
    total = np.add.reduce(parts) + TINY
    for part in parts:
        if (counts := part * people.bodies).any():
            goal = _spread(_fitted(has[..., 1:], shown, part), has[..., 1:], counts)
            goal += way * _to_photo(goal, shown[..., 1:], counts)
            moved[..., 1:] += (counts / total)[..., None] * (goal - has[..., 1:])
    dark, lightest = _dark(has, shown)
    change = oklab_to_srgb(moved) - oklab_to_srgb(has)
    maps = np.dstack([change, people.bodies * dark, lightest])
    for rows in small_bands(*picture_size(picture)):
        band = picture[rows]
        change = resample(maps, *picture_size(picture), Image.Resampling.BILINEAR, rows)
        specks = np.maximum(luminance_of(band) - change[..., 4], 0) * change[..., 3]
        change = change[..., :3] - specks[..., None]
        band += np.minimum(np.add.reduce([share[rows] for share in shares]), 1) * change
        np.clip(band, 0, 1, out=band)


def _fitted(colour: np.ndarray, guide: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return colours [h, w, 2] as linear functions of a guide [h, w, 3] around each pixel. `part`
    [h, w] says how much each counts."""
    size, low = picture_size(guide), fit_size(*picture_size(guide), FITTED)
    guide = guide * np.array([TONE, 1, 1], np.float32)
    weight = _averaged(part[..., None], low) + TINY
    around = _around(weight)

    def mean(values: np.ndarray) -> np.ndarray:
        return _around(weight * values) / around

    values = resample(np.dstack([guide, colour]), *low, Image.Resampling.BOX)
    pairs = [*combinations_with_replacement(range(5), 2)]
    products = np.stack([values[..., one] * values[..., other] for one, other in pairs], -1)
    means, squares = mean(values), mean(products)
    covariance = np.empty((*low, 5, 5), np.float32)
    for number, (one, other) in enumerate(pairs):
        product = squares[..., number] - means[..., one] * means[..., other]
        covariance[..., one, other] = covariance[..., other, one] = product
    of_guide = covariance[..., :3, :3] + ALIKE**2 * np.eye(3, dtype=np.float32)
    slopes = np.linalg.solve(of_guide, covariance[..., :3, 3:])
    offsets = means[..., 3:] - np.einsum("hwi,hwic->hwc", means[..., :3], slopes)
    fit = mean(np.dstack([slopes.reshape(*low, 6), offsets]))
    fit = resample(fit, *size, Image.Resampling.BILINEAR)
    slopes, offsets = fit[..., :6].reshape(*size, 3, 2), fit[..., 6:]
    return np.einsum("hwi,hwic->hwc", guide, slopes) + offsets


def _spread(colour: np.ndarray, before: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return colours [h, w, 2] with the standard deviation that they had before."""

    def mean(values: np.ndarray) -> np.ndarray:
        return (part[..., None] * values).sum((0, 1)) / part.sum()

    means = mean(colour), mean(before)
    had, has = (
        float(np.sqrt(mean(np.square(each - middle)).sum()))
        for each, middle in ((before, means[1]), (colour, means[0]))
    )
    return means[0] + np.float32(min(MOST_GAIN, had / (has + TINY))) * (colour - means[0])


def _dark(has: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how smooth and dark the photo is, [h, w], 0…1, and the luminance up to which the
    picture has no specks there. Both are in Oklab."""
    tones, near = shown[..., 0], NEAR * max(shown.shape)
    mean = blurred(tones, near)
    deviation = np.sqrt(np.maximum(blurred(tones**2, near) - mean**2, 0))
    dark = linear_ramp(-mean, *(-each for each in DARK))
    dark *= linear_ramp(-deviation, *(-each for each in SMOOTH))
    light = luminance_of(oklab_to_srgb(has))
    return dark, blurred(np.minimum(light, blurred(light, near)), near) + LIGHTER


def _to_photo(colour: np.ndarray, of_photo: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the way of colours [h, w, 2] to the photo's, which are made no stronger on average."""
    own, chroma = (
        float((part * np.hypot(each[..., 0], each[..., 1])).sum() / part.sum())
        for each in (of_photo, colour)
    )
    fainter = min(1, chroma / (own + TINY))
    return np.float32(min(1, own / COLOURED)) * (np.float32(fainter) * of_photo - colour)


def _around(maps: np.ndarray) -> np.ndarray:
    """Return maps [h, w, N], each blurred."""
    blur = AROUND * max(maps.shape[:2])
    return np.stack([blurred(maps[..., each], blur) for each in range(maps.shape[2])], -1)


def _averaged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resample(image, *size, Image.Resampling.BOX).clip(0, 1)
