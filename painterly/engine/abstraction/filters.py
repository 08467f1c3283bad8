"""Filters of maps [h, w] in NumPy: blurs, forms, and the flow along contours."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from painterly.images.arrays import resample
from painterly.images.colours.colour import LUMA

MOST_BLUR = 5.0  # px: a larger blur is computed at a smaller size


def luminance_of(photo: np.ndarray) -> np.ndarray:
    """Return the luminance [h, w] of a photo [h, w, 3]."""
    red, green, blue = (weight * photo[..., each] for each, weight in enumerate(LUMA))
    return red + green + blue


def scaled(map_: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return a map at another (height, width), bilinearly, antialiased if it shrinks."""
    height, width = size
    if map_.shape == (height, width):
        return map_
    return resample(map_[..., None], height, width, Image.Resampling.BILINEAR)[..., 0]


def linear_ramp(values: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return 0 up to `first`, 1 from `last` on, and a straight line between."""
    return np.clip((values - first) / (last - first), 0, 1)


def ramp(values: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return 0 up to `first`, 1 from `last` on, and a smooth step between."""
    part = linear_ramp(values, first, last)
    return part * part * (3 - 2 * part)


def gaussian(deviation: float) -> np.ndarray:
    """Return the weights of a Gaussian of this standard deviation in px, up to three times as far
    on both sides, of sum 1."""
    radius = math.ceil(3 * deviation)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    return np.asarray(weights / weights.sum())


def blurred(map_: np.ndarray, deviation: float) -> np.ndarray:
    """Return a map, blurred by a Gaussian of this standard deviation in px."""
    if deviation > MOST_BLUR:
        part = MOST_BLUR / 2 / deviation
        height, width = (max(2, round(part * side)) for side in map_.shape)
        return scaled(blurred(scaled(map_, (height, width)), MOST_BLUR / 2), map_.shape)
    reach = max(1, math.ceil(2.7 * deviation))
    weights = np.exp(-0.5 * (np.arange(reach + 1) / deviation) ** 2)
    weights = (weights / (2 * weights.sum() - weights[0])).astype(np.float32)
    for axis in range(2):
        wide = map_.take(np.pad(np.arange(map_.shape[axis]), reach, "symmetric"), axis)
        shifted = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1, axis)
        map_ = weights[0] * shifted[..., reach]
        for far in range(1, reach + 1):
            both = shifted[..., reach - far] + shifted[..., reach + far]
            both *= weights[far]
            map_ += both
    return map_


def gradients(map_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of a map along y and x."""
    wide = np.pad(map_, 1, "edge")
    return (wide[2:, 1:-1] - wide[:-2, 1:-1]) / 2, (wide[1:-1, 2:] - wide[1:-1, :-2]) / 2


def tangents(maps: Sequence[np.ndarray], reach: float) -> np.ndarray:
    """Return the directions x + iy along the contours of maps, from their structure tensor smoothed
    over `reach` px."""
    slopes = [gradients(each) for each in maps]
    rows, both, columns = (
        blurred(np.sum([one[first] * one[second] for one in slopes], 0), reach)
        for first, second in ((0, 0), (0, 1), (1, 1))
    )
    angle = 0.5 * np.arctan2(2 * both, columns - rows)
    return -np.sin(angle) + 1j * np.cos(angle)


def along(map_: np.ndarray, flow: np.ndarray, deviation: float, step: float) -> np.ndarray:
    """Return a complex map, blurred by a Gaussian along the flow, in steps of so many px."""
    (height, width), ways, values = map_.shape, flow.ravel(), map_.ravel()
    rows, columns = np.mgrid[:height, :width].reshape(2, -1).astype(np.float32)
    total, weights = values.copy(), np.float32(1)
    for way in (ways, -ways):
        place = columns + 1j * rows
        for number in range(1, max(1, int(2 * deviation / step)) + 1):
            place += np.float32(step) * way
            here = np.clip(np.rint(place.imag), 0, height - 1) * width
            here += np.clip(np.rint(place.real), 0, width - 1)
            here = here.astype(np.intp)
            ahead = ways.take(here)
            way = ahead * np.copysign(np.float32(1), (way * ahead.conj()).real)
            weight = np.exp(np.float32(-0.5 * (number * step / deviation) ** 2))
            weights += weight
            total += weight * values.take(here)
    return (total / weights).reshape(height, width)


def means(map_: np.ndarray, side: int) -> np.ndarray:
    """Return the mean of each square of `side` px inside of a map."""
    sums = np.pad(map_.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    right, left = sums[:, side:], sums[:, :-side]
    return (right[side:] - right[:-side] - left[side:] + left[:-side]) / side**2


def moments(map_: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance in each square of `side` px inside of a map."""
    mean = means(map_, side)
    return mean, np.maximum(means(map_ * map_, side) - mean**2, 0)


def calmest(map_: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of the calmest of the four squares of `reach` px around each pixel (Kuwahara
    et al. 1976)."""
    wide = np.pad(map_, reach, "symmetric")
    mean, variance = moments(wide, reach + 1)
    calm = (1e-3 + np.sqrt(variance)) ** -6
    (height, width), far = map_.shape, (0, reach)
    parts = [np.s_[top : top + height, left : left + width] for top in far for left in far]
    total = np.sum([calm[part] * mean[part] for part in parts], 0)
    return (total / np.sum([calm[part] for part in parts], 0)).astype(np.float32)


def spread(map_: np.ndarray) -> np.ndarray:
    """Return the greatest of each pixel and its four neighbours."""
    wide = np.pad(map_, 1, "edge")
    beside = wide[2:, 1:-1], wide[:-2, 1:-1], wide[1:-1, 2:], wide[1:-1, :-2]
    return np.maximum.reduce([map_, *beside])


def closed(map_: np.ndarray, side: int) -> np.ndarray:
    """Return a map without dark parts that are narrower than `side` px, an odd number."""
    for function in (np.maximum, np.maximum, np.minimum, np.minimum):
        wide = np.pad(map_, ((side // 2, side // 2), (0, 0)), "edge")
        map_ = function.reduce([wide[first : first + len(map_)] for first in range(side)]).T
    return map_
