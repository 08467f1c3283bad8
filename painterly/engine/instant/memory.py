"""The memory of a painting by recipe `instant`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from painterly.devices.budget import MemoryBudget
from painterly.engine.features.convolutions import threads
from painterly.engine.instant import matches, networks
from painterly.engine.memory_model import (
    SHAPE,
    MemoryNeeds,
    MemoryPlan,
    PaintingInputs,
    fastest_plan,
    lacking,
)
from painterly.engine.paintings import Paintings
from painterly.engine.picture import picture_size, postprocess_bytes
from painterly.engine.places import PLACE
from painterly.engine.schedule import painting_size
from painterly.settings.settings import Settings
from painterly.vgg.architectures import MULTIPLE

Size = tuple[int, int]  # (height, width)
# Bytes that painting takes, measured: for networks and kept candidates, for each thread, and for
# each pixel of copies of a picture, of a painting's shares and matches, and of a band.
FIXED_BYTES, THREAD_BYTES = 105_000_000, 20_000_000
IMAGE_BYTES, SHARE_BYTES, BAND_BYTES = 60, 2, 400
# The same for a drawing of the photo: for a small one, and for each pixel while it is made and
# while it is painted.
DRAWN_BYTES, DRAWING_BYTES, DRAWN_IMAGE_BYTES = 70_000_000, 90, 12
# Most rows of a band beyond BAND_PIXELS.
BAND_ROWS = networks.LEAST_ROWS + 2 * networks.FEATURES_HALO + MULTIPLE


@dataclass(frozen=True, kw_only=True)
class InstantFootprint(MemoryNeeds):
    """The properties of a painting by recipe `instant`. `outside` is for postprocessing.

    Attributes:
        paintings: The (height, width) of each painting.
        stroke_size: As in the settings.
        drawn: Whether the photo is made into a drawing first.
    """

    paintings: tuple[Size, ...]
    stroke_size: float
    drawn: bool = False

    def bytes_needed(self, size: Size, side: int | None, fast: bool = False) -> int:
        """Return the bytes that painting takes at most for a picture of this (height, width), which
        is always painted in bands."""
        needed = [self.outside]
        for height, width in (size, *sizes_of(self.paintings, max(size), self.stroke_size)):
            pixels = height * width
            features = min(matches.features_bytes(pixels // PLACE**2), matches.KEPT_BYTES)
            in_band = min(pixels, networks.BAND_PIXELS + BAND_ROWS * width)
            needed.append(IMAGE_BYTES * pixels + features + BAND_BYTES * in_band)
        if self.drawn:
            pixels = math.prod(size)
            needed = [each + DRAWN_IMAGE_BYTES * pixels for each in needed]
            needed.append(DRAWN_BYTES + DRAWING_BYTES * pixels)
        shares = SHARE_BYTES * len(self.paintings) * math.prod(size)
        return FIXED_BYTES + THREAD_BYTES * threads() + shares + max(needed)


def too_large(sides: Sequence[int], settings: Settings, budget: MemoryBudget) -> dict[int, int]:
    """Return what pictures after one painting need and a budget lacks, as `lacking`.

    Args:
        sides: As in `lacking`.
        settings: Their settings.
        budget: The memory that they may take.
    """
    painting = round(max(sides) / SHAPE), max(sides)  # A larger one is shrunk.
    footprint = InstantFootprint(
        paintings=(painting,), stroke_size=settings.stroke_size, what_fits=settings.what_fits
    )
    return lacking(sides, footprint, budget)


def memory_plan(
    inputs: PaintingInputs, size: Size, styles: Paintings, settings: Settings, budget: MemoryBudget
) -> MemoryPlan:
    """Return the memory plan of a painting.

    Args:
        inputs: Its inputs.
        size: The picture's (height, width).
        styles: The paintings.
        settings: The settings.
        budget: The memory that it may take.

    Raises:
        MemoryShortError: It does not fit.
    """
    outside = postprocess_bytes(inputs.size, size, settings, inputs.masked)
    sizes = tuple(map(picture_size, styles.paintings))
    footprint = InstantFootprint(
        paintings=sizes,
        stroke_size=settings.stroke_size,
        drawn=inputs.drawn,
        outside=outside,
        what_fits=settings.what_fits,
    )
    return fastest_plan(size, inputs.size, footprint, budget)


def sizes_of(paintings: Sequence[Size], longer: int, stroke_size: float) -> list[Size]:
    """Return the (height, width) at which each painting is compared with a picture."""
    return [painting_size(*painting, longer, stroke_size) for painting in paintings]
