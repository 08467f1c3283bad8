"""Strokes in faces."""

import tracemalloc

import numpy as np
import pytest
from support.faces import close
from support.painted import as_before

from painterly.engine.abstraction.filters import blurred
from painterly.engine.faces import care, strokes
from painterly.engine.looked_at import LookedAt
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SIDE = 400
PHOTO = close(SIDE)
FACES = LookedAt.of(PHOTO).faces
[CARE] = care.cares_of(FACES, (SIDE, SIDE), SIDE)
SHARE = np.ones((SIDE, SIDE, 1), np.float32)
SKIN_COLOUR = 0.6, 0.03, 0.04


def brush(contrast, length=1, contours=False, channels=(0,)):
    """The brush of a painting whose strokes are 4 px wide, differ by up to `contrast` from what is
    around them, and are so many times longer than wide, in all directions."""
    random = np.random.default_rng(1)
    lab = np.full((60, strokes.SIDE, strokes.SIDE, 3), SKIN_COLOUR, np.float32)
    marks = random.uniform(-1, 1, (60, 16, 16)).repeat(4, 1).repeat(4 * length, 2)
    for each, mark in zip(lab, marks, strict=True):
        part = mark[: strokes.SIDE, : strokes.SIDE]
        each[..., channels] += contrast * (part.T if random.random() < 0.5 else part)[..., None]
    if contours:
        lab[: 3 * len(lab) // 4] = SKIN_COLOUR
    return strokes.Brush.of_squares(lab)


def with_strokes(picture, groups):
    painted = picture.copy()
    strokes.add_strokes(painted, [CARE], groups)
    return painted


def variation(picture, where):
    """The variance of what is finer than 3 px in a picture's tones, where a mask says."""
    tones = srgb_to_oklab(picture)[..., 0][CARE.part]
    return np.square(tones - blurred(tones, 3))[where].mean()


def smooth():
    """The photo without anything fine."""
    photo = PHOTO / np.float32(255)
    return np.stack([blurred(np.ascontiguousarray(photo[..., each]), 4) for each in range(3)], -1)


SKIN, FEATURES = (CARE.oval > 0.9) & (CARE.features < 0.1), CARE.features > 0.9
MIDDLE = np.s_[SIDE // 3 : 2 * SIDE // 3, SIDE // 3 : 2 * SIDE // 3]


def test_smooth_skin_gets_strokes_as_bold_as_the_paintings_and_keeps_its_forms():
    before = smooth()
    faint, bold = (with_strokes(before, [(brush(each), SHARE)]) for each in (0.05, 0.15))
    assert 4 * variation(before, SKIN) < variation(faint, SKIN)
    assert 3 * variation(faint, SKIN) < variation(bold, SKIN) < 0.15**2 / 3
    apart = srgb_to_oklab(bold)[..., 0] - srgb_to_oklab(before)[..., 0]
    assert np.abs(blurred(apart, 10)[MIDDLE]).max() < 0.03


def test_colours_differ_more_than_tones():
    even = oklab_to_srgb(np.full((SIDE, SIDE, 3), SKIN_COLOUR, np.float32))
    group = brush(0.04, channels=(0, 1, 2))
    apart = srgb_to_oklab(with_strokes(even, [(group, SHARE)])) - srgb_to_oklab(even)
    tones, *colours = apart[CARE.part][SKIN].std(0)
    assert 1.2 * tones < min(colours) <= max(colours) < 3 * tones


@pytest.mark.parametrize("axis", [0, 1], ids=["lying", "upright"])
def test_strokes_run_along_the_faces_forms(axis):
    """Tones change along one axis."""
    lab = np.full((SIDE, SIDE, 3), SKIN_COLOUR, np.float32)
    lab[..., 0] = np.expand_dims(np.linspace(0.4, 0.7, SIDE, dtype=np.float32), 1 - axis)
    before = oklab_to_srgb(lab)
    added = (
        srgb_to_oklab(with_strokes(before, [(brush(0.05, length=4), SHARE)]))[..., 0] - lab[..., 0]
    )
    across, along = (
        np.square(np.gradient(added[CARE.part], axis=each))[SKIN].mean()
        for each in (axis, 1 - axis)
    )
    assert along < 0.5 * across


def test_long_strokes_of_a_painting_are_long_and_dots_are_round():
    even = oklab_to_srgb(np.full((SIDE, SIDE, 3), SKIN_COLOUR, np.float32))
    ratios = []
    for length in (1, 4):
        added = srgb_to_oklab(with_strokes(even, [(brush(0.05, length), SHARE)]))[..., 0]
        down, right = (np.square(np.gradient(added[CARE.part], axis=each))[SKIN] for each in (0, 1))
        ratios.append(max(down.mean(), right.mean()) / min(down.mean(), right.mean()))
    dots, long = ratios
    assert dots < 1.5 < 2 < long


def test_features_and_contours_stay():
    before = smooth()
    lab = srgb_to_oklab(before)
    lab[MIDDLE[0], SIDE // 2 - 40 : SIDE // 2 - 37, 0] -= 0.3
    before = oklab_to_srgb(lab)
    after = with_strokes(before, [(brush(0.05), SHARE)])
    apart = np.abs(srgb_to_oklab(after) - srgb_to_oklab(before))[..., 0]
    in_skin, in_features = (apart[CARE.part][each].mean() for each in (SKIN, FEATURES))
    assert in_features < 0.3 * in_skin
    assert apart[MIDDLE[0], SIDE // 2 - 39].mean() < 0.3 * in_skin


@pytest.mark.parametrize("given", [brush(0), brush(0.1, contours=True)], ids=["flat", "contours"])
def test_a_painting_without_strokes_adds_none(given):
    before = smooth()
    np.testing.assert_allclose(with_strokes(before, [(given, SHARE)]), before, atol=0.01)


def test_a_small_face_gets_no_strokes():
    small = close(SIDE)[::5, ::5] / np.float32(255)
    cares = care.cares_of(FACES, small.shape[:2], SIDE // 5)
    painted = small.copy()
    strokes.add_strokes(painted, cares, [(brush(0.1), SHARE[: len(small), : len(small)])])
    assert np.array_equal(painted, small)


def test_what_is_not_a_face_stays():
    before = smooth()
    after = with_strokes(before, [(brush(0.1), SHARE)])
    rest = np.ones((SIDE, SIDE), bool)
    rest[CARE.part] = CARE.oval < 1e-3
    np.testing.assert_allclose(after[rest], before[rest], atol=2e-3)


def test_each_part_of_a_face_gets_strokes_of_the_paintings_that_it_is_painted_by():
    left = SHARE * (np.arange(SIDE) < SIDE // 2)[:, None]
    bold, faint = brush(0.1), brush(0.01)
    after = with_strokes(smooth(), [(bold, left), (faint, 1 - left)])
    as_before("strokes", (after - smooth())[MIDDLE], rounding=0.02)
    apart = np.abs(after - smooth()).mean(-1)
    assert apart[:, SIDE // 2 + 8 :].mean() < 0.3 * apart[:, : SIDE // 2 - 8].mean()


def test_strokes_stay_in_place_when_the_faces_box_moves():
    (rows, columns), group = CARE.part, [(brush(0.1), SHARE)]
    smaller = CARE._replace(
        part=(slice(rows.start + 7, rows.stop), slice(columns.start + 3, columns.stop)),
        oval=CARE.oval[7:, 3:],
        features=CARE.features[7:, 3:],
    )
    before = smooth()
    whole, less = before.copy(), before.copy()
    strokes.add_strokes(whole, [CARE], group)
    strokes.add_strokes(less, [smaller], group)
    assert np.abs(whole - less)[MIDDLE].mean() < 0.1 * np.abs(whole - before)[MIDDLE].mean()


@pytest.mark.thorough
def test_a_face_that_fills_a_large_picture_takes_little_memory():
    side = 2000
    picture = np.full((side, side, 3), 0.5, np.float32)
    cares = care.cares_of(FACES, (side, side), side)
    share = np.ones((side, side, 1), np.float32)
    group = brush(0.1)
    tracemalloc.start()
    strokes.add_strokes(picture, cares, [(group, share)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < picture.nbytes


def test_strokes_can_be_stopped_at_each_band():
    calls = []

    def check_stop():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    picture = smooth()
    with pytest.raises(KeyboardInterrupt):
        strokes.add_strokes(picture, [CARE], [(brush(0.1), SHARE)], check_stop=check_stop)
    changed = np.abs(picture - smooth()).max(-1)[CARE.part].any(1)
    assert changed[10] and not changed[-10]
