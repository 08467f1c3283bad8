"""The extraction of a network's features from pictures: on a canvas, in tiles, at places; and
the memory that it takes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from painterly.devices.choose import chosen_precision
from painterly.engine.features import neighbours
from painterly.engine.memory_model import Extent, Footprint, PaintingInputs, Row, Size
from painterly.engine.picture import Canvas
from painterly.engine.places import FEW_BANDS, band_rows, place_bytes
from painterly.engine.recipes import recipe_of
from painterly.engine.recipes.base import Losses, Recipe
from painterly.engine.schedule import MARGIN
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG, NetworkOptions, poolings_before
from painterly.vgg.tiles import Tile, halo_of, joined, tiled_features, tiles

WEIGHT_COPIES = 14  # copies of weights: constant, transformed, and in oneDNN; measured
# Takes a tile, and each layer's feature [1, h, w, C] of its own part.
TakeFeatures: TypeAlias = Callable[[Tile, Mapping[str, tf.Tensor]], None]


@dataclass(frozen=True)
class Extractor:
    """Extracts a network's features of pictures, for a recipe."""

    vgg: VGG
    recipe: Recipe
    losses: Losses  # the recipe's losses, which name the layers
    options: NetworkOptions  # how the network computes features
    # Whether paintings are used at their own size and pictures have no margin.
    as_given: bool = False
    # Whether features and places are computed in small parts, for a picture whose gradient is
    # computed in tiles. Extractors that differ only in it share a program.
    saves_memory: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, settings: Settings, vgg: VGG, as_given: bool = False) -> "Extractor":
        """Return the extractor for these settings; `as_given` as in `Extractor`."""
        settings, recipe = vgg.adapted(settings), recipe_of(settings)
        vgg = recipe.network(vgg)
        precision = settings.precision
        if settings.optimizer == "lbfgs" and precision == "auto":
            precision = "float32"  # A line search fails on bfloat16's rounding.
        dtype = tf.as_dtype(chosen_precision(precision))
        if dtype == tf.float16 and not (settings.traits.relative and vgg.fits_float16):
            dtype = tf.float32
        options = NetworkOptions(settings.pool_type, dtype, settings.padding)
        return cls(vgg, recipe, recipe.losses(settings, vgg), options, as_given)

    def planned(self, fast: bool, saves_memory: bool) -> "Extractor":
        """Return the extractor that spends memory on speed, or saves it, as a memory plan says."""
        options = replace(self.options, spends_memory=fast)
        return replace(self, options=options, saves_memory=saves_memory)

    def canvas(self, picture: tuple[int, int], margin: int = MARGIN) -> Canvas:
        """Return the canvas that a picture of this (height, width) is seen on."""
        if self.as_given or not self.recipe.pads:
            return Canvas(picture)
        return Canvas.around(picture, margin)

    def painting_size(
        self, painting: tuple[int, int], picture: tuple[int, int], stroke_size: float
    ) -> tuple[int, int]:
        """Return the (height, width) at which a painting is seen; arguments as in `Recipe`."""
        if self.as_given:
            return painting
        return self.recipe.painting_size(painting, picture, stroke_size)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers at which the photo or paintings are compared."""
        return tuple(dict.fromkeys((*self.losses.layers, self.losses.content_layer)))

    @property
    def matched_channels(self) -> int:
        """The number of channels of all layers at which places are matched."""
        return sum(map(self.vgg.channels, self.losses.matched_layers))

    @property
    def halo(self) -> int:
        """The px around a tile that its features at `layers` depend on."""
        return halo_of(self.vgg, self.layers)

    def features(self, image: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Return the features of image [1, H, W, 3] (sRGB 0…1) as `VGG.forward` does, computed in
        tiles. All layers are computed: tracing a function for others takes longer."""
        parts = self.tiled_features(image, self.layers)
        return joined((tile, {layer: maps[layer] for layer in layers}) for tile, maps in parts)

    def tiled_features(
        self, image: tf.Tensor, layers: Sequence[str], rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[Tile, dict[str, tf.Tensor]]]:
        """Compute `features` as `tiles.tiled_features` does."""
        return tiled_features(self.vgg, image, layers, self.options, rows, self.saves_memory)

    def layer_masks(
        self, mask: np.ndarray | None, canvas: Canvas, layers: Sequence[str]
    ) -> tuple[tf.Tensor, ...]:
        """Return a mask [h, w] of the picture on a canvas at each layer, [1, h, w, 1]; empty if
        the mask is None."""
        if mask is None:
            return ()
        return self.losses.layer_masks(canvas.padded_mask(mask), *canvas.size, layers)

    def matches_shape(self, size: tuple[int, int], paintings: int) -> tuple[int, ...]:
        """Return the shape of all matches of a picture of `size` (height, width) among
        paintings."""
        height, width = self.canvas(size).size
        return 1, height // neighbours.PLACE, width // neighbours.PLACE, paintings

    def places_of(self, image: tf.Tensor) -> neighbours.PlacesOf:
        """Return the places of an image [1, H, W, 3], computed once if they are few, else each time
        they are needed."""
        if self._band_rows(image) < image.shape[1]:
            return partial(self.places, image)
        ((first, features),) = self.places(image)
        # A copy, because matching removes each layer after its use.
        return lambda few: iter([(first, dict(features))])

    def places(
        self, image: tf.Tensor, few: bool = False, take: TakeFeatures | None = None
    ) -> Iterator[tuple[int, neighbours.Places]]:
        """Compute the places of an image on its canvas [1, H, W, 3], sRGB 0…1, in bands of rows
        from top to bottom, each with the number of its first row.

        Args:
            few: Whether a part of the bands is enough, at least FEW_BANDS if there are as many.
            take: Is called with the features of all layers that are compared.
        """
        matched = self.losses.matched_layers
        layers = self.layers if take else matched
        height = image.shape[1]
        high = self._band_rows(image)

        def in_tiles(first: int) -> Iterator[tuple[Tile, neighbours.Places]]:
            rows = first, min(first + high, height)
            for tile, at_layers in self.tiled_features(image, layers, rows):
                if take:
                    take(tile, at_layers)
                features = {layer: neighbours.places(layer, at_layers[layer]) for layer in matched}
                yield tile, features

        step = max(1, -(-height // high) // FEW_BANDS) if few else 1
        for first in range(0, height, step * high):
            yield first // neighbours.PLACE, neighbours.aligned(joined(in_tiles(first)))

    def _band_rows(self, image: tf.Tensor) -> int:
        size = tuple(image.shape[1:3])
        return band_rows(size, self.matched_channels, self.saves_memory)


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
