"""A decoded picture, as arrays."""

from dataclasses import dataclass

import numpy as np

from painterly.images.arrays import to_float


@dataclass(frozen=True)
class Picture:
    """A photo, painting or mask as arrays.

    Attributes:
        pixels_int: sRGB as uint8 [H, W, 3], a quarter of the memory of floats; uint16 if the file
            has more than 8 bits a channel.
        alpha_int: uint8 or uint16 [H, W], from transparent to opaque, or None if all is opaque.
        format: Pillow's name of the file's format, such as JPEG or HEIF.
        exif: See `exif.kept`.
        profile: The picture's own ICC profile if results can be written in it, see `icc.writable`.
    """

    pixels_int: np.ndarray
    alpha_int: np.ndarray | None
    format: str
    exif: bytes | None = None
    profile: bytes | None = None

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
