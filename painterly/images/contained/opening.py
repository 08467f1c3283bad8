"""The opening of picture files by Pillow: what can be read, and the refusal of all else.

No pixel is read, except of a JPEG XL.
"""

import ctypes
import io
import logging
import re
import struct
import warnings
from contextlib import suppress

import pillow_heif
from PIL import ExifTags, Image, ImageFile, ImagePalette, PngImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from painterly.errors import PictureError
from painterly.images.files import animations, extra_formats, heif, jpeg, png, tiff
from painterly.images.files.content import Content
from painterly.images.files.exif import PREFIX as EXIF_PREFIX
from painterly.images.header import (
    DAMAGED,
    MAX_PIXELS,
    MEGA,
    NoHeaderError,
    check_size,
    raw_mode,
)

# Recognised by content. Not all that Pillow reads: its EPS reader, for one, starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")
_NO_WHITE = "has values of more than 16 bits, with a sign, or in floats; save it with 16 or 8 bits"
# Numbers of a TIFF's compressions: those that are read, and names of others.
_COMPRESSIONS = (*range(1, 9), 32773, 32946, 34925, 50000)
_RARE_COMPRESSIONS = {
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI's logarithms",
    34677: "SGI's logarithms",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "JPEG of a DNG",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
# A photo of that many pixels has more than a byte for so many. Other formats have drawings, too.
_LARGE_PHOTOS = {"JPEG": 20 * MEGA} | dict.fromkeys(("WEBP", "HEIF", "AVIF", "JXL"), 50 * MEGA)
_THINNEST = 500
# How Pillow unpacks channels that are stored one after another, as far as it does so rightly.
_PLANES = re.compile("[RGBA](;16[BL])?|[CMYK]|(RGB(A|a|X*)|CMYKX*)(;16[BLN])?")
_MOST_CHANNELS = 6  # in a TIFF that Pillow reads
_BMP_HEADER = 54  # bytes, without its later versions

pillow_heif.register_heif_opener()

# libtiff writes its own lines to stderr. On Windows, its function is not found in Pillow.
with suppress(AttributeError, OSError):
    ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)

# Pillow warns at this number, and fails at twice as many: before it opens a frame of that size.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

# `content_of` leaves out texts. A colour profile may be longer than 1 MB, Pillow's limit for both.
PngImagePlugin.MAX_TEXT_CHUNK = png.LONGEST_PROFILE

# Damaged metadata in a good photo (EXIF, animation frames) does not matter, and refusals say why.
# Silenced for the whole process, since warnings.catch_warnings is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def content_of(data: bytes) -> Content:
    """Return a file's content, which is the file itself if it is of no known kind.

    Raises PictureError for a file that is empty, has far more parts than pictures have, or is of a
    rare kind; ValueError or struct.error for a damaged JPEG XL.
    """
    if not data:
        raise PictureError("is empty (0 bytes); send it again")
    if data.startswith(png.SIGNATURE):
        return png.content(data)
    if data.startswith(jpeg.START):
        return jpeg.content(data)
    if data.startswith(animations.GIF_START):
        return animations.gif(data)
    if animations.is_webp(data):
        return animations.webp(data)
    if data.startswith(tiff.STARTS):
        tiff.check_directory(data)
    return heif.content(data) if data[4:8] == b"ftyp" else Content(data)


def opened(content: Content) -> ImageFile.ImageFile:
    """Open a picture and read only its header.

    Raises PictureError for a file that is not a picture, or of an unusable size or kind.
    """
    data = content.data
    kind = extra_formats.extra_format(data)
    if kind is None and data.startswith(tiff.STARTS):
        _check_compression(data)
    try:
        image = kind and extra_formats.opened(data, kind)
        image = image or Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise _rare_tiff(data) or _not_a_picture(data) from None
    except OSError:
        raise _rare_bmp(data) or NoHeaderError(DAMAGED) from None
    _drop_endless_exif(image)
    if isinstance(image, TiffImageFile):
        _check_not_a_preview(image)
        _mend_planes(image)
        _check_planes(image)
        _mend_palette(image)
    check_size(*image.size)
    _check_depth(image)
    return image


def check_not_thin(kind: str, height: int, width: int, length: int) -> None:
    """Raise PictureError for a large picture in a file of so few bytes that next to nothing can be
    seen in it."""
    pixels = width * height
    if pixels > max(_LARGE_PHOTOS.get(kind, pixels), _THINNEST * length):
        raise PictureError(
            f"has {pixels // MEGA} megapixels in {length / 1000:.1f} kB, so next to nothing "
            "is seen in it; make it smaller"
        )


def _drop_endless_exif(image: ImageFile.ImageFile) -> None:
    """Remove EXIF whose entries share values, which Pillow would copy for each of them."""
    try:
        tiff.check_directory((image.info.get("exif") or b"").removeprefix(EXIF_PREFIX))
    except PictureError:
        del image.info["exif"]


