"""The canvas that is optimised: a picture with a mirrored margin, which is cropped off at the end.

Convolutions see less beyond a border than inside, so its outermost pixels would be painted
differently. The margin moves that border out of the picture. And the canvas' sides are multiples
of 16, so that no pooling drops a row, and photos of many sizes share few shapes: oneDNN keeps
compiled kernels for each (about 5 MB).
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from styletransfer.errors import PictureError
from styletransfer.images.arrays import resize
from styletransfer.vgg.network import MULTIPLE

# px on each side, at least; above and on the left exactly, so that up to block 4 the features of
# the picture's own pixels are those that it has without a margin.
MARGIN = 8


@dataclass(frozen=True)
class Canvas:
    """Where a picture is on its canvas.

    picture: (height, width) in px. before, after: the margins above and on the left, and below and
    on the right.
    """

    picture: tuple[int, int]
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)

    @classmethod
    def around(cls, picture: tuple[int, int], margin: int = MARGIN) -> "Canvas":
        """The canvas of a picture with `margin` px above and on the left, and at least as many
        below and on the right."""
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
        """Raises PictureError where VGG's poolings would leave nothing of a side: without a margin,
        as in recipe inetwork."""
        if min(self.size) < MULTIPLE:
            height, width = self.picture
            raise PictureError(
                f"{width} × {height} px are too narrow for recipe inetwork, which needs "
                f"{MULTIPLE} px on each side; choose a larger size, or crop the photo"
            )

    def padded(self, image: tf.Tensor) -> tf.Tensor:
        """A picture [1, h, w, C] on its canvas: [1, H, W, C]."""
        for axis, seen in enumerate(self._seen(), start=1):
            if len(seen) != image.shape[axis]:
                image = tf.gather(image, seen, axis=axis)
        return image

    def padded_mask(self, mask: np.ndarray) -> np.ndarray:
        """A mask [h, w] of the picture, of any size, on the canvas: [H, W]."""
        rows, columns = self._seen()
        found: np.ndarray = resize(mask, *self.picture)[rows][:, columns]
        return found

    def cropped(self, canvas: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
        """The picture [1, h, w, C] on a canvas [1, H, W, C]; of an array a view."""
        (top, left), (height, width) = self.before, self.picture
        return canvas[:, top : top + height, left : left + width]

    def _seen(self) -> tuple[np.ndarray, np.ndarray]:
        """The picture's row (and column) that each of the canvas' shows: back and forth where the
        picture is narrower than the margin."""
        rows, columns = (
            np.minimum(turn, 2 * side - 1 - turn)
            for side, before, after in zip(self.picture, self.before, self.after, strict=True)
            for turn in [np.arange(-before, side + after) % (2 * side)]
        )
        return rows, columns
