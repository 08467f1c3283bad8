"""Gives each region of skin in a finished picture one family of colours.

Statistics bring a photo's tones to the painting's, whatever their hue, and matches follow tones. So
a face may be split into two colours, such as white and orange, or lose its colour. For each of
about 40 × 40 places of the picture:

1. Its region has nearly its colour in the photo, at any tone, not far from it. A joint bilateral
   filter gives its weights (Petschnigg et al. 2004, "Digital photography with flash and no-flash
   image pairs").
2. The region's family is the mean of the colours that the picture has there, each weighted by
   exp(50 · its chroma in the photo's hue). So it is one of the painting's colours: the one nearest
   to the photo's.
3. The place moves towards the family, with no more chroma than the paintings have in this hue at
   the region's tones.

It moves in Oklab's a and b alone: tones and strokes stay. Only regions of the hue of skin move, and
only where this adds colour. A picture in which hardly anything would move stays as it is.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from painterly.engine.abstraction.filters import (
    blurred,
    gradients,
    linear_ramp,
    luminance_of,
    scaled,
)
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.places import is_used
from painterly.images.arrays import fit_size, resample
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

PLACES = 40  # along a picture's longer side
# The standard deviations of a region in Oklab's L, in its a and b, and in parts of the longer side.
TONE, COLOUR, REACH = 0.3, 0.03, 0.2
NEARNESS = 50.0
# A painting is seen at PALETTE px. It has a chroma, in a hue at a tone, if HELD of what it has of
# this tone has at least that chroma, in hues up to a tangent of AROUND_HUE away.
PALETTE, HUES, TONES = 64, 48, 24
HELD, AROUND_HUE, AROUND_TONE = 0.075, 0.6, 0.06
# A region moves if, in the photo, its mean colour has the hue of skin in radians, some chroma and
# not too much, if it has detail (a face has some, a wall has none), and if it is a part of the
# picture that is large enough. Each condition holds in part between two values.
SKIN, OFF_SKIN, CHROMA, TOO_MUCH = 0.87, (0.4, 0.6), (0.015, 0.03), (0.12, 0.15)
DETAIL, AREA = (0.12, 0.22), (0.015, 0.04)
# The same for the distance of its places from their goals, relative to the goals' chroma and at
# most MOST_AWAY each; for the part of the family's chroma that the paintings have; and for the part
# of the goal's chroma that a place gains.
AWAY, MOST_AWAY, FOUND, GAIN = (0.3, 0.5), 1.5, (0.4, 0.8), (-0.3, 0.1)
PART = 0.9  # part of the way to the goal
# A move of VISIBLE is seen. The picture stays as it is if less than the first of LEAST is seen to
# move, and moves whole from the second one on.
VISIBLE, LEAST = 0.03, (0.03, 0.06)
# The same where faces show what is skin, which is that from a share SHOWN of a place on.
SHOWN, LEAST_KNOWN = (0.05, 0.5), (0.0, 0.002)
NO_CHROMA, NO_HUE, TINY = 0.02, 0.01, 1e-6
# Detail as in features/structure.py, of a photo of SEEN px.
SEEN, BLUR, AROUND, CONTRAST = 256, 0.7, 5.0, 0.03 * 512


def colours_of(painting: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the colours [N, 3] in Oklab of the part of a painting [H, W, 3] that a mask [H, W],
    0…1, lets through."""
    size = fit_size(*picture_size(painting), PALETTE)
    used = is_used(_averaged(mask[..., None], size)[..., 0])
    return srgb_to_oklab(_averaged(painting, size)[used])


def palette_of(paintings: Sequence[tuple[np.ndarray, float]]) -> np.ndarray:
    """Return the chroma that paintings have in each hue at each tone, [HUES, TONES], from the
    colours and the share of each."""
    colour = np.concatenate([each for each, _ in paintings])
    parts = [np.full(len(each), share / len(each), np.float32) for each, share in paintings]
    weight = np.concatenate(parts)
    tones = np.linspace(0, 1, TONES, dtype=np.float32)[:, None]
    near = weight * np.exp(-0.5 * np.square((colour[:, 0] - tones) / AROUND_TONE))
    wanted = np.maximum(HELD * near.sum(1), TINY)[:, None]
    palette = np.zeros((HUES, TONES), np.float32)
    for hue, angle in enumerate(2 * np.pi * np.arange(HUES, dtype=np.float32) / HUES):
        along = np.cos(angle) * colour[:, 1] + np.sin(angle) * colour[:, 2]
        across = np.cos(angle) * colour[:, 2] - np.sin(angle) * colour[:, 1]
        alike = np.flatnonzero((along > 0) & (np.abs(across) < AROUND_HUE * along + NO_HUE))
        if len(alike):
            alike = alike[np.argsort(-along[alike])]
            held = np.cumsum(near[:, alike], 1) >= wanted
            palette[hue] = held.any(1) * along[alike][held.argmax(1)]
    return palette


