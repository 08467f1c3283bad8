"""The memory of a painting by recipe `instant`."""

import math
from collections.abc import Sequence

from painterly.devices.budget import MemoryBudget
from painterly.engine.features.convolutions import threads
from painterly.engine.instant import matches, networks
from painterly.engine.memory_model import (
    Extent,
    Footprint,
    MemoryPlan,
    PaintingInputs,
    Row,
    Size,
    fastest_plan,
)
from painterly.engine.paintings import Paintings
from painterly.engine.picture import picture_size, postprocess_bytes
from painterly.engine.places import PLACE
from painterly.engine.schedule import painting_size
from painterly.settings.settings import Settings

THREAD_BYTES = 20_000_000  # for each thread, measured
# The features of a picture that keeps none, those of a few bands; measured from 2560 to 4096 px.
BAND_FEATURE_BYTES = 375_000_000


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
    footprint = footprint_of(inputs, [*map(picture_size, styles.paintings)], settings, outside)
    return fastest_plan(size, inputs.size, footprint, budget)


def sizes_of(paintings: Sequence[Size], longer: int, stroke_size: float) -> list[Size]:
    """Return the (height, width) at which each painting is compared with a picture."""
    return [painting_size(*painting, longer, stroke_size) for painting in paintings]


def footprint_of(
    inputs: PaintingInputs, paintings: Sequence[Size], settings: Settings, outside: int = 0
) -> Footprint:
    """Return what a picture takes, with paintings of these sizes."""
    row = Row.of("instant", inputs, settings)

    def extent(size: Size, side: int | None) -> Extent:
        """Return the extent of a picture, or of the largest painting, which are seen in bands."""
        seen = size, *sizes_of(paintings, max(size), settings.stroke_size)
        areas = [*map(math.prod, seen)]
        pixels, features = max(areas), max(map(_features_bytes, areas))
        return Extent(pixels, min(pixels, networks.BAND_PIXELS), features)

    return Footprint(
        at_once=row,
        in_tiles=row,
        extent=extent,
        what_fits=settings.what_fits,
        outside=outside + THREAD_BYTES * threads(),
    )


def _features_bytes(pixels: int) -> int:
    needed = matches.features_bytes(pixels // PLACE**2)
    return needed if needed <= matches.MOST_FEATURE_BYTES else BAND_FEATURE_BYTES
