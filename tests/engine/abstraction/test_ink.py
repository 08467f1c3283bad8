"""Drawings in ink of photos."""

from functools import cache

import numpy as np
import pytest
from support.ink import CREAM, drawing, portrait
from support.painted import as_before

from painterly import Settings
from painterly.engine.abstraction.filters import along, tangents
from painterly.engine.abstraction.ink import BOLD, DRAWN_FROM, drawn, look_of
from painterly.images.arrays import box_average

FULL = Settings(strength=1.0)


@cache
def pen(solid=False):
    return look_of(drawing(CREAM, solid=solid))


def tones(photo, look=None, settings=FULL, boldness=1.0):
    """The drawing's luminance, 0 ink and 1 paper."""
    look = look or pen()
    result = drawn(photo, look, settings)(boldness)
    assert result.dtype == np.float32 and result.shape == photo.shape
    return ((result - look.dark) / (look.light - look.dark)).mean(-1)


def test_a_plain_ground_becomes_paper_and_its_subject_is_outlined():
    photo = portrait()
    shown = tones(photo)
    y, x = np.mgrid[:256, :256]
    radius = np.hypot((x - 128) / 62, (y - 145) / 105)
    assert shown[radius > 1.12].min() > 0.97
    contour = shown[(np.abs(radius - 1) < 0.08) & (y < 240)]
    assert (contour < 0.5).mean() > 0.25


def test_a_blurred_ground_becomes_paper():
    y, x = np.mgrid[:256, :256] / 256
    blurred = np.stack([0.3 + 0.3 * x, 0.4 + 0.2 * y, 0.5 - 0.2 * x], -1).astype(np.float32)
    subject = (np.abs(portrait() - portrait()[0, 0]) > 0.02).any(-1, keepdims=True)
    photo = np.where(subject, portrait(), blurred)
    assert np.quantile(tones(photo)[:, :50], 0.01) > 0.95


def test_plain_clothes_at_the_lower_border_are_no_ground():
    photo = portrait()
    photo[190:] = 0.55, 0.5, 0.3
    faint = tones(photo, boldness=0.0)
    assert faint[:40].min() > 0.97 and faint[215:250].max() < 0.9


def test_a_speck_at_the_border_is_no_ground():
    grain = np.random.default_rng(0).normal(scale=0.08, size=(256, 256, 1))
    photo = np.clip(0.5 + grain, 0, 1).repeat(3, -1).astype(np.float32)
    photo[100:114, :14] = 0.5
    assert tones(photo, boldness=0.0)[104:110, 2:9].mean() < 0.8


def test_no_paper_reaches_a_subject_through_a_gap_in_its_contour():
    """As between soft hair and a ground of the same luminance."""
    y, x = np.mgrid[:256, :256]
    photo = np.full((256, 256, 3), 0.5, np.float32)
    radius = np.hypot(x - 128, y - 140)
    photo[(np.abs(radius - 60) < 3) & ~((np.abs(y - 140) < 5) & (x > 128))] = 0.1
    photo[radius < 35] = 0.95
    faint = tones(photo, boldness=0.0)
    assert faint[radius > 75].min() > 0.97
    assert faint[(radius > 41) & (radius < 51)].max() < 0.9


def test_dark_forms_are_black_and_a_dark_ground_is_where_the_painting_has_much_black():
    photo = portrait(ground=(85, 85, 90))
    hair = np.s_[50:66, 110:146]
    assert tones(portrait())[hair].mean() < 0.25
    assert pen().black < 0.15 < pen(solid=True).black
    assert tones(photo, pen(solid=True))[:, :40].max() < 0.1
    face = np.s_[160:200, 100:150]
    assert tones(photo, pen(solid=True))[face].mean() > 0.6


