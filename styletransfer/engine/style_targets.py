"""The paintings of one style as targets of the optimisation."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from styletransfer.engine import neighbours, pyramid
from styletransfer.engine.canvas import Canvas
from styletransfer.engine.decoder import decoder
from styletransfer.engine.losses import spread, variance
from styletransfer.engine.matching import Seen, places
from styletransfer.engine.memory_available import MemoryBudget
from styletransfer.engine.objective import Objective
from styletransfer.engine.schedule import painting_size
from styletransfer.engine.targets import Group, PaintingStatistics, add_sums
from styletransfer.errors import PictureError
from styletransfer.images import masks as grey
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.tiles import Tile, own

FULLY_COVERED = 0.9  # masks that are drawn by hand or stored as JPEG do not add up exactly
PAINTING_BYTES = 48  # per pixel, for a painting's statistics; measured at 4096 px
# A painting's statistics, and its candidates: none without matched layers.
_PaintingTargets: TypeAlias = tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]
# Bytes of a painting's candidates in recipe instant, without rotations: it takes half the time, and
# makes no visible difference.
INSTANT_CANDIDATE_BYTES = 10_000_000
MAX_KEPT = 12  # paintings' targets at a size that are kept for recipe instant
HALF = 0.5  # the least value of a mask at a place of a painting that is used


class StyleTargets:
    """Paintings with their shares, their masks and their regions of the picture.

    Args:
        paintings: Each [H, W, 3], sRGB, floats 0…1 or full-range integers, of any size.
        shares: A non-negative number for each painting, of any sum, or None for equal shares. In
            recipe `inetwork` they are the style weights as given. A painting with the share 0 is
            not used.
        masks: The part of each painting that is used, [h, w], 0…1, of any size, or None for all of
            it.
        regions: The part of the picture that each painting is for, [h, w], 0…1, of any size, or
            None. Paintings without a region are blended over the whole picture. A ramp in two
            regions fades from one painting to the other. If every painting has a region, the rest
            of the picture is not painted.

    Raises:
        ValueError: Arguments do not fit.
    """

    def __init__(
        self,
        paintings: Sequence[np.ndarray],
        shares: Sequence[float] | None = None,
        masks: Sequence[np.ndarray | None] | None = None,
        regions: Sequence[np.ndarray | None] | None = None,
    ) -> None:
        count = len(paintings)
        if not count:
            raise ValueError("a style needs at least one painting")
        shares = [1 / count] * count if shares is None else [float(each) for each in shares]
        masks, regions = masks or [None] * count, regions or [None] * count
        for what, given in (("shares", shares), ("masks", masks), ("regions", regions)):
            if len(given) != count:
                raise ValueError(f"{len(given)} {what} for {count} paintings")
        if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares {shares} must not be negative, and not all 0")
        for number, painting in enumerate(paintings, start=1):
            pyramid.check_values(painting, f"painting {number}")
        masks, regions = _checked_masks(masks, "mask"), _checked_masks(regions, "region")
        used = [number for number, share in enumerate(shares) if share]
        self.paintings = [pyramid.to_batch(paintings[number]) for number in used]
        self.shares = [shares[number] for number in used]
        self.masks = [masks[number] for number in used]
        self.regions = [regions[number] for number in used]
        self._members = _members(self.regions)
        self._kept: dict[Any, _PaintingTargets] = {}

    def with_shares(self, shares: Sequence[float]) -> "StyleTargets":
        """Returns the same paintings in other shares, all positive, with what is kept of them.
        Raises ValueError for other shares."""
        if len(shares) != len(self.shares) or min(shares) <= 0:
            raise ValueError(f"shares {shares} for {len(self.shares)} paintings")
        changed = copy.copy(self)
        changed.shares = [float(each) for each in shares]
        return changed

    def groups(
        self,
        objective: Objective,
        size: tuple[int, int],
        content_mask: np.ndarray | None = None,
        stroke_size: float = 1.0,
    ) -> tuple[Group, ...]:
        """Returns the targets of a picture.

        Paintings are resized by `painting_size`; in recipe `inetwork`, to the picture's shape.

        Args:
            objective: The objective.
            size: The picture's (height, width).
            content_mask: The part that is painted, [h, w], 0…1, or None for all of it.
            stroke_size: As in the settings.

        Raises:
            PictureError: The masks leave nothing to paint.
        """
        sizes = self._sizes(objective, size, stroke_size)
        canvas, layers = objective.canvas(size), objective.losses.layers
        areas, shares, found = [], [], []
        for members in self._members:
            mask = self._group_mask(members, size, content_mask)
            areas.append(1.0 if mask is None else float(mask.mean()))
            shares.append(sum(self.shares[number] for number in members))
            masks = objective.layer_masks(mask, canvas, layers)
            statistics, candidates = self._targets(objective, members, sizes)
            found.append((masks, *statistics, candidates))
        if not any(area * share > 0 for area, share in zip(areas, shares, strict=True)):
            raise PictureError(
                "nothing of the photo is left to paint: its mask and the regions of the paintings "
                "do not overlap"
            )
        weights = objective.losses.group_weights(areas, shares)
        return tuple(
            Group(tf.constant(weight, tf.float32), *each)
            for weight, each in zip(weights, found, strict=True)
        )

    def check_memory(
        self,
        objective: Objective,
        picture: tuple[int, int],
        stroke_size: float,
        budget: MemoryBudget,
    ) -> None:
        """Raises MemoryShortError if paintings that are enlarged for larger strokes do not fit into
        the budget, for a picture of this (height, width)."""
        if stroke_size > 1:  # Others take less than the picture.
            most = max(map(math.prod, self._sizes(objective, picture, stroke_size)))
            budget.check(PAINTING_BYTES * most, f"stroke_size {stroke_size:g}")

    def painted(self, content_mask: np.ndarray | None, recipe: str) -> np.ndarray | None:
        """Returns the part of a picture that is painted, [h, w], 0…1, or None for all of it.

        It is inside content_mask [h, w] and the regions. In recipe `inetwork`, regions only
        restrict paintings, not the picture.
        """
        regions = [region for region in self.regions if region is not None]
        if recipe == "inetwork" or len(regions) < len(self.regions):
            return content_mask
        given = regions if content_mask is None else [*regions, content_mask]
        height, width = max((each.shape for each in given), key=math.prod)
        covered = np.zeros((height, width), np.float32)
        for region in (self.regions[members[0]] for members in self._members):
            assert region is not None
            covered += resize(region, height, width)
        np.minimum(covered, 1, out=covered)
        if covered.min() > FULLY_COVERED:
            return content_mask
        return covered if content_mask is None else covered * resize(content_mask, height, width)

    def masked_groups(self, content_mask: bool) -> int:
        """Returns the number of groups with masks. `content_mask` is True if the photo has one."""
        if content_mask:
            return len(self._members)
        return sum(self.regions[members[0]] is not None for members in self._members)

    def _group_mask(
        self, members: tuple[int, ...], size: tuple[int, int], content_mask: np.ndarray | None
    ) -> np.ndarray | None:
        """Returns the part of the picture that a group is for, [h, w], or None for all of it."""
        region = self.regions[members[0]]
        if region is None:
            return content_mask
        if content_mask is None:
            return region
        return resize(region, *size) * resize(content_mask, *size)

    def _sizes(
        self, objective: Objective, picture: tuple[int, int], stroke_size: float
    ) -> tuple[tuple[int, int], ...]:
        """Returns the (height, width) at which each painting is compared with a picture of this
        size."""
        own = [(each.shape[1], each.shape[2]) for each in self.paintings]
        if objective.as_given:
            return tuple(own)
        if not objective.losses.pads_images:
            return (picture,) * len(own)
        longer = max(picture)
        return tuple(painting_size(height, width, longer, stroke_size) for height, width in own)

    def _targets(
        self, objective: Objective, members: tuple[int, ...], sizes: tuple[tuple[int, int], ...]
    ) -> tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]:
        """Returns the blended statistics of paintings that share a region, and their candidates."""
        total = sum(self.shares[number] for number in members)
        shares = [self.shares[number] / total for number in members]
        statistics: list[PaintingStatistics] = []
        candidates: list[neighbours.Candidates] = []
        for number, share in zip(members, shares, strict=True):
            found = self._painting_targets(objective, number, sizes[number])
            statistics.append(found[0])
            candidates += [each._replace(share=tf.constant(share, tf.float32)) for each in found[1]]
        variances = [share * each.variance for share, each in zip(shares, statistics, strict=True)]
        blend = objective.losses.blend([each.layers for each in statistics], shares)
        variance = tf.cast(tf.add_n(variances), tf.float32)
        return PaintingStatistics(blend, variance), tuple(candidates)

    def _painting_targets(
        self, objective: Objective, number: int, size: tuple[int, int]
    ) -> _PaintingTargets:
        """Returns `painting_targets` at this (height, width).

        They are kept for recipe instant, which would spend half of its time on them.
        """
        key = objective, number, size
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)  # The latest comes last.
            return self._kept[key]
        painting = pyramid.resample(self.paintings[number], size)
        # From the host to the device that paints.
        found = painting_targets(objective, tf.identity(painting), self.masks[number])
        if objective.losses.keeps_pixels:
            found = found[0], tuple(map(_prepared, found[1]))
            self._kept[key] = found
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return found


def style_targets(
    styles: Sequence[np.ndarray] | StyleTargets,
    shares: Sequence[float] | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
    content_mask: np.ndarray | None = None,
) -> StyleTargets:
    """Returns StyleTargets from the arguments of `stylize`. Style masks are also regions unless
    regions or a content mask are given. StyleTargets are returned as they are."""
    if isinstance(styles, StyleTargets):
        if not (shares is None and style_masks is None and regions is None):
            raise ValueError("StyleTargets have shares, masks and regions of their own")
        return styles
    if regions is None and content_mask is None:
        regions = style_masks
    return StyleTargets(styles, shares, style_masks, regions)


def painting_targets(
    objective: Objective, painting: tf.Tensor, mask: np.ndarray | None
) -> _PaintingTargets:
    """Computes the targets that a painting provides.

    Args:
        objective: The objective.
        painting: The painting [1, H, W, 3], sRGB 0…1.
        mask: The part that is used, [h, w], 0…1, or None for all of it.

    Returns:
        Its statistics, and its places as candidates for matches; no candidates without matched
        layers.
    """
    losses, layers, size = objective.losses, objective.layers, tuple(painting.shape[1:3])
    canvas = Canvas.around(size, margin=0) if objective.pads_images else Canvas(size)
    at_layers = objective.layer_masks(mask, canvas, layers)
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
        candidates = (_candidates(objective, painting, mask, add),)
    else:
        # A painting may have many more pixels than the picture that memory is planned for.
        image = canvas.padded(painting)
        for each in objective.tiled_features(image, layers):
            add(*each)
    at_each = tuple(losses.painting_statistics(sums[name]) for name in losses.statistics_layers)
    return PaintingStatistics(at_each, variance(sums["content"])), candidates


def _candidates(
    objective: Objective, painting: tf.Tensor, mask: np.ndarray | None, seen: Seen
) -> neighbours.Candidates:
    """Draws candidates for `painting_targets`. Passes the painting's features to `seen`, so that
    they are computed only once."""
    channels, keeps_pixels = objective.matched_channels, objective.losses.keeps_pixels
    found: list[neighbours.PlacesOf] = []
    used = []
    whole = np.ones(painting.shape[1:3], np.float32)
    if mask is not None:
        whole = resize(mask, *whole.shape)
    whole_mask = tf.constant(whole[None, ..., None])
    images: Iterable[tf.Tensor] = [painting]
    masks: Iterable[tf.Tensor] = [whole_mask]
    most = INSTANT_CANDIDATE_BYTES
    if not keeps_pixels:
        images, masks = (neighbours.turned(each, channels) for each in (painting, whole_mask))
        most = neighbours.MAX_CANDIDATE_BYTES
    for image, shown in zip(images, masks, strict=True):
        canvas = Canvas.around(tuple(image.shape[1:3]), margin=0)
        seen_first = None if found else seen
        padded = canvas.padded(image)
        found.append(partial(places, objective, padded, seen=seen_first, with_pixels=keeps_pixels))
        grid = (side // neighbours.PLACE for side in canvas.size)
        inside = resize(canvas.padded_mask(shown[0, ..., 0].numpy()), *grid)
        used.append((inside > 0) & (inside >= min(HALF, inside.max())))
    return neighbours.candidates(found, used, channels, most)


def _prepared(found: neighbours.Candidates) -> neighbours.Candidates:
    """Returns candidates with what recipe instant needs of them."""
    layers = [layer.offsets[0, 0] + layer.mean for layer in found.layers]
    joined = decoder().joined(tf.concat(layers, -1), found.pixels[0])
    return found._replace(layers=(), prepared=(neighbours.index_of(found),), joined=(joined,))


def _checked_masks(given: Sequence[np.ndarray | None], what: str) -> list[np.ndarray | None]:
    return [
        None if each is None else grey.checked(each, f"the {what} of painting {number}")
        for number, each in enumerate(given, start=1)
    ]


def _members(regions: Sequence[np.ndarray | None]) -> list[tuple[int, ...]]:
    """Returns the indices of the paintings that share each region and so become one group."""
    found: dict[tuple | None, list[int]] = {}
    for number, region in enumerate(regions):
        key = None if region is None else (region.shape, region.tobytes())
        found.setdefault(key, []).append(number)
    return [tuple(members) for members in found.values()]
