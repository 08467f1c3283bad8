"""Opened pictures → pixels, upright, in sRGB: files of cameras, phones and drawing programs."""

import numpy as np
from PIL import ExifTags, Image, ImageFile

from painterly.errors import PictureError
from painterly.images.arrays import small_bands, to_float, turned
from painterly.images.colours import icc
from painterly.images.files import exif, panorama
from painterly.images.header import MAX_PIXELS, orientation
from painterly.images.opening import is_hdr, opened
from painterly.images.picture import Picture

# Below this alpha the colour of a pixel is noise: programs store any value there, or round it.
_FAINT = 1 / 8
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")
_MOST_FRAMES = 100  # at the start of an animation; the first that shows something is read
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"  # markers
_OTHER_BYTES = bytes([0x5A, 0xA7, 0x13, 0xE4] * 64)


def decoded(
    file: ImageFile.ImageFile, data: bytes, block: bytes | None, format_: str, dpi: exif.Dpi | None
) -> Picture:
    """Load an opened picture.

    Args:
        file: The picture.
        data: Its file.
        block: Its EXIF, or its whole file if that is a TIFF.
        format_: Its format's name.
        dpi: Its resolution.

    Raises:
        PictureError: It is fully transparent.
        OSError: Pixels are missing.
    """
    camera, profile = orientation(file), icc.declared(file, block)
    has_high_range = is_hdr(file, data)
    sphere = panorama.declared(file.info.get("xmp") or b"")
    image, alpha = _visible(_loaded(file, data))
    if image is not file:  # The caller still holds it.
        file.close()
    stored, image = image, icc.to_srgb(image, profile)
    if image is not stored:
        stored.close()
    del stored, file
    pixels_int = _to_array(image)
    del image
    pixels_int = turned(pixels_int, camera)
    alpha_int = None if alpha is None else turned(_to_array(alpha), camera)
    if alpha_int is not None and alpha_int.min() == 255:
        alpha_int = None
    if alpha_int is not None:
        _replace_hidden_colours(pixels_int, alpha_int)
    own = exif.without_position(block), icc.writable(profile)
    return Picture(pixels_int, alpha_int, format_, *own, dpi, has_high_range, sphere)


def reduced(
    file: ImageFile.ImageFile, data: bytes, block: bytes | None, longer: int
) -> Image.Image:
    """Load an opened picture in RGB, upright, in sRGB, over white, with a longer side of `longer`
    px at most. The other arguments are as in `decoded`. Raises OSError if pixels are missing."""
    camera, profile = orientation(file), icc.declared(file, block)
    image, alpha = _visible(_loaded(file, data))
    del file
    if alpha is not None:
        white = Image.new(image.mode, image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    image.thumbnail((2 * longer, 2 * longer))
    image = icc.to_srgb(image, profile)
    image.thumbnail((longer, longer))
    return Image.fromarray(turned(np.asarray(image), camera))


def _loaded(file: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Load a picture: of an animation, the first frame that shows something.

    Raises OSError if pixels are missing.
    """
    if file.format in ("JPEG", "MPO") and data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN):
        return _with_end(file, data)
    file.load()
    if file.format in _ANIMATIONS:
        for number in range(1, _MOST_FRAMES):
            if not _is_transparent(file) or number * file.width * file.height > MAX_PIXELS:
                break
            try:
                file.seek(number)
            except EOFError:
                break
            file.load()
    return file


def _with_end(file: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Load a JPEG that lacks only the marker of its end, which zeros may have replaced.

    libjpeg paints missing pixels without an error. Raises OSError if they depend on what follows.
    """
    start = data.rstrip(b"\0\xff")
    one, other = (opened(start + more + _JPEG_END) for more in (b"", _OTHER_BYTES))
    for each in (one, other):
        each.draft(file.mode, file.size)
        each.load()
    bands = small_bands(one.height, one.width)
    if all(np.array_equal(_values(one, rows), _values(other, rows)) for rows in bands):
        return one
    raise OSError("pixels are missing")


def _visible(file: ImageFile.ImageFile) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's parts as `_separated`. Raises PictureError if it is fully
    transparent."""
    image, alpha = _separated(file)
    if alpha is None or alpha.getextrema() != (0, 0):
        return image, alpha
    if file.format == "BMP":  # Windows' clipboard leaves it unset.
        return image, None
    raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")


def _is_transparent(image: Image.Image) -> bool:
    if not image.has_transparency_data:
        return False
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    return image.getchannel("A").getextrema() == (0, 0)  # A copy of colours would be a large one.


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a loaded picture's colours as L, RGB, CMYK or LAB, and its alpha, if any, as L."""
    if image.mode.startswith("I;16"):
        return _full_range_grey(image), None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _full_range_grey(image: Image.Image) -> Image.Image:
    """Return grey of up to 16 bits in 8."""
    tags = getattr(image, "tag_v2", {})
    # Pillow does not scale a TIFF's 12 bits.
    white = 2.0 ** min(16, *tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    # "White is zero", which Pillow inverts in 8 bits only.
    is_inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    out = np.empty((image.height, image.width), np.uint8)
    for rows in small_bands(image.height, image.width):
        grey = _values(image, rows) / np.float32(white)
        out[rows] = np.rint(255 * (1 - grey if is_inverted else grey))
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
