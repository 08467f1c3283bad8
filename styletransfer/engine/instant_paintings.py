"""The paintings of recipe `instant`: what they give a picture, and which part of it."""

import copy
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from styletransfer.engine.constants import MARGIN
from styletransfer.engine.instant_matches import Candidates, features_bytes
from styletransfer.engine.instant_networks import (
    CheckStop,
    at_scale,
    bands,
    features_of,
    pixels_of,
)
from styletransfer.engine.schedule import painting_size
from styletransfer.errors import PictureError
from styletransfer.images.arrays import resample, resize, to_float
from styletransfer.images.masks import checked
from styletransfer.vgg.architectures import MULTIPLE

# Bytes of a painting's candidates. Its rotations are not among them: they take half the time, and
# make no visible difference.
CANDIDATE_BYTES = 10_000_000
MAX_KEPT = 12  # paintings' candidates at a size that are kept for further photos
HALF = 0.5  # the least value of a mask at a place of a painting that is used
FULLY_COVERED = 0.9  # masks that are drawn by hand or stored as JPEG do not add up exactly
TINY = 1e-6

Size = tuple[int, int]  # (height, width)


class InstantPaintings:
    """Paintings with their shares, their masks and their regions of the picture.

    Args:
        paintings: Each [H, W, 3], sRGB, floats 0…1 or full-range integers, of any size.
        shares: A non-negative number for each painting, of any sum; equal by default. A painting
            with the share 0 is not used.
        masks: The part of each painting that is used, [h, w], 0…1, of any size, or None for all of
            it.
        regions: The part of the picture that each painting is for, [h, w], 0…1, of any size, or
            None. Paintings without a region are blended over the whole picture. If every painting
            has a region, the rest of the picture is not painted.

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
        none: list[None] = [None] * len(paintings)
        shares, masks, regions = shares or [1.0] * len(none), masks or none, regions or none
        if not len(none) == len(shares) == len(masks) == len(regions):
            raise ValueError(f"shares, masks or regions do not fit {len(none)} paintings")
        if min(shares, default=0) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares {shares} must not be negative, and not all 0")
        used = [number for number, share in enumerate(shares) if share]
        self._paintings = [paintings[number] for number in used]
        self._shares = [shares[number] for number in used]
        self._masks = [_checked(masks[number], "mask", number) for number in used]
        self._regions = [_checked(regions[number], "region", number) for number in used]
        self._kept: dict[tuple[int, Size], Candidates] = {}

    def with_shares(self, shares: Sequence[float]) -> "InstantPaintings":
        """Return the same paintings in other shares, all positive, with what is kept of them."""
        changed = copy.copy(self)
        changed._shares = list(shares)
        return changed

    def sizes(self, longer: int, stroke_size: float) -> list[Size]:
        """Return the size at which each painting is compared with a picture."""
        shapes = [painting.shape for painting in self._paintings]
        return [painting_size(shape[0], shape[1], longer, stroke_size) for shape in shapes]

    def candidates(
        self, longer: int, stroke_size: float, check_stop: CheckStop
    ) -> list[Candidates]:
        """Return each painting's candidates for a picture with this longer side."""
        candidates = []
        for key in enumerate(self.sizes(longer, stroke_size)):
            drawn = self._kept.pop(key, None) or self._drawn(*key, check_stop)
            self._kept[key] = drawn  # The latest comes last.
            candidates.append(drawn)
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return candidates

    def painted(self, content_mask: np.ndarray | None) -> np.ndarray | None:
        """Return the part of a picture that is painted, [h, w], 0…1, or None for all of it."""
        regions = [region for region in self._regions if region is not None]
        if len(regions) < len(self._regions):
            return content_mask
        masks = regions if content_mask is None else [*regions, content_mask]
        size = max(((len(mask), mask.shape[1]) for mask in masks), key=math.prod)
        covered = np.minimum(self._covered(size), 1)
        if covered.min() > FULLY_COVERED:
            return content_mask
        return covered if content_mask is None else covered * _resized(content_mask, size)

    def shares_of_places(self, size: Size, content_mask: np.ndarray | None) -> list[np.ndarray]:
        """Return each painting's share of each place of a picture, [h, w, 1]. Their sum is 1 at
        most; the rest is the photo's. Raises PictureError if nothing is painted."""
        content = _resized(content_mask, size)
        covered = np.minimum(_of_places(self._covered(size) * content), 1)
        if not covered.any():
            raise PictureError(
                "nothing of the photo is left to paint: its mask and the regions of the paintings "
                "do not overlap"
            )
        covered[covered > FULLY_COVERED] = 1
        weights = [
            share * _of_places(_resized(region, size) * content)
            for share, region in zip(self._shares, self._regions, strict=True)
        ]
        total = np.maximum(np.sum(weights, 0), TINY)
        return [covered * weight / total for weight in weights]

    def _covered(self, size: Size) -> np.ndarray:
        """Return the sum of the regions at a size; paintings in the same one cover it once."""
        distinct = {
            region if region is None else region.tobytes(): region for region in self._regions
        }
        return np.sum([_resized(region, size) for region in distinct.values()], 0)

    def _drawn(self, number: int, size: Size, check_stop: CheckStop) -> Candidates:
        """Draw the candidates of a painting at a size."""
        image, mask = (
            on_canvas(resampled(self._paintings[number], size), margin=0),
            self._masks[number],
        )
        places = pixels_of(image)
        grid = places.shape[0], places.shape[1]
        drawn = np.ones(grid, bool)
        if mask is not None:
            shown = resize(on_canvas(resize(mask, *size), margin=0), *grid)
            drawn = (shown > 0) & (shown >= min(HALF, shown.max()))
        part = CANDIDATE_BYTES / features_bytes(max(1, int(drawn.sum())))
        drawn &= np.random.default_rng(0).random(grid) < part
        features = [
            features_of(image, rows, check_stop)[drawn[at_scale(rows, 1)]]
            for rows in bands(*image.shape[:2])
        ]
        return Candidates.of(np.concatenate(features), places[drawn])


def resampled(image: np.ndarray, size: Size) -> np.ndarray:
    """Return an image [h, w, 3] at another size, float32: antialiased along an axis that shrinks,
    interpolated along one that grows."""
    height, width = min(image.shape[0], size[0]), min(image.shape[1], size[1])
    if image.shape[:2] != (height, width):
        image = resample(image, height, width, Image.Resampling.LANCZOS)
    if image.shape[:2] != size:
        image = resample(image, *size, Image.Resampling.BICUBIC)
    return to_float(image)


def on_canvas(image: np.ndarray, margin: int = MARGIN) -> np.ndarray:
    """Return an image or a mask on its canvas, with a mirrored margin. It moves the border, where
    convolutions lack neighbours, out of the picture."""
    margins = [(margin, margin + -(side + 2 * margin) % MULTIPLE) for side in image.shape[:2]]
    return np.pad(image, [*margins, (0, 0)][: image.ndim], "symmetric")


def _of_places(mask: np.ndarray) -> np.ndarray:
    """Return the mean of a mask [h, w] over each place of its canvas, [H / 4, W / 4, 1]."""
    return pixels_of(on_canvas(mask)[..., None]).mean(-1, keepdims=True)


def _resized(mask: np.ndarray | None, size: Size) -> np.ndarray:
    return np.ones(size, np.float32) if mask is None else resize(mask, *size)


def _checked(mask: np.ndarray | None, what: str, number: int) -> np.ndarray | None:
    return None if mask is None else checked(mask, f"the {what} of painting {number + 1}")