def test_middle_tones_are_hatched_between_ink_and_paper():
    """Steps of grey, with a grain: plain ones would be the ground."""
    steps = np.repeat(np.float32([0.05, 0.35, 0.9]), [20, 80, 200])
    grain = 0.06 * np.random.default_rng(0).normal(size=(200, 300))
    photo = np.repeat(np.clip(steps + grain, 0, 1)[..., None], 3, -1).astype(np.float32)
    shown = tones(photo)[:, 10:-10]
    black, half, paper = (shown[:, part].mean() for part in np.s_[:8, 15:85, 120:])
    assert black + 0.1 < half < paper - 0.1
    hatched = shown[:, 15:85]
    assert hatched.min() < 0.2 and hatched.max() > 0.8
    darker = tones(photo, pen()._replace(half=0.3, pale=0.0))[:, 25:95]
    assert darker.mean() < 0.5, "as much is hatched as in the painting"


def test_faint_drawings_keep_the_tones_of_the_subject():
    photo = portrait()
    face = np.s_[84:220, 90:166]
    grey = photo.mean(-1)[face].ravel()
    bold, faint = (tones(photo, boldness=each)[face].ravel() for each in (1.0, 0.0))
    assert np.corrcoef(grey, faint)[0, 1] > 0.95 > np.corrcoef(grey, bold)[0, 1]


def test_near_a_strength_of_0_the_drawing_is_the_photo():
    photo = portrait()
    np.testing.assert_allclose(drawn(photo, pen(), Settings(strength=0))(1), photo, atol=1e-6)
    half = drawn(photo, pen(), Settings(strength=DRAWN_FROM / 2))(1)[:30]
    np.testing.assert_allclose(half, (photo[:30] + pen().light) / 2, atol=0.01)


def test_a_drawing_is_whole_below_the_full_strength():
    most = Settings(strength=1.01 / BOLD)
    np.testing.assert_array_equal(tones(portrait(), settings=most), tones(portrait()))
    less = Settings(strength=0.8 / BOLD)
    assert np.abs(tones(portrait(), settings=less) - tones(portrait())).max() > 0.1


@pytest.mark.parametrize("degrees", [0, 30, 90, 120])
def test_lines_follow_contours(degrees):
    way = np.exp(1j * np.radians(degrees))
    rows, columns = np.mgrid[:40, :40].astype(np.float32)
    stripes = np.sin((rows * way.real - columns * way.imag) / 2).astype(np.float32)
    found = tangents([stripes], 3)[10:30, 10:30]
    assert np.abs((found * way.conjugate()).real).min() > 0.99


def test_a_contour_has_no_sense_of_direction():
    """Its direction may be turned round from one pixel to the next."""
    line = np.zeros((40, 40), np.complex64)
    line[20, ::2] = 1
    ways = np.where(np.random.default_rng(0).random(line.shape) < 0.5, 1, -1).astype(np.complex64)
    np.testing.assert_allclose(
        along(line, ways, 4, 1), along(line, np.ones_like(line), 4, 1), atol=1e-5
    )
    np.testing.assert_allclose(along(np.ones_like(line), ways, 4, 1), 1, atol=1e-5)


def test_a_larger_picture_has_the_same_drawing():
    """Lines are as much wider as the painting's."""
    small, large = (portrait(side=side) for side in (256, 512))
    one, other = tones(small), box_average(tones(large)[..., None].repeat(3, -1), 2)[..., 0]
    assert np.abs(one - other).mean() < 0.06
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(8, 300), (300, 8), (1, 1), (40, 37)])
@pytest.mark.parametrize("kind", ["noise", "black", "white"])
def test_photos_of_any_shape_are_drawn(shape, kind):
    photo = np.full((*shape, 3), kind == "white", np.float32)
    if kind == "noise":
        photo = np.random.default_rng(0).random((*shape, 3), np.float32)
    shown = tones(photo)
    assert np.isfinite(shown).all() and shown.min() > -0.1 and shown.max() < 1.1


def test_it_is_the_same_each_time_and_in_each_release():
    photo, dark = portrait(), portrait(ground=(85, 85, 90))
    assert tones(photo).tobytes() == tones(photo.copy()).tobytes()
    half = Settings(strength=0.5)
    drawings = [
        drawn(each, pen(solid), half)(bold) for each, solid, bold in ((photo, 0, 1), (dark, 1, 0.5))
    ]
    as_before("ink", *pen(), *pen(solid=True), *drawings)
