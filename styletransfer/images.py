"""Bytes ↔ arrays: whatever cameras, phones and drawing programs write becomes sRGB 0…1, and back.

Arrays are float32 [H, W, 3], sRGB 0…1, upright; what can be seen through is kept apart as alpha.
"""

import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from styletransfer.errors import ConfigError, PictureError

MAX_PIXELS = 200_000_000
MIN_SIDE = 16

# Told by content. Never all that Pillow knows: its EPS reader, for one, starts Ghostscript.
_READ = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")

# What a camera wrote with losses (HEIC, AVIF) stays small; a png of it would be ten times its size.
_SAME = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tiff", "HEIF": "jpg", "AVIF": "jpg"}
_ALIASES = {"jpeg": "jpg", "tif": "tiff"}

_LONGEST_SIDE = {"jpg": 65_500, "webp": 16_383}

# Below this alpha a pixel's own colour is noise: programs store anything there, or round it away.
_FAINT = 1 / 8

# Rows converted at a time, so that no second copy of a large picture is ever held in floats.
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

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Its header holds the time it was made; a fixed one, so that equal paintings are equal bytes.
_SRGB = _SRGB[:24] + bytes.fromhex("07e800010001000000000000") + _SRGB[36:]

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

    `pixels` is float32 [H, W, 3], sRGB 0…1; `alpha` float32 [H, W], 0 (clear) … 1 (opaque), None
    where the whole picture is opaque; `format` is Pillow's name of what was read ("JPEG", "HEIF").
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    format: str


def decode(data: bytes, name: str) -> Picture:
    """A picture from a file's bytes, upright and in sRGB, told by its content and not by its name.

    Reads JPEG, PNG, WebP, TIFF and HEIC, also AVIF, GIF and BMP; the first frame of several. The
    camera's orientation is applied, an embedded colour profile is converted (a damaged or unfit
    one is ignored). 16-bit grey and floats keep their range; all colours come with 8 bits.

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


def encode(
    pixels: np.ndarray, extension: str, quality: int = 95, alpha: np.ndarray | None = None
) -> bytes:
    """A picture file's bytes, sRGB with its profile embedded; equal arrays give equal bytes.

    `pixels` is float [H, W, 3], sRGB 0…1, clipped and rounded to 8 bits; `alpha` float [H, W],
    0…1. `extension` is jpg, png, webp or tiff. `quality` 1…100 counts for jpg, written without
    chroma subsampling, and for webp, which knows no other way than with it. A jpg cannot be clear:
    with `alpha` it shows what a viewer would, the picture over white.

    Raises PictureError where the format cannot hold so long a side, ConfigError for an extension
    that cannot be written.
    """
    extension = _known_extension(extension, "the extension")
    height, width = pixels.shape[:2]
    if max(height, width) > _LONGEST_SIDE.get(extension, max(height, width)):
        raise PictureError(
            f"{width} × {height} pixels do not fit into a {extension}, whose sides are at most "
            f"{_LONGEST_SIDE[extension]}; set OUTPUT_FORMAT to png"
        )
    image = Image.fromarray(_eight_bits(pixels, alpha if extension == "jpg" else None))
    if alpha is not None and extension != "jpg":
        image.putalpha(Image.fromarray(_eight_bits(alpha)))
    options = {
        "jpg": {"format": "JPEG", "quality": quality, "subsampling": 0},
        "png": {"format": "PNG"},
        "webp": {"format": "WEBP", "quality": quality},
        "tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    }[extension]
    out = io.BytesIO()
    image.save(out, icc_profile=_SRGB, **options)
    return out.getvalue()


def encode_result(
    photo: Picture, image: np.ndarray, output_format: str | None, quality: int
) -> tuple[str, bytes]:
    """A painted photo's extension and file's bytes, with the photo's alpha, resized, where the
    format can hold it. Arguments and errors as in `output_extension` and `encode`."""
    alpha = None if photo.alpha is None else resize(photo.alpha, *image.shape[:2])
    extension = output_extension(output_format, photo.format)
    return extension, encode(image, extension, quality, alpha)


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels at another size in px: float [H, W, 3] → float32 [height, width, 3], 0…1.

    Anti-aliased and never through 8 bits. Also float [H, W] → [height, width], for alpha and
    masks, which are kept free of the ripples that Lanczos draws beside hard edges. At the same
    size float32 pixels come back as they are, not as a copy.
    """
    pixels = np.asarray(pixels, np.float32)
    if pixels.shape[:2] == (height, width):
        return pixels
    flat = pixels.ndim == 2
    channels = pixels[..., None] if flat else pixels
    method = Image.Resampling.BILINEAR if flat else Image.Resampling.LANCZOS
    out = np.empty((height, width, channels.shape[2]), np.float32)
    for number in range(channels.shape[2]):
        channel = Image.fromarray(np.ascontiguousarray(channels[..., number]))
        out[..., number] = np.asarray(channel.resize((width, height), method))
    np.clip(out, 0, 1, out=out)
    return out[..., 0] if flat else out


