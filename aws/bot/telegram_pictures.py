"""Pictures for Telegram: the type of a file, and small copies."""

import logging

from PIL import Image

from painterly.errors import PictureError
from painterly.images import small
from painterly.images.header import kind_of
from painterly.images.picture_file import EXTENSIONS, PictureFile

MAX_SIDE = 2048  # px of a preview's longer side; Telegram shows no more
MAX_RATIO = 20  # Telegram's limit of a photo's longer side to its shorter
MAX_BYTES_TO_DECODE = 600_000_000  # memory for a picture; the function has 1.7 GB

QUALITY = 90  # a preview's quality

log = logging.getLogger(__name__)


def file_type(data: bytes) -> str | None:
    """Return the extension, without a dot, that fits the first bytes of a file.

    It is jpg, png, webp, tiff, heic or avif, or None for other types.
    """
    return EXTENSIONS.get(kind_of(data) or "")


def preview(data: bytes, longest: int = MAX_SIDE) -> bytes | None:
    """Make a JPEG that Telegram accepts as a photo.

    Args:
        longest: The longer side of the preview in px, at most.

    Returns:
        The preview, well below 10 MB. None if the file is damaged, or `shrunk` returns None.
    """
    try:
        image = shrunk(data, longest)
    except PictureError as error:
        log.info("%s", error)
        return None
    return small.jpeg(image, QUALITY) if image else None


def is_damaged(data: bytes) -> bool:
    """Return whether a picture file cannot be read."""
    try:
        shrunk(data, MAX_SIDE)
    except PictureError as error:
        log.info("%s", error)
        return True
    return False


def shrunk(data: bytes, longest: int) -> Image.Image | None:
    """Decode a picture at a small size, as `PictureFile.reduced` does.

    Args:
        longest: The longer side in px, at most.

    Returns:
        The picture. None if it takes more memory than MAX_BYTES_TO_DECODE, or is too long for
        Telegram.

    Raises:
        PictureError: The file is damaged.
    """
    file = PictureFile(data, "a picture")
    if file.header.bytes_to_decode > MAX_BYTES_TO_DECODE:
        return None
    image = file.reduced(longest, MAX_BYTES_TO_DECODE)
    return image if max(image.size) <= MAX_RATIO * min(image.size) else None
