"""The gallery's small pictures: how they are made, and how a bucket holds them. Previews are loaded
when a result is opened; thumbnails are embedded in the page, unless there are too many."""

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from logging import WARNING

import numpy as np

from styletransfer import bucket_layout
from styletransfer.gallery.record_view import pictures_of
from styletransfer.images import arrays, encode
from styletransfer.images.arrays import fit_size
from styletransfer.images.output import OutputFormat
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, ObjectError

PREVIEW = 1280  # longer side in px: sharp in the slider, a tenth of a large result's bytes
THUMBNAIL = 320  # longer side in px
# A thousand thumbnails in one page are some 15 MB, which a phone still opens.
THUMBNAIL_BYTES = 12_000
# With more than this many bytes of thumbnails the page loads them when they come into view; with
# fewer it holds them itself, and a link to it alone is enough.
EMBEDDED_BYTES = 3_000_000
THUMBNAILS = f"{bucket_layout.GALLERY}/thumbs/"
THUMBNAIL_READERS = 8  # threads: each waits for the network, not for the processor
# Longer side and quality, tried in turn: a smooth picture keeps its size, a busy one shrinks.
_SMALLER = ((THUMBNAIL, 75), (THUMBNAIL, 60), (288, 50), (240, 45), (208, 40))
# A key may have 1,024 bytes and a file name 255; the prefixes and `.jpg` need some of both.
_LONGEST_KEY, _LONGEST_NAME = 980, 240


class GalleryPictures:
    """Stores pictures' previews and thumbnails, and reads thumbnails back. Writes keys under
    `_gallery/`, nothing else. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._sizes: dict[str, int] = {}  # bytes of thumbnails by key; 0 if not stored
        self._held: dict[str, bytes] = {}  # thumbnails by key, as many as one page holds
        self._lock = threading.Lock()
        self._stored: set[tuple[str, str, str]] = set()  # kind, key, ETag

    def store(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Store the pictures of a new result: its own, its photo's and its paintings' (by key).

        Arrays are as in `preview`. Photos and paintings that were stored with the same ETag before
        are not stored a second time. A picture that the bucket refuses is logged and left out.
        Raises UnavailableError.
        """
        if record.result is not None:
            self._store("results", record.result, result)
        if record.photo is not None:
            self._store("photos", record.photo, photo, record.photo_etag)
        etags = {each.key: each.etag for each in record.paintings or ()}
        for key, pixels in paintings.items():
            self._store("paintings", key, pixels, etags.get(key))

    def thumbnails(self, records: Iterable[Record]) -> Mapping[str, bytes | bool]:
        """Return the thumbnails that the page of some records shows, by their keys.

        Returns:
            The content of each, or True for each if they are too many for the page to hold them.
            One that is not in the bucket is missing.

        Raises:
            StorageError: The bucket cannot be listed.
        """
        shown = {thumbnail_key(kind, key) for kind, key in pictures_of(records)}
        if shown - self._sizes.keys():
            stored = {entry.key: entry.size for entry in self._bucket.list(THUMBNAILS)}
            for key in shown:
                # A file much larger than a thumbnail is not ours, and would only slow the page.
                size = stored.get(key, 0)
                self._sizes.setdefault(key, size if size <= 10 * THUMBNAIL_BYTES else 0)
        stored_keys = sorted(key for key in shown if self._sizes[key])
        if sum(self._sizes[key] for key in stored_keys) > EMBEDDED_BYTES:
            return dict.fromkeys(stored_keys, True)
        with ThreadPoolExecutor(THUMBNAIL_READERS) as pool:
            return dict(zip(stored_keys, pool.map(self._content, stored_keys), strict=True))

    def _store(self, kind: str, key: str, pixels: np.ndarray, etag: str | None = None) -> None:
        if etag and (kind, key, etag) in self._stored:
            return
        small, small_key = thumbnail(pixels), thumbnail_key(kind, key)
        with self._lock:
            self._held.pop(small_key, None)
            self._sizes[small_key] = len(small)
            if sum(map(len, self._held.values())) + len(small) <= EMBEDDED_BYTES:
                self._held[small_key] = small
        try:
            larger = preview(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(small_key, small, "image/jpeg")
        except ObjectError as error:
            event(f"the gallery has no preview of {printable(key)}: {error}", level=WARNING)
        if etag:
            self._stored.add((kind, key, etag))

    def _content(self, key: str) -> bytes:
        """Return the content of a thumbnail; empty if it cannot be read."""
        if key in self._held:
            return self._held[key]
        try:
            data = self._bucket.read(key)
        except ObjectError:
            data = b""
        with self._lock:  # `_store`, on another thread, may have stored a newer one.
            return self._held.setdefault(key, data)


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


def preview(pixels: np.ndarray, longer: int, quality: int = 82) -> bytes:
    """Encode a JPEG whose longer side has at most `longer` px.

    pixels: [H, W, 3], sRGB, float 0…1 or uint8.
    """
    height, width = pixels.shape[:2]
    factor = max(height, width) // (2 * longer)
    if factor > 1:  # Otherwise it would be a copy in floats, four times as large as the photo.
        pixels = arrays.box_average(pixels, factor)
    size = fit_size(height, width, longer) if max(height, width) > longer else (height, width)
    return encode.encode(arrays.resize(pixels, *size), OutputFormat("jpg", quality))


def thumbnail(pixels: np.ndarray) -> bytes:
    """Encode a preview small enough for the page: about 10 KB, even of a busy painting."""
    for longer, quality in _SMALLER:
        data = preview(pixels, longer, quality)
        if len(data) <= THUMBNAIL_BYTES:
            break
    return data
