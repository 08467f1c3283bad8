"""The gallery's small pictures: how they are made, and the keys they are stored under."""

import hashlib
import re
from collections.abc import Iterable, Mapping

import numpy as np

from styletransfer import bucket_layout
from styletransfer.images import arrays, encode
from styletransfer.images.arrays import fit_size
from styletransfer.images.output import OutputFormat

PREVIEW = 1280  # longer side in px: sharp in the slider, a tenth of a large result's bytes
THUMBNAIL = 320  # longer side in px

# A thousand thumbnails in one page are some 15 MB, which a phone still opens.
THUMBNAIL_BYTES = 12_000
# With more than this many bytes of thumbnails the page loads them when they come into view; with
# fewer it holds them itself, and a link to it alone is enough.
EMBEDDED_BYTES = 3_000_000
# Longer side and quality, tried in turn: a smooth picture keeps its size, a busy one shrinks.
_SMALLER = ((THUMBNAIL, 75), (THUMBNAIL, 60), (288, 50), (240, 45), (208, 40))
# A key may have 1,024 bytes and a file name 255; the prefixes and `.jpg` need some of both.
_LONGEST_KEY, _LONGEST_NAME = 980, 240


def picture_key(kind: str, key: str) -> str:
    """The key of a picture of the gallery: `_gallery/<kind>/<key>.jpg`, with a hash in place of a
    key that would be too long, or that could not be a file when fetched into a folder."""
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
    """The key of a picture's thumbnail; kind and key as for `picture_key`."""
    return picture_key(f"thumbs/{kind}", key)


def bytes_shown(keys: Iterable[str], thumbnails: Mapping[str, bytes | int]) -> int:
    """How many bytes the thumbnails of some keys have together. thumbnails: as from
    `GalleryPictures.thumbnails`."""
    found = (thumbnails.get(key, 0) for key in keys)
    return sum(each if isinstance(each, int) else len(each) for each in found)


def preview(pixels: np.ndarray, longer: int, quality: int = 82) -> bytes:
    """A JPEG whose longer side has at most `longer` px.

    pixels: [H, W, 3], sRGB, float 0…1, uint8 or uint16.
    """
    height, width = pixels.shape[:2]
    pixels = arrays.box_average(pixels, max(height, width) // (2 * longer))
    if max(height, width) > longer:
        pixels = arrays.resize(pixels, *fit_size(height, width, longer))
    return encode.encode(pixels, OutputFormat("jpg", quality))


def thumbnail(pixels: np.ndarray) -> bytes:
    """A preview small enough to be embedded in the page: about 10 KB, even of a busy painting."""
    for longer, quality in _SMALLER:
        data = preview(pixels, longer, quality)
        if len(data) <= THUMBNAIL_BYTES:
            break
    return data
