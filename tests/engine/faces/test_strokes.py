"""The paintings' strokes in faces."""

import tracemalloc

import numpy as np
from support.faces import close

from painterly.engine.abstraction.filters import blurred
from painterly.engine.faces import care, strokes
from painterly.engine.looked_at import LookedAt
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SIDE = 320
PHOTO = close(SIDE)
FACES = LookedAt.of(PHOTO, True).faces
[CARE] = care.cares_of(FACES, (SIDE, SIDE), SIDE)
SHARE = np.ones((SIDE, SIDE, 1), np.float32)


def squares(colour, contrast, count=40, dot=3, channels=(0,)):
    """Squares of a colour in Oklab with square dots, whose channels differ by up to `contrast`."""
    lab = np.empty((count, 3, strokes.SIDE, strokes.SIDE), np.float32)
    lab[:] = np.reshape(colour, (3, 1, 1))
    dots = np.random.default_rng(1).uniform(-1, 1, (count, 11, 11)).repeat(dot, 1).repeat(dot, 2)
    lab[:, channels] += contrast * dots[:, None, : strokes.SIDE, : strokes.SIDE]
    return strokes.Squares(lab)


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


def test_smooth_skin_gets_the_paintings_strokes_and_keeps_its_forms():
    before = smooth()
    after = with_strokes(before, [(squares((0.6, 0.03, 0.04), 0.1), SHARE)])
    tones = squares((0.6, 0.03, 0.04), 0.1).lab[0, 0]
    wanted = np.square(tones - blurred(tones, 3))[6:-6, 6:-6].mean()
    assert variation(before, SKIN) < 0.05 * wanted
    assert 0.5 * wanted < variation(after, SKIN) < 3 * wanted
    for coarse in (srgb_to_oklab(before), srgb_to_oklab(after)):
        coarse[..., 0] = blurred(np.ascontiguousarray(coarse[..., 0]), 10)
    middle = np.s_[SIDE // 3 : 2 * SIDE // 3, SIDE // 3 : 2 * SIDE // 3]
    apart = srgb_to_oklab(after)[..., 0] - srgb_to_oklab(before)[..., 0]
    assert np.abs(blurred(apart, 10)[middle]).max() < 0.03


def test_even_skin_gets_coarse_strokes_and_twice_as_much_of_their_colours():
    group = squares((0.6, 0.03, 0.04), 0.05, dot=8, channels=(0, 1, 2))
    even = oklab_to_srgb(np.full((SIDE, SIDE, 3), (0.6, 0.03, 0.04), np.float32))
    apart = srgb_to_oklab(with_strokes(even, [(group, SHARE)])) - srgb_to_oklab(even)
    tones, *colours = apart[CARE.part][SKIN].var(0) / group.lab.var((0, 2, 3))
    assert tones > 0.5
    np.testing.assert_allclose(colours, 2 * tones, rtol=0.1)


def test_features_get_few_strokes():
    group = [(squares((0.6, 0.03, 0.04), 0.1), SHARE)]
    before = smooth()
    after = with_strokes(before, group)
    in_skin, in_features = (
        variation(after, each) - variation(before, each) for each in (SKIN, FEATURES)
    )
    assert in_features < 0.2 * in_skin


def test_a_painting_without_strokes_adds_none():
    before = smooth()
    after = with_strokes(before, [(squares((0.6, 0.03, 0.04), 0), SHARE)])
    np.testing.assert_allclose(after, before, atol=0.01)


def test_what_is_not_a_face_stays():
    before = smooth()
    after = with_strokes(before, [(squares((0.6, 0.03, 0.04), 0.1), SHARE)])
    rest = np.ones((SIDE, SIDE), bool)
    rest[CARE.part] = CARE.oval < 1e-3
    np.testing.assert_allclose(after[rest], before[rest], atol=2e-3)


def test_each_part_of_a_face_gets_strokes_of_the_paintings_that_it_is_painted_by():
    left = SHARE * (np.arange(SIDE) < SIDE // 2)[:, None]
    bold, flat = (squares((0.6, 0.03, 0.04), contrast) for contrast in (0.1, 0))
    apart = np.abs(with_strokes(smooth(), [(bold, left), (flat, 1 - left)]) - smooth()).mean(-1)
    assert apart[:, SIDE // 2 :].mean() < 0.1 * apart[:, : SIDE // 2].mean()


def test_strokes_stay_in_place_when_the_faces_box_moves():
    """The box's first row and column are no multiples of the squares'."""
    (rows, columns), group = CARE.part, [(squares((0.6, 0.03, 0.04), 0.1), SHARE)]
    assert min(rows.start, columns.start) >= 0
    smaller = CARE._replace(
        part=(slice(rows.start + 7, rows.stop), slice(columns.start + 3, columns.stop)),
        oval=CARE.oval[7:, 3:],
        features=CARE.features[7:, 3:],
    )
    before = smooth()
    whole, less = before.copy(), before.copy()
    strokes.add_strokes(whole, [CARE], group)
    strokes.add_strokes(less, [smaller], group)
    middle = np.s_[SIDE // 3 : 2 * SIDE // 3, SIDE // 3 : 2 * SIDE // 3]
    np.testing.assert_allclose(whole[middle], less[middle], atol=1e-3)


def test_a_contour_of_the_painting_does_not_become_a_scar():
    lined = squares((0.6, 0.03, 0.04), 0.01)
    lined.lab[:20, :, :, 15:17] = 0  # half of the squares have a black line
    after = with_strokes(smooth(), [(lined, SHARE)])
    assert np.abs(after - smooth()).max() < 0.1


def test_a_face_that_fills_a_large_picture_takes_little_memory():
    side = 2000
    picture = np.full((side, side, 3), 0.5, np.float32)
    cares = care.cares_of(FACES, (side, side), side)
    share = np.ones((side, side, 1), np.float32)
    group = squares((0.6, 0.03, 0.04), 0.1)
    tracemalloc.start()
    strokes.add_strokes(picture, cares, [(group, share)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < picture.nbytes