def seen(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a photo of this (height, width), given smaller as [h, w, 3], sRGB 0…1, as its regions
    are seen: of SEEN px."""
    return _averaged(photo, fit_size(*size, SEEN))


def in_families(
    picture: np.ndarray,
    canvas: Canvas,
    photo: np.ndarray,
    groups: Sequence[tuple[np.ndarray, np.ndarray]],
    skin: np.ndarray | None = None,
) -> np.ndarray:
    """Return a finished picture on its canvas [H, W, 3], sRGB 0…1, in which each region of skin has
    one family of colours. If nothing moves, it is the same array.

    Args:
        photo: The photo as it is `seen`.
        skin: Where that shows skin [h, w], 0…1; None where no face says so.
        groups: For each group of paintings their palette, see `palette_of`, and the share of each
            pixel that it paints, [H, W, 1].
    """
    inside = canvas.cropped(picture[None])[0]
    size = fit_size(*canvas.picture, PLACES)
    has, shown = (srgb_to_oklab(_averaged(each, size)) for each in (inside, photo))
    regions, detail = _regions(shown), _detail(photo, size).ravel()
    known = None
    if skin is not None:
        known = linear_ramp(_averaged(skin[..., None], size).ravel(), *SHOWN)
        regions *= known
    covered = np.add.reduce([share for _, share in groups])
    total = _averaged(canvas.cropped(covered[None])[0], size) + TINY
    moved = np.zeros_like(has)
    for palette, share in groups:
        part = _averaged(canvas.cropped(share[None])[0], size) / total
        if part.any():
            way = _ways(has, shown, detail, regions * part.ravel(), palette, known)
            moved[..., 1:] += part * way.reshape(*size, 2)
    visible = np.mean(np.hypot(moved[..., 1], moved[..., 2]) > VISIBLE)
    seen_to_move = linear_ramp(visible, *(LEAST if known is None else LEAST_KNOWN))
    if seen_to_move <= 0:
        return picture
    change = oklab_to_srgb(has + seen_to_move * moved) - oklab_to_srgb(has)
    whole = canvas.padded(resample(change, *canvas.picture, Image.Resampling.BICUBIC))
    whole *= np.minimum(covered, 1)
    whole += picture
    return np.clip(whole, 0, 1, out=whole)


def _ways(
    has: np.ndarray,
    shown: np.ndarray,
    detail: np.ndarray,
    regions: np.ndarray,
    palette: np.ndarray,
    skin: np.ndarray | None,
) -> np.ndarray:
    """Return how far each place moves in Oklab's a and b, [N, 2]. Picture and photo are in Oklab,
    [h, w, 3]. `regions` [N, N], how much each place belongs to the region of each place, is
    overwritten. `skin` [N] says how much a place is skin, or None where that is guessed."""
    colour, of_photo = (each[..., 1:].reshape(-1, 2) for each in (has, shown))
    sizes = regions.sum(1)
    regions /= sizes[:, None] + TINY
    mean = regions @ of_photo
    if skin is not None:
        moves = skin.copy()
    else:
        moves = linear_ramp(_length(mean), *CHROMA) * (1 - linear_ramp(_length(mean), *TOO_MUCH))
        moves *= 1 - linear_ramp(np.abs(np.arctan2(mean[:, 1], mean[:, 0]) - SKIN), *OFF_SKIN)
        moves *= linear_ramp(regions @ detail, *DETAIL) * linear_ramp(sizes / len(sizes), *AREA)
    if not moves.any():
        return np.zeros_like(colour)
    hue = of_photo / (_length(of_photo)[:, None] + NO_HUE)
    nearest = NEARNESS * hue @ colour.T
    np.exp(np.clip(nearest, -8, 8, out=nearest), out=nearest)
    nearest *= regions
    family = nearest @ colour / (nearest.sum(1, keepdims=True) + TINY)
    found = regions @ _looked_up(palette, family, has[..., 0].ravel()) / (_length(family) + TINY)
    goal = np.minimum(1, found)[:, None] * family
    way = linear_ramp(found, *FOUND)[:, None] * (goal - colour)
    away = _length(way) / (_length(colour + way) + NO_CHROMA)
    moves *= linear_ramp(regions @ np.minimum(away, MOST_AWAY), *AWAY)
    moves *= linear_ramp(1 - _length(colour) / (_length(goal) + TINY), *GAIN)
    return PART * moves[:, None] * way


def _regions(shown: np.ndarray) -> np.ndarray:
    """Return how much each place of a photo in Oklab [h, w, 3] belongs to the region of each place,
    [N, N]."""
    axes = np.empty((*shown.shape[:2], 5), np.float32)
    axes[..., :3] = shown / np.array([TONE, COLOUR, COLOUR], np.float32)
    axes[..., 3:] = np.moveaxis(np.indices(shown.shape[:2]), 0, -1) / (REACH * max(shown.shape))
    flat = axes.reshape(-1, 5)
    half = np.square(flat).sum(1) / 2
    near = flat @ flat.T
    near -= half
    near -= half[:, None]
    return np.exp(np.minimum(near, 0, out=near), out=near)


def _looked_up(palette: np.ndarray, colour: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Return the chroma that paintings have in the hues of colours [N, 2] at tones [N],
    interpolated in their palette."""
    hue = np.arctan2(colour[:, 1], colour[:, 0]) * HUES / (2 * np.pi)
    level = np.clip(tone, 0, 1) * (TONES - 1)
    first, below = np.floor(hue).astype(int), np.minimum(level.astype(int), TONES - 2)
    hue, level = hue - first, level - below
    one, other = (
        (1 - level) * palette[each % HUES, below] + level * palette[each % HUES, below + 1]
        for each in (first, first + 1)
    )
    found: np.ndarray = (1 - hue) * one + hue * other
    return found


def _detail(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    down, across = gradients(blurred(luminance_of(photo), BLUR))
    square = max(photo.shape) ** 2 * blurred(down**2 + across**2, AROUND)
    return scaled(square / (square + CONTRAST**2), size)


def _averaged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resample(image, *size, Image.Resampling.BOX).clip(0, 1)


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.hypot(vectors[:, 0], vectors[:, 1])
