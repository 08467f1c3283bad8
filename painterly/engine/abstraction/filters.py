"""Filters of pictures in NumPy: blurs, forms, and the flow along contours."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from painterly.images.arrays import resample

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
FINEST = 5.0  # px: a blur beyond it is computed at a smaller size


def scaled(map_: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a map [h, w] at another (height, width), bilinearly, antialiased if it shrinks."""
    return resample(map_[..., None], *size, Image.Resampling.BILINEAR)[..., 0]


def ramp(values: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return 0 up to `first`, 1 from `last` on, and a smooth step between."""
    part = np.clip((values - first) / (last - first), 0, 1)
    return part * part * (3 - 2 * part)


def blurred(map_: np.ndarray, deviation: float) -> np.ndarray:
    """Return a map [h, w], blurred by a Gaussian of this standard deviation in px."""
    height, width = map_.shape
    if deviation > FINEST:
        size = tuple(max(2, round(side * FINEST / 2 / deviation)) for side in map_.shape)
        small = scaled(map_, size)
        return scaled(blurred(small, deviation * size[0] / height), (height, width))
    reach = max(1, math.ceil(2.7 * deviation))
    weights = np.exp(-0.5 * (np.arange(reach + 1) / deviation) ** 2)
    weights = (weights / (2 * weights.sum() - weights[0])).astype(np.float32)
    for axis, side in enumerate((height, width)):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (reach, reach)
        wide = np.pad(map_, widths, "symmetric").swapaxes(0, axis)
        total = weights[0] * wide[reach : reach + side]
        for far in range(1, reach + 1):
            before, after = reach - far, reach + far
            total += weights[far] * (wide[before : before + side] + wide[after : after + side])
        map_ = total.swapaxes(0, axis)
    return map_


def gradients(map_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of a map [h, w] along y and x."""
    wide = np.pad(map_, 1, "edge")
    return (wide[2:, 1:-1] - wide[:-2, 1:-1]) / 2, (wide[1:-1, 2:] - wide[1:-1, :-2]) / 2


def slope(map_: np.ndarray) -> np.ndarray:
    """Return the length of a map's gradient."""
    return np.hypot(*gradients(map_))


def tangents(maps: Sequence[np.ndarray], reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction (y, x) along the contours of maps, from their structure tensor smoothed
    over `reach` px."""
    products = [np.zeros_like(maps[0]) for _ in range(3)]
    for each in maps:
        below, right = gradients(each)
        for total, product in zip(
            products, (below * below, below * right, right * right), strict=True
        ):
            total += product
    rows, both, columns = (blurred(each, reach) for each in products)
    angle = 0.5 * np.arctan2(2 * both, columns - rows)
    return np.cos(angle), -np.sin(angle)


def along(
    maps: Sequence[np.ndarray], flow: tuple[np.ndarray, np.ndarray], deviation: float, step: float
) -> list[np.ndarray]:
    """Return maps, each blurred by a Gaussian along the flow, in steps of so many px."""
    height, width = maps[0].shape
    down, across = (each.ravel() for each in flow)
    flat = [each.ravel() for each in maps]
    totals, weights = [each.copy() for each in flat], 1.0
    rows, columns = np.mgrid[:height, :width].astype(np.float32).reshape(2, -1)
    for sign in (1, -1):
        y, x, dy, dx = rows.copy(), columns.copy(), sign * down, sign * across
        for number in range(1, max(1, int(2 * deviation / step)) + 1):
            y += step * dy
            x += step * dx
            here = np.clip(np.rint(y), 0, height - 1).astype(np.int32) * width
            here += np.clip(np.rint(x), 0, width - 1).astype(np.int32)
            next_y, next_x = down[here], across[here]
            back = np.copysign(np.float32(1), next_y * dy + next_x * dx)
            dy, dx = next_y * back, next_x * back
            weight = math.exp(-0.5 * (number * step / deviation) ** 2)
            weights += 2 * weight if sign == 1 else 0
            for total, each in zip(totals, flat, strict=True):
                total += np.float32(weight) * each[here]
    return [(each / np.float32(weights)).reshape(height, width) for each in totals]


def calmest(photo: np.ndarray, reach: int) -> np.ndarray:
    """Return the luminance of a photo [h, w, 3] as the mean of the calmest of the four squares of
    `reach` px around each pixel (Kuwahara et al. 1976)."""
    height, width = photo.shape[:2]
    wide = np.pad(photo @ LUMINANCE, reach, "symmetric").astype(np.float64)

    def means(map_: np.ndarray) -> np.ndarray:
        sums, side = np.pad(map_, ((1, 0), (1, 0))).cumsum(0).cumsum(1), reach + 1
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side]
        return (inside + sums[:-side, :-side]) / side**2

    mean = means(wide)
    calm = (1e-3 + np.sqrt(np.maximum(means(wide * wide) - mean**2, 0))) ** -6
    total, weights = np.zeros((2, height, width))
    for top in (0, reach):
        for left in (0, reach):
            part = np.s_[top : top + height, left : left + width]
            total += calm[part] * mean[part]
            weights += calm[part]
    return (total / weights).astype(np.float32)


def spread(map_: np.ndarray) -> np.ndarray:
    """Return the greatest of each pixel and its four neighbours, of a map [h, w]."""
    wide = np.pad(map_, 1, "edge")
    beside = wide[2:, 1:-1], wide[:-2, 1:-1], wide[1:-1, 2:], wide[1:-1, :-2]
    return np.maximum.reduce([map_, *beside])


def closed(map_: np.ndarray, side: int) -> np.ndarray:
    """Return a map [h, w] without dark parts that are narrower than `side` px, an odd number."""
    for function in (np.maximum, np.minimum):
        for axis in (0, 1):
            widths = [(side // 2,) * 2 if each == axis else (0, 0) for each in (0, 1)]
            windows = np.lib.stride_tricks.sliding_window_view(
                np.pad(map_, widths, "edge"), side, axis
            )
            map_ = function.reduce(windows, axis=-1)
    return map_
