"""Pictures as the bot needs them: the type of a file, and a preview that Telegram accepts."""

import io
import warnings
from typing import BinaryIO

from PIL import Image, ImageOps

PREVIEW_SIDE = 2048  # px of a preview's longer side; Telegram shows no more
MAX_RATIO = 20  # Telegram's, of a photo's sides
# A JPEG is read at an eighth of its size if that suffices; of others every pixel is held.
MAX_PIXELS = {"JPEG": 300_000_000}
MAX_PIXELS_WHOLE = 40_000_000

_READ = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")

Image.MAX_IMAGE_PIXELS = None  # The limits above apply before a pixel is read.


def file_type(data: bytes) -> str | None:
    """The extension, without a dot, that fits the first bytes of a file: jpg, png, webp, tiff, heic
    or avif; None for other types."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if data[4:8] == b"ftyp":
        return "heic" if data[8:12] in _HEIC else "avif" if data[8:12] in _AVIF else None
    return None


def preview(file: BinaryIO) -> bytes | None:
    """A JPEG that Telegram accepts as a photo: sides up to 2048 px, well below 10 MB, transparent
    parts over white. None if the picture cannot be read in little memory, or if its longer side is
    more than 20 times the other."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Damaged metadata does not matter here.
            return _preview(file)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _preview(file: BinaryIO) -> bytes | None:
    with Image.open(file, formats=_READ) as image:
        pixels = image.width * image.height
        if pixels > MAX_PIXELS.get(image.format or "", MAX_PIXELS_WHOLE):
            return None
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
        image.draft("RGB", (PREVIEW_SIDE, PREVIEW_SIDE))
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        upright = ImageOps.exif_transpose(image)
    if max(upright.size) > MAX_RATIO * min(upright.size):
        return None
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright)
    out = io.BytesIO()
    upright.convert("RGB").save(out, "JPEG", quality=90, icc_profile=profile)
    return out.getvalue()
