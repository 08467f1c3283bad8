"""Bytes → arrays: what cameras, phones and drawing programs write becomes upright sRGB 0…1, with
alpha in an array of its own."""

import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from styletransfer.errors import MemoryShortError, PictureError
from styletransfer.images import bands, exif, icc
from styletransfer.images.arrays import to_float
from styletransfer.log import gigabytes

MAX_PIXELS = 200_000_000
MIN_SIDE = 16

# Recognised by content. Not all that Pillow reads: its EPS reader, for one, starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")

# One step of 8 bits: a mask below it shows nothing.
_BLACK = 1 / 255

# The most bytes per pixel at any time, measured; alpha, and colours of 16 bits, take more, and so
# does WebP's decoder. Steps in bands and small pictures have a fixed part.
_PLAIN_BYTES, _ALPHA_BYTES, _DEEP_BYTES = 10, 6, 7
_FORMAT_BYTES = {"WEBP": 8}
_FIXED_BYTES = 20_000_000

_DAMAGED = "is damaged or incomplete; send it again, or export it anew as JPEG or PNG"
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's names of 16-bit byte orders → the opposite one: big, little, and native, which is little
# wherever TensorFlow runs.
_OPPOSITE_ORDER = {"B": "L", "L": "B", "N": "B"}
pillow_heif.register_heif_opener()

# Pillow's limit warns at one size and fails at twice that, naming neither the size nor a way out.
# _open checks the size in the header instead.
Image.MAX_IMAGE_PIXELS = None

# Damaged metadata in a good photo (EXIF, animation frames) does not matter. Silenced for the whole
# process, since warnings.catch_warnings is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """A photo, painting or mask as arrays.

    pixels_int: sRGB as uint8 or uint16 [H, W, 3], whose largest value is white: a quarter or half
    of the memory of floats. alpha_int: [H, W], from transparent to opaque; None: all opaque.
    format: Pillow's name of the file's format, as JPEG or HEIF. exif: see `exif.kept`. profile: the
    picture's own ICC profile if results can be written in it, see `icc.own`.
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
        """float32 [H, W], 0 (transparent) … 1 (opaque); None: all opaque."""
        return None if self.alpha_int is None else to_float(self.alpha_int)


def bytes_to_decode(data: bytes) -> int:
    """The most memory in bytes that `decode` and `decode_mask` take at any time for this file, in
    addition to its own bytes, estimated from its header; 0 if they would refuse it."""
    try:
        image = _open(data)
        width, height = image.size
        alpha = image.has_transparency_data
        deep = _lower_tiles(image) is not None
    except Exception:  # As in `decode`, which names what is wrong.
        return 0
    per_pixel = _PLAIN_BYTES + _FORMAT_BYTES.get(str(image.format), 0)
    per_pixel += (_ALPHA_BYTES if alpha else 0) + (_DEEP_BYTES if deep else 0)
    return _FIXED_BYTES + per_pixel * width * height


def decode(data: bytes, name: str, available: int | None = None) -> Picture:
    """A picture from a file's bytes, upright and in sRGB, recognised by its content.

    Reads JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF and BMP; the first frame of several. The camera's
    orientation is applied, and an embedded colour profile converted (ignored if it is damaged or
    of another colour model). 16-bit grey and floats keep their range. Colours have 8 bits; 16 in
    16-bit PNGs and TIFFs whose profile needs no conversion.

    Transparent pixels get the mean of the visible colours, and below an alpha of 1/8 a blend of it
    and their own: hidden colours never reach a result.

    Raises PictureError, one line that begins with `name` and names the way out: damaged, not a
    picture, above 200 megapixels, a side below 16 pixels, or fully transparent. Raises
    MemoryShortError, such a line too, before a pixel is read if decoding would take more than
    `available` bytes.
    """
    # An error is one line, even if the name has a newline.
    label = "".join(each if each.isprintable() else " " for each in name)
    if available is not None and (needed := bytes_to_decode(data)) > available:
        raise MemoryShortError(
            f"{label}: decoding it takes {gigabytes(needed)} of memory, and "
            f"{gigabytes(max(available, 0))} are available; make it smaller"
        )
    try:
        return _decode(data)
    except PictureError as error:
        raise PictureError(f"{label}: {error}") from None
    except MemoryError:
        raise PictureError(f"{label}: needs more memory than there is; make it smaller") from None
    except Exception:
        # Pillow and its libraries raise exceptions of nearly every type on damaged bytes.
        raise PictureError(f"{label}: {_DAMAGED}") from None


