"""What of people has one colour in the photo has one in a finished picture."""

import numpy as np
import pytest
from support.faces import close
from support.painted import as_before
from support.tiny import network

from painterly import Settings, stylize
from painterly.engine import transfer
from painterly.engine.abstraction.filters import scaled
from painterly.engine.faces import coherence
from painterly.engine.faces.care import People, cares_of
from painterly.engine.looked_at import LookedAt
from painterly.images.colours.colour import oklab_to_srgb, srgb_to_oklab

SIDE = 256
ROWS, COLUMNS = np.indices((SIDE, SIDE), np.float32) / SIDE
THING = np.hypot(ROWS - 0.5, COLUMNS - 0.5) < 0.38
BLOTS = THING & (np.sin(50 * ROWS) * np.sin(50 * COLUMNS) > 0.5)
INSIDE, OUTSIDE = (np.abs(np.hypot(ROWS - 0.5, COLUMNS - 0.5) - far) < 0.08 for far in (0.2, 0.6))
SKIN, GREY, ORANGE, BLUE = (0.04, 0.05), (0, 0), (0.09, 0.09), (-0.02, -0.09)  # Oklab's a and b
EVERYWHERE = np.ones((SIDE, SIDE, 1), np.float32)
NOWHERE = np.zeros((SIDE, SIDE), np.float32)


def coloured(colour, lightness=0.6):
    """A picture of this lightness whose a and b have these values."""
    lab = np.empty((SIDE, SIDE, 3), np.float32)
    lab[..., 0] = lightness
    lab[..., 1], lab[..., 2] = colour
    return oklab_to_srgb(lab).astype(np.float32)


def where(part, one, other):
    return np.where(part[..., None], one, other).astype(np.float32)


PHOTO = where(THING, coloured(SKIN), coloured(GREY, 0.3))
BLOTTED = where(BLOTS, coloured(BLUE), where(THING, coloured(ORANGE), coloured(GREY, 0.3)))
PART = BLOTS[INSIDE].mean()
MEAN = PART * np.array(BLUE) + (1 - PART) * np.array(ORANGE)


def made_coherent(picture, photo=PHOTO, shares=(EVERYWHERE,), skin=NOWHERE, bodies=None):
    """The picture after it."""
    after = picture.copy()
    people = People(EVERYWHERE[..., 0] if bodies is None else bodies, skin)
    coherence.make_coherent(after, coherence.seen(photo, (SIDE, SIDE)), people, shares)
    return after


def colour(picture):
    return srgb_to_oklab(picture)[..., 1:]


def test_what_has_one_colour_in_the_photo_gets_one_and_what_has_another_keeps_its_own():
    after = made_coherent(BLOTTED)
    as_before("coherent", after)
    after = colour(after)
    assert colour(BLOTTED)[INSIDE].std(0).max() > 0.06
    assert after[INSIDE].std(0).max() < 0.02
    gain = after[INSIDE].mean(0) @ MEAN / (MEAN @ MEAN)
    assert 1 < gain < 1.55, "colours are not paler than before"
    np.testing.assert_allclose(after[INSIDE].mean(0), gain * MEAN, atol=0.01)
    np.testing.assert_allclose(after[OUTSIDE], 0, atol=0.02)


def test_a_third_of_the_colours_is_the_photos_and_tones_stay():
    """A linear function of the photo's colours is its own fit."""
    random = np.random.default_rng(0)
    lab = np.empty((SIDE, SIDE, 3), np.float32)
    smooth = random.normal(size=(3, 2))
    for each in range(3):
        lab[..., each] = np.sin(4 * (smooth[each, 0] * ROWS + smooth[each, 1] * COLUMNS))
    photo = oklab_to_srgb(lab * (0.2, 0.06, 0.06) + (0.6, 0, 0)).astype(np.float32)
    shown = srgb_to_oklab(photo)
    painted = shown.copy()
    painted[..., 0] += 0.02 * random.normal(size=(SIDE, SIDE))
    painted[..., 1:] = shown[..., 1:] @ [[0.3, -0.8], [0.5, 0.4]] + (0.02, -0.03)
    after = srgb_to_oklab(made_coherent(oklab_to_srgb(painted), photo))
    own, has = (np.hypot(*each[..., 1:].T).mean() for each in (shown, painted))
    goal = 0.65 * painted[..., 1:] + 0.35 * min(1, has / own) * shown[..., 1:]
    np.testing.assert_allclose(after[..., 1:], goal, atol=0.012)
    np.testing.assert_allclose(after[..., 0], painted[..., 0], atol=0.02)