def output_extension(output_format: str | None, picture_format: str) -> str:
    """The extension, without dot, of a result: jpg, png, webp or tiff.

    `output_format` is OUTPUT_FORMAT: one of these four; None or empty: jpg for JPEG photos and
    png for all others; `same`: the photo's own format, or what comes nearest of those that can be
    written (HEIC and AVIF → jpg, GIF and BMP → png). `picture_format` is a Picture's `format`.
    Raises ConfigError naming OUTPUT_FORMAT for any other value.
    """
    wanted = (output_format or "").strip().lower()
    if not wanted:
        return "jpg" if picture_format == "JPEG" else "png"
    if wanted == "same":
        return _SAME.get(picture_format, "png")
    return _known_extension(wanted, "OUTPUT_FORMAT", " or same")


def _known_extension(text: str, label: str, also: str = "") -> str:
    extension = text.strip().lower().removeprefix(".")
    extension = _ALIASES.get(extension, extension)
    if extension not in _SAME.values():
        raise ConfigError(f"{label} is {text!r}; expected one of jpg, png, webp, tiff{also}")
    return extension


def _decode(data: bytes) -> Picture:
    image = _open(data)
    image.load()
    picture_format = "JPEG" if image.format == "MPO" else image.format
    turn, profile = _turn(image), image.info.get("icc_profile")
    image, clear = _separated(image)
    if clear is not None and clear.getextrema() == (255, 255):
        clear = None
    if clear is not None and clear.getextrema() == (0, 0):
        raise PictureError("is fully transparent, so nothing is seen in it; save it without alpha")
    image = _in_srgb(image, profile)
    if turn is not None:
        image = image.transpose(turn)
        clear = clear.transpose(turn) if clear is not None else None
    pixels = _floats(image)
    alpha = _floats(clear) if clear is not None else None
    if alpha is not None:
        _cover_hidden_colours(pixels, alpha)
    return Picture(pixels, alpha, picture_format)


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
    return Image.fromarray(_eight_bits(np.nan_to_num(grey, copy=False)))


def _in_srgb(image: Image.Image, profile_data: bytes | None) -> Image.Image:
    """L, RGB, CMYK or LAB as RGB in sRGB; without a profile, as such pictures are usually meant."""
    if not profile_data:
        return image.convert("RGB")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_data))
        if image.mode == "L" and profile.profile.xcolor_space.strip() == "RGB":
            image = image.convert("RGB")
        srgb = ImageCms.ImageCmsProfile(io.BytesIO(_SRGB))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(profile, srgb, image.mode, "RGB", intent, flags)
        return transform.apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # Damaged, or of other colours than the picture's: a little off is better than no painting.
        return image.convert("RGB")


def _cover_hidden_colours(pixels: np.ndarray, alpha: np.ndarray) -> None:
    """Puts the mean of the visible colours where little or nothing of a picture is seen."""
    weighed = np.einsum("hwc,hw->hc", pixels, alpha).sum(axis=0, dtype=np.float64)
    mean = np.minimum(weighed / alpha.sum(dtype=np.float64), 1).astype(np.float32)
    faint = alpha < _FAINT
    own = (alpha[faint] / np.float32(_FAINT))[:, None]
    pixels[faint] = mean + (pixels[faint] - mean) * own


def _floats(image: Image.Image) -> np.ndarray:
    """8 bits as float32 0…1: RGB → [H, W, 3], L → [H, W]."""
    width, height = image.size
    shape = (height, width, 3) if image.mode == "RGB" else (height, width)
    out = np.empty(shape, np.float32)
    for top in range(0, height, _BAND):
        band = image.crop((0, top, width, min(top + _BAND, height)))
        np.divide(np.asarray(band), 255, out=out[top : top + _BAND], dtype=np.float32)
    return out


def _eight_bits(values: np.ndarray, on_white: np.ndarray | None = None) -> np.ndarray:
    """Floats 0…1 as uint8 of the same shape, laid over white by the alpha `on_white`."""
    out = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _BAND):
        band = np.clip(values[top : top + _BAND], 0, 1)
        if on_white is not None:
            band = 1 - (1 - band) * np.clip(on_white[top : top + _BAND, :, None], 0, 1)
        out[top : top + _BAND] = np.rint(band * 255)
    return out
