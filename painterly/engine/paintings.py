"""The paintings of one style: their shares, masks and regions; without TensorFlow."""

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from painterly.engine.picture import check_values, picture_size
from painterly.errors import PictureError
from painterly.images.arrays import resize
from painterly.images.masks import checked
from painterly.settings.paper import Part

FULLY_COVERED = 0.9  # masks that are drawn by hand or stored as JPEG do not add up exactly


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

    Attributes:
        members: The indices of the paintings of each group: those that share a region.
        prepared: What recipe instant has prepared of them for further pictures.
        measured: What recipes that minimise a loss keep of them, if memory is plentiful.
        looks: What has been measured of how each one looks; see abstraction/ink.py.

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
            picture_size(painting)
            check_values(painting, f"painting {number}")
        masks, regions = _checked_masks(masks, "mask"), _checked_masks(regions, "region")
        used = [number for number, share in enumerate(shares) if share]
        self.paintings = [paintings[number] for number in used]
        self.shares = [shares[number] for number in used]
        self.masks = [masks[number] for number in used]
        self.regions = [regions[number] for number in used]
        self.members = _members(self.regions)
        self.prepared: dict[Any, Any] = {}
        self.measured: dict[Any, Any] = {}
        self.looks: dict[int, Any] = {}

    def with_shares(self, shares: Sequence[float]) -> "Paintings":
        """Return the same paintings in other shares, all positive, with what is kept of them.
        Raises ValueError for other shares."""
        if len(shares) != len(self.shares) or min(shares) <= 0:
            raise ValueError(f"shares {shares} for {len(self.shares)} paintings")
        changed = copy.copy(self)
        changed.shares = [float(each) for each in shares]
        return changed

    def on_part(self, part: Part) -> "Paintings":
        """Return the same paintings, with what is kept of them, for a part of the picture that the
        regions are of."""
        changed = copy.copy(self)
        changed.regions = [
            None if region is None else region[part.slices(*region.shape)]
            for region in self.regions
        ]
        return changed

    def painted_part(self, content_mask: np.ndarray | None) -> np.ndarray | None:
        """Return the part of a picture that is painted, [h, w], 0…1, or None for all of it: what is
        inside of content_mask [h, w] and of the regions."""
        regions = [region for region in self.regions if region is not None]
        if len(regions) < len(self.regions):
            return content_mask
        parts = regions if content_mask is None else [*regions, content_mask]
        height, width = max((part.shape for part in parts), key=math.prod)
        covered = np.minimum(self.covered((height, width)), 1)
        if covered.min() > FULLY_COVERED:
            return content_mask
        return covered if content_mask is None else covered * resize(content_mask, height, width)

    def covered(self, size: tuple[int, int]) -> np.ndarray:
        """Return the sum of the groups' regions at a (height, width)."""
        covered = np.zeros(size, np.float32)
        for members in self.members:
            covered += resized(self.regions[members[0]], size)
        return covered

    def shares_of_groups(self, size: tuple[int, int]) -> list[np.ndarray]:
        """Return each group's share of each pixel at a (height, width), [h, w]. Their sum is 1 at
        most."""
        total = np.maximum(self.covered(size), 1)
        return [resized(self.regions[members[0]], size) / total for members in self.members]

    def masked_groups(self, content_mask: bool) -> int:
        """Return the number of groups with masks. `content_mask` is True if the photo has one."""
        if content_mask:
            return len(self.members)
        return sum(self.regions[members[0]] is not None for members in self.members)


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


def resized(mask: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    """Return a mask [h, w] at a (height, width); None is white all over."""
    return np.ones(size, np.float32) if mask is None else resize(mask, *size)


def nothing_to_paint() -> PictureError:
    """Return the error of a picture whose masks hide all of it."""
    return PictureError(
        "nothing of the photo is left to paint: its mask and the regions of the paintings do not "
        "overlap"
    )


def _checked_masks(masks: Sequence[np.ndarray | None], what: str) -> list[np.ndarray | None]:
    return [
        None if mask is None else checked(mask, f"the {what} of painting {number}")
        for number, mask in enumerate(masks, start=1)
    ]


def _members(regions: Sequence[np.ndarray | None]) -> list[tuple[int, ...]]:
    """Return the indices of the paintings that share each region and so become one group."""
    groups: dict[tuple | None, list[int]] = {}
    for number, region in enumerate(regions):
        key = None if region is None else (region.shape, region.tobytes())
        groups.setdefault(key, []).append(number)
    return [tuple(members) for members in groups.values()]
