"""Skin in a photo gets one family of the painting's colours."""

import numpy as np
import pytest
from support.painted import as_before
from support.tiny import network

from painterly import Settings, stylize
from painterly.engine import transfer
from painterly.engine.abstraction import families
from painterly.engine.picture import Canvas
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SIDE = 128
ROWS, COLUMNS = np.indices((SIDE, SIDE), np.float32) / SIDE
FACE = np.hypot(ROWS - 0.5, COLUMNS - 0.5) < 0.38
LIT = FACE & (COLUMNS > 0.5)
# Detail, as eyes and a mouth are.
MARKS = FACE & ((np.round(ROWS * 16) % 4 == 0) & (np.round(COLUMNS * 16) % 4 == 0))
SKIN, ORANGE, BLUE = (0.04, 0.05), (0.09, 0.09), (-0.02, -0.09)  # Oklab's a and b


def coloured(lightness, colour):
    """A picture of this lightness whose a and b have these values."""
    lab = np.empty((SIDE, SIDE, 3), np.float32)
    lab[..., 0] = lightness
    lab[..., 1], lab[..., 2] = colour
    return oklab_to_srgb(lab)


def where(part, one, other):
    return np.where(part[..., None], one, other)


def face(colour, of_lit=None, marks=MARKS, part=FACE):
    """A face before grey, of two tones, in one colour or in two."""
    lightness = np.where(LIT, 0.75, 0.6) - 0.35 * marks
    inside = where(LIT, coloured(lightness, of_lit or colour), coloured(lightness, colour))
    return where(part, inside, coloured(0.3, (0, 0)))


PHOTO, SPLIT = face(SKIN), face(ORANGE, BLUE)
HALVES = where(COLUMNS < 0.5, coloured(0.4 + 0.5 * ROWS, ORANGE), coloured(0.4 + 0.5 * ROWS, BLUE))
NO_LIGHT_ORANGE = where(ROWS < 0.4, coloured(0.4, ORANGE), coloured(0.75, BLUE))


def away_from_orange(picture, part=LIT):
    """Return the degrees of hue from ORANGE to a part's mean colour."""
    _, a, b = srgb_to_oklab(picture)[part].mean(0)
    return abs(np.degrees(np.arctan2(b, a) - np.arctan2(ORANGE[1], ORANGE[0])))


def painted(recipe="default", resume=None, **settings):
    """The steps of a picture that begins as a split face, and hardly leaves it."""
    few = {"iterations": 2, "learning_rate": 1e-3} if recipe != "instant" else {}
    changed = Settings(recipe=recipe, size=SIDE, strength=1.0, **few, **settings)
    vgg = None if recipe == "instant" else network()
    return stylize(PHOTO, [HALVES], changed, vgg, init=SPLIT, resume=resume)


@pytest.mark.parametrize("recipe", [pytest.param("default", marks=pytest.mark.thorough), "instant"])
def test_a_face_that_was_split_in_two_colours_has_one(recipe):
    steps = painted(recipe)
    looked = [
        (away_from_orange(step.image), away_from_orange(step.image, FACE & ~LIT)) for step in steps
    ]
    assert looked[-2][0] > 90, "as it was before it is finished"
    assert max(looked[-1]) < 30


@pytest.mark.thorough
def test_a_resumed_run_ends_in_the_same_picture():
    steps = painted()
    snapshot = {name: array.copy() for name, array in next(steps).snapshot().items()}
    *_, last = steps
    assert away_from_orange(last.image) < 30
    *_, resumed = painted(resume=snapshot)
    np.testing.assert_array_equal(resumed.image, last.image)


@pytest.mark.parametrize("recipe", [pytest.param("default", marks=pytest.mark.thorough), "instant"])
def test_with_preserve_color_the_photos_colours_are_left_to_it(recipe, monkeypatch):
    asked = [step.image for step in painted(recipe, preserve_color=True)]
    monkeypatch.setattr(transfer, "in_families", lambda picture, *_: picture)
    without = [step.image for step in painted(recipe, preserve_color=True)]
    np.testing.assert_array_equal(asked[-1], without[-1])


