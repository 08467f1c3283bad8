"""From what the optimisation leaves to the result: scaled to the photo's own size, in the photo's
colours, inside the content mask, as the settings ask."""

import math
from dataclasses import dataclass

import numpy as np

from styletransfer.images import colour
from styletransfer.images.arrays import resize, to_float
from styletransfer.images.upscale import rescale
from styletransfer.settings import Settings

PICTURE = 12  # bytes a pixel, float32 [H, W, 3]
GUIDED = 48  # the guided filter's matrices and the photo at the painted size


@dataclass(frozen=True)
class Postprocess:
    """One photo's finish: `photo` [H, W, 3] at its own size, in floats or integers (see to_float),
    None where nothing of it is needed; masks [h, w], 0…1, or None: `content_mask` says where it is
    painted, `color_mask` where `preserve_color` acts."""

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
        """What these settings ask for; holds on to the photo only where it has to."""
        asked = _asks(settings, content_mask is not None)
        return cls(photo if asked else None, settings, content_mask, color_mask)

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """The result of a picture painted at any size [h, w, 3], float32, 0…1; itself where nothing
        is asked for."""
        if self.photo is None:
            return painted
        image, photo = painted, to_float(self.photo)
        if self.settings.rescale_image:
            image = rescale(image, photo, self.settings.rescale_method)
        height, width = image.shape[:2]
        photo = resize(photo, height, width)
        if self.settings.preserve_color:
            image = colour.preserve(image, photo, _at(self.color_mask, height, width))
        if self.content_mask is not None:
            image = colour.masked(photo, image, _at(self.content_mask, height, width))
        return image


def postprocess_bytes(
    photo_size: tuple[int, int], size: tuple[int, int], settings: Settings, masked: bool
) -> int:
    """The bytes that a finish takes for a picture painted at `size` (height, width), until there is
    a result; masked: it has a content mask."""
    if not _asks(settings, masked):
        return 0
    kept, painted = math.prod(photo_size), math.prod(size)
    result = kept if settings.rescale_image else painted
    return PICTURE * kept + 2 * PICTURE * result + (GUIDED * painted if result > painted else 0)


def _asks(settings: Settings, masked: bool) -> bool:
    return settings.rescale_image or settings.preserve_color or masked


def _at(mask: np.ndarray | None, height: int, width: int) -> np.ndarray | None:
    return None if mask is None else resize(mask, height, width)
