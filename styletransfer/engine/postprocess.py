"""Turns the optimised picture into the result, with the photo's size, colours and unpainted parts
if the settings ask for them."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from styletransfer.images import colour
from styletransfer.images.arrays import resample, resize, to_float
from styletransfer.settings import Settings

PICTURE_BYTES = 12  # per pixel, float32 [H, W, 3]


@dataclass(frozen=True)
class Postprocess:
    """The postprocessing of one photo's pictures.

    Attributes:
        photo: The photo [H, W, 3] at its own size, floats or integers (see to_float), or None if it
            is not needed.
        settings: The settings.
        content_mask: The part of the photo that is painted, [h, w], 0…1, or None for all of it.
        color_mask: The part to which `preserve_color` applies, [h, w], 0…1, or None for all of it.
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
        """Returns the postprocessing for these settings. It references the photo only if it needs
        it."""
        needed = _changes_pictures(settings, content_mask is not None)
        return cls(photo if needed else None, settings, content_mask, color_mask)

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """Returns the result for an optimised picture [h, w, 3] of any size, float32, 0…1. It is
        the same picture if nothing changes it."""
        if self.photo is None:
            return painted
        image, photo = painted, to_float(self.photo)
        if self.settings.rescale_image and image.shape != photo.shape:
            method = Image.Resampling[self.settings.rescale_method.upper()]
            image = resample(image, len(photo), photo.shape[1], method).clip(0, 1)
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
    """Returns the bytes that postprocessing takes.

    Args:
        photo_size: The photo's (height, width).
        size: The picture's (height, width).
        settings: The settings.
        masked: True if there is a content mask.
    """
    if not _changes_pictures(settings, masked):
        return 0
    photo = math.prod(photo_size)
    result = photo if settings.rescale_image else math.prod(size)
    return PICTURE_BYTES * photo + 2 * PICTURE_BYTES * result


def _changes_pictures(settings: Settings, masked: bool) -> bool:
    return settings.rescale_image or settings.preserve_color or masked
