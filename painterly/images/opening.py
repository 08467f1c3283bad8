"""The opening of picture files: whether a file can be used, its size, and the memory to decode it.

No pixel is read. For a header, the first bytes of most files suffice.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pillow_heif
from PIL import ExifTags, Image, ImageFile, ImagePalette, PngImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import MemoryShortError, PictureError
from painterly.images.containers import Prepared, check_directory, prepared, tiff_layout
from painterly.images.depth import is_deep
from painterly.images.exif import PREFIX as EXIF_PREFIX
from painterly.images.extra_formats import (
    JXL,
    JXL_STARTS,
    RAW,
    extra_format,
    is_readable,
    jxl_size,
    opened,
)
from painterly.images.png_chunks import LONGEST_PROFILE
from painterly.wording import memory_size

MAX_PIXELS = 200_000_000
MIN_SIDE = 16

# Recognised by content. Not all that Pillow reads: its EPS reader, for one, starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")

# The most bytes per pixel at any time, measured; alpha and WebP's decoder take more. Steps in bands
# and small pictures have a fixed part.
_PLAIN_BYTES, _ALPHA_BYTES, _DEEP_BYTES = 10, 6, 12
_FORMAT_BYTES = {"WEBP": 8, RAW: 12}
_FIXED_BYTES = 20_000_000

_MAX_COMPLETED = 32_000_000  # A longer file is not completed with zeros after its start.

_PREPARED = "prepared by painterly"  # a key of the pictures' `info`
_TURNED = (5, 6, 7, 8)  # orientations with height and width swapped
_NO_WHITE = "has values of 32 bits, with a sign, or in floats; save it with 16 or 8 bits"
_DAMAGED = "is damaged or incomplete; send it again, or export it anew as JPEG or PNG"

pillow_heif.register_heif_opener()

# Pillow's limit warns at one size and fails at twice that, naming neither the size nor a way out.
# open_picture checks the size in the header instead.
Image.MAX_IMAGE_PIXELS = None

# `prepared` leaves out texts. A colour profile may be longer than 1 MB, Pillow's limit for both.
PngImagePlugin.MAX_TEXT_CHUNK = LONGEST_PROFILE

# Damaged metadata in a good photo (EXIF, animation frames) does not matter. Silenced for the whole
# process, since warnings.catch_warnings is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


class Header(NamedTuple):
    """The size of a picture, and its memory.

    Attributes:
        size: The height and width in px, upright.
        bytes_to_decode: See the function of that name.
        bytes_decoded: The bytes of the decoded picture's arrays.
    """

    size: tuple[int, int]
    bytes_to_decode: int
    bytes_decoded: int


class _NoHeaderError(PictureError):
    """A file that does not begin as a picture does, or is damaged, maybe for lack of bytes."""


def open_picture(data: bytes, available: int | None = None) -> ImageFile.ImageFile:
    """Open a picture and read only its header.

    Args:
        data: The file.
        available: The bytes that decoding may take, if they are limited.

    Raises:
        PictureError: The file is not a picture, or of an unusable size or kind.
        MemoryShortError: Decoding would take more than `available` bytes.
    """
    if available is not None:
        # Opened twice: once the orientation was read, Pillow also loads some pictures
        # whose load fails otherwise.
        _check_memory(bytes_to_decode(data), available)
    if not data:
        raise PictureError("is empty (0 bytes); send it again")
    if data.startswith(JXL_STARTS):
        _check_size(*jxl_size(data))  # Opening it decodes it.
    ready = prepared(data)
    kind = extra_format(data)
    try:
        image = kind and opened(data, kind)
        image = image or Image.open(io.BytesIO(ready.data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise _rare_tiff(data) or _not_a_picture(data) from None
    image.info[_PREPARED] = ready
    _drop_endless_exif(image)
    _check_not_a_preview(image)
    _check_size(*image.size)
    _check_depth(image)
    _mend_planes(image)
    _mend_palette(image)
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"is {width} × {height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are "
            "read; make it smaller"
        )
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"is {width} × {height} pixels; the smallest side that can be painted is "
            f"{MIN_SIDE} pixels; use a larger one"
        )


def preparation(image: Image.Image) -> Prepared:
    """Return what was done to the file of a picture that `open_picture` returned."""
    ready: Prepared = image.info[_PREPARED]
    return ready


def orientation(image: Image.Image) -> int:
    """Return the camera's orientation, 1 (upright) to 8."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A photo with damaged EXIF is still a good photo.
        return 1


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Begin errors of decoding with a file's name; a library's errors become PictureErrors."""
    try:
        yield
    except (PictureError, MemoryShortError) as error:
        raise type(error)(f"{_label(name)}: {error}") from None
    except MemoryError:
        raise PictureError(
            f"{_label(name)}: needs more memory than there is; make it smaller"
        ) from None
    except Exception:
        # Pillow and its libraries raise exceptions of nearly every type on damaged bytes.
        raise _NoHeaderError(f"{_label(name)}: {_DAMAGED}") from None


def _label(name: str) -> str:
    """Return a name in one line, even if it has a newline."""
    return "".join(c if c.isprintable() else " " for c in name)


def _drop_endless_exif(image: ImageFile.ImageFile) -> None:
    """Remove EXIF whose entries share values, which Pillow would copy for each of them."""
    try:
        check_directory((image.info.get("exif") or b"").removeprefix(EXIF_PREFIX))
    except PictureError:
        del image.info["exif"]


def _check_not_a_preview(image: ImageFile.ImageFile) -> None:
    """Raise PictureError for a TIFF that begins with a small copy of its other pages, or of
    directories that Pillow does not read: a camera's raw file, such as NEF or DNG."""
    if not isinstance(image, TiffImageFile):
        return
    tags = image.tag_v2
    is_reduced_copy = tags.get(ExifTags.Base.NewSubfileType) in (1, 3)
    if is_reduced_copy and (tags.next or ExifTags.Base.SubIFDs in tags):
        width, height = image.size
        raise PictureError(
            f"begins with a preview of {width} × {height} pixels, as a camera's raw file does, and "
            "only that could be read; export it as JPEG or PNG"
        )


