"""A look at a photo, once for all of its styles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from painterly.engine.faces.coherence import seen
from painterly.engine.faces.finding import Found, found
from painterly.engine.picture import picture_size
from painterly.images.arrays import box_average
from painterly.settings.settings import Settings

LEAST = 512  # px, the longer side of a photo as it is looked at, if the photo has as many


class LookedAt(NamedTuple):
    """The contents of a photo: colours and faces."""

    photo: np.ndarray  # small, as its colours are `seen`
    faces: list[Found]

    @classmethod
    def of(cls, photo: np.ndarray) -> "LookedAt":
        """Look at a photo [H, W, 3]."""
        # Floats of its own size would take as much memory as the photo.
        small = box_average(photo, max(photo.shape) // LEAST)  # float32 0…1
        return cls(seen(small, picture_size(photo)), found(photo, small))


def keeps_faces(settings: Settings) -> bool:
    """Return whether a recipe keeps faces, and the settings want it to."""
    return settings.traits.rebuilds and settings.faces > 0


def as_kept(faces: Sequence[Found], settings: Settings) -> list[Found]:
    """Return faces as far as the settings keep them."""
    return [each._replace(certainty=settings.faces * each.certainty) for each in faces]
