"""From what the optimisation leaves to the result: scaled to the photo's own size, in the photo's
colours, inside the content mask, as the settings ask."""

from dataclasses import dataclass

import numpy as np

from styletransfer import colours
from styletransfer.images import resize
from styletransfer.rescaling import rescale
from styletransfer.settings import Settings


@dataclass(frozen=True)
class Finish:
    """One photo's finish: `photo` [H, W, 3] at its own size, sRGB 0…1; masks [h, w], 0…1, or None:
    `content_mask` says where it is painted, `color_mask` where `preserve_color` acts."""

    photo: np.ndarray
    settings: Settings
    content_mask: np.ndarray | None = None
    color_mask: np.ndarray | None = None

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """The result of a picture painted at any size [h, w, 3], float32; values beyond 0…1 are cut
        off, in `painted` too."""
        image = np.clip(painted, 0.0, 1.0, out=painted)
        if self.settings.rescale_image:
            image = rescale(image, self.photo, self.settings.rescale_method)
        height, width = image.shape[:2]
        photo = resize(self.photo, height, width)
        if self.settings.preserve_color:
            image = colours.preserve(image, photo, _at(self.color_mask, height, width))
        if self.content_mask is not None:
            image = colours.masked(photo, image, _at(self.content_mask, height, width))
        return image


def _at(mask: np.ndarray | None, height: int, width: int) -> np.ndarray | None:
    return None if mask is None else resize(mask, height, width)
