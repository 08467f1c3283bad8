"""The subject of a photo: faces, or, by its colours and edges, the night, a street, the sea, or
things.

Colours and edges show this in some photos only, and may mislead. The rest have no subject.
"""

import numpy as np
from PIL import Image

from painterly.engine.abstraction.filters import blurred, gradients
from painterly.engine.looked_at import LookedAt
from painterly.images.arrays import resample
from painterly.images.colours.colour import srgb_to_oklab
from painterly.settings.kindness import Subject

# Oklab's L below which a place is dark, the part of a photo at night that is, and Oklab's b up to
# which its dark is not a warm brown or green.
DARK, NIGHT, WARM = 0.4, 0.6, 0.012
# An edge has a gradient of L of EDGE or more, and is vertical or horizontal up to an angle with the
# tangent STRAIGHT. One of CELLS × CELLS parts of a photo shows walls if its share of edges exceeds
# EDGED, and the share of vertical ones among them VERTICAL, or that of both kinds BOTH.
EDGE, STRAIGHT, CELLS, EDGED, VERTICAL, BOTH = 0.012, 0.17, 8, 0.15, 0.3, 0.5
WALLS = 0.12, 0.1  # parts of a street's cells with vertical edges, and with edges of both kinds
# Water is cool and not grey, neither dark nor as light as snow. It takes a part of the lower half,
# is darker than the sky, calm, and its waves are level.
COOL, NOT_GREY, LIT, WATER, BELOW_SKY = -0.008, 0.02, (0.2, 0.78), 0.3, 0.03
ROUGH, WAVES, SNOW, SNOWY = 0.05, 1.1, 0.85, 0.1
SKY = 0.35  # the part of a photo's top that is cool or very light if it shows the sky
# Flowers, fruit and things stand out by strong colours in the middle, and around there are fewer.
VIVID, GREENISH, THINGS, AROUND, MIDDLE = 0.125, -0.02, 0.05, 0.57, 0.2


def subject_of(photo: LookedAt) -> Subject | None:
    """Return what a photo shows, in which faces were looked for; None if that is not known."""
    if photo.faces:
        return Subject.FACES
    colours = srgb_to_oklab(photo.photo)
    tests = {
        Subject.STILL_LIFE: _has_things,
        Subject.NIGHT: _is_dark,
        Subject.STREET: _has_walls,
        Subject.SEA: _has_water,
    }
    return next((subject for subject, test in tests.items() if test(colours)), None)


def _is_dark(colours: np.ndarray) -> bool:
    dark = colours[..., 0] < DARK
    return bool(dark.mean() > NIGHT and colours[dark, 2].mean() < WARM)


def _has_walls(colours: np.ndarray) -> bool:
    down, across = (np.abs(each) for each in gradients(blurred(colours[..., 0], 1)))
    steep = np.hypot(down, across)
    edges = steep > EDGE
    vertical, horizontal = down < STRAIGHT * across, across < STRAIGHT * down
    weight = np.sqrt(steep) * edges
    maps = np.stack([edges, weight, weight * vertical, weight * horizontal], -1).astype(np.float32)
    edged, total, up, flat = np.moveaxis(resample(maps, CELLS, CELLS, Image.Resampling.BOX), -1, 0)
    counts = edged > EDGED
    with_vertical = np.mean(counts & (up > VERTICAL * total))
    with_both = np.mean(counts & (up + flat > BOTH * total))
    return bool(with_vertical > WALLS[0] and with_both > WALLS[1] and _has_sky(colours))


def _has_water(colours: np.ndarray) -> bool:
    light, _, yellow = np.moveaxis(colours, -1, 0)
    half = len(light) // 2
    water = (yellow < COOL) & (np.hypot(*np.moveaxis(colours[..., 1:], -1, 0)) > NOT_GREY)
    water = (water & (light > LIT[0]) & (light < LIT[1]))[half:]
    if water.mean() < WATER or np.mean(light[half:] > SNOW) > SNOWY:
        return False
    down, across = (np.mean(each[half:][water] ** 2) for each in gradients(blurred(light, 1)))
    above = np.median(light[: half // 2])
    is_calm = np.sqrt(down + across) < ROUGH and down > WAVES * across
    return bool(is_calm and np.median(light[half:][water]) < above - BELOW_SKY)


def _has_things(colours: np.ndarray) -> bool:
    height, width = colours.shape[:2]
    vivid = np.hypot(colours[..., 1], colours[..., 2]) > VIVID
    vivid &= colours[..., 1] > GREENISH
    middle = np.zeros((height, width), bool)
    top, left = round(MIDDLE * height), round(MIDDLE * width)
    middle[top : height - top, left : width - left] = True
    inside, outside = vivid[middle].mean(), vivid[~middle].mean()
    return bool(inside > THINGS and outside < AROUND * inside and not _has_sky(colours))


def _has_sky(colours: np.ndarray) -> bool:
    top = colours[: len(colours) // 4]
    is_sky = (top[..., 2] < COOL) & (top[..., 0] > DARK) | (top[..., 0] > SNOW)
    return bool(is_sky.mean() > SKY)
