"""Paintings that are drawings in ink, and those that are not."""

import numpy as np
import pytest
from support.ink import BLACK, CREAM, WHITE, drawing
from support.pictures import sample_bytes
from support.tiny import picture

from painterly.engine.abstraction.ink import ink_of, look_of
from painterly.engine.paintings import Paintings
from painterly.settings.installation import PROGRAM

DRAWN = {
    "pen": drawing(),
    "pen-on-cream": drawing(CREAM),
    "sepia": drawing(CREAM, (70, 40, 25)),
    "woodcut": drawing(solid=True),
}
COLOURED = drawing(solid=True)
COLOURED[256:] = np.where(COLOURED[256:] < 0.5, np.float32([0.1, 0.2, 0.8]), COLOURED[256:])
WASH = np.repeat(np.linspace(0.2, 1, 512, dtype=np.float32), 512).reshape(512, 512, 1)
OTHERS = {
    "two-inks": COLOURED,
    "grey-wash": np.repeat(WASH, 3, -1),
    "blank-paper": np.ones((300, 300, 3), np.float32),
    "paint": picture(400, 300),
    "coloured-paper-cut": np.kron(picture(8, 8, 3), np.ones((64, 64, 1), np.float32)),
}


@pytest.mark.thorough
def test_of_the_ready_styles_one_woodcut_is_a_drawing_in_ink_and_none_is_near_the_bounds():
    margins = {
        path.stem: look_of(sample_bytes(f"styles/{path.name}", 512)).margin
        for path in (PROGRAM / "painterly/styles").glob("*.jpg")
    }
    assert len(margins) >= 20
    assert margins.pop("wadsworth") > 1.25
    assert max(margins.values()) < 0.85


@pytest.mark.parametrize("name", DRAWN)
def test_lines_and_forms_of_one_ink_on_paper_are_a_drawing(name):
    assert look_of(DRAWN[name]).margin > 1.1


@pytest.mark.parametrize("name", OTHERS)
def test_what_has_more_colours_or_tones_or_no_lines_is_none(name):
    assert look_of(OTHERS[name]).margin < 0.9


@pytest.mark.parametrize("side", [256, 512, 1400])
def test_a_drawing_is_one_at_any_size_and_in_integers(side):
    painting = np.uint8(np.rint(255 * drawing(CREAM, side=side)))
    assert look_of(painting).margin > 1.05


def test_shares_of_black_and_the_colours_of_ink_and_paper_are_the_paintings_own():
    pen, woodcut = (look_of(DRAWN[name]) for name in ("pen-on-cream", "woodcut"))
    assert pen.black < 0.1 < woodcut.black
    np.testing.assert_allclose(255 * pen.light, CREAM, atol=4)
    np.testing.assert_allclose(255 * pen.dark, BLACK, atol=25)


def test_several_paintings_are_a_drawing_only_if_all_are():
    paintings = [DRAWN["pen"], DRAWN["woodcut"]]
    both = ink_of(Paintings(paintings, [3, 1]))
    assert both is not None
    blacks = [look_of(each).black for each in paintings]
    assert both.black == pytest.approx(0.75 * blacks[0] + 0.25 * blacks[1])
    assert ink_of(Paintings([DRAWN["pen"], OTHERS["paint"]])) is None
    assert ink_of(Paintings([DRAWN["pen"], OTHERS["paint"]], [1, 0])) is not None


def test_a_painting_is_measured_once_for_all_photos():
    paintings = Paintings([DRAWN["pen"]])
    ink_of(paintings)
    assert paintings.with_shares([0.5]).looks is paintings.looks and len(paintings.looks) == 1
    assert tuple(np.rint(255 * paintings.looks[0].light)) == WHITE


def test_only_the_part_of_a_painting_that_its_mask_lets_through_is_measured():
    """A drawing next to a coloured painting, as on a scanned page."""
    pen = DRAWN["pen-on-cream"]
    page, left = np.hstack([pen, np.resize(OTHERS["paint"], pen.shape)]), np.zeros((8, 16))
    left[:, :8] = 1
    assert ink_of(Paintings([page])) is None
    np.testing.assert_allclose(255 * ink_of(Paintings([page], masks=[left])).light, CREAM, atol=4)
    assert ink_of(Paintings([page], masks=[1 - left])) is None
    two = np.hstack([DRAWN["pen"], DRAWN["woodcut"]])
    blacks = [ink_of(Paintings([two], masks=[each])).black for each in (None, left, 1 - left)]
    assert blacks[1] < 0.5 * blacks[0] < 0.7 * blacks[2]
