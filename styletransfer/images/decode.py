"""Bytes → arrays: whatever cameras, phones and drawing programs write becomes sRGB 0…1.

Pictures are upright, in sRGB; what can be seen through is kept apart as alpha.
"""

import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from styletransfer.errors import PictureError
from styletransfer.images import exif, icc
from styletransfer.images.arrays import to_float

MAX_PIXELS = 200_000_000
MIN_SIDE = 16

# Told by content. Never all that Pillow knows: its EPS reader, for one, starts Ghostscript.
_READ = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")

# Below this alpha a pixel's own colour is noise: programs store anything there, or round it away.
_FAINT = 1 / 8

# Rec. 601's luma, which is what drawing programs and Pillow make of colours in a grey picture.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# The first step of 8 bits: a mask below it shows nothing.
_BLACK = 1 / 255

# Rows converted at a time, so that no copy of a large picture is ever held in floats.
_BAND = 256
_DAMAGED = "is damaged or incomplete; send it again, or export it anew as JPEG or PNG"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's names of 16-bit orders: big, little, and the machine's own, which is little wherever
# TensorFlow runs.
_TURNED_ROUND = {"B": "L", "L": "B", "N": "B"}
pillow_heif.register_heif_opener()

# Pillow's own limit warns at one size and fails at twice that, naming neither the size nor a way
# out; _open refuses by the header instead, and nothing else here opens pictures.
Image.MAX_IMAGE_PIXELS = None

