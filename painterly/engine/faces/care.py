"""What is held to the photo where it shows faces.

A matcher knows no faces: it paints an eye like any dark spot, and people are no longer themselves.
So in a face the picture is matched closer to the photo, its tones follow the photo's while strokes
and colours stay, and its features keep their form where the picture is rebuilt from patches.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from painterly.engine.abstraction.filters import blurred, linear_ramp, scaled
from painterly.engine.faces.finding import Found
from painterly.images.arrays import to_float
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

# The landmarks around a face, eyes, brows, lips and nose, and how much larger each is taken, from
# its middle.
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
FEATURES = [
    ([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7], 1.5),
    ([263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249], 1.5),
    ([46, 53, 52, 65, 55, 107, 66, 105, 63, 70], 1.2),
    ([276, 283, 282, 295, 285, 336, 296, 334, 293, 300], 1.2),
    ([61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146], 1.15),
    ([168, 6, 197, 195, 5, 4, 1, 98, 97, 2, 326, 327], 1.1),
]
LARGER, SOFT, SOFT_FEATURES = 1.08, 0.06, 0.03  # of the oval; deviations in parts of its width


class Care(NamedTuple):
    """A face in a picture.

    Attributes:
        part: The rows and columns of the picture that the masks are of.
        oval: The whole face [h, w], 0…1.
        features: Its eyes, brows, nose and mouth [h, w], 0…1.
        width: The face's width in px.
    """

    part: tuple[slice, slice]
    oval: np.ndarray
    features: np.ndarray
    width: float


def cares_of(faces: Sequence[Found], size: tuple[int, int]) -> list[Care]:
    """Return faces as a picture of this (height, width) shows them."""
    cares = [_care_of(each, size) for each in faces]
    return [each for each in cares if each is not None]


def ovals_of(cares: Sequence[Care], size: tuple[int, int]) -> np.ndarray:
    """Return the faces of a picture of this (height, width) together, [h, w], 0…1."""
    whole = np.zeros(size, np.float32)
    for care in cares:
        np.maximum(whole[care.part], care.oval, out=whole[care.part])
    return whole


def _care_of(face: Found, size: tuple[int, int]) -> Care | None:
    points = face.landmarks * np.array(size[::-1], np.float32)
    oval = points[OVAL]
    width = float(min(np.ptp(oval[:, 0]), np.ptp(oval[:, 1])))
    margin = 3 * SOFT * width + 2
    middle = oval.mean(0)
    low, high = (
        np.clip(LARGER * (edge - middle) + middle + away, 0, size[::-1]).astype(int)
        for edge, away in ((oval.min(0), -margin), (oval.max(0), margin))
    )
    if (high <= low).any():
        return None
    part = slice(low[1], high[1]), slice(low[0], high[0])
    shape = tuple(high - low)[::-1]

    def mask(polygons: Sequence[tuple[np.ndarray, float]], soft: float) -> np.ndarray:
        drawn = Image.new("L", shape[::-1])
        for corners, larger in polygons:
            centre = corners.mean(0)
            places = larger * (corners - centre) + centre - low
            ImageDraw.Draw(drawn).polygon([tuple(each) for each in places.tolist()], fill=255)
        return face.certainty * blurred(np.asarray(drawn, np.float32) / 255, max(0.3, soft * width))

    features = [(points[corners], larger) for corners, larger in FEATURES]
    return Care(
        part, mask([(oval, LARGER)], SOFT), mask(features, SOFT_FEATURES), width
    )


def softened(strength: float, cares: Sequence[Care], size: tuple[int, int]) -> float | np.ndarray:
    """Return the strength at each pixel of a picture of this (height, width), [h, w, 1]; one number
    without faces."""
    if not cares:
        return strength
    return strength * (1 - SOFTER * ovals_of(cares, size)[..., None])


def with_tones(picture: np.ndarray, photo: np.ndarray, cares: Sequence[Care]) -> None:
    """Give the faces of a picture [h, w, 3] the photo's forms in their tones, in the picture's own
    range. Finer strokes, and colours, stay. `photo` is of any size."""
    for care in cares:
        weight = care.oval / max(care.oval.sum(), 1e-6)
        lab = srgb_to_oklab(picture[care.part].clip(0, 1))
        tones, shown = lab[..., 0], srgb_to_oklab(_shown(photo, care.part, picture.shape[:2]))[..., 0]
        coarse = max(0.6, COARSE * care.width)
        smooth = blurred(tones, coarse)
        mean, level = ((weight * each).sum() for each in (shown, smooth))
        contrast, has = (
            math.sqrt((weight * np.square(each - middle)).sum())
            for each, middle in ((shown, mean), (smooth, level))
        )
        gain = np.clip(has / (contrast + 1e-3), *GAIN)
        goal = np.clip(level, mean - LEVEL, mean + LEVEL) + gain * (blurred(shown, 0.5) - mean)
        where = np.maximum(0.75 * care.oval, np.minimum(1, 1.2 * care.features) * (care.oval > 0.05))
        lab[..., 0] += TONES * where * blurred(goal - tones, coarse)
        picture[care.part] = oklab_to_srgb(lab).clip(0, 1)


def keep(whole: np.ndarray, picture: np.ndarray, cares: Sequence[Care]) -> None:
    """Mix the features in a rebuilt picture [h, w, 3] with those that it was rebuilt from: the
    smaller a face, the more."""
    for care in cares:
        part = KEPT * np.clip(SMALL / care.width, 0.3, 1)
        kept = part * np.maximum(0.6 * care.oval, care.features)[..., None]
        whole[care.part] += kept * (picture[care.part] - whole[care.part])


def _shown(photo: np.ndarray, part: tuple[slice, slice], size: tuple[int, int]) -> np.ndarray:
    """Return what a part of a picture of this (height, width) shows of the photo [H, W, 3]."""
    scales = [of_photo / of_picture for of_photo, of_picture in zip(photo.shape, size, strict=False)]
    box = [(each.start * scale, each.stop * scale) for each, scale in zip(part, scales, strict=True)]
    some = [slice(max(0, int(first) - 8), int(last) + 9) for first, last in box]
    crop = to_float(photo[some[0], some[1]])
    shape = [each.stop - each.start for each in part]
    (top, bottom), (left, right) = (
        (first - each.start, last - each.start) for (first, last), each in zip(box, some, strict=True)
    )
    inside = left, top, min(right, crop.shape[1]), min(bottom, crop.shape[0])
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(crop[..., each])).resize(shape[::-1], Image.Resampling.LANCZOS, inside))
        for each in range(3)
    ]
    return np.stack(channels, -1).clip(0, 1)


SOFTER, TONES, KEPT, SMALL = 0.6, 0.8, 0.5, 60
# Tones follow the photo's at scales coarser than COARSE of a face's width; their spread, and their
# mean, differ from the photo's by GAIN and LEVEL at most.
COARSE, GAIN, LEVEL = 0.025, (0.9, 1.25), 0.15
