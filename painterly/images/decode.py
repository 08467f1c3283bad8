"""Picture files → arrays: what cameras, phones and drawing programs write, upright, in sRGB."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from painterly.errors import PictureError
from painterly.images import exif, icc
from painterly.images.arrays import small_bands, to_float
from painterly.images.masks import BLACK
from painterly.images.opening import errors_named, open_picture, orientation

# Below this alpha the colour of a pixel is noise: programs store any value there, or round it.
_FAINT = 1 / 8
# Rec. 601's luma, which drawing programs and Pillow use to convert colours to grey.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
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
    with errors_named(name):
        file = open_picture(data, available)
        file.load()
        picture_format = "JPEG" if file.format == "MPO" else str(file.format)
        # Loading turns TIFF and HEIC upright already.
        turn = _TRANSPOSITIONS.get(orientation(file))
        metadata = exif.kept(data if picture_format == "TIFF" else file.info.get("exif"))
        profile = file.info.get("icc_profile")
        image, alpha = _separated(file)
        del file
        if alpha is not None and alpha.getextrema() == (255, 255):
            alpha = None
        if alpha is not None and alpha.getextrema() == (0, 0):
            raise PictureError(
                "is fully transparent, so nothing is seen in it; save it without alpha"
            )
        image, profile = icc.to_srgb(image, profile), icc.writable(profile)
        if turn is not None:  # One after another: the first is freed once it is copied.
            image = image.transpose(turn)
            alpha = alpha and alpha.transpose(turn)
        pixels_int = _to_array(image)
        del image
        alpha_int = None if alpha is None else _to_array(alpha)
        del alpha
        if alpha_int is not None:
            _replace_hidden_colours(pixels_int, alpha_int)
        return Picture(pixels_int, alpha_int, picture_format, metadata, profile)


def decode_mask(data: bytes, name: str, available: int | None = None) -> np.ndarray:
    """Decode a mask from a picture file: float32 [h, w], 0 (black) … 1 (white), upright.

    Colours become grey by their luma (Rec. 601, of the sRGB values), multiplied by alpha. Arguments
    and errors are as in `decode`; a mask that is black all over raises PictureError as well.
    """
    picture = decode(data, name, available)
    with errors_named(name):
        mask = np.empty(picture.size, np.float32)
        for rows in small_bands(*picture.size):
            np.minimum(to_float(picture.pixels_int[rows]) @ _LUMA, 1, out=mask[rows])
            if picture.alpha_int is not None:
                mask[rows] *= to_float(picture.alpha_int[rows])
        if mask.max() < BLACK:
            raise PictureError("is black all over; a mask is white where it lets through")
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
        turn = _TRANSPOSITIONS.get(orientation(file))
        image, alpha = _separated(file)
        del file
        if alpha is not None:
            image = Image.composite(image, Image.new(image.mode, image.size, "white"), alpha)
        image.thumbnail((2 * longer, 2 * longer))
        image = icc.to_srgb(image, profile)
        image.thumbnail((longer, longer))
        if turn is not None:
            image = image.transpose(turn)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's colours as L, RGB, CMYK or LAB, and its alpha, if any, as L."""
    if image.mode.startswith("I;16"):
        return _eight_bits(image), None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale grey of up to 16 bits to 8; Pillow's conversion clips at 255."""
    tags = getattr(image, "tag_v2", {})
    # Pillow does not scale a TIFF's 12 bits.
    white = 2.0 ** min(16, *tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    # "White is zero", which Pillow inverts in 8 bits only.
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    out = np.empty((image.height, image.width), np.uint8)
    for rows in small_bands(image.height, image.width):
        grey = np.minimum(_values(image, rows) / np.float32(white), 1)
        out[rows] = np.rint(255 * (1 - grey if inverted else grey))
    return Image.fromarray(out)


def _to_array(image: Image.Image) -> np.ndarray:
    """Return an RGB image as uint8 [H, W, 3], or an L image as [H, W]."""
    channels = (3,) if image.mode == "RGB" else ()
    out = np.empty((image.height, image.width, *channels), np.uint8)
    for rows in small_bands(image.height, image.width):
        out[rows] = _values(image, rows)
    return out


def _replace_hidden_colours(pixels_int: np.ndarray, alpha_int: np.ndarray) -> None:
    """Replace colours, uint8 [H, W, 3], by the mean of the visible ones where alpha [H, W] is
    low."""
    mean = _visible_mean(pixels_int, alpha_int)
    for rows in small_bands(*alpha_int.shape):
        alpha = to_float(alpha_int[rows])
        faint = alpha < _FAINT
        share = (alpha[faint] / np.float32(_FAINT))[:, None]
        stored = to_float(pixels_int[rows])[faint]
        pixels_int[rows][faint] = np.rint(255 * (mean + (stored - mean) * share))


def _visible_mean(pixels_int: np.ndarray, alpha_int: np.ndarray) -> np.ndarray:
    """Return the mean colour [3], weighted by alpha."""
    weighted, weight = np.zeros(3), 0.0
    for rows in small_bands(*alpha_int.shape):
        alpha = to_float(alpha_int[rows])
        by_row = np.einsum("hwc,hw->hc", to_float(pixels_int[rows]), alpha)
        weighted += by_row.sum(axis=0, dtype=np.float64)
        weight += float(alpha.sum(dtype=np.float64))
    mean: np.ndarray = np.minimum(weighted / weight, 1).astype(np.float32)
    return mean


def _values(image: Image.Image, rows: slice) -> np.ndarray:
    return np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
