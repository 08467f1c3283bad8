"""Records → index.html, a page that people look at, and the small pictures it shows.

One page that needs nothing else: thumbnails lie in it as data: URIs, so a link to it alone is
enough. Larger pictures lie beside it under `_gallery/`, and give way to these where they cannot
be loaded.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from styletransfer import bucket_layout
from styletransfer.gallery import record_view
from styletransfer.gallery.page import _identity, _pictures, page
from styletransfer.gallery.record_view import Record
from styletransfer.gallery.thumbnails import (
    _THUMBNAIL_BYTES,
    PREVIEW,
    picture_key,
    preview,
    thumbnail,
)
from styletransfer.log import printable
from styletransfer.storage.base import Bucket, ObjectError

logger = logging.getLogger("styletransfer")
PAGE = bucket_layout.PAGE
FOLDER = bucket_layout.GALLERY
READERS = 8  # threads that read thumbnails: each waits for the network, not for the processor
_OURS = re.compile(rb"""<meta\s+name=["']generator["']\s+content=["']styletransfer["']""")


class Gallery:
    """The page of a result bucket, and what it shows of each result.

    Writes `index.html` and keys under `_gallery/`, nothing else. A picture that cannot be stored
    is told in the log and left out; UnavailableError is raised, as then all others fail too.
    """

    def __init__(self, bucket: Bucket, records: Iterable[Record]) -> None:
        """`records`: those in the bucket already, in any order."""
        self._bucket = bucket
        self._records = {_identity(each): each for each in records if isinstance(each, Mapping)}
        self._thumbs: dict[str, bytes | None] = {}  # None: there is none in the bucket.
        self._stored: set[tuple[str, str, str]] = set()
        self._is_ours: bool | None = None  # None: not looked at yet.

    def add(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Stores previews and thumbnails of a new result, its photo and its paintings (by key).

        Pictures are float32 [H, W, 3], sRGB 0…1. Photos and paintings stored before with the same
        ETag are not stored again. The record takes the place of an earlier one of the same photo
        and look.
        """
        self._records[_identity(record)] = record
        self._store("results", record.get("result"), result)
        self._store("photos", record.get("photo"), photo, record.get("photo_etag"))
        etags = {each["key"]: each.get("etag") for each in record_view.paintings(record)}
        for key, pixels in paintings.items():
            self._store("paintings", key, pixels, etags.get(key))

    def fail(self, record: Record) -> None:
        """Takes the record of a photo that could not be painted, so that the page tells of it."""
        self._records[_identity(record)] = record

    def publish(self) -> None:
        """Writes index.html from all records. Thumbnails of earlier runs are read from the bucket.

        An index.html that somebody else made is left as it is, told once in the log. Raises
        StorageError.
        """
        if self._is_ours is None:
            found = self._bucket.find(PAGE)
            self._is_ours = found is None or bool(_OURS.search(self._bucket.read(PAGE)))
            if not self._is_ours:
                logger.warning(
                    "%s in %s is not the gallery's and stays as it is; move it away to get one",
                    *(PAGE, self._bucket.name),
                )
        if self._is_ours:
            records = list(self._records.values())
            self._read_thumbs(records)
            text = page(records, self._thumbs)
            self._bucket.write(PAGE, text.encode(), "text/html; charset=utf-8")

    def _store(self, kind: str, key: Any, pixels: np.ndarray, etag: Any = None) -> None:
        if not isinstance(key, str) or (etag and (kind, key, str(etag)) in self._stored):
            return
        small = thumbnail(pixels)
        self._thumbs[picture_key(f"thumbs/{kind}", key)] = small
        try:
            larger = preview(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(picture_key(f"thumbs/{kind}", key), small, "image/jpeg")
        except ObjectError as error:
            logger.warning("the gallery has no preview of %s: %s", printable(key), error)
        self._stored.add((kind, key, str(etag)))

    def _read_thumbs(self, records: Iterable[Record]) -> None:
        wanted = {picture_key(f"thumbs/{kind}", key) for kind, key in _pictures(records)}
        wanted -= self._thumbs.keys()
        if wanted:
            there = {entry.key for entry in self._bucket.list(f"{FOLDER}/thumbs/")}
            keys = sorted(wanted & there)
            read = dict.fromkeys(wanted - there)
            with ThreadPoolExecutor(READERS) as pool:
                read.update(zip(keys, pool.map(self._read_thumb, keys), strict=True))
            for key, data in read.items():
                self._thumbs.setdefault(key, data)  # `add`, on another thread, may have it anew.

    def _read_thumb(self, key: str) -> bytes | None:
        try:
            data = self._bucket.read(key)
        except ObjectError:
            return None
        # Whatever is larger is not ours, and would only make the page slow.
        return data if len(data) <= 10 * _THUMBNAIL_BYTES else None