def decode_mask(data: bytes, name: str, available: int | None = None) -> np.ndarray:
    """A mask from a picture file's bytes: float32 [h, w], 0 (black) … 1 (white), upright.

    Any file that `decode` reads, of any size from 16 px. Colours count by their luma (Rec. 601,
    of the sRGB values), multiplied by alpha.

    Raises PictureError, one line that begins with `name`: as `decode`, and for a mask that is
    black all over. Raises MemoryShortError as `decode`.
    """
    picture = decode(data, name, available)
    mask = bands.luma(picture.pixels_int, picture.alpha_int)
    if mask.max() < _BLACK:
        raise PictureError(f"{name}: is black all over; a mask is white where it lets through")
    return mask


def _decode(data: bytes) -> Picture:
    file = _open(data)
    file.load()
    picture_format = "JPEG" if file.format == "MPO" else str(file.format)
    transposition, profile = _transposition(file), file.info.get("icc_profile")
    metadata = exif.kept(data if picture_format == "TIFF" else file.info.get("exif"))
    image, alpha = _separated(file)
    del file
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if alpha is not None and alpha.getextrema() == (0, 0):
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    image = icc.to_srgb(image, profile)
    lower = _lower_bytes(data) if icc.is_srgb(profile) else None
    lower_image, lower_alpha = _separated(lower) if lower is not None else (None, None)
    del lower
    if transposition is not None:  # One after another: each is freed when its copy is there.
        image = image.transpose(transposition)
        lower_image = lower_image and lower_image.transpose(transposition)
        alpha = alpha and alpha.transpose(transposition)
        lower_alpha = lower_alpha and lower_alpha.transpose(transposition)
    pixels_int = bands.to_array(image, lower_image)
    del image, lower_image
    alpha_int = None if alpha is None else bands.to_array(alpha, lower_alpha)
    del alpha, lower_alpha
    if alpha_int is not None:
        pixels_int = bands.with_hidden_colours_replaced(pixels_int, alpha_int)
    return Picture(pixels_int, alpha_int, picture_format, metadata, icc.own(profile))


def _open(data: bytes) -> ImageFile.ImageFile:
    """The picture with only its header read. Raises PictureError for a size that cannot be used."""
    if not data:
        raise PictureError("is empty (0 bytes); send it again")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise PictureError(_not_a_picture(data)) from None
    width, height = image.size
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
    return image


def _not_a_picture(data: bytes) -> str:
    """The message for bytes that are no readable picture: what they are instead."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kinds = {
        "a video": rb"....ftyp(isom|iso2|mp4|avc1|qt  )",
        "damaged": rb"\xff\xd8|\x89p|ii\*\0|mm\0\*|gif8|riff....webp|....ftyp",
        "a web page": rb"<!doctype html|<html",
        "an SVG drawing": rb".*<svg",
        "a PDF": rb"%pdf",
        "text": rb"[^\0-\x08\x0e-\x1f]*$",
    }
    found = (kind for kind, pattern in kinds.items() if re.match(pattern, start, re.DOTALL))
    kind = next(found, "of no known kind")
    wanted = "not a picture that can be read; send it as JPEG, PNG, WebP, TIFF or HEIC"
    return _DAMAGED if kind == "damaged" else f"is {kind}, {wanted}"


def _transposition(image: Image.Image) -> Image.Transpose | None:
    """What makes a loaded picture upright; None for TIFF and HEIC: loading transposes them."""
    try:
        return _TRANSPOSITIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A photo with damaged EXIF is still a good photo.
        return None


def _lower_bytes(data: bytes) -> Image.Image | None:
    """The lower bytes of 16-bit colours, of which Pillow reads only the upper ones; None if there
    are none. The file is read once more, with the opposite byte order.
    """
    image = _open(data)
    tiles = _lower_tiles(image)
    if tiles is None:
        return None
    image.tile = tiles
    image.load()
    return image


def _lower_tiles(image: ImageFile.ImageFile) -> "list[ImageFile._Tile] | None":
    """What Pillow has to read for the lower bytes of 16-bit colours; None if there are none."""
    if image.format not in ("PNG", "TIFF") or "transparency" in image.info:
        return None
    tiles = []
    for tile in image.tile:
        args = tile.args or ""
        mode, *others = (args,) if isinstance(args, str) else args
        channels, _, order = mode.partition(";16")
        if channels not in ("RGB", "RGBA", "RGBX") or order not in _OPPOSITE_ORDER:
            return None
        mode = f"{channels};16{_OPPOSITE_ORDER[order]}"
        tiles.append(tile._replace(args=(mode, *others) if others else mode))
    return tiles


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours as L, RGB, CMYK or LAB, and the alpha as L if there is any."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        transparent = image.info.get("transparency")
        alpha = None if transparent is None else bands.alpha_but_for(image, transparent)
        return bands.eight_bits(image), alpha
    if image.mode == "RGB" and max(image.info.get("transparency", (0,))) > 255:
        # Pillow converts 16-bit colours to 8 bits, but not the transparent one.
        image.info["transparency"] = tuple(each >> 8 for each in image.info["transparency"])
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        if image.mode not in ("LA", "RGBA"):  # A conversion to the same mode is a copy.
            image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None