def test_skin_goes_most_of_the_way_to_the_photos_colour_and_the_rest_a_third():
    skin = np.float32(THING & (ROWS < 0.5))
    orange = where(THING, coloured(ORANGE), coloured(GREY, 0.3))
    after = colour(made_coherent(orange, skin=skin))
    for part, way in ((ROWS < 0.48, 0.7), (ROWS > 0.52, 0.35)):
        goal = (1 - way) * np.array(ORANGE) + way * np.array(SKIN)
        np.testing.assert_allclose(after[INSIDE & part].mean(0), goal, atol=0.006)


def test_smooth_dark_parts_get_no_light_specks_and_others_keep_them():
    """Foam of Hokusai's wave in hair and suits, and stars in a bright wall."""
    specks = (np.round(ROWS * SIDE) % 16 < 3) & (np.round(COLUMNS * SIDE) % 16 < 3)
    photo = where(ROWS < 0.5, coloured(GREY, 0.2), coloured(GREY, 0.8))
    picture = where(
        specks, coloured(GREY, 0.9), where(ROWS < 0.5, coloured(GREY, 0.2), coloured(GREY, 0.6))
    )
    after = srgb_to_oklab(made_coherent(picture, photo))[..., 0]
    assert after[specks & (ROWS < 0.45)].max() < 0.5
    np.testing.assert_allclose(after[specks & (ROWS > 0.55)], 0.9, atol=0.01)
    np.testing.assert_allclose(after[~specks & (ROWS < 0.45)], 0.2, atol=0.01)


@pytest.mark.parametrize(
    ("picture", "photo"),
    [
        pytest.param(where(THING, coloured(GREY), coloured(GREY, 0.3)), PHOTO, id="a woodcut"),
        pytest.param(
            where(THING, coloured(ORANGE), coloured(GREY, 0.3)),
            where(THING, coloured(GREY), coloured(GREY, 0.3)),
            id="a grey photo",
        ),
    ],
)
def test_a_grey_painting_gets_no_colour_and_a_grey_photo_takes_none(picture, photo):
    after = made_coherent(picture, photo, skin=np.float32(THING))
    np.testing.assert_allclose(colour(after)[INSIDE], colour(picture)[INSIDE], atol=0.004)


def test_each_part_gets_the_colours_of_its_own_painting():
    above = np.float32(ROWS < 0.5)[..., None]
    picture = where(ROWS < 0.5, coloured(ORANGE), coloured(BLUE))
    flat = coloured(SKIN)
    after = colour(made_coherent(picture, flat, (above, 1 - above)))
    one = 0.65 * np.array(ORANGE) + 0.35 * np.array(SKIN)
    np.testing.assert_allclose(after[above[..., 0] > 0], [one] * (SIDE**2 // 2), atol=0.012)
    mixed = colour(made_coherent(picture, flat))
    assert np.abs(mixed[SIDE // 2 - 1, 0] - one).max() > 0.04, "of one painting"


@pytest.mark.parametrize("what", ["shares", "bodies"])
def test_what_is_not_painted_stays_bit_for_bit_and_so_does_what_is_no_person(what):
    left = np.float32(COLUMNS <= 0.75)
    part = {"shares": (left[..., None],)} if what == "shares" else {"bodies": left}
    after = made_coherent(BLOTTED, skin=np.float32(THING), **part)
    kept = COLUMNS > 0.76
    np.testing.assert_array_equal(after[kept], BLOTTED[kept])
    assert np.abs(after - BLOTTED).max() > 0.1


def painted(recipe, **settings):
    """The steps of a portrait that begins blotted, and hardly leaves it."""
    few = {"iterations": 2, "learning_rate": 1e-3, "content_weight": 1.0}
    changed = Settings(recipe=recipe, size=SIDE, **(few if recipe == "default" else {}), **settings)
    vgg = network() if recipe == "default" else None
    halves = where(COLUMNS < 0.5, coloured(ORANGE), coloured(BLUE))
    blots = np.sin(50 * ROWS) * np.sin(50 * COLUMNS) > 0.5
    blotted = where(blots, coloured(BLUE), coloured(ORANGE))
    return stylize(close(SIDE), [halves], changed, vgg, init=blotted)


@pytest.mark.thorough
@pytest.mark.parametrize("recipe", ["default", "instant"])
def test_a_finished_portrait_is_coherent_unless_the_photos_colours_are_preserved(
    recipe, monkeypatch
):
    [face] = cares_of(LookedAt.of(close(SIDE)).faces, (SIDE, SIDE), SIDE)
    skin = scaled(face.oval - face.features, face.size) > 0.9

    def unevenness():
        *_, last = painted(recipe, strength=1.0)
        return float(colour(last.image[face.part])[skin].std(0).max())

    coherent = unevenness()
    asked = [step.image for step in painted(recipe, preserve_color=True)]
    monkeypatch.setattr(transfer, "make_coherent", lambda *_: None)
    assert coherent < 0.75 * unevenness()
    without = [step.image for step in painted(recipe, preserve_color=True)]
    np.testing.assert_array_equal(asked[-1], without[-1])
