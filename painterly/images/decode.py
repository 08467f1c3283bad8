"""Picture files → arrays: what cameras, phones and drawing programs write, upright, in sRGB."""

import io
from dataclasses import dataclass
from logging import WARNING

import numpy as np
from PIL import Image, ImageFile

from painterly.errors import PictureError
from painterly.images import exif, hdr, icc, rgb_space
from painterly.images.arrays import small_bands, to_float
from painterly.images.colour import LUMA
from painterly.images.declared import declared
from painterly.images.deep import full_range_grey
from painterly.images.deep import values as deep_values
from painterly.images.depth import is_deep
from painterly.images.extra_formats import RAW
from painterly.images.hdr import Hdr
from painterly.images.masks import BLACK
from painterly.images.opening import (
    MAX_PIXELS,
    errors_named,
    open_picture,
    orientation,
    preparation,
)
from painterly.log import event
from painterly.wording import printable

# Below this alpha the colour of a pixel is noise: programs store any value there, or round it.
_FAINT = 1 / 8
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")
_MOST_EMPTY_FRAMES = 100  # frames at the start of an animation
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


def decode(data: bytes, name: str, available: int | None = None) -> Picture:
    """Decode a picture file, recognised by its content: upright, in sRGB.

    Reads JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF and BMP, and of an animation the first frame that
    shows something. The camera's orientation is applied, and the colours that the file declares are
    converted (a profile that is damaged or of another colour model is ignored). More than 8 bits a
    channel stay, unless a profile has tables. Omitted parts of a damaged file are logged.

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
        picture_format = "JPEG" if file.format == "MPO" else str(file.format)
        left_out = preparation(file).left_out
        block = _exif_of(file, data)
        meaning = declared(file, preparation(file), block)
        decoded = _deep(file, data, meaning) if is_deep(file) else None
        pixels_int, alpha_int = decoded or _shallow(file, data, meaning)
        del decoded, file
        if alpha_int is not None and alpha_int.min() == np.iinfo(alpha_int.dtype).max:
            alpha_int = None
        if alpha_int is not None:
            _replace_hidden_colours(pixels_int, alpha_int)
        profile = None if isinstance(meaning, Hdr) else icc.writable(meaning)
        picture = Picture(pixels_int, alpha_int, picture_format, exif.kept(block), profile)
    for part in left_out:
        event(f"{printable(name)}: without {part}", level=WARNING)
    return picture


def decode_mask(data: bytes, name: str, available: int | None = None) -> np.ndarray:
    """Decode a mask from a picture file: float32 [h, w], 0 (black) … 1 (white), upright.

    Colours become grey by their luma (Rec. 601, of the sRGB values), multiplied by alpha. Arguments
    and errors are as in `decode`; a mask that is black all over raises PictureError as well.
    """
    picture = decode(data, name, available)
    with errors_named(name):
        mask = np.empty(picture.size, np.float32)
        for rows in small_bands(*picture.size):
            np.minimum(to_float(picture.pixels_int[rows]) @ LUMA, 1, out=mask[rows])
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
        meaning = declared(file, preparation(file), _exif_of(file, data))
        file.draft("RGB", (2 * longer, 2 * longer))
        _load(file, data)
        turn = _TRANSPOSITIONS.get(orientation(file))
        image, alpha = _separated(file)
        del file
        if alpha is not None:
            image = Image.composite(image, Image.new(image.mode, image.size, "white"), alpha)
        image.thumbnail((2 * longer, 2 * longer))
        image = _in_srgb(image, meaning)
        image.thumbnail((longer, longer))
        if turn is not None:
            image = image.transpose(turn)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()


def _exif_of(file: ImageFile.ImageFile, data: bytes) -> bytes | None:
    """Return a picture's EXIF, or its whole file if that is a TIFF."""
    return data if file.format in ("TIFF", RAW) else file.info.get("exif")


