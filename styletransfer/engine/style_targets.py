"""The paintings of one look, ready to be painted from: their statistics are computed once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from styletransfer.engine import pyramid
from styletransfer.engine.losses import Group
from styletransfer.engine.objective import Objective
from styletransfer.errors import PictureError
from styletransfer.images import colour
from styletransfer.images import masks as grey
from styletransfer.images.arrays import resize

KEPT = 32  # targets; photos at full size each bring scales of their own


class StyleTargets:
    """Paintings in their shares, which part of each counts, and where in the picture each goes.

    paintings: float32 [H, W, 3], sRGB 0…1, each in its own size and proportions.
    shares: proportions of any sum, one a painting; None for equal ones. With recipe `inetwork`
    they are its style weights, as given.
    masks: which part of a painting counts, [h, w], 0…1, of any size; None for the whole.
    regions: where in the picture a painting goes, likewise. Those without are blended over the
    whole picture; a ramp in two regions leads from one painting to the other.
    Raises ValueError where something does not fit.
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
            raise ValueError("a look needs at least one painting")
        shares = [1 / count] * count if shares is None else [float(each) for each in shares]
        masks, regions = masks or [None] * count, regions or [None] * count
        for what, given in (("shares", shares), ("masks", masks), ("regions", regions)):
            if len(given) != count:
                raise ValueError(f"{len(given)} {what} for {count} paintings")
        if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares {shares} must not be negative, and not all 0")
        self.paintings = [pyramid.to_batch(painting) for painting in paintings]
        self.shares = shares
        self.masks = _checked(masks, "mask")
        self.regions = _checked(regions, "region")
        self._members = _members(self.regions)
        self._kept: dict[tuple, tuple[NamedTuple, ...]] = {}

    def groups(
        self,
        objective: Objective,
        size: tuple[int, int],
        content_mask: np.ndarray | None = None,
    ) -> tuple[Group, ...]:
        """What a picture of `size` (height, width) is drawn to, inside content_mask [h, w].

        A painting's longer side is at most the picture's: it is never enlarged, which would add
        no stroke, only blur. The original's losses want paintings of the picture's very shape.
        Raises PictureError where masks leave nothing to paint.
        """
        shape = max(size) if objective.losses.pads_images else size
        if objective.as_given:
            shape = None
        areas, shares, found = [], [], []
        for members in self._members:
            region = self.regions[members[0]]
            if region is not None and content_mask is not None:
                region = resize(region, *size) * resize(content_mask, *size)
            mask = content_mask if region is None else region
            areas.append(1.0 if mask is None else float(mask.mean()))
            shares.append(sum(self.shares[number] for number in members))
            masks = objective.layer_masks(mask, size)
            found.append((masks, self._targets(objective, members, shape)))
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

    def masked_groups(self, content_mask: bool) -> int:
        """The number of groups that have masks, in a photo that has one itself or not."""
        if content_mask:
            return len(self._members)
        return sum(self.regions[members[0]] is not None for members in self._members)

    def mean_colour(self) -> np.ndarray:
        """The paintings' mean colour, each by its share and where it counts, [3], sRGB 0…1."""
        means = []
        for painting, mask in zip(self.paintings, self.masks, strict=True):
            weights = None
            if mask is not None:
                weights = resize(mask, *painting.shape[1:3]).ravel()
            means.append(np.average(painting.numpy().reshape(-1, 3), axis=0, weights=weights))
        return np.average(means, axis=0, weights=self.shares).astype(np.float32)

    def recoloured(
        self, photo: np.ndarray, method: str, content_mask: np.ndarray | None
    ) -> np.ndarray:
        """photo [H, W, 3] with the paintings' colours; see colours.match."""
        paintings = [painting[0].numpy() for painting in self.paintings]
        if content_mask is not None:
            content_mask = resize(content_mask, *photo.shape[:2])
        masks = [
            None if mask is None else resize(mask, *painting.shape[:2])
            for painting, mask in zip(paintings, self.masks, strict=True)
        ]
        return colour.match(
            photo, colour.Palette(paintings, self.shares, masks), method, content_mask
        )

    def _targets(
        self, objective: Objective, members: tuple[int, ...], shape: int | tuple[int, int] | None
    ) -> tuple[NamedTuple, ...]:
        key = (objective, members, shape)
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = objective.losses.blended(
                [self._statistics(objective, number, shape) for number in members],
                [self.shares[number] for number in members],
            )
        return self._kept[key]

    def _statistics(
        self, objective: Objective, number: int, shape: int | tuple[int, int] | None
    ) -> tuple[NamedTuple, ...]:
        painting = self.paintings[number]
        if isinstance(shape, tuple):
            painting = pyramid.resample(painting, shape)
        elif shape is not None:
            painting = pyramid.shrunk(painting, shape)
        return objective.of_painting(painting, self.masks[number])


def _checked(given: Sequence[np.ndarray | None], what: str) -> list[np.ndarray | None]:
    return [
        None if each is None else grey.checked(each, f"the {what} of painting {number}")
        for number, each in enumerate(given, start=1)
    ]


def _members(regions: Sequence[np.ndarray | None]) -> list[tuple[int, ...]]:
    """The numbers of the paintings that share each region; they become one target."""
    found: dict[tuple | None, list[int]] = {}
    for number, region in enumerate(regions):
        key = None if region is None else (region.shape, region.tobytes())
        found.setdefault(key, []).append(number)
    return [tuple(members) for members in found.values()]