def _check_depth(image: ImageFile.ImageFile) -> None:
    """Raise PictureError for values of more than 16 bits, which have no known white, and for a
    colour of 16 bits that is transparent, which Pillow compares with 8 bits."""
    if image.mode in ("I", "F"):
        raise PictureError(_NO_WHITE)
    if "transparency" in image.info and any(";16" in str(tile.args) for tile in image.tile):
        raise PictureError(
            "has a transparent colour of 16 bits; save it with 8 bits, or with an alpha channel"
        )


def _mend_planes(image: ImageFile.ImageFile) -> None:
    """Declare the 16 bits of an uncompressed TIFF with channels stored one after another.

    Pillow would read them as 8 bits and show noise.
    """
    if not isinstance(image, TiffImageFile):
        return
    if max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (8,))) != 16:
        return
    order = "L" if image.tag_v2.prefix == b"II" else "B"
    for number, tile in enumerate(image.tile):
        if tile.codec_name == "raw" and isinstance(tile.args, tuple) and len(tile.args[0]) == 1:
            plane, *others = tile.args
            image.tile[number] = tile._replace(args=(f"{plane};16{order}", *others))


def _mend_palette(image: ImageFile.ImageFile) -> None:
    """Read a TIFF's colour map of 8 bits, which some programs write into its 16, as libtiff does:
    by its largest value."""
    if isinstance(image, TiffImageFile) and image.mode in ("P", "PA"):
        values = image.tag_v2[ExifTags.Base.ColorMap]
        if max(values) < 256:
            image.palette = ImagePalette.raw("RGB;L", bytes(values))


def _rare_tiff(data: bytes) -> PictureError | None:
    """Return an error for a TIFF that Pillow does not read, or None if it is damaged."""
    layout = tiff_layout(data)
    if layout is None:
        return None
    if max(layout.bits) > 16 or max(layout.formats) > 1:
        return PictureError(_NO_WHITE)
    return PictureError(
        f"is a TIFF of a rare kind ({len(layout.bits)} values of {max(layout.bits)} bits a pixel); "
        "save it in red, green and blue, with 8 or 16 bits"
    )


