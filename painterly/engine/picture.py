"""Pictures: checked, on their canvas, and made into results; without TensorFlow.

The canvas is what is optimised: a picture with a mirrored margin, which is cropped off at the end.
Convolutions are padded at a border, so they would paint the outermost pixels differently. The
margin moves the border out of the picture. The canvas' sides are multiples of 16, so that no
pooling drops a row, and photos of many sizes share few shapes: oneDNN keeps compiled kernels for
each (about 5 MB).
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from painterly.engine.schedule import MARGIN, canvas_side
from painterly.errors import PictureError
from painterly.images import arrays
from painterly.images.arrays import resize, to_float
from painterly.images.colours import colour
from painterly.settings.settings import Settings
from painterly.vgg.architectures import MULTIPLE

RESAMPLING_OVERSHOOT = 0.5  # accepted beyond 0…1, for resampled pictures that are not clipped
PICTURE_BYTES = 12  # per pixel, float32 [H, W, 3]

Array = TypeVar("Array")  # np.ndarray or tf.Tensor


@dataclass(frozen=True)
class Canvas:
    """A picture's position on its canvas."""

    picture: tuple[int, int]  # the picture's (height, width) in px
    before: tuple[int, int] = (0, 0)  # the margins above and on the left in px
    after: tuple[int, int] = (0, 0)  # the margins below and on the right in px

    @classmethod
    def around(cls, picture: tuple[int, int], margin: int = MARGIN) -> "Canvas":
        """Return the canvas of a picture with `margin` px above and on the left, and at least as
        many below and on the right."""
        height, width = (canvas_side(side, margin) - side - margin for side in picture)
        return cls(picture, (margin, margin), (height, width))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the canvas."""
        height, width = (
            sum(sides) for sides in zip(self.picture, self.before, self.after, strict=True)
        )
        return height, width

    def check(self, recipe: str) -> None:
        """Raise PictureError if VGG's poolings would reduce a side to nothing, which can happen
        only without a margin."""
        if min(self.size) < MULTIPLE:
            height, width = self.picture
            raise PictureError(
                f"{width} × {height} px are too narrow for recipe {recipe}, which needs "
                f"{MULTIPLE} px on each side; choose a larger size, or crop the photo"
            )

    def padded(self, image: np.ndarray) -> np.ndarray:
        """Return a picture [h, w, C] or a mask [h, w] on its canvas: [H, W, C] or [H, W]."""
        rows, columns = self.shown()
        return image[rows][:, columns]

    def padded_mask(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask [h, w] of the picture, of any size, on the canvas: [H, W]."""
        return self.padded(resize(mask, *self.picture))

    def cropped(self, canvas: Array) -> Array:
        """Return the picture [1, h, w, C] on a canvas [1, H, W, C]; for an array, a view."""
        (top, left), (height, width) = self.before, self.picture
        return canvas[:, top : top + height, left : left + width]  # type: ignore[index]

    def inside(self, image: np.ndarray) -> np.ndarray:
        """Return the picture in an image of its canvas [H, W, C], a view [h, w, C]."""
        return self.cropped(image[None])[0]

    def shown(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the picture's row that each row of the canvas shows, and the same for columns.

        If the picture is narrower than the margin, they go back and forth.
        """
        margins = zip(self.before, self.after, strict=True)
        rows, columns = (
            np.pad(np.arange(side), margin, "symmetric")
            for side, margin in zip(self.picture, margins, strict=True)
        )
        return rows, columns


def picture_size(image: np.ndarray) -> tuple[int, int]:
    """Return the (height, width) of a picture [H, W, 3]. Raises ValueError for another shape."""
    shape = np.shape(image)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"expected a picture of shape [H, W, 3], got {list(shape)}")
    return shape[0], shape[1]


def check_values(image: np.ndarray, name: str) -> None:
    """Raise ValueError, naming the picture, for integers that are not uint8 or uint16, and for
    floats that are outside 0…1 by more than RESAMPLING_OVERSHOOT."""
    array = np.asarray(image)
    if np.issubdtype(array.dtype, np.integer):
        if array.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"{name} is {array.dtype}; expected uint8, uint16, or floats in 0…1")
    elif not (array.min() >= -RESAMPLING_OVERSHOOT and array.max() <= 1 + RESAMPLING_OVERSHOOT):
        raise ValueError(
            f"{name} has values from {array.min():g} to {array.max():g}; expected floats in 0…1, "
            "or full-range uint8 or uint16"
        )


def check_mask(mask: np.ndarray, name: str) -> None:
    """Raise ValueError, naming the mask, for another shape than [h, w] and for values that
    `check_values` refuses."""
    if np.ndim(mask) != 2:
        raise ValueError(f"{name} has the shape {list(np.shape(mask))}; expected grey, [h, w]")
    check_values(mask, name)


@dataclass(frozen=True)
class Postprocess:
    """The postprocessing of one photo's pictures."""

    # The photo [H, W, 3] at its own size, floats or integers (see to_float), or None if settings
    # and content mask do not need it; see `needs_photo`.
    photo: np.ndarray | None
    settings: Settings
    # The part of the photo that is painted, [h, w], 0…1, or None for all of it.
    content_mask: np.ndarray | None = None
    # The part that gets the photo's colours, [h, w], 0…1, or None for all of it.
    color_mask: np.ndarray | None = None
    grey: bool = False  # whether results are grey

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """Return the result for an optimised picture [h, w, 3] of any size, float32, 0…1. It is
        the same picture if nothing changes it."""
        image = painted if self.photo is None else self._with_photo(painted, to_float(self.photo))
        return colour.grey(image) if self.grey else image

    def _with_photo(self, image: np.ndarray, photo: np.ndarray) -> np.ndarray:
        if self.settings.rescale_image and image.shape != photo.shape:
            method = Image.Resampling[self.settings.rescale_method.upper()]
            image = arrays.resample(image, len(photo), photo.shape[1], method).clip(0, 1)
        height, width = image.shape[:2]
        photo = resize(photo, height, width)
        if share := self.settings.color_share:
            mask = None if self.color_mask is None else resize(self.color_mask, height, width)
            image = colour.preserve(image, photo, mask, share)
        if self.content_mask is not None:
            image = colour.masked(photo, image, resize(self.content_mask, height, width))
        return image


def postprocess_bytes(
    photo_size: tuple[int, int], size: tuple[int, int], settings: Settings, masked: bool
) -> int:
    """Return the bytes that postprocessing takes for a photo and a picture of these (height,
    width). `masked`: if there is a content mask."""
    if not needs_photo(settings, masked):
        return 0
    photo = math.prod(photo_size)
    result = photo if settings.rescale_image else math.prod(size)
    return PICTURE_BYTES * photo + 2 * PICTURE_BYTES * result


def needs_photo(settings: Settings, masked: bool) -> bool:
    """Return whether results have something of the photo itself; masked: if there is a content
    mask."""
    return settings.rescale_image or settings.color_share > 0 or masked
