"""The instant painter: pictures that are painted at once, from paintings that are held."""

import numpy as np
import pytest
from support import tiny
from support.faces import close

from painterly.orders.styles import Painting, Style
from painterly.painters.instant_painter import InstantPainter
from painterly.settings.settings import Settings
from painterly.storage.base import Entry

pytestmark = pytest.mark.slow  # Instant pictures are painted.

PAINTING = tiny.file(300, 400, 3, "PNG")


PHOTO = np.asarray(tiny.picture(192, 256) * 255, np.uint8)


def painted(instant_painter, size, photo=PHOTO):
    """Paint a photo at a size in the style of the painting."""
    painting = Painting(Entry("p.png", len(PAINTING), "e"), 1.0)
    settings = Settings(preset="instant", size=size)
    return instant_painter.paint(photo, Style("p", (painting,), settings))


@pytest.mark.thorough
def test_a_picture_does_not_depend_on_what_was_painted_before_it():
    sides = 64, 160, 256
    alone = painted(InstantPainter(lambda _: PAINTING, None, sides), 256)
    for before in (150, 60):
        instant_painter = InstantPainter(lambda _: PAINTING, None, sides)
        painted(instant_painter, before)
        np.testing.assert_array_equal(painted(instant_painter, 256), alone)


def test_paintings_of_a_portrait_are_kept_and_their_memory_is_known():
    kept = []
    for photo in (PHOTO, close(192)):
        instant_painter = InstantPainter(lambda _: PAINTING, None, (192,))
        painted(instant_painter, 192, photo)
        assert instant_painter.has_room
        kept.append(instant_painter.cache_bytes())
    without, with_faces = kept
    assert 10_000 < with_faces - without < 1_000_000


def test_the_time_that_a_picture_takes_is_measured():
    assert InstantPainter(lambda _: PAINTING, None, (64,)).seconds_per_work(lambda: None) > 0
