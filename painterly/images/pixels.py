"""Opened pictures → pixels: what cameras, phones and drawing programs write, upright, in sRGB."""

import io

import numpy as np
from PIL import Image, ImageFile

from painterly.errors import PictureError
from painterly.images.arrays import small_bands, to_float, turned
from painterly.images.colours import deep, hdr, icc
from painterly.images.colours.declared import Meaning, declared
from painterly.images.colours.hdr import Hdr
from painterly.images.files import exif
from painterly.images.files.animations import MOST_FRAMES
from painterly.images.files.content import Content
from painterly.images.header import MAX_PIXELS, is_deep, orientation
from painterly.images.picture import Picture

# Below this alpha the colour of a pixel is noise: programs store any value there, or round it.
_FAINT = 1 / 8
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")


def decoded(
    file: ImageFile.ImageFile,
    format_: str,
    content: Content,
    block: bytes | None,
    reopened: deep.Reopened,
) -> Picture:
    """Load an opened picture, without its resolution.

    Args:
        file: The picture.
        format_: Its format's name.
        content: Its file's content.
        block: Its EXIF, or its whole file if that is a TIFF.
        reopened: Opens its file once more.

    Raises:
        PictureError: It is fully transparent.
        OSError: Pixels are missing.
    """
    camera, has_deep_values = orientation(file), is_deep(file)
    meaning = declared(file, content.cicp, block)
    found = deep.read(file, meaning, reopened) if has_deep_values else None
    pixels_int, alpha_int = found or _shallow(file, meaning, content)
    del found, file
    pixels_int = turned(pixels_int, camera)
    if alpha_int is not None and alpha_int.min() == np.iinfo(alpha_int.dtype).max:
        alpha_int = None
    if alpha_int is not None:
        alpha_int = turned(alpha_int, camera)
        _replace_hidden_colours(pixels_int, alpha_int)
    profile = None if isinstance(meaning, Hdr) else icc.writable(meaning)
    return Picture(pixels_int, alpha_int, format_, exif.kept(block), profile)


def reduced(
    file: ImageFile.ImageFile, content: Content, block: bytes | None, longer: int
) -> Image.Image:
    """Load an opened picture in RGB, upright, in sRGB, over white, with a longer side of `longer`
    px at most. The other arguments are as in `decoded`. Raises OSError if pixels are missing."""
    meaning = declared(file, content.cicp, block)
    camera = orientation(file)
    _load(file, content)
    image, alpha = _visible(file)
    del file
    if alpha is not None:
        white = Image.new(image.mode, image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    image.thumbnail((2 * longer, 2 * longer))
    image = _in_srgb(image, meaning)
    image.thumbnail((longer, longer))
    return Image.fromarray(turned(np.asarray(image), camera))


def _shallow(
    file: ImageFile.ImageFile, meaning: Meaning, content: Content
) -> tuple[np.ndarray, np.ndarray | None]:
    """Load a picture of 8 bits a channel, and return sRGB [H, W, 3] and alpha [H, W]."""
    _load(file, content)
    image, alpha = _visible(file)
    if image is not file:  # The caller still holds it.
        file.close()
    stored, image = image, _in_srgb(image, meaning)
    if image is not stored:
        stored.close()
    del stored
    pixels_int = _to_array(image)
    del image
    return pixels_int, None if alpha is None else _to_array(alpha)


def _load(file: ImageFile.ImageFile, content: Content) -> None:
    """Load a picture: the part that is shown, of the first frame of an animation that shows
    something.

    Raises OSError if the end is missing and pixels are.
    """
    file.load()
    if content.other is not None and not _show_the_same(file, content.other):
        raise OSError("pixels are missing")
    if file.format in _ANIMATIONS:
        for number in range(1, MOST_FRAMES):
            if not _is_empty(file) or number * file.width * file.height > MAX_PIXELS:
                break
            try:
                file.seek(number)
            except EOFError:
                break
            file.load()
    if content.crop:
        file.im = file.im.crop(content.crop)
        file._size = file.im.size


def _visible(file: ImageFile.ImageFile) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's parts as `_separated`. Raises PictureError if it is fully
    transparent."""
    image, alpha = _separated(file)
    if alpha is None or alpha.getextrema() != (0, 0):
        return image, alpha
    if file.format == "BMP":  # Windows' clipboard leaves it unset.
        return image, None
    raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")


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


def _in_srgb(image: Image.Image, meaning: Meaning) -> Image.Image:
    """Convert L, RGB, CMYK or LAB to sRGB in 8 bits."""
    if not isinstance(meaning, Hdr):
        return icc.to_srgb(image, meaning)
    return Image.fromarray(
        (hdr.to_srgb(_to_array(image.convert("RGB")), meaning) >> 8).astype("u1")
    )


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's colours as L, RGB, CMYK or LAB, and its alpha, if any, as L."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((deep.full_range_grey(image) >> 8).astype(np.uint8)), None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


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
