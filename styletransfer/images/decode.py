"""Bytes → arrays: what cameras, phones and drawing programs write becomes upright sRGB 0…1, with
alpha in an array of its own."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from styletransfer.errors import PictureError
from styletransfer.images import bands, exif, icc
from styletransfer.images.arrays import to_float
from styletransfer.images.header import (
    bytes_to_decode,
    camera_orientation,
    check_memory,
    errors_named,
    lower_tiles,
    open_picture,
)
from styletransfer.images.masks import BLACK

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A photo, painting or mask as arrays.

    pixels_int: sRGB as uint8 or uint16 [H, W, 3], whose largest value is white: a quarter or half
    of the memory of floats. alpha_int: [H, W], from transparent to opaque; None: all opaque.
    format: Pillow's name of the file's format, as JPEG or HEIF. exif: see `exif.kept`. profile: the
    picture's own ICC profile if results can be written in it, see `icc.own`.
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
        """float32 [H, W], 0 (transparent) … 1 (opaque); None: all opaque."""
        return None if self.alpha_int is None else to_float(self.alpha_int)


def decode(data: bytes, name: str, available: int | None = None) -> Picture:
    """A picture from a file's bytes, upright and in sRGB, recognised by its content.

    Reads JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF and BMP; the first frame of several. The camera's
    orientation is applied, and an embedded colour profile converted (ignored if it is damaged or
    of another colour model). 16-bit grey and floats keep their range. Colours have 8 bits; 16 in
    16-bit PNGs and TIFFs whose profile needs no conversion.

    Transparent pixels get the mean of the visible colours, and below an alpha of 1/8 a blend of it
    and their own: hidden colours never reach a result.

    Raises PictureError, one line that begins with `name` and names the way out: damaged, not a
    picture, above 200 megapixels, a side below 16 pixels, or fully transparent. Raises
    MemoryShortError, such a line too, before a pixel is read if decoding would take more than
    `available` bytes.
    """
    if available is not None:
        check_memory(bytes_to_decode(data), available, name)
    with errors_named(name):
        return _decode(data)


def decode_mask(data: bytes, name: str, available: int | None = None) -> np.ndarray:
    """A mask from a picture file's bytes: float32 [h, w], 0 (black) … 1 (white), upright.

    Any file that `decode` reads, of any size from 16 px. Colours count by their luma (Rec. 601,
    of the sRGB values), multiplied by alpha.

    Raises PictureError, one line that begins with `name`: as `decode`, and for a mask that is
    black all over. Raises MemoryShortError as `decode`.
    """
    picture = decode(data, name, available)
    mask = bands.luma(picture.pixels_int, picture.alpha_int)
    if mask.max() < BLACK:
        raise PictureError(f"{name}: is black all over; a mask is white where it lets through")
    return mask


def _decode(data: bytes) -> Picture:
    file = open_picture(data)
    file.load()
    picture_format = "JPEG" if file.format == "MPO" else str(file.format)
    transposition, profile = transposition_of(file), file.info.get("icc_profile")
    metadata = exif.kept(data if picture_format == "TIFF" else file.info.get("exif"))
    image, alpha = separated(file)
    del file
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if alpha is not None and alpha.getextrema() == (0, 0):
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    lower = _lower_bytes(data) if icc.is_srgb(profile) else None
    if lower is None:  # Else the upper bytes would change without the lower ones.
        image = icc.to_srgb(image, profile)
    lower_image, lower_alpha = separated(lower) if lower is not None else (None, None)
    del lower
    if transposition is not None:  # One after another: each is freed when its copy is there.
        image = image.transpose(transposition)
        lower_image = lower_image and lower_image.transpose(transposition)
        alpha = alpha and alpha.transpose(transposition)
        lower_alpha = lower_alpha and lower_alpha.transpose(transposition)
    pixels_int = bands.to_array(image, lower_image)
    del image, lower_image
    alpha_int = None if alpha is None else bands.to_array(alpha, lower_alpha)
    del alpha, lower_alpha
    if alpha_int is not None:
        pixels_int = bands.with_hidden_colours_replaced(pixels_int, alpha_int)
    return Picture(pixels_int, alpha_int, picture_format, metadata, icc.own(profile))


def transposition_of(image: Image.Image) -> Image.Transpose | None:
    """What makes a loaded picture upright; None for TIFF and HEIC: loading transposes them."""
    return _TRANSPOSITIONS.get(camera_orientation(image))


def _lower_bytes(data: bytes) -> Image.Image | None:
    """The lower bytes of 16-bit colours, of which Pillow reads only the upper ones; None if there
    are none. The file is read once more, with the opposite byte order.
    """
    image = open_picture(data)
    tiles = lower_tiles(image)
    if tiles is None:
        return None
    image.tile = tiles
    image.load()
    return image


def separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours of a loaded picture as L, RGB, CMYK or LAB, and the alpha as L if there is
    any."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        transparent = image.info.get("transparency")
        alpha = None if transparent is None else bands.alpha_but_for(image, transparent)
        return bands.eight_bits(image), alpha
    if image.mode == "RGB" and max(image.info.get("transparency", (0,))) > 255:
        # Pillow converts 16-bit colours to 8 bits, but not the transparent one.
        image.info["transparency"] = tuple(each >> 8 for each in image.info["transparency"])
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None
