"""The gallery's pictures in a bucket: previews, loaded when a result is opened, and thumbnails,
which are embedded in the page."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from logging import WARNING

import numpy as np

from styletransfer import bucket_layout
from styletransfer.gallery.record_view import pictures_of
from styletransfer.gallery.thumbnails import (
    EMBEDDED_BYTES,
    PREVIEW,
    THUMBNAIL_BYTES,
    bytes_shown,
    picture_key,
    preview,
    thumbnail,
    thumbnail_key,
)
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, ObjectError

THUMBNAILS = f"{bucket_layout.GALLERY}/thumbs/"
THUMBNAIL_READERS = 8  # threads: each waits for the network, not for the processor


class GalleryPictures:
    """Stores a picture's preview and thumbnail, and reads thumbnails back. Writes keys under
    `_gallery/`, nothing else. Safe to use from several threads."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._thumbnails: dict[str, bytes | int] = {}  # by key; what is not held: its size
        self._held = 0  # bytes of thumbnails
        self._lock = threading.Lock()
        self._stored: set[tuple[str, str, str]] = set()  # kind, key, ETag

    def store(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Stores the pictures of a new result: its own, its photo's and its paintings' (by key).

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

    def thumbnails(self, records: Iterable[Record]) -> Mapping[str, bytes | int]:
        """Thumbnails by their keys, among them all that the page of these records shows. In place
        of one that was not read because the page does not hold it itself, its size in bytes; 0 for
        one that is not in the bucket. Raises StorageError if the bucket cannot be listed."""
        shown = {thumbnail_key(kind, key) for kind, key in pictures_of(records)}
        if shown - self._thumbnails.keys():
            stored = {entry.key: entry.size for entry in self._bucket.list(THUMBNAILS)}
            for key in shown:
                # A file much larger than a thumbnail is not ours, and would only slow the page.
                size = stored.get(key, 0)
                self._thumbnails.setdefault(key, size if size <= 10 * THUMBNAIL_BYTES else 0)
        if bytes_shown(shown, self._thumbnails) <= EMBEDDED_BYTES:
            unread = sorted(key for key in shown if self._is_unread(key))
            with ThreadPoolExecutor(THUMBNAIL_READERS) as pool:
                for key, data in zip(unread, pool.map(self._read_thumbnail, unread), strict=True):
                    with self._lock:
                        # `store`, on another thread, may have stored a newer one.
                        if self._is_unread(key):
                            self._thumbnails[key] = data or 0
                            self._held += len(data)
        return dict(self._thumbnails)

    def _store(self, kind: str, key: str, pixels: np.ndarray, etag: str | None = None) -> None:
        if etag and (kind, key, etag) in self._stored:
            return
        small = thumbnail(pixels)
        self._hold(thumbnail_key(kind, key), small)
        try:
            larger = preview(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(thumbnail_key(kind, key), small, "image/jpeg")
        except ObjectError as error:
            event(f"the gallery has no preview of {printable(key)}: {error}", level=WARNING)
        if etag:
            self._stored.add((kind, key, etag))

    def _hold(self, key: str, data: bytes) -> None:
        """Keeps a thumbnail as long as one page could hold it with all others; then its size."""
        with self._lock:
            before = self._thumbnails.get(key)
            self._held -= len(before) if isinstance(before, bytes) else 0
            fits = self._held + len(data) <= EMBEDDED_BYTES
            self._held += len(data) if fits else 0
            self._thumbnails[key] = data if fits else len(data)

    def _is_unread(self, key: str) -> bool:
        known = self._thumbnails[key]
        return isinstance(known, int) and known > 0

    def _read_thumbnail(self, key: str) -> bytes:
        """The content of a thumbnail, empty where it cannot be read."""
        try:
            return self._bucket.read(key)
        except ObjectError:
            return b""