def _not_a_picture(data: bytes) -> PictureError:
    """Return an error that names the kind of a file that is not a readable picture."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kinds = {
        "a video": rb"....ftyp(isom|iso2|mp4|avc1|qt  )",
        "damaged": rb"\xff\xd8|\x89p|ii\*\0|mm\0\*|gif8|riff....webp|....ftyp",
        "a web page": rb"<!doctype html|<html",
        "an SVG drawing": rb".*<svg",
        "a PDF": rb"%pdf",
        "text": rb"[^\0-\x08\x0e-\x1f]*$",
    }
    matching = (kind for kind, pattern in kinds.items() if re.match(pattern, start, re.DOTALL))
    kind = next(matching, "of no known kind")
    if kind == "damaged":
        return _NoHeaderError(_DAMAGED)
    unknown = kind == "of no known kind"
    return (_NoHeaderError if unknown else PictureError)(
        f"is {kind}, not a picture that can be read; send it as JPEG, PNG, WebP, TIFF or HEIC"
    )


def read_header(start: bytes, name: str, size: int) -> Header | None:
    """Read the header from the first bytes of a file.

    Args:
        start: The first bytes.
        name: The file's name, with which errors begin.
        size: The file's size in bytes.

    Returns:
        The header, or None if the bytes are too few, or damaged.

    Raises:
        PictureError: As `decode`: this cannot be a picture, whatever follows.
    """
    missing = size - len(start)
    # WebP's and HEIC's readers refuse a file that is shorter than it says.
    zeros = bytes(missing if 0 < missing <= _MAX_COMPLETED else 0)
    try:
        with errors_named(name):
            return _header_of(start + zeros)
    except _NoHeaderError:
        if missing <= 0:
            raise
        return None


def bytes_to_decode(data: bytes) -> int:
    """Estimate the most memory in bytes that `decode` and `decode_mask` take for a file.

    The file's own bytes are not included. The answer is 0 if the file would be refused.
    """
    try:
        return _header_of(data).bytes_to_decode
    except Exception:  # As in `decode`, which names what is wrong.
        return 0


def _header_of(data: bytes) -> Header:
    """Return the header of a file. Raises errors as `open_picture`."""
    if data.startswith(JXL_STARTS) and is_readable(JXL):
        width, height = jxl_size(data)
        _check_size(width, height)
        needed = _FIXED_BYTES + (_PLAIN_BYTES + _ALPHA_BYTES) * width * height
        return Header((height, width), needed, 4 * width * height)
    return _header(open_picture(data))


def _header(image: ImageFile.ImageFile) -> Header:
    """Return the header of a picture that is not loaded."""
    width, height = image.size
    alpha = image.has_transparency_data
    per_pixel = _PLAIN_BYTES + _FORMAT_BYTES.get(str(image.format), 0)
    per_pixel += _ALPHA_BYTES if alpha else 0
    # TIFF's header has the size that loading gives.
    turned = image.format != "TIFF" and orientation(image) in _TURNED
    pixels = width * height
    deep = is_deep(image)
    per_pixel += _DEEP_BYTES if deep else 0
    if isinstance(image, TiffImageFile):  # A tile is decoded whole, even one beyond the picture.
        tags = image.tag_v2
        tile = tags.get(ExifTags.Base.TileWidth, 0) * tags.get(ExifTags.Base.TileLength, 0)
        pixels = max(pixels, tile)
    return Header(
        size=(width, height) if turned else (height, width),
        bytes_to_decode=_FIXED_BYTES + per_pixel * pixels,
        bytes_decoded=width * height * (4 if alpha else 3) * (2 if deep else 1),
    )


def check_memory(needed: int, available: int, name: str) -> None:
    """Raise MemoryShortError, naming the file, if decoding it takes more than is available."""
    with errors_named(name):
        _check_memory(needed, available)


def _check_memory(needed: int, available: int) -> None:
    if needed > available:
        raise MemoryShortError(
            f"decoding it takes {memory_size(needed)} of memory, and "
            f"{memory_size(max(available, 0))} are available; make it smaller"
        )
