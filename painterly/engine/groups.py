"""The groups of a style's paintings, and what is measured of them: statistics and candidates."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from painterly.devices.budget import MemoryBudget
from painterly.engine.extractor import Extractor, TakeFeatures
from painterly.engine.features import neighbours
from painterly.engine.features.sums import add_sums, spread, variance
from painterly.engine.features.targets import Group, PaintingStatistics
from painterly.engine.paintings import Paintings, nothing_to_paint, resized
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.places import PLACE, candidate_bytes, is_used, keeps_candidates
from painterly.engine.tensors import padded, resample, to_batch
from painterly.images.arrays import resize
from painterly.vgg.network import poolings_before
from painterly.vgg.tiles import Tile, own

PAINTING_BYTES = 48  # per pixel, for a painting's statistics; measured at 4096 px
# A painting's statistics, and its candidates: none without matched layers.
_PaintingTargets: TypeAlias = tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]


def groups_of(
    paintings: Paintings,
    extractor: Extractor,
    size: tuple[int, int],
    content_mask: np.ndarray | None = None,
    stroke_size: float = 1.0,
) -> tuple[Group, ...]:
    """Return the targets of a picture of this (height, width). Paintings are resized by
    `painting_size`; in recipe `inetwork`, to the picture's shape. Raises PictureError if the masks
    leave nothing to paint."""
    sizes = painting_sizes(paintings, extractor, size, stroke_size)
    canvas, layers = extractor.canvas(size), extractor.losses.layers
    areas, shares, parts = [], [], []
    for members in paintings.members:
        mask = _group_mask(paintings, members, size, content_mask)
        areas.append(1.0 if mask is None else float(mask.mean()))
        shares.append(sum(paintings.shares[number] for number in members))
        masks = extractor.layer_masks(mask, canvas, layers)
        statistics, candidates = _targets(paintings, extractor, members, sizes)
        parts.append((masks, *statistics, candidates))
    if not any(area * share > 0 for area, share in zip(areas, shares, strict=True)):
        raise nothing_to_paint()
    weights = extractor.losses.group_weights(areas, shares)
    return tuple(
        Group(tf.constant(weight, tf.float32), *part)
        for weight, part in zip(weights, parts, strict=True)
    )


def keep_targets(
    paintings: Paintings,
    extractor: Extractor,
    pictures: Sequence[tuple[int, int]],
    stroke_size: float,
    in_tiles: bool,
) -> None:
    """Let `groups_of` keep the targets of pictures of these (height, width) for further photos, and
    forget all others. None are kept if they are too large, or in tiles: memory is short then."""
    canvases = [extractor.canvas(each).size for each in pictures]
    of_each = [candidate_bytes(each, extractor.matched_channels) for each in canvases]
    sizes = [painting_sizes(paintings, extractor, each, stroke_size) for each in pictures]
    wanted = {(extractor, number, size) for each in sizes for number, size in enumerate(each)}
    if in_tiles or not keeps_candidates(len(paintings.paintings) * sum(of_each)):
        wanted.clear()
    before = paintings.measured.copy()
    paintings.measured.clear()
    paintings.measured.update((key, before.get(key)) for key in wanted)


def check_memory(
    paintings: Paintings,
    extractor: Extractor,
    picture: tuple[int, int],
    stroke_size: float,
    budget: MemoryBudget,
) -> None:
    """Raise MemoryShortError if paintings that are enlarged for larger strokes do not fit into
    the budget, for a picture of this (height, width)."""
    if stroke_size > 1:  # Others take less than the picture.
        most = max(map(math.prod, painting_sizes(paintings, extractor, picture, stroke_size)))
        budget.check(PAINTING_BYTES * most, f"stroke_size {stroke_size:g}")


def _group_mask(
    paintings: Paintings,
    members: tuple[int, ...],
    size: tuple[int, int],
    content_mask: np.ndarray | None,
) -> np.ndarray | None:
    """Return the part of the picture that a group is for, [h, w], or None for all of it."""
    region = paintings.regions[members[0]]
    if region is None:
        return content_mask
    if content_mask is None:
        return region
    return resize(region, *size) * resize(content_mask, *size)


def painting_sizes(
    paintings: Paintings, extractor: Extractor, picture: tuple[int, int], stroke_size: float
) -> tuple[tuple[int, int], ...]:
    """Return the (height, width) at which each painting is compared with a picture of this
    size."""
    sizes = map(picture_size, paintings.paintings)
    return tuple(extractor.painting_size(size, picture, stroke_size) for size in sizes)


def _targets(
    paintings: Paintings,
    extractor: Extractor,
    members: tuple[int, ...],
    sizes: tuple[tuple[int, int], ...],
) -> tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]:
    total = sum(paintings.shares[number] for number in members)
    shares = [paintings.shares[number] / total for number in members]
    statistics: list[PaintingStatistics] = []
    candidates: list[neighbours.Candidates] = []
    for number, share in zip(members, shares, strict=True):
        key = extractor, number, sizes[number]
        targets = paintings.measured.get(key)
        if targets is None:
            painting = resample(to_batch(paintings.paintings[number]), sizes[number])
            # From the host to the device that paints.
            painting = tf.identity(painting)
            targets = painting_targets(extractor, painting, paintings.masks[number])
            if key in paintings.measured:
                paintings.measured[key] = targets
        measured, places = targets
        statistics.append(measured)
        candidates += [each._replace(share=tf.constant(share, tf.float32)) for each in places]
    variances = [share * each.variance for share, each in zip(shares, statistics, strict=True)]
    blend = extractor.losses.blend([each.layers for each in statistics], shares)
    variance = tf.cast(tf.add_n(variances), tf.float32)
    return PaintingStatistics(blend, variance), tuple(candidates)


def painting_targets(
    extractor: Extractor, painting: tf.Tensor, mask: np.ndarray | None
) -> _PaintingTargets:
    """Compute the targets that a painting [1, H, W, 3], sRGB 0…1, provides, or the part of it that
    a mask [h, w] lets through: its statistics, and its places as candidates for matches, none
    without matched layers."""
    losses, layers = extractor.losses, extractor.layers
    canvas = extractor.canvas(tuple(painting.shape[1:3]), margin=0)
    at_layers = extractor.layer_masks(mask, canvas, layers)
    sums: dict[str, Any] = {}

    def add(tile: Tile, features: Mapping[str, tf.Tensor]) -> None:
        for layer, feature in features.items():
            part = None
            if at_layers:
                part = own(at_layers[layers.index(layer)], tile, 2 ** poolings_before(layer))
            if layer in losses.statistics_layers:
                add_sums(sums, {layer: losses.sums(feature, part)})
            if layer == losses.content_layer:
                add_sums(sums, {"content": spread(feature, part)})

    candidates: tuple[neighbours.Candidates, ...] = ()
    if losses.matched_layers:
        candidates = (_candidates(extractor, painting, mask, add),)
    else:
        # A painting may have many more pixels than the picture that memory is planned for.
        image = padded(canvas, painting)
        for each in extractor.tiled_features(image, layers):
            add(*each)
    at_each = tuple(losses.painting_statistics(sums[name]) for name in losses.statistics_layers)
    return PaintingStatistics(at_each, variance(sums["content"])), candidates


def _candidates(
    extractor: Extractor, painting: tf.Tensor, mask: np.ndarray | None, take: TakeFeatures
) -> neighbours.Candidates:
    """Draw candidates for `painting_targets`. Pass the painting's features to `take`, so that
    they are computed only once."""
    channels = extractor.matched_channels
    turned: list[neighbours.PlacesOf] = []
    used, tones = [], []
    whole = resized(mask, (painting.shape[1], painting.shape[2]))
    images, masks = (
        neighbours.turned(each, channels)
        for each in (painting, tf.constant(whole[None, ..., None]))
    )
    for image, shown in zip(images, masks, strict=True):
        canvas = Canvas.around(tuple(image.shape[1:3]), margin=0)
        first_only = None if turned else take
        on_canvas = padded(canvas, image)
        turned.append(partial(extractor.places, on_canvas, take=first_only))
        grid = (side // PLACE for side in canvas.size)
        inside = resize(canvas.padded_mask(shown[0, ..., 0].numpy()), *grid)
        tones.append(neighbours.tones_of(on_canvas))
        used.append(is_used(inside))
    return neighbours.candidates(turned, used, tones, channels)
