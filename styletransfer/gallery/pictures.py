"""The gallery's pictures in a bucket: previews, loaded when somebody looks closer, and thumbnails,
which are embedded in the page."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from logging import WARNING

import numpy as np

from styletransfer import bucket_layout
from styletransfer.gallery.record_view import photo_name
from styletransfer.gallery.thumbnails import (
    PREVIEW,
    THUMBNAIL_BYTES,
    picture_key,
    preview,
    thumbnail,
    thumbnail_key,
)
from styletransfer.log import event, printable
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, ObjectError

THUMBNAIL_READERS = (
    8  # threads that read thumbnails: each waits for the network, not for the processor
)


class GalleryPictures:
    """Stores a picture's preview and thumbnail, and reads thumbnails back. Writes keys under
    `_gallery/`, nothing else. Safe to use from several threads."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._thumbnails: dict[str, bytes | None] = {}  # by key; None: not in the bucket
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

    def thumbnails(self, records: Iterable[Record]) -> Mapping[str, bytes | None]:
        """Thumbnails by their keys, among them all that the page of these records shows; None for
        one that is not in the bucket. Raises StorageError where the bucket cannot be listed."""
        shown = {thumbnail_key(kind, key) for kind, key in _pictures_of(records)}
        unread = shown - self._thumbnails.keys()
        if unread:
            prefix = f"{bucket_layout.GALLERY}/thumbs/"
            stored = sorted(unread & {entry.key for entry in self._bucket.list(prefix)})
            with ThreadPoolExecutor(THUMBNAIL_READERS) as pool:
                found = dict(zip(stored, pool.map(self._read_thumbnail, stored), strict=True))
            for key in unread:
                # `store`, on another thread, may have a newer one by now.
                self._thumbnails.setdefault(key, found.get(key))
        return dict(self._thumbnails)

    def _store(self, kind: str, key: str, pixels: np.ndarray, etag: str | None = None) -> None:
        if etag and (kind, key, etag) in self._stored:
            return
        small = thumbnail(pixels)
        self._thumbnails[thumbnail_key(kind, key)] = small
        try:
            larger = preview(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(thumbnail_key(kind, key), small, "image/jpeg")
        except ObjectError as error:
            event(f"the gallery has no preview of {printable(key)}: {error}", level=WARNING)
        if etag:
            self._stored.add((kind, key, etag))

    def _read_thumbnail(self, key: str) -> bytes | None:
        try:
            data = self._bucket.read(key)
        except ObjectError:
            return None
        # A file much larger than a thumbnail is not ours, and would only make the page slow.
        return data if len(data) <= 10 * THUMBNAIL_BYTES else None


def _pictures_of(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """Kind and key of every picture that the page of these records shows, some more than once."""
    for record in records:
        if record.result is not None:
            yield "results", record.result
            yield "photos", photo_name(record)
            for each in record.paintings or ():
                yield "paintings", each.key
