"""The instant painter: pictures that are painted at once, from paintings that are held."""

import numpy as np
import pytest
from support import tiny

from painterly.orders.styles import Painting, Style
from painterly.painters.instant_painter import InstantPainter
from painterly.settings.settings import Settings
from painterly.storage.base import Entry

pytestmark = pytest.mark.slow  # Instant pictures are painted.

PAINTING = tiny.file(300, 400, 3, "PNG")


def painted(instant_painter, size):
    """Paint a photo at a size in the style of the painting."""
    painting = Painting(Entry("p.png", len(PAINTING), "e"), 1.0)
    settings = Settings(preset="instant", size=size)
    photo = np.asarray(tiny.picture(192, 256) * 255, np.uint8)
    return instant_painter.paint(photo, Style("p", (painting,), settings))


@pytest.mark.thorough
def test_a_picture_does_not_depend_on_what_was_painted_before_it():
    sides = 64, 160, 256
    alone = painted(InstantPainter(lambda _: PAINTING, None, sides), 256)
    for before in (150, 60):
        instant_painter = InstantPainter(lambda _: PAINTING, None, sides)
        painted(instant_painter, before)
        np.testing.assert_array_equal(painted(instant_painter, 256), alone)


def test_the_time_that_a_picture_takes_is_measured():
    assert InstantPainter(lambda _: PAINTING, None, (64,)).seconds_per_work(lambda: None) > 0