def _check_not_a_preview(image: TiffImageFile) -> None:
    """Raise PictureError for a TIFF that begins with a small copy of its other pages, or of
    directories that Pillow does not read: a camera's raw file, such as NEF or DNG."""
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


def _mend_planes(image: TiffImageFile) -> None:
    """Declare the 16 bits of an uncompressed TIFF with channels stored one after another.

    Pillow would read them as 8 bits and show noise.
    """
    if max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (8,))) != 16:
        return
    order = "L" if image.tag_v2.prefix == b"II" else "B"
    for number, tile in enumerate(image.tile):
        if tile.codec_name == "raw" and isinstance(tile.args, tuple) and len(tile.args[0]) == 1:
            plane, *others = tile.args
            image.tile[number] = tile._replace(args=(f"{plane};16{order}", *others))


def _check_planes(image: TiffImageFile) -> None:
    """Raise PictureError for channels stored one after another that Pillow reads wrongly or not at
    all, such as grey with alpha, or CIELAB."""
    channels = image.tag_v2.get(ExifTags.Base.SamplesPerPixel, 1)
    if image.tag_v2.get(ExifTags.Base.PlanarConfiguration) != 2 or channels == 1:
        return
    if not all(_PLANES.fullmatch(raw_mode(tile)) for tile in image.tile):
        raise PictureError(
            f"is a TIFF of a rare kind ({channels} channels one after another, {image.mode}); save "
            "it in red, green and blue, with 8 or 16 bits"
        )


def _mend_palette(image: TiffImageFile) -> None:
    """Read a TIFF's colour map of 8 bits, which some programs write into its 16, as libtiff does:
    by its largest value."""
    if image.mode in ("P", "PA"):
        values = image.tag_v2[ExifTags.Base.ColorMap]
        if max(values) < 256:
            image.palette = ImagePalette.raw("RGB;L", bytes(values))


def _rare_tiff(data: bytes) -> PictureError | None:
    """Return an error for a TIFF that Pillow does not read, or None if it is damaged."""
    layout = tiff.layout(data)
    if layout is None:
        return None
    if data.startswith(tiff.BIG_ENDIAN_BIG):
        return PictureError(
            "is a TIFF of a rare kind (BigTIFF in the byte order of Motorola); save it as PNG"
        )
    try:
        TiffImageFile(io.BytesIO(data)).close()
    except Exception as error:
        # Pillow's reasons for rare kinds.
        if str(error) != "unknown pixel mode" and len(layout.bits) <= _MOST_CHANNELS:
            return None
    if max(layout.bits) > 16 or max(layout.formats) > 1:
        return PictureError(_NO_WHITE)
    return PictureError(
        f"is a TIFF of a rare kind ({len(layout.bits)} values of {max(layout.bits)} bits a pixel); "
        "save it in red, green and blue, with 8 or 16 bits"
    )


def _check_compression(data: bytes) -> None:
    """Raise PictureError for a TIFF of a compression that Pillow's libtiff does not read."""
    number = tiff.first_tags(data).get(ExifTags.Base.Compression, 1)
    if number not in _COMPRESSIONS:
        name = _RARE_COMPRESSIONS.get(number, f"compression {number}")
        raise PictureError(
            f"is a TIFF of a rare kind ({name}); save it uncompressed, or with LZW or Deflate"
        )


def _rare_bmp(data: bytes) -> PictureError | None:
    """Return an error for a BMP that Pillow does not read, or None if it is damaged."""
    if not data.startswith(b"BM") or len(data) < _BMP_HEADER:
        return None
    header, planes, bits, compression = struct.unpack_from("<L8xHHL", data, 14)
    if planes != 1 or bits > 64 or not 16 <= header <= 124:
        return None
    return PictureError(
        f"is a BMP of a rare kind ({bits} bits a pixel, compression {compression}); save it with "
        "24 bits"
    )


def _not_a_picture(data: bytes) -> PictureError:
    """Return an error that names the kind of a file that is not a readable picture."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kinds = {
        "a video": rb"....ftyp(isom|iso2|mp4|avc1|qt  )",
        "damaged": rb"\xff\xd8|\x89p|ii\*\0|mm\0\*|gif8|riff....webp|....ftyp",
        "a BMP without its file header": rb"[(l|]\0{3}.{8}\x01\0[\x01\4\x08\x10\x18\x20]\0",
        "a web page": rb"<!doctype html|<html",
        "an SVG drawing": rb".*<svg",
        "a PDF": rb"%pdf",
        "text": rb"[^\0-\x08\x0e-\x1f]*$",
    }
    matching = (kind for kind, pattern in kinds.items() if re.match(pattern, start, re.DOTALL))
    kind = next(matching, "of no known kind")
    if kind == "damaged":
        return NoHeaderError(DAMAGED)
    unknown = kind == "of no known kind"
    return (NoHeaderError if unknown else PictureError)(
        f"is {kind}, not a picture that can be read; send it as JPEG, PNG, WebP, TIFF or HEIC"
    )
