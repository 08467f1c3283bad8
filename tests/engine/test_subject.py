"""Subjects of photos."""

import numpy as np
import pytest
from PIL import Image

from painterly.engine.looked_at import LookedAt
from painterly.engine.subject import subject_of
from painterly.settings.installation import PROGRAM, SAMPLE_PHOTOS
from painterly.settings.kindness import Subject

SIDE = 240


def plain(*colour):
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def night():
    photo = plain(14, 16, 40)
    photo[40:44:, ::30] = 255  # lamps
    return photo


def sea(water=(40, 90, 120)):
    photo = plain(205, 220, 235)
    photo[100:] = water
    photo[102::6] = np.add(water, 14)  # waves
    return photo


def street():
    photo = plain(190, 210, 240)
    photo[60:] = 150, 120, 100
    photo[70::24, :] = photo[60:, ::16] = 60, 50, 50  # windows
    return photo


def fruit(colour=(230, 90, 20)):
    photo = plain(120, 112, 100)
    down, across = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    photo[np.hypot(down, across) < 50] = colour
    return photo


@pytest.mark.parametrize(
    ("photo", "subject"),
    [
        (night(), Subject.NIGHT),
        (sea(), Subject.SEA),
        (street(), Subject.STREET),
        (fruit(), Subject.STILL_LIFE),
        (sea(water=(120, 110, 70)), None),  # a field
        (fruit(colour=(70, 70, 70)), None),  # a stone
    ],
)
def test_colours_and_edges_tell_what_a_photo_shows(photo, subject):
    assert subject_of(LookedAt.of(photo)) == subject


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        (PROGRAM / "docs/images/portrait-photo.jpg", Subject.FACES),
        (SAMPLE_PHOTOS / "still-life.jpg", Subject.STILL_LIFE),
        (SAMPLE_PHOTOS / "landscape.jpg", None),
    ],
    ids=lambda value: str(getattr(value, "stem", value)),
)
def test_a_small_copy_suffices(path, subject):
    with Image.open(path) as whole:
        for side in (320, 512):
            photo = whole.convert("RGB")
            photo.thumbnail((side, side))
            assert subject_of(LookedAt.of(np.asarray(photo))) == subject
