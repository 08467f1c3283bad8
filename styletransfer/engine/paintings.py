"""The paintings of one style: their shares, masks and regions, and what is measured of them."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from styletransfer.devices.memory import MemoryBudget
from styletransfer.engine import neighbours
from styletransfer.engine import picture as pictures
from styletransfer.engine.memory_model import MAX_CANDIDATE_BYTES
from styletransfer.engine.picture import Canvas
from styletransfer.engine.recipes import instant, recipe_of
from styletransfer.engine.sums import add_sums, spread, variance
from styletransfer.engine.targets import FULLY_COVERED, Group, PaintingStatistics
from styletransfer.engine.view import TakeFeatures, View
from styletransfer.errors import PictureError
from styletransfer.images import masks as grey
from styletransfer.images.arrays import resize
from styletransfer.settings import Settings
from styletransfer.vgg.network import poolings_before
from styletransfer.vgg.tiles import Tile, own

PAINTING_BYTES = 48  # per pixel, for a painting's statistics; measured at 4096 px
# A painting's statistics, and its candidates: none without matched layers.
_PaintingTargets: TypeAlias = tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]
HALF = 0.5  # the least value of a mask at a place of a painting that is used


class Paintings:
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
        for what, values in (("shares", shares), ("masks", masks), ("regions", regions)):
            if len(values) != count:
                raise ValueError(f"{len(values)} {what} for {count} paintings")
        if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares {shares} must not be negative, and not all 0")
        for number, painting in enumerate(paintings, start=1):
            pictures.check_values(painting, f"painting {number}")
        masks, regions = _checked_masks(masks, "mask"), _checked_masks(regions, "region")
        used = [number for number, share in enumerate(shares) if share]
        self.paintings = [pictures.to_batch(paintings[number]) for number in used]
        self.shares = [shares[number] for number in used]
        self.masks = [masks[number] for number in used]
        self.regions = [regions[number] for number in used]
        self._members = _members(self.regions)
        self._kept: dict[Any, _PaintingTargets] = {}

    def with_shares(self, shares: Sequence[float]) -> "Paintings":
        """Return the same paintings in other shares, all positive, with what is kept of them.
        Raises ValueError for other shares."""
        if len(shares) != len(self.shares) or min(shares) <= 0:
            raise ValueError(f"shares {shares} for {len(self.shares)} paintings")
        changed = copy.copy(self)
        changed.shares = [float(each) for each in shares]
        return changed

    def groups(
        self,
        view: View,
        size: tuple[int, int],
        content_mask: np.ndarray | None = None,
        stroke_size: float = 1.0,
    ) -> tuple[Group, ...]:
        """Return the targets of a picture.

        Paintings are resized by `painting_size`; in recipe `inetwork`, to the picture's shape.

        Args:
            view: The view.
            size: The picture's (height, width).
            content_mask: The part that is painted, [h, w], 0…1, or None for all of it.
            stroke_size: As in the settings.

        Raises:
            PictureError: The masks leave nothing to paint.
        """
        sizes = self._sizes(view, size, stroke_size)
        canvas, layers = view.canvas(size), view.losses.layers
        areas, shares, parts = [], [], []
        for members in self._members:
            mask = self._group_mask(members, size, content_mask)
            areas.append(1.0 if mask is None else float(mask.mean()))
            shares.append(sum(self.shares[number] for number in members))
            masks = view.layer_masks(mask, canvas, layers)
            statistics, candidates = self._targets(view, members, sizes)
            parts.append((masks, *statistics, candidates))
        if not any(area * share > 0 for area, share in zip(areas, shares, strict=True)):
            raise PictureError(
                "nothing of the photo is left to paint: its mask and the regions of the paintings "
                "do not overlap"
            )
        weights = view.losses.group_weights(areas, shares)
        return tuple(
            Group(tf.constant(weight, tf.float32), *part)
            for weight, part in zip(weights, parts, strict=True)
        )

    def check_memory(
        self,
        view: View,
        picture: tuple[int, int],
        stroke_size: float,
        budget: MemoryBudget,
    ) -> None:
        """Raise MemoryShortError if paintings that are enlarged for larger strokes do not fit into
        the budget, for a picture of this (height, width)."""
        if stroke_size > 1:  # Others take less than the picture.
            most = max(map(math.prod, self._sizes(view, picture, stroke_size)))
            budget.check(PAINTING_BYTES * most, f"stroke_size {stroke_size:g}")

    def painted_part(
        self, content_mask: np.ndarray | None, settings: Settings
    ) -> np.ndarray | None:
        """Return the part of a picture that is painted, [h, w], 0…1, or None for all of it.

        It is inside content_mask [h, w] and the regions, if the recipe applies these to the picture
        (`Recipe.composites`).
        """
        regions = [region for region in self.regions if region is not None]
        if not recipe_of(settings).composites or len(regions) < len(self.regions):
            return content_mask
        parts = regions if content_mask is None else [*regions, content_mask]
        height, width = max((part.shape for part in parts), key=math.prod)
        covered = np.zeros((height, width), np.float32)
        for region in (self.regions[members[0]] for members in self._members):
            assert region is not None
            covered += resize(region, height, width)
        np.minimum(covered, 1, out=covered)
        if covered.min() > FULLY_COVERED:
            return content_mask
        return covered if content_mask is None else covered * resize(content_mask, height, width)

    def masked_groups(self, content_mask: bool) -> int:
        """Return the number of groups with masks. `content_mask` is True if the photo has one."""
        if content_mask:
            return len(self._members)
        return sum(self.regions[members[0]] is not None for members in self._members)

    def _group_mask(
        self, members: tuple[int, ...], size: tuple[int, int], content_mask: np.ndarray | None
    ) -> np.ndarray | None:
        """Return the part of the picture that a group is for, [h, w], or None for all of it."""
        region = self.regions[members[0]]
        if region is None:
            return content_mask
        if content_mask is None:
            return region
        return resize(region, *size) * resize(content_mask, *size)

    def _sizes(
        self, view: View, picture: tuple[int, int], stroke_size: float
    ) -> tuple[tuple[int, int], ...]:
        """Return the (height, width) at which each painting is compared with a picture of this
        size."""
        sizes = [(each.shape[1], each.shape[2]) for each in self.paintings]
        return tuple(view.painting_size(size, picture, stroke_size) for size in sizes)

    def _targets(
        self, view: View, members: tuple[int, ...], sizes: tuple[tuple[int, int], ...]
    ) -> tuple[PaintingStatistics, tuple[neighbours.Candidates, ...]]:
        """Return the blended statistics of paintings that share a region, and their candidates."""
        total = sum(self.shares[number] for number in members)
        shares = [self.shares[number] / total for number in members]
        statistics: list[PaintingStatistics] = []
        candidates: list[neighbours.Candidates] = []
        for number, share in zip(members, shares, strict=True):
            measured, places = self._painting_targets(view, number, sizes[number])
            statistics.append(measured)
            candidates += [each._replace(share=tf.constant(share, tf.float32)) for each in places]
        variances = [share * each.variance for share, each in zip(shares, statistics, strict=True)]
        blend = view.losses.blend([each.layers for each in statistics], shares)
        variance = tf.cast(tf.add_n(variances), tf.float32)
        return PaintingStatistics(blend, variance), tuple(candidates)

    def _painting_targets(self, view: View, number: int, size: tuple[int, int]) -> _PaintingTargets:
        """Return `painting_targets` at this (height, width).

        They are kept for recipe instant, which would spend half of its time on them.
        """
        key = view, number, size
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)  # The latest comes last.
            return self._kept[key]
        painting = pictures.resample(self.paintings[number], size)
        # From the host to the device that paints.
        targets = painting_targets(view, tf.identity(painting), self.masks[number])
        if view.recipe.keeps_pixels:
            targets = targets[0], tuple(map(instant.prepared, targets[1]))
            self._kept[key] = targets
            if len(self._kept) > instant.MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return targets


def as_paintings(
    styles: Sequence[np.ndarray] | Paintings,
    shares: Sequence[float] | None = None,
    style_masks: Sequence[np.ndarray | None] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
    content_mask: np.ndarray | None = None,
) -> Paintings:
    """Return Paintings from the arguments of `stylize`. Style masks are also regions unless
    regions or a content mask are given. Paintings are returned as they are."""
    if isinstance(styles, Paintings):
        if not (shares is None and style_masks is None and regions is None):
            raise ValueError("Paintings have shares, masks and regions of their own")
        return styles
    if regions is None and content_mask is None:
        regions = style_masks
    return Paintings(styles, shares, style_masks, regions)


def painting_targets(view: View, painting: tf.Tensor, mask: np.ndarray | None) -> _PaintingTargets:
    """Compute the targets that a painting provides.

    Args:
        view: The view.
        painting: The painting [1, H, W, 3], sRGB 0…1.
        mask: The part that is used, [h, w], 0…1, or None for all of it.

    Returns:
        Its statistics, and its places as candidates for matches; no candidates without matched
        layers.
    """
    losses, layers = view.losses, view.layers
    canvas = view.canvas(tuple(painting.shape[1:3]), margin=0)
    at_layers = view.layer_masks(mask, canvas, layers)
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
        candidates = (_candidates(view, painting, mask, add),)
    else:
        # A painting may have many more pixels than the picture that memory is planned for.
        image = canvas.padded(painting)
        for each in view.tiled_features(image, layers):
            add(*each)
    at_each = tuple(losses.painting_statistics(sums[name]) for name in losses.statistics_layers)
    return PaintingStatistics(at_each, variance(sums["content"])), candidates


def _candidates(
    view: View, painting: tf.Tensor, mask: np.ndarray | None, take: TakeFeatures
) -> neighbours.Candidates:
    """Draw candidates for `painting_targets`. Pass the painting's features to `take`, so that
    they are computed only once."""
    channels, keeps_pixels = view.matched_channels, view.recipe.keeps_pixels
    turned: list[neighbours.PlacesOf] = []
    used = []
    whole = np.ones(painting.shape[1:3], np.float32)
    if mask is not None:
        whole = resize(mask, *whole.shape)
    whole_mask = tf.constant(whole[None, ..., None])
    images: Iterable[tf.Tensor] = [painting]
    masks: Iterable[tf.Tensor] = [whole_mask]
    most = instant.CANDIDATE_BYTES
    if not keeps_pixels:
        images, masks = (neighbours.turned(each, channels) for each in (painting, whole_mask))
        most = MAX_CANDIDATE_BYTES
    for image, shown in zip(images, masks, strict=True):
        canvas = Canvas.around(tuple(image.shape[1:3]), margin=0)
        first_only = None if turned else take
        padded = canvas.padded(image)
        turned.append(partial(view.places, padded, take=first_only, with_pixels=keeps_pixels))
        grid = (side // neighbours.PLACE for side in canvas.size)
        inside = resize(canvas.padded_mask(shown[0, ..., 0].numpy()), *grid)
        used.append((inside > 0) & (inside >= min(HALF, inside.max())))
    return neighbours.candidates(turned, used, channels, most)


def _checked_masks(masks: Sequence[np.ndarray | None], what: str) -> list[np.ndarray | None]:
    return [
        None if mask is None else grey.checked(mask, f"the {what} of painting {number}")
        for number, mask in enumerate(masks, start=1)
    ]


def _members(regions: Sequence[np.ndarray | None]) -> list[tuple[int, ...]]:
    """Return the indices of the paintings that share each region and so become one group."""
    groups: dict[tuple | None, list[int]] = {}
    for number, region in enumerate(regions):
        key = None if region is None else (region.shape, region.tobytes())
        groups.setdefault(key, []).append(number)
    return [tuple(members) for members in groups.values()]
