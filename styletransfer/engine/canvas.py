"""The canvas that is optimised: a picture with a mirrored margin, which is cropped off at the end.

Convolutions are padded at a border, so they would paint the outermost pixels differently. The
margin moves the border out of the picture. The canvas' sides are multiples of 16, so that no
pooling drops a row, and photos of many sizes share few shapes: oneDNN keeps compiled kernels for
each (about 5 MB).
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from styletransfer.engine.constants import MARGIN
from styletransfer.errors import PictureError
from styletransfer.images.arrays import resize
from styletransfer.vgg.registry import MULTIPLE


@dataclass(frozen=True)
class Canvas:
    """A picture's position on its canvas.

    Attributes:
        picture: The picture's (height, width) in px.
        before: The margins above and on the left in px.
        after: The margins below and on the right in px.
    """

    picture: tuple[int, int]
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)

    @classmethod
    def around(cls, picture: tuple[int, int], margin: int = MARGIN) -> "Canvas":
        """Returns the canvas of a picture with `margin` px above and on the left, and at least as
        many below and on the right."""
        height, width = (margin + -(side + 2 * margin) % MULTIPLE for side in picture)
        return cls(picture, (margin, margin), (height, width))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the canvas."""
        height, width = (
            sum(sides) for sides in zip(self.picture, self.before, self.after, strict=True)
        )
        return height, width

    def check(self) -> None:
        """Raises PictureError if VGG's poolings would reduce a side to nothing, which can happen
        only without a margin, as in recipe inetwork."""
        if min(self.size) < MULTIPLE:
            height, width = self.picture
            raise PictureError(
                f"{width} × {height} px are too narrow for recipe inetwork, which needs "
                f"{MULTIPLE} px on each side; choose a larger size, or crop the photo"
            )

    def padded(self, image: tf.Tensor) -> tf.Tensor:
        """Returns a picture [1, h, w, C] on its canvas: [1, H, W, C]."""
        for axis, seen in enumerate(self._seen(), start=1):
            if len(seen) != image.shape[axis]:
                image = tf.gather(image, seen, axis=axis)
        return image

    def padded_mask(self, mask: np.ndarray) -> np.ndarray:
        """Returns a mask [h, w] of the picture, of any size, on the canvas: [H, W]."""
        rows, columns = self._seen()
        found: np.ndarray = resize(mask, *self.picture)[rows][:, columns]
        return found

    def cropped(self, canvas: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
        """Returns the picture [1, h, w, C] on a canvas [1, H, W, C]; for an array, a view."""
        (top, left), (height, width) = self.before, self.picture
        return canvas[:, top : top + height, left : left + width]

    def _seen(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the picture's row that each row of the canvas shows, and the same for columns.

        If the picture is narrower than the margin, they go back and forth.
        """
        rows, columns = (
            np.minimum(turn, 2 * side - 1 - turn)
            for side, before, after in zip(self.picture, self.before, self.after, strict=True)
            for turn in [np.arange(-before, side + after) % (2 * side)]
        )
        return rows, columns
