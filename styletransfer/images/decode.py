"""Picture files → arrays: what cameras, phones and drawing programs write, upright, in sRGB."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from styletransfer.errors import PictureError
from styletransfer.images import exif, icc
from styletransfer.images.arrays import (
    eight_bits,
    luma,
    replace_hidden_colours,
    to_array,
    to_float,
)
from styletransfer.images.masks import BLACK
from styletransfer.images.opening import (
    bytes_to_decode,
    camera_orientation,
    check_memory,
    errors_named,
    open_picture,
)

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

    Attributes:
        pixels_int: sRGB as uint8 [H, W, 3], a quarter of the memory of floats.
        alpha_int: uint8 [H, W], from transparent to opaque, or None if all is opaque.
        format: Pillow's name of the file's format, such as JPEG or HEIF.
        exif: See `exif.kept`.
        profile: The picture's own ICC profile if results can be written in it, see `icc.own`.
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


def decode(data: bytes, name: str, available: int | None = None) -> Picture:
    """Decode a picture file, recognised by its content: upright, in sRGB.

    Reads JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF and BMP, and of an animation the first frame. The
    camera's orientation is applied, and an embedded colour profile converted (ignored if it is
    damaged or of another colour model). Values have 8 bits: deeper grey is scaled, and 16-bit
    colours lose their lower bytes.

    Transparent pixels get the mean of the visible colours, and below an alpha of 1/8 a blend of it
    and their own: hidden colours never reach a result.

    Args:
        data: The file.
        name: Its name, with which errors begin.
        available: The bytes that decoding may take, if they are limited.

    Raises:
        PictureError: In one line that names the way out: the file is damaged, not a picture, above
            200 megapixels, narrower than 16 pixels, fully transparent, or of a rare kind.
        MemoryShortError: Decoding would take more than `available` bytes. No pixel is read.
    """
    if available is not None:
        check_memory(bytes_to_decode(data), available, name)
    with errors_named(name):
        return _decode(data)


def decode_mask(data: bytes, name: str, available: int | None = None) -> np.ndarray:
    """Decode a mask from a picture file: float32 [h, w], 0 (black) … 1 (white), upright.

    Colours become grey by their luma (Rec. 601, of the sRGB values), multiplied by alpha. Arguments
    and errors are as in `decode`; a mask that is black all over raises PictureError as well.
    """
    picture = decode(data, name, available)
    mask = luma(picture.pixels_int, picture.alpha_int)
    if mask.max() < BLACK:
        raise PictureError(f"{name}: is black all over; a mask is white where it lets through")
    return mask


def reduced_jpeg(data: bytes, name: str, longer: int, quality: int = 80) -> bytes:
    """Return a small JPEG of a picture file: upright, in sRGB, over white.

    A large JPEG is not decoded as a whole.

    Args:
        data: The file.
        name: Its name, with which errors begin.
        longer: The largest length of the longer side in px.
        quality: The JPEG's quality.

    Raises:
        PictureError: As `decode`.
    """
    with errors_named(name):
        file = open_picture(data)
        profile = file.info.get("icc_profile")
        file.draft("RGB", (2 * longer, 2 * longer))
        file.load()
        transposition = _transposition_of(file)
        image, alpha = _separated(file)
        del file
        if alpha is not None:
            image = Image.composite(image, Image.new(image.mode, image.size, "white"), alpha)
        image.thumbnail((2 * longer, 2 * longer))
        image = icc.to_srgb(image, profile)
        image.thumbnail((longer, longer))
        if transposition is not None:
            image = image.transpose(transposition)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()


def _decode(data: bytes) -> Picture:
    file = open_picture(data)
    file.load()
    picture_format = "JPEG" if file.format == "MPO" else str(file.format)
    transposition, profile = _transposition_of(file), file.info.get("icc_profile")
    metadata = exif.kept(data if picture_format == "TIFF" else file.info.get("exif"))
    image, alpha = _separated(file)
    del file
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if alpha is not None and alpha.getextrema() == (0, 0):
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    image = icc.to_srgb(image, profile)
    if transposition is not None:  # One after another: each is freed once it is copied.
        image = image.transpose(transposition)
        alpha = alpha and alpha.transpose(transposition)
    pixels_int = to_array(image)
    del image
    alpha_int = None if alpha is None else to_array(alpha)
    del alpha
    if alpha_int is not None:
        replace_hidden_colours(pixels_int, alpha_int)
    return Picture(pixels_int, alpha_int, picture_format, metadata, icc.own(profile))


def _transposition_of(image: Image.Image) -> Image.Transpose | None:
    """Return the way to turn a loaded picture upright; loading turns TIFF and HEIC already."""
    return _TRANSPOSITIONS.get(camera_orientation(image))


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's colours as L, RGB, CMYK or LAB, and its alpha, if any, as L."""
    if image.mode.startswith("I;16"):
        return eight_bits(image), None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None
