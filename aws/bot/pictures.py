"""Pictures for Telegram: the type of a file, a preview, and a page of the styles as one picture."""

import functools
import io
import logging
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bot.choices import Choice
from styletransfer.errors import PictureError, StorageError
from styletransfer.images.opening import bytes_to_decode, errors_named, open_picture
from styletransfer.storage.base import Bucket

MAX_SIDE = 2048  # px of a preview's longer side; Telegram shows no more
MAX_RATIO = 20  # Telegram's limit of a photo's longer side to its shorter
MAX_BYTES_TO_DECODE = 600_000_000  # memory for a picture; the function has 1.7 GB

# A page of the styles.
SIDE, GAP, COLUMNS = 320, 8, 4  # px of a painting and between two; paintings in a row
LARGEST_FILE = 50_000_000  # bytes of a painting that is read for this
EMPTY = (200, 200, 200)  # colour instead of a painting that cannot be read

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
        The preview, well below 10 MB, with transparent parts over white. None if the file is
        damaged, takes more memory than MAX_BYTES_TO_DECODE, or is too long for Telegram.
    """
    try:
        return _preview(data, longest)
    except PictureError as error:
        log.info("%s", error)
        return None


def is_damaged(data: bytes) -> bool:
    """Return whether a picture file cannot be read."""
    try:
        _preview(data, MAX_SIDE)
    except PictureError as error:
        log.info("%s", error)
        return True
    return False


def _preview(data: bytes, longest: int) -> bytes | None:
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


def draw_sheet(offered: Sequence[Choice], first: int, bucket: Bucket) -> bytes:
    """Return a JPEG of the styles' first paintings side by side, numbered as on the buttons.

    Args:
        offered: The styles.
        first: The number of the first one.
        bucket: The bucket with the paintings.
    """
    columns = min(COLUMNS, len(offered))
    rows = -(-len(offered) // columns)
    step = SIDE + GAP
    sheet = Image.new("RGB", (columns * step + GAP, rows * step + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(48)
    for index, choice in enumerate(offered):
        x, y = GAP + index % columns * step, GAP + index // columns * step
        entry = choice.style.paintings[0].entry
        shown = None
        if entry.size <= LARGEST_FILE:
            shown = _thumbnail(bucket, choice.painting_key, entry.etag)
        tile = Image.open(io.BytesIO(shown)) if shown else Image.new("RGB", (SIDE, SIDE), EMPTY)
        sheet.paste(tile, (x, y))
        at, text = (x + 12, y + 4), str(first + index)
        draw.text(at, text, "white", font, stroke_width=4, stroke_fill="black")
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=85)
    return out.getvalue()


@functools.lru_cache(maxsize=500)  # For as long as the function stays warm; 20 kB each.
def _thumbnail(bucket: Bucket, key: str, etag: str) -> bytes | None:
    """Return a square JPEG of the middle of a painting, or None if it cannot be shown."""
    try:
        shown = preview(bucket.read(key), 2 * SIDE)
    except StorageError:  # It has just been deleted.
        return None
    if shown is None:
        return None
    out = io.BytesIO()
    ImageOps.fit(Image.open(io.BytesIO(shown)), (SIDE, SIDE)).save(out, "JPEG", quality=85)
    return out.getvalue()
