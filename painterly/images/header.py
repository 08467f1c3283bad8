"""A picture's size and the memory of its pixels, as its file's header declares them.

This is the only place where declared sizes are read, and it needs no NumPy, which a bot's cold
start would wait for.
"""

import re
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.files.content import Content, Size
from painterly.images.files.extra_formats import JXL, RAW
from painterly.words.wording import memory_size

MEGA = 1_000_000
MAX_PIXELS = 200 * MEGA
MIN_SIDE = 16

# The most bytes per pixel at any time, measured; alpha and some decoders take more. Steps in bands
# and small pictures have a fixed part.
_PLAIN_BYTES, _ALPHA_BYTES, _DEEP_BYTES = 10, 6, 12
_FORMAT_BYTES = {"WEBP": 8, "AVIF": 5, RAW: 12}
_FIXED_BYTES = 20_000_000

TURNED = (5, 6, 7, 8)  # orientations with height and width swapped
# Not BMP's "BGR;16", which has 16 bits a pixel.
_DEEP_MODE = re.compile("(RGB|RGBA|RGBa|RGBX|LA|[RGBA]);16[BLN]")

_OF_MEMORY = re.compile("(?i)memory|decoder error -9")  # in errors of libraries
USUAL = "JPEG or PNG"


def damaged(form: str) -> str:
    """Return what to say of a damaged file, which had better be exported in another format."""
    return f"is damaged or incomplete; send it again, or export it anew as {form}"


DAMAGED = damaged(USUAL)


class NoHeaderError(PictureError):
    """A file that does not begin as a picture does, or is damaged, maybe for lack of bytes."""


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
    pixels = width * height
    if content.crop:
        left, top, right, bottom = content.crop
        width, height = right - left, bottom - top
    return Header(
        size=(width, height) if orientation(image) in TURNED else (height, width),
        bytes_to_decode=_FIXED_BYTES + per_pixel * pixels,
        bytes_decoded=width * height * (4 if alpha else 3) * (2 if deep else 1),
    )


def jxl_header(size: Size) -> Header:
    """Return the header of a JPEG XL of that width and height, which its plugin decodes when it
    opens it. Raises PictureError for an unusable size."""
    width, height = size
    check_size(width, height)
    per_pixel = _PLAIN_BYTES + _ALPHA_BYTES
    return Header((height, width), _FIXED_BYTES + per_pixel * width * height, 4 * width * height)


def check_size(width: int, height: int) -> None:
    """Raise PictureError for a size in px that is not painted."""
    if width * height > MAX_PIXELS:
        raise too_large(width * height)
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"is {width} × {height} pixels; the smallest side that can be painted is "
            f"{MIN_SIDE} pixels; use a larger one"
        )


def too_large(pixels: int) -> PictureError:
    """Return an error for more pixels than are read."""
    return PictureError(
        f"has {pixels // MEGA} megapixels; at most {MAX_PIXELS // MEGA} are read; make it smaller"
    )


def refusal_of(error: Exception, memory: int | None = None) -> PictureError:
    """Return the refusal of a file that was opened or decoded when this error was raised, within a
    limit of memory in bytes, if there is one."""
    if isinstance(error, Image.DecompressionBombError):
        return too_large(int(str(error).partition("(")[2].partition(" ")[0]))
    if isinstance(error, MemoryError) or _OF_MEMORY.search(str(error)):
        there_is = "there is" if memory is None else f"{memory_size(memory)} in which others fit"
        return PictureError(f"needs more memory than {there_is}; make it smaller, or save it anew")
    # Pillow and its libraries raise exceptions of nearly every type on damaged bytes.
    return NoHeaderError(DAMAGED)


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
    if not isinstance(image, TiffImageFile) or image.tile[0].codec_name != "libtiff":
        return True
    return bool(image.tag_v2.get(ExifTags.Base.PlanarConfiguration) != 2)


def raw_mode(tile: ImageFile._Tile) -> str:
    """Return the mode in which Pillow unpacks the bytes of a tile."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)
