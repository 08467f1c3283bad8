"""The footprint of an extractor's pictures, from its network and its recipe."""

import math

from painterly.engine.extractor import Extractor
from painterly.engine.memory_model import Extent, Footprint, PaintingInputs, Row, Size
from painterly.engine.places import band_rows, place_bytes
from painterly.settings.settings import Settings
from painterly.vgg.network import poolings_before
from painterly.vgg.tiles import tiles

WEIGHT_COPIES = 14  # copies of weights: constant, transformed, and in oneDNN; measured


def footprint_of(
    extractor: Extractor,
    settings: Settings,
    inputs: PaintingInputs | None = None,
    outside: int = 0,
    on_gpu: bool = False,
) -> Footprint:
    """Return the footprint of an extractor's pictures.

    Args:
        extractor: The extractor.
        settings: The settings.
        inputs: The inputs; by default, one painting without masks.
        outside: Bytes outside of TensorFlow.
        on_gpu: Whether a GPU computes.
    """
    inputs = inputs or PaintingInputs((0, 0))
    vgg, dtype, channels = extractor.vgg, extractor.options.dtype, extractor.matched_channels
    needed = vgg.needed(extractor.layers)
    map_bytes = sum(dtype.size * vgg.channels(each) / 4 ** poolings_before(each) for each in needed)
    device, number = "GPU" if on_gpu else "CPU", "float32" if dtype == "float32" else "16 bits"
    at_once, in_tiles = (
        Row.of(f"{device}, {number}, {plan}", inputs, settings) for plan in ("at once", "in tiles")
    )

    def extent(size: Size, side: int | None) -> Extent:
        canvas = height, width = extractor.canvas(size).size
        pixels = part = math.prod(canvas)
        if side is not None:
            tile = tiles(vgg, canvas, extractor.layers, side)[0][0]
            part = math.prod(span.last - span.first for span in tile)
        matched = min(height, band_rows(canvas, channels, side is not None)) * width
        return Extent(pixels, map_bytes * part, place_bytes(channels) * matched)

    # Free memory may not change the pictures of `deterministic`.
    faster = not settings.deterministic and vgg.gains_from_memory(extractor.layers, dtype)
    return Footprint(
        at_once=at_once,
        in_tiles=in_tiles,
        extent=extent,
        what_fits=settings.what_fits,
        outside=outside,
        copies=WEIGHT_COPIES * vgg.weight_bytes(needed) if faster else 0,
    )
