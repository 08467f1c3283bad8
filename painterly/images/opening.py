"""Opens picture files by Pillow, and refuses kinds that cannot be read.

No pixel is read. The limits of the process end a file that takes too long or too much.
"""

import ctypes
import io
import logging
import re
import struct
import warnings
import zlib
from contextlib import suppress

import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageFile, ImagePalette, PngImagePlugin
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import PictureError
from painterly.images.files import tiff
from painterly.images.header import DAMAGED, MAX_PIXELS, NOT_READ, NoHeaderError, kind_of

# Recognised by content. Not all that Pillow reads: its EPS reader, for one, starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "GIF", "BMP")
# How Pillow unpacks channels that are stored one after another, as far as it does so rightly.
_PLANES = re.compile("[RGBACMYK]|(RGB(A|a|X*)|CMYKX*)(;16[BLN])?")
_DNG_VERSION = 50706
_CR2 = b"\x10\0\0\0CR"  # after a TIFF's start
# Of HEIC and AVIF: matrices in H.273 of constant luminance, and others that no reader converts; a
# crop, which Pillow does not apply to AVIF.
_RARE_MATRIX = re.compile(rb"colrnclx.{4}\0[\x0a\x0b\x0d\x0e]", re.DOTALL)
_CROP = b"clap"
# Transfer characteristics in H.273: PQ and HLG.
_HDR = re.compile(rb"colrnclx..\0[\x10\x12]|cICP.[\x10\x12]", re.DOTALL)
_PQ, _HLG = 16, 18

pillow_heif.register_heif_opener()
AvifImagePlugin.DEFAULT_MAX_THREADS = 4  # as pillow-heif has; each takes memory, which is limited

# libtiff writes its own lines to stderr. On Windows, its function is not found in Pillow.
with suppress(AttributeError, OSError):
    ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)

# Pillow fails at twice this number of pixels, before it opens a frame of that size.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# The colour profiles of printing presses have a few megabytes, and so have texts of programs.
PngImagePlugin.MAX_TEXT_CHUNK = 16_000_000

# Damaged metadata in a good photo (EXIF, animation frames) does not matter, and refusals say why.
# Silenced for the whole process, since warnings.catch_warnings is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def opened(data: bytes) -> ImageFile.ImageFile:
    """Open a picture and read only its header.

    Raises PictureError for a file that is not a picture, or of a kind that is not read.
    """
    if not data:
        raise PictureError("is empty (0 bytes); send it again")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except OSError:  # Also of a kind that Pillow does not know.
        raise NoHeaderError(DAMAGED if _is_damaged(data) else NOT_READ) from None
    if image.format == "PNG":
        _find_exif(image, data)
    if _is_rare(image, data):
        raise PictureError(NOT_READ)
    return image


def _is_damaged(data: bytes) -> bool:
    """Return whether a file that cannot be opened is of a kind that can. A TIFF that has its
    directory is of a rare kind."""
    if kind_of(data) != "TIFF":
        return kind_of(data) is not None
    try:
        return not [*tiff.entries(data, tiff.first_directory(data))]
    except struct.error:
        return True


def is_hdr(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Return whether a file says that an opened picture is HDR, by PQ or HLG."""
    if image.format == "HEIF":  # Further pictures, such as the brightness, have other curves.
        colours = image.info.get("nclx_profile") or {}
        return colours.get("transfer_characteristics") in (_PQ, _HLG)
    return image.format in ("PNG", "AVIF") and bool(_HDR.search(data))


def _find_exif(image: ImageFile.ImageFile, data: bytes) -> None:
    """Find the EXIF of a PNG where Pillow does not: behind the pixels, which it would decode, and
    by the name that older versions of ImageMagick gave it."""
    at = data.find(b"eXIf") if "exif" not in image.info else -1
    if at > 0:
        (length,) = struct.unpack_from(">L", data, at - 4)
        end = at + 4 + length
        if data[end : end + 4] == struct.pack(">L", zlib.crc32(data[at:end])):
            image.info["exif"] = data[at + 4 : end]
    if old := image.info.get("Raw profile type APP1"):
        image.info.setdefault("Raw profile type exif", old)


def _is_rare(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Return whether Pillow would show wrong pixels of a picture."""
    if image.mode in ("I", "F"):  # Values without a known white.
        return True
    if isinstance(image, TiffImageFile):
        _mend_palette(image)
        return _is_preview(image, data) or _has_rare_planes(image)
    if image.format in ("HEIF", "AVIF"):
        is_cropped = image.format == "AVIF" and _CROP in data
        return is_cropped or bool(_RARE_MATRIX.search(data))
    # A transparent colour of 16 bits is compared with 8 bits.
    is_deep = any(";16" in str(tile.args) for tile in image.tile)
    return is_deep and "transparency" in image.info


def _is_preview(image: TiffImageFile, data: bytes) -> bool:
    """Return whether Pillow would read only a preview: of a camera's raw file, such as NEF or DNG,
    or of a TIFF that begins with a small copy of its other pages."""
    tags = image.tag_v2
    is_reduced_copy = tags.get(ExifTags.Base.NewSubfileType) in (1, 3)
    has_others = bool(tags.next) or ExifTags.Base.SubIFDs in tags
    return (is_reduced_copy and has_others) or _DNG_VERSION in tags or data[4:10] == _CR2


def _has_rare_planes(image: TiffImageFile) -> bool:
    """Return whether a TIFF has channels one after another that Pillow reads wrongly or not at all,
    such as grey with alpha, CIELAB, or uncompressed 16 bits."""
    tags = image.tag_v2
    bits = tags.get(ExifTags.Base.BitsPerSample, (8,))
    if tags.get(ExifTags.Base.PlanarConfiguration) != 2 or len(bits) == 1:
        return False
    is_deep = max(bits) > 8
    return not all(
        _PLANES.fullmatch(mode := raw_mode(tile)) and not (is_deep and len(mode) == 1)
        for tile in image.tile
    )


def raw_mode(tile: ImageFile._Tile) -> str:
    """Return the mode in which Pillow unpacks the bytes of a tile."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _mend_palette(image: TiffImageFile) -> None:
    """Read a TIFF's colour map of 8 bits, which some programs write into its 16, as libtiff does:
    by its largest value."""
    if image.mode in ("P", "PA"):
        values = image.tag_v2[ExifTags.Base.ColorMap]
        if max(values) < 256:
            image.palette = ImagePalette.raw("RGB;L", bytes(values))
