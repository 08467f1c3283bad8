"""Paints the skin of faces in brush strokes like the paintings'.

A face that is held to its photo is smooth where a painting has brushwork, dots or stones. So its
skin is painted once more in its own colours, with strokes along its forms (Haeberli 1990, "Paint By
Numbers"; Litwinowicz 1997, "Processing Images and Video for an Impressionist Effect"). How wide and
long strokes are, and how their colours differ, is measured in the painting. Contours and features
stay, so the person does. A painting of flat areas and contours, such as a woodcut, has no strokes
to give, and a small face gets few.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from painterly.engine.abstraction.filters import blurred, linear_ramp, tangents
from painterly.engine.faces.care import Care, face_in_oklab
from painterly.engine.paintings import Paintings, resized
from painterly.engine.patches import drawn
from painterly.engine.picture import picture_size
from painterly.engine.places import is_used
from painterly.images.arrays import resample, resampled, small_bands
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab
from painterly.signals import CheckStop

SQUARES, SIDE = 400, 32  # squares of paintings that are measured, and their px
FINE = 7.0  # the standard deviation of a blur in px: strokes are what it takes away
# A stroke differs from the colours around it as one of SAMPLES pixels does in the most similar of
# CHOICES squares, by CLIPPED standard deviations at most: what differs more is a contour.
SAMPLES, CHOICES, CLIPPED = 64, 32, 2.5
TYPICAL = 0.3  # the quantile of the squares' contrasts that no strokes exceed
# A painting has strokes everywhere if the contrast of calm squares (the quantile CALM) is at least
# EVEN of that of LIVELY ones.
CALM, LIVELY, EVEN = 0.1, 0.8, 0.17
# The least and largest width of strokes in parts of a face's, the least in px, and the width of
# dabs in parts of that of strokes.
WIDTHS, LEAST_WIDTH, NARROWER = (0.014, 0.04), 3.0, 0.75
STEP = 1.1  # from one width to the next
# The lengths of dabs and of the longest strokes, in widths; the elongation that dots are measured
# with, the length that each 1 more adds, and the length from which on dabs are strokes.
LENGTHS, DOT, PER_ELONGATION, STROKE = (1.3, 4.5), 1.2, 10.0, 2.8
APART = 0.53  # the distance from a stroke to the next, in roots of a stroke's area
TURNED, SHORTER = 0.2, 0.3  # how far directions, in radians, and lengths are random
# How much dabs, and strokes, differ in Oklab's L, a and b, in parts of the painting's contrast. A
# person is known by tones, so colours differ more.
OF_DABS, OF_STROKES = np.array([[0.9, 1.4, 1.4], [0.75, 1.1, 1.1]], np.float32)
# The same of light on the edges of dabs and strokes, and of bristles.
DAB_RELIEF, RELIEF, STREAKS = 0.3, 0.2, 0.35
BRISTLE = 2.7  # px from one bristle to the next
# The widths up to which a face gets no strokes, and from which on it gets them whole, in parts of
# the picture's longer side, and in px.
OF_PICTURE, IN_PX = (0.08, 0.195), (40.0, 110.0)
IN_FEATURES = 0.15  # the part of it that features get
# The differences from what is around from which a contour begins, and is whole, in parts of the
# strokes' contrast, and the least that this counts as.
CONTOUR, LEAST_CONTRAST = (0.5, 1.3), 0.012
# The standard deviations of blurs, in parts of a face's width: of tones that show its forms, of
# their slopes, and of what is coarse, of which so much stays in Oklab's L, a and b.
TONES, FORMS, COARSE, STAYS = 0.02, 0.06, 0.03, np.array([1, 0.5, 0.5])
SHARP = 0.5  # px, a blur that hardly changes anything
TOUCHED = 0.05  # the value of a face's mask up to which a place gets no stroke
# The corners of a stroke along (real) and across it (imaginary), in parts of its length and width.
CORNERS = np.array([2 - 1j, 2 + 1j, 1.4 + 2j, -1.4 + 2j, -2 + 1j, -2 - 1j, -1.4 - 2j, 1.4 - 2j]) / 4
FINER = 2  # the factor by which strokes are drawn larger, for smooth edges
BAND = 1 << 15  # px that are painted at a time
RANDOM = 7  # random numbers of a stroke, beside those of its CHOICES
TINY = 1e-6


class Brush(NamedTuple):
    """The strokes of paintings.

    Attributes:
        width: Their width in px.
        elongation: How much longer they are than wide, as slopes show it; 1.2 for round dots.
        everywhere: Whether they are everywhere. Some paintings have areas and contours.
        colours: The colours of squares in Oklab [N, 3].
        contrast: The standard deviation of strokes in them [N, 3].
        differences: How pixels of these differ from what is around them, in these [N, SAMPLES, 3].
    """

    width: float
    elongation: float
    everywhere: bool
    colours: np.ndarray
    contrast: np.ndarray
    differences: np.ndarray

    @classmethod
    def of(
        cls, paintings: Paintings, members: Sequence[int], sizes: Sequence[tuple[int, int]]
    ) -> "Brush":
        """Measure some paintings, as far as their shares go. `sizes` has the (height, width) at
        which each of all is seen."""
        total, found = sum(paintings.shares[each] for each in members), []
        for each in members:
            painting = resampled(paintings.paintings[each], sizes[each])
            used = is_used(resized(paintings.masks[each], sizes[each]))
            count = max(1, int(paintings.shares[each] / total * SQUARES))
            found += drawn(painting, used, count, SIDE, turns=1)
        return cls.of_squares(srgb_to_oklab(np.concatenate(found)))

    @classmethod
    def of_squares(cls, squares: np.ndarray) -> "Brush":
        """Measure squares of paintings [N, SIDE, SIDE, 3] in Oklab."""
        squares = squares.transpose(0, 3, 1, 2)
        line = np.arange(SIDE)
        weights = np.exp(-0.5 * np.square((line - line[:, None]) / FINE)).astype(np.float32)
        weights /= weights.sum(1, keepdims=True)
        fine = squares - weights @ squares @ weights.T
        tones = fine[:, 0, 1:] + fine[:, 0, :-1]
        tones = tones[..., 1:] + tones[..., :-1]  # without grain
        down, right = np.gradient(tones, axis=(1, 2))
        rows, both, columns = (
            (a * b).mean((1, 2)) for a, b in ((down, down), (down, right), (right, right))
        )
        turned = np.hypot((columns - rows) / 2, both)
        mean, variance = (rows + columns) / 2 + TINY, tones.var((1, 2)) + TINY
        # Half of the wavelength of a sine of these slopes, across strokes and along them.
        across, along = (
            float(np.median(math.pi * np.sqrt(variance / slope)))
            for slope in (mean + turned, mean - turned)
        )
        contrast = np.sqrt(np.square(fine).mean((2, 3))) + TINY
        some = np.random.default_rng(0).permutation(SIDE**2)[:SAMPLES]
        differences = fine.reshape(*fine.shape[:2], -1)[..., some].transpose(0, 2, 1)
        differences = np.clip(differences / contrast[:, None], -CLIPPED, CLIPPED)
        calm, lively = np.quantile(contrast[:, 0], (CALM, LIVELY))
        everywhere = bool(calm >= max(EVEN * lively, LEAST_CONTRAST))
        contrast = np.minimum(contrast, np.quantile(contrast, TYPICAL, 0))
        colours = squares.mean((2, 3))
        return cls(across, along / across, everywhere, colours, contrast, differences)


class _Strokes(NamedTuple):
    """Strokes in a face.

    Attributes:
        places: Their middles x + iy in px of the face's part [N].
        widths, lengths: Their sizes in px [N].
        directions: Their directions x + iy, of length 1 [N].
        colours: Their colours in Oklab [N, 3].
        relief: How much lighter than their middle the edge is that is lit [N].
        streaks: How much bristles differ in tone [N].
        order: Random numbers 0…1 [N]; the lowest is painted first.
    """

    places: np.ndarray
    widths: np.ndarray
    lengths: np.ndarray
    directions: np.ndarray
    colours: np.ndarray
    relief: np.ndarray
    streaks: np.ndarray
    order: np.ndarray


def add_strokes(
    picture: np.ndarray,
    cares: Sequence[Care],
    groups: Sequence[tuple[Brush, np.ndarray]],
    boldness: float = 1,
    check_stop: CheckStop = lambda: None,
) -> None:
    """Paint the skin of the faces in a picture [h, w, 3], sRGB 0…1, in strokes.

    Args:
        groups: The brush of each group of paintings, and the share of each pixel that it paints,
            [h, w, 1].
        boldness: The part of the paintings' contrast that strokes get.
        check_stop: Is called several times a second, and may raise an exception.
    """
    groups = [(brush, share) for brush, share in groups if brush.everywhere]
    for care in cares:
        across, longer = np.array(care.width * care.scale), max(picture.shape)
        strength = min(linear_ramp(across / longer, *OF_PICTURE), linear_ramp(across, *IN_PX))
        if not groups or not strength:
            continue
        lab = face_in_oklab(picture, care, picture_size(picture))
        flow = tangents([_blurred(lab[..., :1], TONES * care.width)[..., 0]], FORMS * care.width)
        drawn_in = [
            _strokes_of(brush, share[care.part], care, lab, flow, boldness)
            for brush, share in groups
        ]
        strokes = _Strokes(*map(np.concatenate, zip(*drawn_in, strict=True)))
        # Stable: where two numbers are equal, all processors paint the same stroke first.
        order = strokes.order.argsort(kind="stable")
        strokes = _Strokes(*(each[order] for each in strokes))
        smaller = _Strokes._make([*(each / care.scale for each in strokes[:3]), *strokes[3:]])
        change = [
            lab[rows] - _with_strokes(lab[rows], smaller, rows)
            for rows in small_bands(*picture_size(lab), BAND)
        ]
        coarse = STAYS * _blurred(np.concatenate(change), COARSE * care.width)
        where = strength * (care.oval - (1 - IN_FEATURES) * care.features)
        where *= 1 - _contours(lab[..., 0], [brush for brush, _ in groups], care.scale)
        maps = np.dstack([coarse, where]).astype(np.float32)
        _paint(picture[care.part], strokes, maps, check_stop)


def _paint(part: np.ndarray, strokes: _Strokes, maps: np.ndarray, check_stop: CheckStop) -> None:
    """Paint strokes into a part of a picture. The maps [h, w, 4], of any size, are the coarse
    colours that they would take away, and their strength."""
    height, width = picture_size(part)
    for rows in small_bands(height, width, BAND):
        check_stop()
        here = resample(maps, height, width, Image.Resampling.BILINEAR, rows)
        lab = srgb_to_oklab(part[rows].clip(0, 1))
        painted = _with_strokes(lab, strokes, rows) + here[..., :3]
        part[rows] = oklab_to_srgb(lab + here[..., 3:] * (painted - lab))


def _strokes_of(
    brush: Brush, share: np.ndarray, care: Care, lab: np.ndarray, flow: np.ndarray, boldness: float
) -> _Strokes:
    """Return a brush's strokes in the part of a picture with a face. `lab` are the colours of its
    masks' pixels, and `flow` the directions of its forms."""
    longer = float(np.clip(LENGTHS[0] + PER_ELONGATION * (brush.elongation - DOT), *LENGTHS))
    drawn_out = min(1.0, (longer - LENGTHS[0]) / (STROKE - LENGTHS[0]))  # 0 for dabs

    def mixed(of_dabs: Any, of_strokes: Any) -> Any:
        return of_dabs + drawn_out * (of_strokes - of_dabs)

    wide = np.clip(brush.width, *np.multiply(WIDTHS, care.width * care.scale))
    # In steps, since strokes of a clip stay in place as long as they are as wide.
    wide = max(LEAST_WIDTH, STEP ** round(math.log(wide * mixed(NARROWER, 1.0), STEP)))
    places, random = _places(care.part, APART * wide * math.sqrt(longer))

    def at(maps: np.ndarray, scale: float = care.scale) -> np.ndarray:
        y, x = (
            (each / scale).astype(int).clip(0, side - 1)
            for each, side in zip((places.imag, places.real), maps.shape, strict=False)
        )
        return maps[y, x]

    used = (at(care.oval) > TOUCHED) & (random[:, 2] < at(share, 1)[:, 0])
    places, random = places[used], random[used]
    colours = at(_blurred(lab, 0.4 * wide / care.scale))
    squares = _most_similar(brush.colours, colours, random[:, RANDOM:])
    contrast = boldness * brush.contrast[squares]
    differences = brush.differences[squares, (random[:, 3] * SAMPLES).astype(int)]
    turned = np.exp(1j * TURNED * (2 * random[:, 4] - 1))
    return _Strokes(
        places,
        np.full(len(places), wide),
        wide * longer * (1 + SHORTER * (2 * random[:, 5] - 1)),
        at(flow) * turned,
        colours + mixed(OF_DABS, OF_STROKES) * contrast * differences,
        mixed(DAB_RELIEF, RELIEF) * contrast[:, 0],
        mixed(0, STREAKS) * contrast[:, 0],
        random[:, 6],
    )


