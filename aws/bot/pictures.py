"""Pictures as the bot needs them: the type of a file, and a preview that Telegram accepts."""

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageOps

PREVIEW_SIDE = 2048  # px of a preview's longer side; Telegram shows no more
MAX_RATIO = 20  # Telegram's, of a photo's sides
MAX_PIXELS = 300_000_000  # They take some seconds, even of a JPEG read at an eighth of its size.
PREVIEW_BYTES = 400_000_000  # of the function's memory that decoding a picture may take
# Bytes that decoding takes per pixel, measured with a margin: the decoder's buffers, Pillow's
# picture of four bytes, and its copies for resizing. MPO is a JPEG with a second picture, as phones
# add one for depth or brightness.
_BYTES = {"JPEG": 7, "MPO": 7, "PNG": 12, "TIFF": 16, "WEBP": 20, "AVIF": 20}
_TILE_SIDES = (322, 323)  # TIFF's tags of a tile's width and height, in px

_READ = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
_SEQUENTIAL = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc9")  # JPEG's markers of a frame
_FRAMES = tuple(bytes((0xFF, code)) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC))
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")

log = logging.getLogger(__name__)

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


def preview(file: BinaryIO, longest: int = PREVIEW_SIDE) -> bytes | None:
    """A JPEG that Telegram accepts as a photo: sides up to `longest` px, well below 10 MB,
    transparent parts over white. None if the picture cannot be read in PREVIEW_BYTES, or if its
    longer side is more than 20 times the other."""
    try:
        return _preview(file, longest)
    except UnreadableError:
        return None


def is_damaged(data: bytes) -> bool:
    """Whether a picture is of a type that can be read here, and cannot be read nevertheless."""
    try:
        _preview(io.BytesIO(data), PREVIEW_SIDE)
    except UnreadableError:
        return file_type(data) != "heic"
    return False


class UnreadableError(Exception):
    """A picture is damaged, or of an unknown type."""


@contextmanager
def _picture_in(file: BinaryIO) -> Iterator[Image.Image]:
    """A picture whose pixels have not been read yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Damaged metadata does not matter here.
            with Image.open(file, formats=_READ) as image:
                yield image
    except Exception as error:  # Each decoder has errors of its own; AVIF's are RuntimeErrors.
        log.info("a picture could not be read: %r", error)
        raise UnreadableError from error


def _preview(file: BinaryIO, longest: int) -> bytes | None:
    with _picture_in(file) as image:
        width, height = image.size
        scale = min(longest / max(width, height), 1)
        # By this, a JPEG is read at a half, a quarter or an eighth of its size.
        image.draft("RGB", (round(scale * width), round(scale * height)))
        apart = image.format in ("JPEG", "MPO") and _has_separate_scans(file)
        if width * height > MAX_PIXELS or _bytes_needed(image, width * height, apart) > (
            PREVIEW_BYTES
        ):
            return None
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
        image.thumbnail((longest, longest))
        upright = _eight_bits(ImageOps.exif_transpose(image))
        if max(upright.size) > MAX_RATIO * min(upright.size):
            return None
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright)
        out = io.BytesIO()
        upright.convert("RGB").save(out, "JPEG", quality=90, icc_profile=profile)
    return out.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, scaled to 8: Pillow's own conversion makes all above 255 white."""
    if not image.mode.startswith("I"):
        return image
    grey = image.convert("I")
    _, largest = grey.getextrema()
    scale = 255 / 65535 if largest > 255 else 1  # type: ignore[operator]  # One channel.
    return grey.point(lambda value: value * scale).convert("L")


def _bytes_needed(image: Image.Image, pixels: int, apart: bool) -> int:
    """Bytes that decoding a picture of so many pixels takes, from its header; `image` has the size
    at which it will be read. `apart`: it is a JPEG with more than one scan."""
    reading = image.width * image.height
    if image.format == "TIFF":
        tile = getattr(image, "tag_v2", {})
        reading = max(reading, math.prod(tile.get(tag, 0) for tag in _TILE_SIDES))
    needed = _BYTES[image.format or ""] * reading
    if apart:  # All coefficients are held, two bytes each, whatever the size that is read.
        factors = [across * down for _, across, down, _ in getattr(image, "layer", ())]
        needed += 2 * pixels * sum(factors) // max(factors, default=1)
    return needed


def _has_separate_scans(file: BinaryIO) -> bool:
    """Whether a JPEG's coefficients come in more than one scan: it is progressive, or its first
    scan lacks a component."""
    at = file.tell()
    file.seek(0)
    components, data = 0, file.read(2)
    try:
        while True:
            marker = file.read(2)
            while marker == b"\xff\xff":  # Fill bytes may come before a marker.
                marker = b"\xff" + file.read(1)
            length = int.from_bytes(file.read(2), "big")
            if len(marker) < 2 or length < 2:
                return True  # Unclear: the larger estimate holds.
            data = file.read(length - 2)
            if marker in _FRAMES:
                components = data[5]
                if marker not in _SEQUENTIAL:
                    return True
            if marker == b"\xff\xda":
                return data[0] != components
    except IndexError:  # A segment is too short.
        return True
    finally:
        file.seek(at)
