"""From the optimised picture to the result: the photo's size, colours and unpainted parts, as the
settings ask."""

import math
from dataclasses import dataclass

import numpy as np

from styletransfer.images import colour
from styletransfer.images.arrays import resize, to_float
from styletransfer.images.upscale import rescale
from styletransfer.settings import Settings

PICTURE_BYTES = 12  # per pixel, float32 [H, W, 3]
GUIDED_BYTES = 48  # per pixel: the guided filter's matrices and the photo at the painted size


@dataclass(frozen=True)
class Postprocess:
    """The postprocessing of one photo's pictures.

    photo: [H, W, 3] at its own size, floats or integers (see to_float); None if it is not needed.
    content_mask, color_mask: [h, w], 0…1, or None: where the photo is painted, and where
    `preserve_color` applies.
    """

    photo: np.ndarray | None
    settings: Settings
    content_mask: np.ndarray | None = None
    color_mask: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        photo: np.ndarray,
        settings: Settings,
        content_mask: np.ndarray | None = None,
        color_mask: np.ndarray | None = None,
    ) -> "Postprocess":
        """The postprocessing for these settings; it references the photo only if it needs it."""
        needed = _changes_pictures(settings, content_mask is not None)
        return cls(photo if needed else None, settings, content_mask, color_mask)

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """The result of an optimised picture [h, w, 3] of any size, float32, 0…1; the same picture
        if nothing changes it."""
        if self.photo is None:
            return painted
        image, photo = painted, to_float(self.photo)
        if self.settings.rescale_image:
            image = rescale(image, photo, self.settings.rescale_method)
        height, width = image.shape[:2]
        photo = resize(photo, height, width)
        if self.settings.preserve_color:
            mask = None if self.color_mask is None else resize(self.color_mask, height, width)
            image = colour.preserve(image, photo, mask)
        if self.content_mask is not None:
            image = colour.masked(photo, image, resize(self.content_mask, height, width))
        return image


def postprocess_bytes(
    photo_size: tuple[int, int], size: tuple[int, int], settings: Settings, masked: bool
) -> int:
    """The bytes that postprocessing takes for a picture of `size` (height, width). masked: whether
    there is a content mask."""
    if not _changes_pictures(settings, masked):
        return 0
    photo, painted = math.prod(photo_size), math.prod(size)
    result = photo if settings.rescale_image else painted
    upscaling = GUIDED_BYTES * painted if result > painted else 0
    return PICTURE_BYTES * photo + 2 * PICTURE_BYTES * result + upscaling


def _changes_pictures(settings: Settings, masked: bool) -> bool:
    return settings.rescale_image or settings.preserve_color or masked