def _most_similar(known: np.ndarray, wanted: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Return for each of the wanted colours [N, 3] which of the known ones, of some at random, is
    the most similar."""
    best, least = np.zeros(len(wanted), int), np.full(len(wanted), np.inf, np.float32)
    for some in (random.T * len(known)).astype(int):
        off = np.square(known[some] - wanted).sum(1)
        best, least = np.where(off < least, some, best), np.minimum(off, least)
    return best


def _places(part: tuple[slice, slice], apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places x + iy in a part of a picture, about so many px apart, and random numbers
    0…1 for each, [N, RANDOM + CHOICES]. Both are those of the picture's grid, so that strokes stay
    in place if a face's box moves."""
    (top, bottom), (left, right) = (
        (int(of.start // apart), int(of.stop // apart) + 1) for of in part
    )

    def line(row: int) -> np.ndarray:
        numbers = np.random.default_rng(row).random((right, RANDOM + CHOICES), np.float32)
        return numbers[left:].copy()  # The rest may be much more.

    random = np.stack([line(row) for row in range(top, bottom)])
    y = (np.arange(top, bottom)[:, None] + random[..., 0]) * apart - part[0].start
    x = (np.arange(left, right) + random[..., 1]) * apart - part[1].start
    return (x + 1j * y).ravel(), random.reshape(y.size, -1)


def _with_strokes(lab: np.ndarray, strokes: _Strokes, rows: slice) -> np.ndarray:
    """Return some rows [h, w, 3] of a picture in Oklab with its strokes."""
    reach, middles = np.hypot(strokes.widths, strokes.lengths) / 2, strokes.places.imag
    there = (middles + reach > rows.start) & (middles - reach < rows.stop)
    some = _Strokes(*(each[there] for each in strokes))
    if not len(some.places):
        return lab
    height, width = lab.shape[:2]
    places = some.places - 1j * rows.start
    corners = CORNERS.real * some.lengths[:, None] + 1j * CORNERS.imag * some.widths[:, None]
    corners = FINER * (places[:, None] + corners * some.directions[:, None])
    image = Image.new("I", (FINER * width, FINER * height))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(corners.view(float).tolist(), 1):
        draw.polygon(line, fill=number)
    numbers = np.asarray(image)
    covered, stroke = numbers > 0, np.maximum(numbers - 1, 0)
    # From a stroke's middle line to x + iy: down · y - right · x - far, in halves of its width.
    ways = some.directions
    down, right = 2 * ways.real / some.widths, 2 * ways.imag / some.widths
    far = 2 * (places * ways.conj()).imag / some.widths
    light = (ways.imag - ways.real) / math.sqrt(2)  # from above and from the left
    bristles, first = math.pi / BRISTLE * some.widths, 2 * math.pi * some.order
    shape = down, right, far, light * some.relief, some.streaks, bristles, first
    here = np.stack([*some.colours.T, *shape], -1).astype(np.float32)[stroke]
    down, right, far, slope, streaks, bristles, first = np.moveaxis(here[..., 3:], -1, 0)
    y = (np.arange(FINER * height, dtype=np.float32)[:, None] + 0.5) / FINER
    x = (np.arange(FINER * width, dtype=np.float32) + 0.5) / FINER
    off = down * y - right * x - far
    here[..., 0] += slope * off
    # Two waves, or else they are a comb's.
    waves = np.sin(bristles * off + first) + np.sin(0.6 * (bristles * off) + 5 * first)
    here[..., 0] += streaks / math.sqrt(2) * waves
    here[..., 3] = 1
    mean = (covered[..., None] * here[..., :4]).reshape(height, FINER, width, FINER, 4).mean((1, 3))
    return lab + mean[..., :3] - mean[..., 3:] * lab


def _contours(tones: np.ndarray, brushes: Sequence[Brush], scale: float) -> np.ndarray:
    """Return where a face's tones, of its masks' size, have contours, 0…1."""
    wide = float(np.mean([each.width for each in brushes])) / scale
    contrast = np.median(np.concatenate([each.contrast[:, 0] for each in brushes]))
    fine = np.abs(tones - blurred(tones, max(SHARP, wide)))
    fine = blurred(fine, max(SHARP, 0.35 * wide))
    return linear_ramp(fine / max(LEAST_CONTRAST, float(contrast)), *CONTOUR)


def _blurred(image: np.ndarray, deviation: float) -> np.ndarray:
    """Return an image [h, w, C], blurred."""
    channels = (np.ascontiguousarray(image[..., each]) for each in range(image.shape[-1]))
    return np.stack([blurred(each, max(SHARP, deviation)) for each in channels], -1)
