"""Rebuilds a finished picture from patches of its paintings.

After Kwatra et al. 2005, "Texture Optimization for Example-based Synthesis", and Elad & Milanfar
2017, "Style Transfer Via Texture Synthesis". A network's features leave much of a picture's pixels
open: a mesh, grain and coloured fringes change few of them. No painting has these. So each patch of
the picture is replaced by the most similar patch of the paintings. If patches overlap, a pixel
is their mean, in which patches that fit well have more weight. Means are smoother than paint, so
fine detail is then strengthened until it varies as much as in the paintings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from painterly.engine.groups import painting_sizes
from painterly.engine.memory_model import PATCH_SIDE as SIDE
from painterly.engine.memory_model import PATCHES, PATCHES_AT_ONCE, ROTATIONS
from painterly.engine.neighbours import BLOCK, most_similar
from painterly.engine.paintings import Paintings, resized
from painterly.engine.picture import Canvas
from painterly.engine.places import is_used
from painterly.engine.tensors import blurred, mirrored, resample, to_batch
from painterly.engine.transfer import CheckStop
from painterly.engine.view import View

GAPS = 3, 2  # px from one patch of the picture to the next, in each pass
DIRECTIONS = 24  # principal components of the patches, on which they are compared
FOCUS = 2.0  # px, the standard deviation of a patch's weight around its middle
# A patch's weight is a power of its squared distance. The further from 0, the less patches mix, and
# the sharper, and the less even, they are.
TRUST, LEAST_DISTANCE = -0.75, 1e-4
DETAIL = 0.7, 1.4  # px, the standard deviations of blurs, between which bands of detail are
MIDDLE = 1024  # px of a painting that stand for the detail of all of it
MOST_GAIN = 2.0  # the largest factor of a band of detail


class Patches(NamedTuple):
    """Patches of paintings, prepared for comparison.

    Attributes:
        pixels: Their pixels [K, SIDE · SIDE · 3], sRGB 0…1.
        mean: The mean of these.
        basis: The weighted directions in which they are compared, [SIDE · SIDE · 3, E].
        keys: Their coordinates, and minus half of their squared lengths, [E + 1, K].
        deviations: The standard deviation of each band of detail of the paintings.
    """

    pixels: tf.Tensor
    mean: tf.Tensor
    basis: tf.Tensor
    keys: tf.Tensor
    deviations: tuple[float, ...]


def rebuilt(
    picture: tf.Tensor,
    canvas: Canvas,
    paintings: Paintings,
    view: View,
    stroke_size: float,
    check_stop: CheckStop,
) -> tf.Tensor:
    """Rebuild a picture from patches, each region from those of its paintings.

    Args:
        picture: The picture on its canvas [1, H, W, 3], sRGB 0…1.
        canvas: Its canvas.
        paintings: The paintings.
        view: The view, which says at which size they are seen.
        stroke_size: As in the settings.
        check_stop: Is called several times a second, and may raise an exception.
    """
    sizes = painting_sizes(paintings, view, canvas.picture, stroke_size)
    total, covered = tf.zeros_like(picture), tf.zeros_like(picture[..., :1])
    for members in paintings.members:
        seen = [resample(to_batch(paintings.paintings[each]), sizes[each]) for each in members]
        shares = [paintings.shares[each] for each in members]
        masks = [paintings.masks[each] for each in members]
        of_group = patches_of(seen, shares, masks)
        region = resized(paintings.regions[members[0]], canvas.picture)
        region = canvas.padded(region)[None, ..., None]
        total += region * from_patches(picture, of_group, check_stop)
        covered += region
    kept = tf.maximum(1 - covered, 0)
    return (total + kept * picture) / (covered + kept)


def patches_of(
    paintings: Sequence[tf.Tensor], shares: Sequence[float], masks: Sequence[np.ndarray | None]
) -> Patches:
    """Draw patches of paintings and of their rotations at random.

    Args:
        paintings: The paintings, each [1, H, W, 3], sRGB 0…1.
        shares: Each painting's share of the patches.
        masks: The part of each that is used, [h, w], 0…1, or None for all of it.
    """
    random = np.random.default_rng(0)
    drawn, deviations = [], np.zeros(len(DETAIL))
    for painting, share, mask in zip(paintings, shares, masks, strict=True):
        part = share / sum(shares)
        deviations += part * _deviations(_middle(painting))
        # Each pixel is the middle of a patch.
        image = mirrored(painting, SIDE // 2, SIDE // 2)[0].numpy()
        used = is_used(resized(mask, (painting.shape[1], painting.shape[2])))
        for quarters in range(ROTATIONS):
            windows = np.lib.stride_tricks.sliding_window_view(
                np.rot90(image, quarters), (SIDE, SIDE), (0, 1)
            )
            rows, columns = np.nonzero(np.rot90(used, quarters))
            count = min(len(rows), max(1, int(part * PATCHES / ROTATIONS)))
            chosen = np.sort(random.choice(len(rows), count, replace=False))
            pixels = windows[rows[chosen], columns[chosen]]
            drawn.append(pixels.transpose(0, 2, 3, 1).reshape(count, -1))
    return _prepared(np.concatenate(drawn).clip(0, 1), tuple(deviations))


def _prepared(pixels: np.ndarray, deviations: tuple[float, ...]) -> Patches:
    """Return patches from their pixels [K, SIDE · SIDE · 3]."""
    missing = -len(pixels) % BLOCK
    patches = tf.constant(np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)]))
    mean = tf.reduce_mean(patches, 0)
    weights = tf.sqrt(tf.reshape(_focus(), [-1]))
    offsets = (patches - mean) * weights
    _, directions = tf.linalg.eigh(tf.matmul(offsets, offsets, transpose_a=True))
    basis = weights[:, None] * directions[:, -DIRECTIONS:]
    coordinates = (patches - mean) @ basis
    lengths = tf.reduce_sum(coordinates**2, 1, keepdims=True)
    keys = tf.transpose(tf.concat([coordinates, -0.5 * lengths], 1))
    return Patches(patches, mean, basis, keys, deviations)


def from_patches(picture: tf.Tensor, patches: Patches, check_stop: CheckStop) -> tf.Tensor:
    """Return a picture [1, h, w, 3], sRGB 0…1, rebuilt from patches."""
    for gap in GAPS:
        picture = _replaced(picture, patches, gap, check_stop)
    return _sharpened(picture, patches.deviations)


def _replaced(picture: tf.Tensor, patches: Patches, gap: int, check_stop: CheckStop) -> tf.Tensor:
    """Replace each patch of a picture, in bands of rows."""
    height, width = picture.shape[1:3]
    image = mirrored(picture, SIDE, SIDE + gap)
    down, across = ((side + SIDE + gap) // gap + 1 for side in (height, width))
    high = max(1, PATCHES_AT_ONCE // across)
    sums = np.zeros((*image.shape[1:3], 4), np.float32)
    for first in range(0, down, high):
        check_stop()
        rows = slice(gap * first, gap * (min(first + high, down) - 1) + SIDE)
        band = _votes(image[:, rows], patches, gap).numpy()
        sums[rows, : band.shape[1]] += band
    sums = sums[SIDE : SIDE + height, SIDE : SIDE + width]
    return tf.constant((sums[..., :3] / sums[..., 3:])[None])


def _votes(image: tf.Tensor, patches: Patches, gap: int) -> tf.Tensor:
    """Return the weighted sum of the patches that are most similar to those of an image
    [1, H, W, 3], and of their weights: [H, W, 4]."""
    window, steps = [1, SIDE, SIDE, 1], [1, gap, gap, 1]
    taken = tf.image.extract_patches(image, window, steps, [1, 1, 1, 1], "VALID")
    _, down, across, values = taken.shape
    coordinates = (tf.reshape(taken, [-1, values]) - patches.mean) @ patches.basis
    ones = tf.ones([len(coordinates), 1])
    numbers = most_similar(tf.concat([coordinates, ones], 1), patches.keys)
    nearest = tf.transpose(tf.gather(patches.keys, numbers, axis=1))[:, :-1]
    distance = tf.reduce_sum((coordinates - nearest) ** 2, 1, keepdims=True)
    weights = (distance + LEAST_DISTANCE) ** TRUST
    voted = tf.concat([weights * tf.gather(patches.pixels, numbers), weights], 1)
    covered = [1, gap * (down - 1) + SIDE, gap * (across - 1) + SIDE, 4]
    votes = tf.reshape(voted, [1, down, across, values + 1])
    return tf.nn.conv2d_transpose(votes, _stamp(), covered, gap, "VALID")[0]


def _focus() -> tf.Tensor:
    """Return the weight of each value of a patch [SIDE, SIDE, 3], of sum 3."""
    line = np.exp(-0.5 * ((np.arange(SIDE) - SIDE // 2) / FOCUS) ** 2)
    square = np.outer(line, line) / line.sum() ** 2
    return tf.constant(np.repeat(square[..., None], 3, axis=2), tf.float32)


def _stamp() -> tf.Tensor:
    """Return the kernel of the transposed convolution that adds each patch's pixels, and its
    weight, to the pixels that it covers: [SIDE, SIDE, 4, SIDE · SIDE · 3 + 1]."""
    focus = tf.reshape(_focus(), [-1])
    colours = tf.reshape(tf.linalg.diag(focus), [SIDE, SIDE, 3, -1])
    colours = tf.pad(colours, [[0, 0], [0, 0], [0, 0], [0, 1]])
    weight = tf.pad(_focus()[..., :1, None], [[0, 0], [0, 0], [0, 0], [len(focus), 0]])
    return tf.concat([colours, weight], 2)


def _sharpened(image: tf.Tensor, deviations: Sequence[float]) -> tf.Tensor:
    """Strengthen the bands of detail of an image [1, h, w, 3] until each has such a deviation."""
    gains = [
        min(max(wanted / (has + 1e-6), 1.0), MOST_GAIN)
        for wanted, has in zip(deviations, _deviations(image), strict=True)
    ]
    channels = []
    for channel in tf.split(image, 3, -1):  # One after another: they take less memory.
        *bands, rest = _bands(channel)
        for gain, band in zip(gains, bands, strict=True):
            rest += gain * band
        channels.append(rest)
    return tf.clip_by_value(tf.concat(channels, -1), 0.0, 1.0)


def _middle(image: tf.Tensor) -> tf.Tensor:
    """Return the middle of an image [1, h, w, 3], MIDDLE px at most on each side."""
    top, left = (max(0, side - MIDDLE) // 2 for side in image.shape[1:3])
    return image[:, top : top + MIDDLE, left : left + MIDDLE]


def _deviations(image: tf.Tensor) -> np.ndarray:
    """Return the standard deviation of each band of detail of an image [1, h, w, 3]."""
    squares = [
        [float(tf.reduce_mean(band**2)) for band in _bands(channel)[:-1]]
        for channel in tf.split(image, 3, -1)
    ]
    return np.sqrt(np.mean(squares, 0))


def _bands(channel: tf.Tensor) -> list[tf.Tensor]:
    """Return the bands of detail of a channel [1, h, w, 1], finest first, and then the rest."""
    bands = []
    for deviation in DETAIL:
        smooth = blurred(channel, deviation)
        bands.append(channel - smooth)
        channel = smooth
    return [*bands, channel]
