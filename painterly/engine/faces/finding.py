"""Finds faces in a photo, and the landmarks of each.

A detector sees the whole photo, and if that seems to show a small face and is not square, squares
of it, where such faces are larger (Bazarevsky et al. 2019, "BlazeFace"). A second network finds
468 landmarks in each face, turned upright, and says whether it is one (Kartynnik et al. 2019,
"Real-time Facial Surface Geometry from Monocular Video").
"""

import math
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from PIL import Image

from painterly.engine.faces import networks
from painterly.engine.faces.networks import SIDE
from painterly.engine.features.convolutions import each_of
from painterly.engine.picture import picture_size
from painterly.images.arrays import fit_size, resample

GRID = 48  # rows and columns of the detector's places
# Scores from which a box may be a face, and from which one that is a smaller part of the photo's
# longer side than SMALL hints at small faces.
LEAST_SCORE, HINT, SMALL = 0.5, 0.3, 0.08
# Squares are at most this part of their side apart, unless there would be too many.
APART, MOST_SQUARES = 0.8, 8
SAME = 0.3  # Boxes that overlap more, as a part of both together, are of one face.
AROUND = 1.5  # the side that the second network sees, in sides of the box
# A face counts in part between these probabilities of the second network, so that it does not come
# and go from one frame of a clip to the next.
TRUSTED = 0.3, 0.7


class Found(NamedTuple):
    """A face in a photo.

    Attributes:
        landmarks: Their places [468, 2], x and y, as parts of the photo's width and height.
        certainty: 0…1, above 0.
    """

    landmarks: np.ndarray
    certainty: float


class _Box(NamedTuple):
    """A box of the detector, in px."""

    score: float
    centre: np.ndarray  # x, y
    size: np.ndarray  # width, height
    eyes: np.ndarray  # x, y of both [2, 2], that on the left first

    def scaled(self, px: float) -> "_Box":
        """Return the box in an image that has so many px for each of this one's."""
        return _Box(self.score, px * self.centre, px * self.size, px * self.eyes)


def found(photo: np.ndarray, small: np.ndarray) -> list[Found]:
    """Find the faces in a photo [H, W, 3], those of the highest score first.

    Args:
        photo: The photo, for faces that are small in it.
        small: The photo [h, w, 3], float32 0…1, of some hundred px, for all others.
    """
    boxes = _boxes(small, np.s_[:, :])
    boxes += _boxes_of_small(small, boxes)
    faces = each_of(_distinct(boxes), partial(_face, photo, small))
    return [each for each in faces if each.certainty > 0]


def _boxes_of_small(photo: np.ndarray, boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes in squares of a photo [h, w, 3], 0…1, if boxes in all of it hint at small
    faces."""
    rows, columns = picture_size(photo)
    side, longer = min(rows, columns), max(rows, columns)
    if side == longer or all(box.size.max() >= SMALL * longer for box in boxes):
        return []
    count = min(MOST_SQUARES, 1 + math.ceil((longer / side - 1) / APART))
    starts = np.linspace(0, longer - side, count).astype(int).tolist()
    along = (slice(start, start + side) for start in starts)
    parts = ((each, np.s_[:]) if rows > columns else (np.s_[:], each) for each in along)
    return [*chain.from_iterable(each_of(parts, partial(_boxes, photo)))]


def _distinct(boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes that may be faces, the best of each, by their score."""
    best: list[_Box] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        if box.score >= LEAST_SCORE and all(_overlap(box, other) <= SAME for other in best):
            best.append(box)
    return best


def _face(photo: np.ndarray, small: np.ndarray, box: _Box) -> Found:
    """Return what a box in the small photo shows; its certainty is 0 if that is no face."""
    # Large faces take less memory in the small photo.
    image = small if AROUND * box.size.max() >= SIDE else photo
    landmarks, trust = _landmarks(image, box.scaled(max(image.shape) / max(small.shape)))
    certainty = float(np.interp(trust, TRUSTED, (0, 1)))
    return Found((landmarks / image.shape[1::-1]).astype(np.float32), certainty)


def _boxes(photo: np.ndarray, part: tuple[slice, slice]) -> list[_Box]:
    """Return the boxes in a part of a photo [h, w, 3], 0…1, with a score of HINT or more."""
    shown = photo[part]
    corner = np.array([part[1].start or 0, part[0].start or 0])
    size = fit_size(*picture_size(shown), SIDE)
    image = np.full((SIDE, SIDE, 3), -1, np.float32)
    image[: size[0], : size[1]] = 2 * resample(shown, *size, Image.Resampling.BOX) - 1
    places, scores = (by_place(each) for each in networks.outputs("detector", image))
    scores = 1 / (1 + np.exp(-np.clip(scores[:, 0], -80, 80)))
    px = max(shown.shape) / SIDE
    boxes = []
    for number in np.flatnonzero(scores >= HINT):
        middle = (np.array([number % GRID, number // GRID]) + 0.5) * SIDE / GRID
        values = places[number].reshape(-1, 2)
        centre, eyes = ((middle + each) * px + corner for each in (values[0], values[2:4]))
        boxes.append(_Box(float(scores[number]), centre, values[1] * px, eyes))
    return boxes


def by_place(x: np.ndarray) -> np.ndarray:
    """Return the values of the detector's places [GRID², C] from a map [GRID / 2, GRID / 2, 4 · C],
    with 2 × 2 places at each position."""
    half = GRID // 2
    return x.reshape(half, half, 2, 2, -1).swapaxes(1, 2).reshape(GRID**2, -1)


def _overlap(one: _Box, other: _Box) -> float:
    first = np.maximum(one.centre - one.size / 2, other.centre - other.size / 2)
    last = np.minimum(one.centre + one.size / 2, other.centre + other.size / 2)
    both = np.prod(np.maximum(last - first, 0))
    return float(both / (np.prod(one.size) + np.prod(other.size) - both + 1e-9))


def _landmarks(image: np.ndarray, box: _Box) -> tuple[np.ndarray, float]:
    """Return the landmarks in a box of an image [H, W, 3], [468, 2] in px, and the probability that
    they are a face's."""
    side = AROUND * float(box.size.max())
    right, down = box.eyes[1] - box.eyes[0]
    angle = math.atan2(down, right)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    # The image around the face, with its border repeated beyond it, shrunk by a whole factor.
    reach, factor = 0.75 * side, max(1, int(side / SIDE / 1.2))
    first = np.floor(box.centre - reach).astype(int)
    columns, rows = (
        np.clip(np.arange(start, start + math.ceil(2 * reach)), 0, length - 1)
        for start, length in zip(first, image.shape[1::-1], strict=True)
    )
    around, size = image.take(rows, 0).take(columns, 1), len(rows) // factor
    whole = np.s_[: size * factor, : size * factor]
    around = 255 * resample(around[whole], size, size, Image.Resampling.BOX)
    step = turn * (side / SIDE / factor)
    start = (box.centre - first) / factor - step @ np.full(2, SIDE / 2)
    seen = Image.fromarray(around.round().astype(np.uint8)).transform(
        (SIDE, SIDE),
        Image.Transform.AFFINE,
        (*step[0], start[0], *step[1], start[1]),
        Image.Resampling.BILINEAR,
    )
    places, trust = networks.outputs("mesh", np.asarray(seen, np.float32) / 255)
    flat = side * (places.reshape(-1, 3)[:, :2] / SIDE - 0.5)
    return flat @ turn.T + box.centre, 1 / (1 + math.exp(-float(trust.item())))
