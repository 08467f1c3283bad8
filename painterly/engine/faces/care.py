"""Faces held to the photo.

A matcher does not know faces: it paints an eye like any dark spot, and people are no longer
themselves. So a face's picture is matched closer to the photo, its tones follow the photo's while
strokes and colours stay, and its features keep their form when the picture is rebuilt from patches.
Skin of a large face is left freer than its features, and than small faces: there are more strokes
in it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from painterly.engine.abstraction.filters import blurred, scaled
from painterly.engine.faces.finding import Found
from painterly.engine.picture import picture_size
from painterly.images.arrays import box_average, resample, small_bands
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

# The landmarks around a face, and around its eyes, brows, lips and nose, with a factor of size.
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
LIPS = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
FEATURES = [
    ([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7], 1.5),
    ([263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249], 1.5),
    ([46, 53, 52, 65, 55, 107, 66, 105, 63, 70], 1.2),
    ([276, 283, 282, 295, 285, 336, 296, 334, 293, 300], 1.2),
    (LIPS, 1.15),
    ([168, 6, 197, 195, 5, 4, 1, 98, 97, 2, 326, 327], 1.1),
]
# The factor of the oval, and the standard deviations of both masks' edges in parts of its width.
LARGER, SOFT, SOFT_FEATURES = 1.08, 0.06, 0.03
DRAWN = 256  # px: masks and tones of a wider face are computed at this width, and enlarged
COARSE, COARSE_SKIN = 0.025, 0.06  # scales from which tones follow the photo's, as SOFT
# The factors between which the tones' spread may differ from the photo's, and how far their mean
# may, in Oklab's L.
SPREAD, LEVEL = (0.9, 1.25), 0.15
LIT = 0.7  # the least mean of a face's Oklab L in a drawing
# Skin: the standard deviations of its Oklab L, and of a and b, around a face's own; and of its
# distance from the face, in widths of the face.
SKIN_TONE, SKIN_COLOUR, NEAR_FACE = 0.35, 0.045, 3.5
# How far a body's middle is below that of its face, and how far it reaches across and along, in
# widths of the face.
BELOW, ACROSS, ALONG = 2.2, 1.9, 3.4


class Firmness(NamedTuple):
    """The hold on faces of a size. Each value is a part of the whole way, 0…1.

    Attributes:
        skin: How much less strength there is in skin.
        features: The same in features.
        tones: How far tones go to the photo's.
        kept: How much of features stays as it is when they are rebuilt from patches.
        kept_skin: The same of skin.
    """

    skin: float
    features: float
    tones: float
    kept: float
    kept_skin: float


# Faces up to the first of SIZES, in px of the result, are held as small ones, those from the second
# on as large ones.
SIZES = 120, 240
SMALL, LARGE = Firmness(0.9, 0.9, 0.95, 0.9, 0.6), Firmness(0.65, 0.85, 0.95, 0.4, 0.25)


class Care(NamedTuple):
    """A face in a picture.

    Attributes:
        part: The rows and columns of the picture that the masks are of.
        oval: The whole face, 0…1, [h, w] or smaller.
        features: Its eyes, brows, nose and mouth, of the same size.
        width: The face's width in px of the masks.
        firmness: How firmly it is held.
    """

    part: tuple[slice, slice]
    oval: np.ndarray
    features: np.ndarray
    width: float
    firmness: Firmness

    @property
    def held(self) -> np.ndarray:
        """The part of strength that is taken away, of the masks' size."""
        return np.maximum(self.firmness.skin * self.oval, self.firmness.features * self.features)

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) of the part."""
        rows, columns = self.part
        return rows.stop - rows.start, columns.stop - columns.start

    @property
    def scale(self) -> float:
        """The px of the picture to a px of the masks."""
        return self.size[0] / len(self.oval)


def cares_of(faces: Sequence[Found], size: tuple[int, int], longer: int) -> list[Care]:
    """Return faces as a picture of this (height, width) shows them, on the way to a result with
    this longer side."""
    cares = (_care_of(each, size, longer) for each in faces)
    return [each for each in cares if each is not None]


def _care_of(face: Found, size: tuple[int, int], longer: int) -> Care | None:
    points = face.landmarks * np.array(size[::-1], np.float32)
    oval = points[OVAL]
    across = float(np.ptp(oval, 0).min())
    middle, margin = oval.mean(0), 3 * SOFT * across + 2
    first = np.floor(LARGER * (oval.min(0) - middle) + middle - margin)
    last = np.ceil(LARGER * (oval.max(0) - middle) + middle + margin)
    first, last = (np.clip(each, 0, size[::-1]).astype(int) for each in (first, last))
    if (last <= first).any():
        return None
    scale = min(1.0, DRAWN / across)
    shape = [max(1, math.ceil(scale * side)) for side in (last - first)[::-1]]
    width = scale * across

    def mask(parts: Sequence[tuple[list[int], float]], soft: float) -> np.ndarray:
        drawn = Image.new("L", (shape[1], shape[0]))
        for numbers, larger in parts:
            centre = points[numbers].mean(0)
            corners = scale * (larger * (points[numbers] - centre) + centre - first)
            ImageDraw.Draw(drawn).polygon([*map(tuple, corners.tolist())], fill=255)
        soft_edged = blurred(np.asarray(drawn, np.float32) / 255, max(0.3, soft * width))
        return face.certainty * soft_edged

    whole = mask([(OVAL, LARGER)], SOFT)
    features = np.minimum(whole, 1.2 * mask(FEATURES, SOFT_FEATURES))
    part = slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))
    large = np.interp(across * longer / max(size), SIZES, (0, 1))
    firmness = Firmness(*((1 - large) * np.array(SMALL) + large * np.array(LARGE)).tolist())
    return Care(part, whole, features, width, firmness)


def held(cares: Sequence[Care], size: tuple[int, int]) -> np.ndarray:
    """Return how much less strength there is at each pixel of a picture of this (height, width),
    [h, w], 0…1."""
    return _together([(each, each.held) for each in cares], size)


def features_of(cares: Sequence[Care], size: tuple[int, int]) -> np.ndarray:
    """Return the features of all faces in a picture of this (height, width), [h, w], 0…1."""
    return _together([(each, each.features) for each in cares], size)


def lit(photo: np.ndarray, cares: Sequence[Care]) -> np.ndarray:
    """Return a photo [h, w, 3], sRGB 0…1, with light on its dark faces, which would be blots in a
    drawing."""
    photo = photo.copy()
    for care in cares:
        weight = care.oval / max(care.oval.sum(), 1e-6)
        missing = LIT - float((weight * _tones(photo, care, picture_size(photo))).sum())
        if missing > 0:
            _add_tones(photo[care.part], scaled(missing * care.oval, care.size))
    return photo


def follow_tones(picture: np.ndarray, photo: np.ndarray, cares: Sequence[Care]) -> None:
    """Give the faces in a picture [h, w, 3] the photo's forms in their tones, in the picture's
    range. Finer strokes, and colours, stay. The photo is of any size."""
    for care in cares:
        own, shown = (_tones(each, care, picture_size(picture)) for each in (picture, photo))
        # What is around the face differs from the photo in other ways, which would be a halo.
        inside = np.maximum(2 * care.oval - care.oval.max(), 0)
        weight = inside / max(inside.sum(), 1e-6)
        fine = max(0.6, COARSE * care.width)
        mean, level = ((weight * each).sum() for each in (shown, own))
        spread, has = (
            math.sqrt((weight * np.square(each - middle)).sum())
            for each, middle in ((shown, mean), (blurred(own, fine), level))
        )
        gain = np.clip(has / (spread + 1e-3), *SPREAD)
        goal = np.clip(level, mean - LEVEL, mean + LEVEL) + gain * (shown - mean)
        way = goal.astype(np.float32) - own
        change = care.features * blurred(way, fine)
        coarse = max(0.6, COARSE_SKIN * care.width)
        of_skin = blurred(inside * way, coarse) / (blurred(inside, coarse) + 1e-3)
        change += (care.oval - care.features) * of_skin
        _add_tones(picture[care.part], care.firmness.tones * scaled(change, care.size))


def keep_features(whole: np.ndarray, picture: np.ndarray, cares: Sequence[Care]) -> None:
    """Mix the faces in a rebuilt picture [h, w, 3] with what they were rebuilt from."""
    for care in cares:
        firmness = care.firmness
        kept = np.maximum(firmness.kept_skin * care.oval, firmness.kept * care.features)
        inside, before = whole[care.part], picture[care.part]
        inside += scaled(kept, care.size)[..., None] * (before - inside)


class People(NamedTuple):
    """The people in a photo: how much each pixel [h, w] shows of them, 0…1.

    Attributes:
        bodies: Faces, hair and clothes.
        skin: Faces, and the colour of a face near it.
    """

    bodies: np.ndarray
    skin: np.ndarray


def people_of(faces: Sequence[Found], photo: np.ndarray) -> People:
    """Return the people with these faces in a photo [h, w, 3], sRGB 0…1."""
    size = picture_size(photo)
    lab, people = srgb_to_oklab(photo), People(*np.zeros((2, *size), np.float32))
    rows, columns = np.indices(size, np.float32, sparse=True)
    for face in faces:
        for care in cares_of([face], size, max(size)):
            oval, traits = (scaled(each, care.size) for each in (care.oval, care.features))
            # The features of a tiny face cover all of it.
            weight = np.maximum(oval - 2 * traits, 1e-3 * oval)[..., None]
            own = (weight * lab[care.part]).sum((0, 1)) / max(weight.sum(), 1e-6)
            off = np.square((lab - own) / (SKIN_TONE, SKIN_COLOUR, SKIN_COLOUR)).sum(-1)
            x, y = (face.landmarks[OVAL].mean(0) * size[::-1]).tolist()
            width = care.width * care.scale
            off += (np.square(rows - y) + np.square(columns - x)) / (NEAR_FACE * width) ** 2
            below = (rows - y) / width - BELOW
            far = np.square(below / ALONG) + np.square((columns - x) / (ACROSS * width))
            for whole, away in ((people.skin, off), (people.bodies, far**2)):
                alike = face.certainty * np.exp(-0.5 * away).astype(np.float32)
                np.maximum(whole, alike, out=whole)
                np.maximum(whole[care.part], oval, out=whole[care.part])
    return people


def face_in_oklab(image: np.ndarray, care: Care, size: tuple[int, int]) -> np.ndarray:
    """Return an image [H, W, 3] of any size where a picture of this (height, width) has a face, of
    the size of its masks, in Oklab."""
    box = []
    for part, side, length in zip(care.part, size, image.shape, strict=False):
        first, last = (end * length / side for end in (part.start, part.stop))
        box.append(slice(int(first), max(int(first) + 1, round(last))))
    height, width = care.oval.shape
    shown = image[tuple(box)]
    # Floats of its own size would take several times as much memory as a large photo.
    shown = box_average(shown, min(len(shown) // height, shown.shape[1] // width) // 2)
    shown = resample(shown, height, width, Image.Resampling.BOX)
    return srgb_to_oklab(shown.clip(0, 1))


def _tones(image: np.ndarray, care: Care, size: tuple[int, int]) -> np.ndarray:
    return face_in_oklab(image, care, size)[..., 0]


def _add_tones(image: np.ndarray, change: np.ndarray) -> None:
    """Add tones [h, w] to those of an image [h, w, 3], sRGB 0…1."""
    for rows in small_bands(*change.shape):
        lab = srgb_to_oklab(image[rows].clip(0, 1))
        lab[..., 0] += change[rows]
        image[rows] = oklab_to_srgb(lab)


def _together(masks: Sequence[tuple[Care, np.ndarray]], size: tuple[int, int]) -> np.ndarray:
    """Return the greatest of masks of faces at each pixel of a picture of this (height, width)."""
    whole = np.zeros(size, np.float32)
    for care, mask in masks:
        np.maximum(whole[care.part], scaled(mask, care.size), out=whole[care.part])
    return whole
