"""Pictures for Telegram: the type of a file, and small copies."""

import io
import logging

from PIL import Image, ImageOps

from painterly.errors import PictureError
from painterly.images.opening import bytes_to_decode, errors_named, open_picture

MAX_SIDE = 2048  # px of a preview's longer side; Telegram shows no more
MAX_RATIO = 20  # Telegram's limit of a photo's longer side to its shorter
MAX_BYTES_TO_DECODE = 600_000_000  # memory for a picture; the function has 1.7 GB

_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")

log = logging.getLogger(__name__)


def file_type(data: bytes) -> str | None:
    """Return the extension, without a dot, that fits the first bytes of a file.

    It is jpg, png, webp, tiff, heic or avif, or None for other types.
    """
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


def preview(data: bytes, longest: int = MAX_SIDE) -> bytes | None:
    """Make a JPEG that Telegram accepts as a photo.

    Args:
        data: A picture file.
        longest: The longer side of the preview in px, at most.

    Returns:
        The preview, well below 10 MB. None if the file is damaged, or `shrunk` returns None.
    """
    try:
        image = shrunk(data, longest)
    except PictureError as error:
        log.info("%s", error)
        return None
    return jpeg(image) if image else None


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """Encode a picture as JPEG, with its colour profile."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, icc_profile=image.info.get("icc_profile"))
    return out.getvalue()


def is_damaged(data: bytes) -> bool:
    """Return whether a picture file cannot be read."""
    try:
        shrunk(data, MAX_SIDE)
    except PictureError as error:
        log.info("%s", error)
        return True
    return False


def shrunk(data: bytes, longest: int) -> Image.Image | None:
    """Decode a picture at a small size, upright, in RGB, with transparent parts over white.

    Args:
        data: A picture file.
        longest: The longer side in px, at most.

    Returns:
        The picture, with a colour profile in `info` if it has one. None if it takes more memory
        than MAX_BYTES_TO_DECODE, or is too long for Telegram.

    Raises:
        PictureError: The file is damaged.
    """
    with errors_named("a picture"):
        image = open_picture(data)
        if bytes_to_decode(data) > MAX_BYTES_TO_DECODE:
            return None
        scale = min(longest / max(image.size), 1)
        # Has a JPEG decoded at a half, a quarter or an eighth of its size, which is faster.
        image.draft("RGB", (round(scale * image.width), round(scale * image.height)))
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
        image.thumbnail((longest, longest))
        upright = _eight_bits(ImageOps.exif_transpose(image))
        if max(upright.size) > MAX_RATIO * min(upright.size):
            return None
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright)
        small = upright.convert("RGB")
        small.info = {"icc_profile": profile}
        return small


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, scaled to 8: Pillow's own conversion makes all above 255 white."""
    if not image.mode.startswith("I"):
        return image
    grey = image.convert("I")
    _, largest = grey.getextrema()
    scale = 255 / 65535 if largest > 255 else 1  # type: ignore[operator]  # One channel.
    return grey.point(lambda value: value * scale).convert("L")
