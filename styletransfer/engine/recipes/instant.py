"""Recipe `instant`: a picture in one pass at each scale, without optimisation.

Each place of the picture is matched to a place of the painting, as in the default recipe, and a
decoder makes a picture of the matches (decoder.py). At the next scale, about twice as large, the
photo and this picture are matched together, so that forms grow coarse to fine. Kolkin et al. 2022,
"Neural Neighbor Style Transfer", have such a decoder for features alone.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from styletransfer.devices.memory import device_name
from styletransfer.engine import neighbours
from styletransfer.engine.constants import (
    FULL_STRENGTH,
    MATCHED_DIRECTIONS,
    MATCHED_LAYERS,
    PIXELS_OF_PLACE,
    PLACE,
)
from styletransfer.engine.decoder import HALO, PART_SIDE, decoder, traced
from styletransfer.engine.memory_model import (
    KERNELS,
    MASK,
    MATCHES,
    RESULT,
    RGB,
    Footprint,
    matching_bytes,
)
from styletransfer.engine.recipes.base import Losses, Recipe
from styletransfer.engine.recipes.default import relative_losses
from styletransfer.engine.targets import FULLY_COVERED, Group
from styletransfer.settings import Settings
from styletransfer.vgg.network import VGG
from styletransfer.vgg.tiles import Span, Tile, cut, own, own_features

if TYPE_CHECKING:
    from styletransfer.engine.view import View

TINY = 1e-6
# Bytes of a painting's candidates, without rotations: it takes half the time, and makes no visible
# difference.
CANDIDATE_BYTES = 10_000_000
MAX_KEPT = 12  # paintings' targets at a size that are kept
COPIES = 6  # pictures in memory, photo and result among them
DECODING = 1000  # bytes per pixel of a part that is decoded


class InstantFootprint(Footprint):
    """The memory of the recipe."""

    def bytes_needed(self, size: tuple[int, int], side: int | None, fast: bool = False) -> int:
        """Return the bytes while places are matched, or while a part is decoded."""
        scales, size = self.scales(size), self.canvas(size)
        channels, pixels = self.channels, math.prod(size)
        of_place = channels + PIXELS_OF_PLACE + MATCHED_DIRECTIONS
        kept = min(CANDIDATE_BYTES / channels, 4 * max(size) ** 2 / PLACE**2) * of_place
        part = min(pixels, (PART_SIDE + 2 * HALO) ** 2)
        most = max(matching_bytes(size, channels, side is not None), DECODING * part)
        held = pixels * (COPIES * RGB + MATCHES * self.paintings + MASK * self.regions)
        # Candidates of all scales are kept for the next photo, up to MAX_KEPT.
        count = min(self.paintings * scales, MAX_KEPT + self.paintings)
        fixed = 0 if self.on_gpu else 3 * KERNELS + self.outside + pixels * RESULT
        return int(held + most + count * kept + fixed)


class Instant(Recipe):
    """The recipe without optimisation."""

    fits_float16 = False  # The decoder is made for features of their own scale.
    keeps_pixels = True
    footprint = InstantFootprint

    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        """Return losses that only say at which layers places are matched."""
        matched = tuple(layer for layer in MATCHED_LAYERS if layer in vgg.layers)
        return relative_losses(settings, (), matched)


class Part(NamedTuple):
    """The rows or columns of a part of the picture.

    Attributes:
        seen: Those that its pixels depend on, as the own part of a span.
        own: Its own, among those seen.
    """

    seen: Span
    own: slice


def painted(
    view: "View",
    groups: Sequence[Group],
    photo: tf.Tensor,
    picture: tf.Tensor,
    strength: float,
) -> tf.Tensor:
    """Paint a picture at one scale.

    Args:
        view: The view of recipe `instant`.
        groups: The targets of paintings; candidates include their pixels.
        photo: The photo on its canvas [1, H, W, 3], sRGB 0…1.
        picture: The picture to start from on the same canvas: that of the scale before.
        strength: As in the settings.

    Returns:
        The picture [1, H, W, 3], sRGB 0…1.
    """
    # Half of the work of mixing their features, and nearly the same matches.
    sought = strength * picture + (1 - strength) * photo
    matches = _matches(view, groups, sought)
    regions = _regions(groups, min(1.0, strength / FULL_STRENGTH))
    covers = isinstance(regions[0], float) and regions[0] == 1
    decode = traced(view.options.dtype, device_name())
    halo = view.halo
    rows = []
    for down in _parts(photo.shape[1], halo):
        row = []
        for across in _parts(photo.shape[2], halo):
            tile = Tile(down.seen, across.seen)
            target = _target(groups, matches, regions, tile)
            if not covers:
                target = _with_photo(view, target, regions, photo, tile)
            row.append(decode(*target)[:, down.own, across.own])
        rows.append(tf.concat(row, 2))
    return tf.clip_by_value(tf.concat(rows, 1), 0.0, 1.0)


def _matches(view: "View", groups: Sequence[Group], picture: tf.Tensor) -> list[list[tf.Tensor]]:
    """Return each group's matches [h, w] among the candidates of each of its paintings."""
    of_picture = view.places_of(picture)
    return [
        [neighbours.nearest(each.prepared[0], of_picture) for each in group.candidates]
        for group in groups
    ]