def _shallow(
    file: ImageFile.ImageFile, data: bytes, meaning: bytes | Hdr | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Load a picture of 8 bits a channel, and return sRGB [H, W, 3] and alpha [H, W], upright."""
    _load(file, data)
    turn = _TRANSPOSITIONS.get(orientation(file))
    image, alpha = _separated(file)
    has_empty_alpha = alpha is not None and alpha.getextrema() == (0, 0)
    if has_empty_alpha and file.format == "BMP":  # Windows' clipboard leaves it unset.
        alpha = None
    elif has_empty_alpha:
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    if image is not file:  # The caller still holds it.
        file.close()
    stored, image = image, _in_srgb(image, meaning)
    if image is not stored:
        stored.close()
    del stored
    if turn is not None:  # One after another: the first is freed once it is copied.
        image = image.transpose(turn)
        alpha = alpha and alpha.transpose(turn)
    pixels_int = _to_array(image)
    del image
    return pixels_int, None if alpha is None else _to_array(alpha)


def _deep(
    file: ImageFile.ImageFile, data: bytes, meaning: bytes | Hdr | None
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Load a picture of more than 8 bits a channel, and return sRGB [H, W, 3] and alpha [H, W],
    uint16, upright.

    The answer is None if it can be read in 8 bits only: its profile has tables, or the first frame
    of it is empty.
    """
    space = rgb_space.space_of(meaning) if isinstance(meaning, bytes) else None
    if isinstance(meaning, bytes) and space is None:
        return None
    values = deep_values(file, lambda: open_picture(data))
    turn = orientation(file)
    grey = values.ndim == 2 or values.shape[2] == 2
    if space is not None and space.is_grey and not grey:
        space = None  # A profile of another colour model.
    alpha = values[..., -1].copy() if values.ndim == 3 and values.shape[2] in (2, 4) else None
    if alpha is not None and alpha.max() == 0:
        return None
    if grey:
        pixels = np.repeat(values.reshape(*values.shape[:2], -1)[..., :1], 3, axis=2)
    else:
        pixels = np.ascontiguousarray(values[..., :3])
    del values
    if isinstance(meaning, Hdr):
        pixels = hdr.to_srgb(pixels, meaning)
    elif space is not None:
        pixels = rgb_space.to_srgb(pixels, space)
    return _turned(pixels, turn), None if alpha is None else _turned(alpha, turn)


def _load(file: ImageFile.ImageFile, data: bytes) -> None:
    """Load a picture: the first frame of an animation that shows something.

    Raises OSError if the end is missing and pixels are.
    """
    file.load()
    other = preparation(file).other
    if other is not None and not _show_the_same(file, other):
        raise OSError("pixels are missing")
    if file.format not in _ANIMATIONS:
        return
    for number in range(1, _MOST_EMPTY_FRAMES):
        if not _is_empty(file) or number * file.width * file.height > MAX_PIXELS:
            return
        try:
            file.seek(number)
        except EOFError:
            return
        file.load()


def _is_empty(image: Image.Image) -> bool:
    """Return whether a loaded picture is fully transparent."""
    if not image.has_transparency_data:
        return False
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    return image.getchannel("A").getextrema() == (0, 0)  # A copy of colours would be a large one.


def _show_the_same(file: ImageFile.ImageFile, other: bytes) -> bool:
    """Return whether a loaded picture has the pixels of another file."""
    image = Image.open(io.BytesIO(other), formats=[str(file.format)])
    image.draft(file.mode, file.size)
    image.load()
    return image.size == file.size and all(
        np.array_equal(_values(file, rows), _values(image, rows))
        for rows in small_bands(file.height, file.width)
    )


def _in_srgb(image: Image.Image, meaning: bytes | Hdr | None) -> Image.Image:
    """Convert L, RGB, CMYK or LAB to sRGB in 8 bits."""
    if not isinstance(meaning, Hdr):
        return icc.to_srgb(image, meaning)
    return Image.fromarray(
        (hdr.to_srgb(_to_array(image.convert("RGB")), meaning) >> 8).astype("u1")
    )


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's colours as L, RGB, CMYK or LAB, and its alpha, if any, as L."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((full_range_grey(image) >> 8).astype(np.uint8)), None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _turned(pixels: np.ndarray, camera: int) -> np.ndarray:
    """Return pixels [H, W, …] upright, from a camera's orientation 1…8."""
    if camera in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    vertical = -1 if camera in (3, 4, 7, 8) else 1
    horizontal = -1 if camera in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::vertical, ::horizontal])


def _to_array(image: Image.Image) -> np.ndarray:
    """Return an RGB image as uint8 [H, W, 3], or an L image as [H, W]."""
    channels = (3,) if image.mode == "RGB" else ()
    out = np.empty((image.height, image.width, *channels), np.uint8)
    for rows in small_bands(image.height, image.width):
        out[rows] = _values(image, rows)
    return out


def _replace_hidden_colours(pixels_int: np.ndarray, alpha_int: np.ndarray) -> None:
    """Replace colours, integers [H, W, 3], by the mean of the visible ones where alpha [H, W] is
    low."""
    mean = _visible_mean(pixels_int, alpha_int)
    largest = np.float32(np.iinfo(pixels_int.dtype).max)
    for rows in small_bands(*alpha_int.shape):
        alpha = to_float(alpha_int[rows])
        faint = alpha < _FAINT
        share = (alpha[faint] / np.float32(_FAINT))[:, None]
        stored = to_float(pixels_int[rows])[faint]
        pixels_int[rows][faint] = np.rint(largest * (mean + (stored - mean) * share))


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
