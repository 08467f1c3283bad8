"""A decoded picture, as arrays."""

from dataclasses import dataclass, replace

import numpy as np

from painterly.images.arrays import to_float
from painterly.images.files.exif import Dpi
from painterly.images.files.panorama import Panorama
from painterly.settings import paper
from painterly.settings.settings import Settings


@dataclass(frozen=True)
class Picture:
    """A photo, painting or mask as arrays."""

    pixels_int: np.ndarray  # sRGB as uint8 [H, W, 3], a quarter of the memory of floats
    # uint8 [H, W], from transparent to opaque, or None if all is opaque.
    alpha_int: np.ndarray | None
    format: str  # Pillow's name of the file's format, such as JPEG or HEIF
    exif: bytes | None = None  # see `exif.without_position`
    # The picture's own ICC profile if results can be written in it, see `icc.writable`.
    profile: bytes | None = None
    dpi: Dpi | None = None  # the resolution at which it is printed, if its file declares one
    is_hdr: bool = False  # whether its file says that its values are of high dynamic range
    # The properties with which viewers show it as a sphere, if it has some.
    panorama: Panorama | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        height, width = self.pixels_int.shape[:2]
        return height, width

    @property
    def pixels(self) -> np.ndarray:
        """float32 [H, W, 3], sRGB 0…1; a new array each time."""
        return to_float(self.pixels_int)

    @property
    def alpha(self) -> np.ndarray | None:
        """float32 [H, W], 0 (transparent) … 1 (opaque), or None if all is opaque."""
        return None if self.alpha_int is None else to_float(self.alpha_int)

    def printed(self, settings: Settings) -> "Picture":
        """Return the part that the settings' paper shows, with their dpi. Without a paper it is the
        whole picture; with `auto` the dpi stay."""
        picture = self
        if sheet := settings.sheet(*self.size):
            shown = paper.part_shown(self.size, sheet).slices(*self.size)
            alpha = None if self.alpha_int is None else self.alpha_int[shown]
            pixels = self.pixels_int[shown]
            picture = replace(self, pixels_int=pixels, alpha_int=alpha, panorama=None)
        given = settings.dpi
        return picture if given == "auto" else replace(picture, dpi=(float(given), float(given)))