# Damaged metadata in a good photo (EXIF, animation frames) is nobody's business, and silencing it
# around each call would not be safe with several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """A photo, painting or mask as arrays.

    `pixels_int` is sRGB as uint8 or uint16 [H, W, 3], whose largest value is white: a quarter or
    half of the memory that floats take. `alpha_int` [H, W] is the same from clear to opaque, None
    where the whole picture is opaque; `format` is Pillow's name of what was read ("JPEG", "HEIF").
    `exif` is
    what `exif.kept` leaves of the camera's; `profile` the picture's own ICC profile where a
    painting can be written in it, see `profiles.own`.
    """

    pixels_int: np.ndarray
    alpha_int: np.ndarray | None
    format: str
    exif: bytes | None = None
    profile: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.pixels_int.shape[:2]

    @property
    def pixels(self) -> np.ndarray:
        """float32 [H, W, 3], sRGB 0…1; made anew each time."""
        return to_float(self.pixels_int)

    @property
    def alpha(self) -> np.ndarray | None:
        """float32 [H, W], 0 (clear) … 1 (opaque); None where all is opaque."""
        return None if self.alpha_int is None else to_float(self.alpha_int)


def decode(data: bytes, name: str) -> Picture:
    """A picture from a file's bytes, upright and in sRGB, told by its content and not by its name.

    Reads JPEG, PNG, WebP, TIFF and HEIC, also AVIF, GIF and BMP; the first frame of several. The
    camera's orientation is applied, an embedded colour profile is converted (a damaged or unfit
    one is ignored). 16-bit grey and floats keep their range. Colours come with 8 bits, those of a
    16-bit PNG or TIFF with 16 where no profile is to be converted.

    Where a picture is clear, its pixels are the mean colour of what is seen in it, fading into
    the picture's own below an alpha of 1/8: colours hidden there never reach a painting.

    Raises PictureError, one line that begins with `name` and says what to do: damaged, not a
    picture, above 200 megapixels, a side below 16 pixels, or fully transparent.
    """
    # A name may hold a newline; an error is one line all the same.
    label = "".join(sign if sign.isprintable() else " " for sign in name)
    try:
        return _decode(data)
    except PictureError as error:
        raise PictureError(f"{label}: {error}") from None
    except MemoryError:
        raise PictureError(f"{label}: needs more memory than there is; make it smaller") from None
    except Exception:
        # Pillow and the libraries under it raise nearly every kind on damaged bytes.
        raise PictureError(f"{label}: {_DAMAGED}") from None


def decode_mask(data: bytes, name: str) -> np.ndarray:
    """A mask from a picture file's bytes: float32 [h, w], 0 (black) … 1 (white), upright.

    Any file that `decode` reads, of any size from 16 px. Colours count by their luma (Rec. 601,
    of the sRGB values), multiplied by alpha.

    Raises PictureError, one line that begins with `name`: as `decode`, and for a mask that is
    black all over.
    """
    picture = decode(data, name)
    mask = np.minimum(picture.pixels @ _LUMA, 1)
    if picture.alpha is not None:
        mask *= picture.alpha
    if mask.max() < _BLACK:
        raise PictureError(f"{name}: is black all over; a mask is white where it lets through")
    return mask


def _decode(data: bytes) -> Picture:
    image = _open(data)
    image.load()
    picture_format = "JPEG" if image.format == "MPO" else image.format
    turn, profile = _turn(image), image.info.get("icc_profile")
    told = exif.kept(data if picture_format == "TIFF" else image.info.get("exif"))
    image, clear = _separated(image)
    if clear is not None and clear.getextrema() == (255, 255):
        clear = None
    if clear is not None and clear.getextrema() == (0, 0):
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    image = icc.to_srgb(image, profile)
    lower = _lower_bytes(data) if icc.is_srgb(profile) else None
    lower, lower_clear = _separated(lower) if lower is not None else (None, None)
    levels = _levels(image, lower, turn)
    veil = _levels(clear, lower_clear, turn) if clear is not None else None
    if veil is not None:
        levels = _with_hidden_colours_covered(levels, veil)
    return Picture(levels, veil, picture_format, told, icc.own(profile))


def _open(data: bytes) -> Image.Image:
    """The picture with only its header read, of a size that can be painted."""
    if not data:
        raise PictureError("is empty (0 bytes); send it again")
    try:
        image = Image.open(io.BytesIO(data), formats=_READ)
    except UnidentifiedImageError:
        raise PictureError(_what_it_is(data)) from None
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


def _what_it_is(data: bytes) -> str:
    """What to tell of bytes that are no picture that can be read."""
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


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How a loaded picture is still to be turned; Pillow and libheif have turned TIFF and HEIC."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:
        # A photo with damaged EXIF is still a good photo.
        return None


def _lower_bytes(data: bytes) -> Image.Image | None:
    """Of 16-bit colours, whose upper bytes are all that Pillow reads, the lower bytes.

    They come from reading the file once more, with its values' bytes the other way round.
    """
    image = _open(data)
    if image.format not in ("PNG", "TIFF") or "transparency" in image.info:
        return None
    tiles = []
    for tile in image.tile:
        mode, *others = (tile.args,) if isinstance(tile.args, str) else tile.args
        channels, _, order = mode.partition(";16")
        if channels not in ("RGB", "RGBA", "RGBX") or order not in _TURNED_ROUND:
            return None
        mode = f"{channels};16{_TURNED_ROUND[order]}"
        tiles.append(tile._replace(args=(mode, *others) if others else mode))
    image.tile = tiles
    image.load()
    return image


def _separated(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours as L, RGB, CMYK or LAB, and the alpha as L if there is any."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        mark = image.info.get("transparency")
        values = np.asarray(image)
        clear = None if mark is None else Image.fromarray(np.uint8(255) * (values != mark))
        return _grey_in_eight_bits(image, values), clear
    if image.mode == "RGB" and max(image.info.get("transparency", (0,))) > 255:
        # Pillow brings 16-bit colours to 8 bits, but not the one that stands for clear.
        image.info["transparency"] = tuple(each >> 8 for each in image.info["transparency"])
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _grey_in_eight_bits(image: Image.Image, values: np.ndarray) -> Image.Image:
    """16 or 32 bits of grey, or floats, over their whole range; Pillow's own way clips at 255.

    16 bits reach from black to white, floats do if they lie within 0…1, and 32 bits if they lie
    within 0…65535. Of others nobody knows: their least is black and their greatest white.
    """
    tags = getattr(image, "tag_v2", {})
    low, high = 0.0, 1.0 if image.mode == "F" else 65535.0
    if image.mode.startswith("I;16"):
        # A TIFF may hold 12 bits, which come as they are.
        high = 2.0 ** min(16, *tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    else:
        seen = values[np.isfinite(values)] if image.mode == "F" else values
        if seen.size and (seen.min() < low or seen.max() > high):
            low, high = float(seen.min()), float(seen.max())
    grey = (values.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-30))
    # "White is zero", which Pillow undoes for 8 bits only.
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:
        grey = 1 - grey
    grey = np.clip(np.nan_to_num(grey, copy=False), 0, 1)
    return Image.fromarray(np.rint(grey * 255).astype(np.uint8))


def _with_hidden_colours_covered(levels: np.ndarray, veil: np.ndarray) -> np.ndarray:
    """Levels with the mean of the visible colours where little or nothing of a picture is seen; in
    16 bits, as which 8 are exact."""
    pixels, alpha = to_float(levels), to_float(veil)
    weighed = np.einsum("hwc,hw->hc", pixels, alpha).sum(axis=0, dtype=np.float64)
    mean = np.minimum(weighed / alpha.sum(dtype=np.float64), 1).astype(np.float32)
    faint = alpha < _FAINT
    own = (alpha[faint] / np.float32(_FAINT))[:, None]
    deep = levels.astype(np.uint16) * np.uint16(65535 // np.iinfo(levels.dtype).max)
    deep[faint] = np.rint(65535 * (mean + (pixels[faint] - mean) * own))
    return deep


def _levels(
    image: Image.Image, lower: Image.Image | None, turn: Image.Transpose | None
) -> np.ndarray:
    """RGB as uint8 [H, W, 3], L as [H, W], upright; with the lower bytes of 16 bits as uint16."""
    values = np.array(image if turn is None else image.transpose(turn))
    if lower is None:
        return values
    below = np.asarray(lower if turn is None else lower.transpose(turn))
    return values.astype(np.uint16) << 8 | below
