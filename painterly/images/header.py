"""A picture's size and the memory of its pixels, as its file's header declares them.

This is the only place where declared sizes are read, and it needs no NumPy, which a bot's cold
start would wait for.
"""

import math
import re
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.files import jxl
from painterly.images.files.content import Content, Size
from painterly.images.files.extra_formats import JXL, RAW
from painterly.words.wording import memory_size

MAX_PIXELS = 200_000_000
MIN_SIDE = 16

# The most bytes per pixel at any time, measured; alpha and some decoders take more. Steps in bands
# and small pictures have a fixed part.
_PLAIN_BYTES, _ALPHA_BYTES, _DEEP_BYTES = 10, 6, 12
_CHANNEL_BYTES = 4  # each further channel of a JPEG XL
_COEFFICIENT_BYTES = 8  # a JPEG with all coefficients in memory: four components of 16 bits
_FORMAT_BYTES = {"WEBP": 8, "AVIF": 5, RAW: 12}
_FIXED_BYTES = 20_000_000

TURNED = (5, 6, 7, 8)  # orientations with height and width swapped
# Not BMP's "BGR;16", which has 16 bits a pixel.
_DEEP_MODE = re.compile("(RGB|RGBA|RGBa|RGBX|LA|[RGBA]);16[BLN]")


class Header(NamedTuple):
    """The size of a picture, and its memory.

    Attributes:
        size: The height and width in px, upright.
        bytes_to_decode: The most memory in bytes that decoding takes, estimated, without the
            file's own bytes.
        bytes_decoded: The bytes of the decoded picture's arrays.
    """

    size: tuple[int, int]
    bytes_to_decode: int
    bytes_decoded: int

    def check_memory(self, available: int) -> None:
        """Raise MemoryShortError if decoding takes more bytes than are available."""
        if self.bytes_to_decode > available:
            raise MemoryShortError(
                f"decoding it takes {memory_size(self.bytes_to_decode)} of memory, and "
                f"{memory_size(max(available, 0))} are available; make it smaller"
            )


def header_of(image: ImageFile.ImageFile, content: Content) -> Header:
    """Return the header of a picture that is not loaded, from its file's content."""
    width, height = image.size
    alpha = image.has_transparency_data
    per_pixel = _PLAIN_BYTES + _FORMAT_BYTES.get(str(image.format), 0)
    per_pixel += _ALPHA_BYTES if alpha else 0
    deep = is_deep(image)
    per_pixel += _DEEP_BYTES if deep else 0
    # A tile is decoded whole, even one beyond the picture.
    pixels = max(
        across * down for across, down in (image.size, tile_size(image), *content.declared)
    )
    if content.crop:
        left, top, right, bottom = content.crop
        width, height = right - left, bottom - top
    return Header(
        size=(width, height) if orientation(image) in TURNED else (height, width),
        bytes_to_decode=_FIXED_BYTES + per_pixel * pixels,
        bytes_decoded=width * height * (4 if alpha else 3) * (2 if deep else 1),
    )


def jxl_header(content: Content) -> Header:
    """Return the header of a JPEG XL, which its plugin decodes when it opens it.

    Raises PictureError for an unusable size, ValueError or struct.error for damaged files.
    """
    (width, height), channels, _ = jxl.header(content.data)
    check_size(width, height)
    for size in content.declared:
        check_most_pixels(*size)
    pixels = max(across * down for across, down in ((width, height), *content.declared))
    per_pixel = _PLAIN_BYTES + _ALPHA_BYTES + _CHANNEL_BYTES * max(0, channels - 1)
    return Header((height, width), _FIXED_BYTES + per_pixel * pixels, 4 * width * height)


def of_draft(header: Header, draft: ImageFile.ImageFile, is_buffered: bool) -> Header:
    """Return the header of a JPEG, as it is decoded at a smaller size.

    Args:
        header: That of the whole picture.
        draft: The opened picture after `draft`.
        is_buffered: As `jpeg.is_buffered` returns it.
    """
    kept = _COEFFICIENT_BYTES * math.prod(header.size) if is_buffered else 0
    pixels = _PLAIN_BYTES * draft.width * draft.height
    return header._replace(bytes_to_decode=_FIXED_BYTES + pixels + kept)


def check_size(width: int, height: int) -> None:
    """Raise PictureError for a size in px that is not painted."""
    check_most_pixels(width, height)
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"is {width} × {height} pixels; the smallest side that can be painted is "
            f"{MIN_SIDE} pixels; use a larger one"
        )


def check_most_pixels(width: int, height: int) -> None:
    """Raise PictureError for a size in px, of a picture or of what it is stored in, that is too
    large to be read."""
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"is {width} × {height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are "
            "read; make it smaller"
        )


def orientation(image: ImageFile.ImageFile) -> int:
    """Return the orientation, 1 (upright) to 8, in which loading leaves a picture."""
    if isinstance(image, TiffImageFile):  # Loading turns it, and its header has that size.
        return 1
    # A JPEG XL is turned by its codestream, and its EXIF is a copy. A JPEG in it is not turned yet.
    if image.format == JXL and not image.jpeg:  # type: ignore[attr-defined]
        return 1
    try:
        # PNG's own getexif decodes the pixels to look behind them.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A photo with damaged EXIF is still a good photo.
        return 1


def is_deep(image: ImageFile.ImageFile) -> bool:
    """Return whether `deep.read` reads an opened picture, not loaded, in over 8 bits."""
    if image.format == RAW:
        return True
    if image.format == "HEIF":
        return int(image.info.get("bit_depth") or 8) > 8
    if image.mode.startswith("I;16"):
        return True
    if not image.tile or not all(_DEEP_MODE.fullmatch(raw_mode(each)) for each in image.tile):
        return False
    # libtiff's planes are always read by their upper bytes.
    planes = _tag(image, ExifTags.Base.PlanarConfiguration)
    return image.tile[0].codec_name != "libtiff" or planes != 2


def tile_size(image: ImageFile.ImageFile) -> Size:
    """Return the width and height of a TIFF's tiles; 0 for all other pictures."""
    return _tag(image, ExifTags.Base.TileWidth), _tag(image, ExifTags.Base.TileLength)


def piece_bytes(image: ImageFile.ImageFile) -> int:
    """Return the most bytes that a TIFF compresses at once; 0 for all other pictures."""
    if not isinstance(image, TiffImageFile) or _tag(image, ExifTags.Base.Compression) in (0, 1):
        return 0
    across, down = tile_size(image)
    if not across:
        across = image.width
        down = min(image.height, _tag(image, ExifTags.Base.RowsPerStrip) or image.height)
    planes = _tag(image, ExifTags.Base.PlanarConfiguration) == 2
    samples = 1 if planes else _tag(image, ExifTags.Base.SamplesPerPixel) or 1
    # Some write it once for all.
    bits: int = max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,)))
    return across * down * bits * samples // 8


def raw_mode(tile: ImageFile._Tile) -> str:
    """Return the mode in which Pillow unpacks the bytes of a tile."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _tag(image: ImageFile.ImageFile, tag: int) -> int:
    """Return a number of a TIFF, or 0 for all other pictures."""
    number: int = image.tag_v2.get(tag, 0) if isinstance(image, TiffImageFile) else 0
    return number
