"""A picture's size and the memory of its pixels, as its file's header declares them.

This is the only place where declared sizes are read, and it needs no NumPy, which a bot's cold
start would wait for.
"""

import re
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.words.wording import memory_size

MEGA = 1_000_000
MAX_PIXELS = 200 * MEGA
MIN_SIDE = 16

# The most bytes per pixel at any time, measured; alpha and some decoders take more. Steps in bands
# and small pictures have a fixed part.
_PLAIN_BYTES, _ALPHA_BYTES = 10, 6
_FORMAT_BYTES = {"WEBP": 8, "AVIF": 5}
_FIXED_BYTES = 20_000_000

# A photo with more pixels than this has at least a byte for every _THINNEST of them. Files of other
# formats may be drawings.
_LARGE_PHOTOS = {"JPEG": 20 * MEGA} | dict.fromkeys(("WEBP", "HEIF", "AVIF"), 50 * MEGA)
_THINNEST = 500

TURNED = (5, 6, 7, 8)  # orientations with height and width swapped
_STARTS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF....WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "HEIF": rb"....ftyp(hei[cxms]|hev[cx]|mif1|msf1)",
    "AVIF": rb"....ftypavi[fs]",
    "GIF": rb"GIF8",
}

_OF_MEMORY = re.compile("(?i)memory|decoder error -9")  # in errors of libraries
DAMAGED = "is damaged or incomplete; send it again, or export it anew as JPEG or PNG"
NOT_READ = "is not a picture that can be read; save it as JPEG or PNG"


class NoHeaderError(PictureError):
    """A file that does not begin as a picture does, or is damaged, maybe for lack of bytes."""


class Header(NamedTuple):
    """The size of a picture, and its memory."""

    size: tuple[int, int]  # the height and width in px, upright
    # The most memory in bytes that decoding takes, estimated, without the file's own bytes.
    bytes_to_decode: int
    bytes_decoded: int  # the bytes of the decoded picture's arrays

    def check_memory(self, available: int) -> None:
        """Raise MemoryShortError if decoding takes more bytes than are available."""
        if self.bytes_to_decode > available:
            raise MemoryShortError(
                f"decoding it takes {memory_size(self.bytes_to_decode)} of memory, and "
                f"{memory_size(max(available, 0))} are available; make it smaller"
            )


def header_of(image: ImageFile.ImageFile) -> Header:
    """Return the header of a picture that is not loaded. Raises PictureError for an unusable
    size."""
    width, height = image.size
    check_size(width, height)
    alpha = image.has_transparency_data
    per_pixel = _PLAIN_BYTES + _FORMAT_BYTES.get(str(image.format), 0)
    per_pixel += _ALPHA_BYTES if alpha else 0
    return Header(
        size=(width, height) if orientation(image) in TURNED else (height, width),
        bytes_to_decode=_FIXED_BYTES + per_pixel * width * height,
        bytes_decoded=width * height * (4 if alpha else 3),
    )


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raise PictureError for a size in px that is not painted, of more pixels than `most`."""
    if width * height > most:
        raise too_large(width * height, most)
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"is {width} × {height} pixels; the smallest side that can be painted is "
            f"{MIN_SIDE} pixels; use a larger one"
        )


def check_not_thin(kind: str, header: Header, length: int) -> None:
    """Raise PictureError for a large picture in a file of so few bytes that next to nothing can be
    seen in it."""
    pixels = header.size[0] * header.size[1]
    if pixels > max(_LARGE_PHOTOS.get(kind, pixels), _THINNEST * length):
        raise PictureError(
            f"has {pixels // MEGA} megapixels in {length / 1000:.1f} kB, so next to nothing "
            "is seen in it; make it smaller"
        )


def too_large(pixels: int, most: int = MAX_PIXELS) -> PictureError:
    """Return an error for more pixels than are read."""
    return PictureError(
        f"has {pixels // MEGA} megapixels; at most {most // MEGA} are read; make it smaller"
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
    try:
        # PNG's own getexif decodes the pixels to look behind them.
        return int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A photo with damaged EXIF is still a good photo.
        return 1


def kind_of(data: bytes) -> str | None:
    """Return Pillow's name of the format of a JPEG, PNG, WebP, TIFF, HEIC, AVIF or GIF by its first
    bytes, which may be damaged, or None for others."""
    matching = (kind for kind, start in _STARTS.items() if re.match(start, data, re.DOTALL))
    return next(matching, None)