def _regions(groups: Sequence[Group], part: float) -> list[tf.Tensor | float]:
    """Return each group's share of each place, [1, h, w, 1], or of all places.

    Args:
        groups: The groups.
        part: The sum of the shares of a place that the groups cover.
    """
    if not any(group.masks for group in groups):
        return [part]  # Paintings without regions are one group.
    masks = [
        neighbours.over_places("conv1_1", group.masks[0]) if group.masks else 1.0
        for group in groups
    ]
    # A group's weight is its paintings' share times its area.
    shares = [
        float(group.weight) / max(float(tf.reduce_mean(mask)), TINY)
        for group, mask in zip(groups, masks, strict=True)
    ]
    covered = tf.minimum(tf.add_n([tf.ones_like(masks[0]) * each for each in masks]), 1.0)
    covered = tf.where(covered > FULLY_COVERED, 1.0, covered)
    weighted = [share * mask for share, mask in zip(shares, masks, strict=True)]
    total = tf.maximum(sum(weighted), TINY)
    return [part * covered * each / total for each in weighted]


def _parts(length: int, halo: int) -> list[Part]:
    """Return the parts of `length` px. halo: px around a tile that its features depend on."""
    count = -(-length // PART_SIDE)
    side = -(-length // count)
    side += -side % HALO
    parts = []
    for first in range(0, length, side):
        last = min(first + side, length)
        start, end = max(0, first - HALO), min(length, last + HALO)
        seen = Span(max(0, start - halo), min(length, end + halo), start, end)
        parts.append(Part(seen, slice(first - start, last - start)))
    return parts


def _target(
    groups: Sequence[Group],
    matches: Sequence[Sequence[tf.Tensor]],
    regions: Sequence[tf.Tensor | float],
    tile: Tile,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the decoder's first layer [1, h, w, 128] and the pixels [1, h, w, 48] of the matches
    of a tile's own part, weighted by the shares."""
    joined = pixels = 0.0
    for group, places, region in zip(groups, matches, regions, strict=True):
        share = region if isinstance(region, float) else own(region, tile, PLACE)
        for candidates, numbers in zip(group.candidates, places, strict=True):
            part = share * candidates.share
            at_tile = own(numbers[None], tile, PLACE)
            joined += part * tf.gather(candidates.joined[0], at_tile)
            pixels += part * tf.gather(candidates.pixels[0], at_tile)
    return joined, pixels


def _with_photo(
    view: "View",
    target: tuple[tf.Tensor, tf.Tensor],
    regions: Sequence[tf.Tensor | float],
    photo: tf.Tensor,
    tile: Tile,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a target of `_target` with the photo's own, for the share that no group has."""
    rest = 1.0 - sum(
        each if isinstance(each, float) else own(each, tile, PLACE) for each in regions
    )
    layers, options = view.losses.matched_layers, view.options
    features_there = own_features(view.vgg, cut(photo, tile), tile, layers, options)
    places = neighbours.aligned(
        {layer: neighbours.places(layer, features_there[layer]) for layer in layers}
    )
    pixels = tf.nn.space_to_depth(own(photo, tile, 1), PLACE)
    features = tf.concat(list(places.values()), -1)[None]
    return target[0] + rest * decoder().joined(features, pixels), target[1] + rest * pixels


def prepared(candidates: neighbours.Candidates) -> neighbours.Candidates:
    """Return a painting's candidates with what the recipe needs of them."""
    layers = [layer.offsets[0, 0] + layer.mean for layer in candidates.layers]
    joined = decoder().joined(tf.concat(layers, -1), candidates.pixels[0])
    index = neighbours.index_of(candidates)
    return candidates._replace(layers=(), prepared=(index,), joined=(joined,))
