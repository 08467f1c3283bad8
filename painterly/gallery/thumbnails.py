"""The gallery's small pictures: how they are made, and their keys."""

import hashlib
import re

import numpy as np

from painterly.images.small import jpeg_of
from painterly.settings import bucket_layout

PREVIEW = 1280  # longer side in px: sharp in the slider, a tenth of a large result's bytes
THUMBNAIL = 320  # longer side in px
# A thousand thumbnails in one page are some 15 MB, which a phone still opens.
THUMBNAIL_BYTES = 12_000
THUMBNAILS = f"{bucket_layout.GALLERY}/thumbs/"
# Longer side and quality, tried in turn: a smooth picture keeps its size, a busy one shrinks.
_SMALLER = ((THUMBNAIL, 75), (THUMBNAIL, 60), (288, 50), (240, 45), (208, 40))
# A key may have 1,024 bytes and a file name 255; the prefixes and `.jpg` need some of both.
_LONGEST_KEY, _LONGEST_NAME = 980, 240


def picture_key(kind: str, key: str) -> str:
    """Return the key of a picture of the gallery: `_gallery/<kind>/<key>.jpg`, or with a hash if
    the key would be too long, or could not be a file when fetched into a folder."""
    data = key.encode("utf-8", "surrogatepass")
    parts = data.split(b"/")
    plain = (
        len(data) <= _LONGEST_KEY
        and not re.search(r"[\\\0\ud800-\udfff]", key)
        and all(part and part[:1] != b"." and len(part) <= _LONGEST_NAME for part in parts)
    )
    name = key if plain else hashlib.sha256(data).hexdigest()
    return f"{bucket_layout.GALLERY}/{kind}/{name}.jpg"


def thumbnail_key(kind: str, key: str) -> str:
    """Return the key of a picture's thumbnail; kind and key as for `picture_key`."""
    return picture_key(f"thumbs/{kind}", key)


def thumbnail(pixels: np.ndarray) -> bytes:
    """Encode a preview small enough for the page: about 10 KB, even of a busy painting."""
    for longer, quality in _SMALLER:
        data = jpeg_of(pixels, longer, quality)
        if len(data) <= THUMBNAIL_BYTES:
            break
    return data
