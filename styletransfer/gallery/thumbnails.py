"""The gallery's small pictures, and the keys they are stored under."""

import hashlib
import re

import numpy as np

from styletransfer import bucket_layout
from styletransfer.images import arrays, encode
from styletransfer.images.arrays import fit_size
from styletransfer.images.output import OutputFormat

FOLDER = bucket_layout.GALLERY
PREVIEW = 1280  # longer side in px: sharp in the slider, a tenth of a large result's bytes
THUMBNAIL = 320  # longer side in px

# A thousand of them in one page are some 15 MB, which a phone still opens.
_THUMBNAIL_BYTES = 12_000
# Longer side and quality, tried in turn: a smooth picture keeps its size, a rough one gives way.
_SMALLER = ((THUMBNAIL, 75), (THUMBNAIL, 60), (288, 50), (240, 45), (208, 40))
# A key may have 1,024 bytes, a file's name 255; the prefixes and `.jpg` need some of both.
_LONGEST_KEY, _LONGEST_NAME = 980, 240


# --- pictures -------------------------------------------------------------------------------


def picture_key(kind: str, key: str) -> str:
    """Where a picture of the gallery lies: `_gallery/<kind>/<key>.jpg`, or a hash in place of a
    key that would be too long, or that could not be a file once fetched into a folder."""
    data = key.encode("utf-8", "surrogatepass")
    plain = len(data) <= _LONGEST_KEY and not re.search(r"[\\\0\ud800-\udfff]", key)
    parts = data.split(b"/")
    plain = plain and all(part and part[:1] != b"." for part in parts)
    if not plain or max(map(len, parts)) > _LONGEST_NAME:
        key = hashlib.sha256(data).hexdigest()
    return f"{FOLDER}/{kind}/{key}.jpg"


def preview(pixels: np.ndarray, longer: int, quality: int = 82) -> bytes:
    """A JPEG of pixels [H, W, 3], sRGB in floats or integers (see arrays.to_float), with the longer
    side at most `longer` px."""
    height, width = pixels.shape[:2]
    pixels = arrays.box_average(pixels, max(height, width) // (2 * longer))
    if max(height, width) > longer:
        pixels = arrays.resize(pixels, *fit_size(height, width, longer))
    return encode.encode(pixels, OutputFormat("jpg", quality))


def thumbnail(pixels: np.ndarray) -> bytes:
    """A preview small enough to lie in the page: about 10 KB, also of the busiest painting."""
    for longer, quality in _SMALLER:
        data = preview(pixels, longer, quality)
        if len(data) <= _THUMBNAIL_BYTES:
            break
    return data