def in_families(picture, photo, paintings, share=None):
    """The picture after it, or None if it stays the same array."""
    canvas, everywhere = Canvas.around(picture.shape[:2]), np.ones((SIDE, SIDE), np.float32)
    shares = [everywhere / len(paintings)] * len(paintings) if share is None else share
    groups = []
    for painting, each in zip(paintings, shares, strict=True):
        palette = families.palette_of([(families.colours_of(painting, everywhere), 1.0)])
        groups.append((palette, canvas.padded(each)[..., None]))
    before = canvas.padded(picture)
    after = families.in_families(before, canvas, families.seen(photo, photo.shape[:2]), groups)
    return None if after is before else canvas.cropped(after[None])[0]


def test_tones_and_the_ground_stay():
    after = in_families(SPLIT, PHOTO, [HALVES])
    as_before("families", after)
    assert away_from_orange(after) < 30
    lightness = [srgb_to_oklab(each)[..., 0] for each in (SPLIT, after)]
    assert np.abs(lightness[0] - lightness[1]).mean() < 0.02
    ground = np.hypot(ROWS - 0.5, COLUMNS - 0.5) > 0.45
    np.testing.assert_allclose(after[ground], SPLIT[ground], atol=0.02)


@pytest.mark.parametrize(
    ("picture", "photo", "painting"),
    [
        pytest.param(face(ORANGE), PHOTO, HALVES, id="a face of one colour"),
        pytest.param(face((0.05, 0.05)), PHOTO, HALVES, id="a face of one pale colour"),
        pytest.param(SPLIT, SPLIT, HALVES, id="a photo of two colours"),
        pytest.param(SPLIT, face((0, 0)), HALVES, id="a grey photo"),
        pytest.param(SPLIT, face((-0.05, 0.04)), HALVES, id="a green thing"),
        pytest.param(SPLIT, face((0.11, 0.14)), HALVES, id="an orange thing"),
        pytest.param(SPLIT, face((-0.01, -0.045)), HALVES, id="a pale blue thing"),
        pytest.param(SPLIT, face(SKIN, marks=0), HALVES, id="a wall, which has no detail"),
        pytest.param(
            face(ORANGE, (-0.15, 0.13)), PHOTO, HALVES, id="what has more colour than that"
        ),
        pytest.param(SPLIT, PHOTO, NO_LIGHT_ORANGE, id="a painting without light orange"),
    ],
)
def test_all_else_stays_bit_for_bit(picture, photo, painting):
    assert in_families(picture, photo, [painting]) is None


def test_the_less_would_move_the_less_it_moves():
    """So that no two sizes of a picture differ by all or nothing."""

    def moved(radius):
        part = np.hypot(ROWS - 0.5, COLUMNS - 0.5) < radius
        before = face(ORANGE, BLUE, part=part)
        after = in_families(before, face(SKIN, part=part), [HALVES])
        return 0.0 if after is None else np.abs(after - before)[part & LIT].mean()

    little, some, much = map(moved, (0.12, 0.17, 0.38))
    assert little == 0 < 0.2 * much < some < 0.8 * much


def test_a_palette_is_of_what_is_used_of_a_painting_and_knows_no_pixels():
    left = np.float32(COLUMNS < 0.5)
    orange, blue = (families.colours_of(HALVES, each) for each in (left, 1 - left))
    assert orange[:, 2].min() > 0 > blue[:, 2].max()
    few = families.palette_of([(orange, 0.99), (blue, 0.01)])
    many = families.palette_of([(orange, 0.99), (blue.repeat(5, 0), 0.01)])
    np.testing.assert_allclose(few, many, atol=1e-4)


def test_each_part_gets_the_colours_of_its_own_painting():
    """Below, there is no light orange."""
    above = np.float32(ROWS < 0.5)
    after = in_families(SPLIT, PHOTO, [HALVES, NO_LIGHT_ORANGE], [above, 1 - above])
    assert away_from_orange(after, LIT & (ROWS < 0.4)) < 30
    below = LIT & (ROWS > 0.6)
    np.testing.assert_allclose(after[below], SPLIT[below], atol=0.02)


def test_a_part_takes_no_colours_from_a_part_of_another_painting():
    above = np.float32(ROWS < 0.5)
    picture = where(ROWS < 0.5, SPLIT, face((0.16, 0.0)))
    after = in_families(picture, PHOTO, [HALVES, NO_LIGHT_ORANGE], [above, 1 - above])
    assert away_from_orange(after, LIT & (ROWS < 0.4)) < 30


def test_what_is_not_painted_stays_bit_for_bit():
    right = np.float32(COLUMNS > 0.75)
    after = in_families(SPLIT, PHOTO, [HALVES], [1 - right])
    np.testing.assert_array_equal(after[right > 0], SPLIT[right > 0])
