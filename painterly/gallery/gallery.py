"""The gallery of a result bucket, kept up to date while a run paints.

One page that needs nothing else: its thumbnails are embedded as data: URIs, unless there are too
many, so a link to it alone is enough. Larger pictures are stored under `_gallery/`, and loaded when
a result is opened.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from logging import WARNING
from time import perf_counter
from uuid import uuid4

import numpy as np

from painterly.gallery.page import render_page
from painterly.gallery.record_view import photo_name, pictures_of, style_name
from painterly.gallery.thumbnails import (
    PREVIEW,
    THUMBNAIL_BYTES,
    THUMBNAILS,
    picture_key,
    thumbnail,
    thumbnail_key,
)
from painterly.images.small import jpeg_of
from painterly.log import event, log_trace
from painterly.orders.record import Record
from painterly.settings.bucket_layout import PAGE, UNPUBLISHED
from painterly.storage.base import Bucket, ObjectError
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import one_line, printable

PUBLISH_EVERY_S = 30.0
# With more than this many bytes of thumbnails the page loads them when they come into view; with
# fewer it holds them itself, and a link to it alone is enough.
EMBEDDED_BYTES = 3_000_000
START_BYTES = 64 * 1024  # Our pages name their maker within these.
THUMBNAIL_READERS = 8  # threads: each waits for the network, not for the processor
_GENERATED_BY_US = re.compile(rb"""<meta\s+name=["']generator["']\s+content=["']painterly["']""")
UNWRITTEN = "the gallery could not be written"


class Gallery:
    """The gallery of a run. It writes `index.html` and keys under `_gallery/`, nothing else, and
    leaves an index.html that another program made as it is. No method raises: a gallery that
    cannot be written is logged, and costs no painting. Thread-safe.

    A run that paints a part of the pictures, next to other runs, calls `mark` at its end instead of
    `publish`, and the next whole run writes the page.
    """

    def __init__(
        self,
        bucket: Bucket,
        records: Iterable[Record] = (),
        thumbnails: dict[str, tuple[str, bytes]] | None = None,
    ) -> None:
        """Open a gallery.

        Args:
            bucket: The result bucket.
            records: The records in the bucket, in any order.
            thumbnails: Thumbnails by key, each with the version of its object. Galleries of one
                process share them, and update them.
        """
        self._bucket = bucket
        self._records = {_identity(each): each for each in records}  # shown on the page
        self._page_is_ours: bool | None = None  # None until it is checked
        self._published = perf_counter()
        self._publishing = threading.Lock()
        self._mark: str | None = None  # the ETag of this run's mark
        self._was_marked = False
        self._stored: set[tuple[str, str, str]] = set()  # pictures, by kind, key and ETag
        self._sizes: dict[str, int] = {}  # bytes of thumbnails by key; 0 if not stored
        self.held: dict[str, bytes] = {}  # thumbnails by key, as many as one page holds
        self._thumbnails = {} if thumbnails is None else thumbnails
        self._versions: dict[str, str] = {}  # the listed thumbnails, by key
        self._lock = threading.Lock()  # guards the dicts above; not held over requests

    def mark(self) -> None:
        """Mark the gallery as outdated, until `publish`."""
        # No two marks are equal, so that each run recognises its own.
        notice = f"The gallery lacks the newest results. Run {uuid4().hex}\n".encode()
        with _errors_logged():
            self._was_marked = self._bucket.find(UNPUBLISHED) is not None
            self._mark = self._bucket.write(UNPUBLISHED, notice, "text/plain")

    def store_pictures(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Store the pictures of a result: its own, its photo's and its paintings', by key, as
        pixels.

        Photos and paintings that were stored with the same ETag before are not stored a second
        time. A picture that the bucket refuses is logged and left out.
        """
        with _errors_logged():
            if record.result is not None:
                self._store("results", record.result, result)
            if record.photo is not None:
                self._store("photos", record.photo, photo, record.photo_etag)
            etags = {each.key: each.etag for each in record.paintings or ()}
            for key, pixels in paintings.items():
                self._store("paintings", key, pixels, etags.get(key))

    def add_record(self, record: Record) -> None:
        """Show the record of a result with stored pictures, or of a failure, on the page that
        `publish` writes. It replaces an earlier one of the same photo and style."""
        with self._lock:
            self._records[_identity(record)] = record

    def publish_if_due(self) -> None:
        """Write the page if that was last done a while ago."""
        due = perf_counter() - self._published > PUBLISH_EVERY_S
        if due and self._publishing.acquire(blocking=False):
            try:
                with _errors_logged():
                    self._write_page(unfinished=True)
            finally:
                self._published = perf_counter()
                self._publishing.release()

    def publish(self) -> None:
        """Write the page and remove the mark, unless another run has marked it too."""
        with self._publishing, _errors_logged():
            self._write_page()
            if not self._is_anothers_mark():
                self._bucket.delete(UNPUBLISHED)

    def thumbnails(self, records: Iterable[Record]) -> Mapping[str, bytes | bool]:
        """Return the thumbnails that the page of some records shows, by their keys: the content of
        each, or True for each if they are too many for the page to hold them. One that is not in
        the bucket is missing. Raises StorageError."""
        shown = {thumbnail_key(kind, key) for kind, key in pictures_of(records)}
        sizes = self._sizes_of(shown)
        stored_keys = sorted(key for key in shown if sizes[key])
        too_many = sum(sizes[key] for key in stored_keys) > EMBEDDED_BYTES
        with self._lock:
            for key in self._thumbnails.keys() - (() if too_many else stored_keys):
                del self._thumbnails[key]
        if too_many:
            return dict.fromkeys(stored_keys, True)
        with ThreadPoolExecutor(THUMBNAIL_READERS) as pool:
            return dict(zip(stored_keys, pool.map(self._thumbnail, stored_keys), strict=True))

    def _sizes_of(self, keys: Set[str]) -> Mapping[str, int]:
        """Return the bytes of thumbnails by key, 0 for one that is not in the bucket. Raises
        StorageError."""
        with self._lock:
            known = dict(self._sizes)
        if keys <= known.keys():
            return known
        listed = {entry.key: entry for entry in self._bucket.list(THUMBNAILS)}
        with self._lock:
            self._versions = {key: entry.version for key, entry in listed.items()}
            for key in keys:
                # A file much larger than a thumbnail is not ours, and would only slow the page.
                size = listed[key].size if key in listed else 0
                self._sizes.setdefault(key, size if size <= 10 * THUMBNAIL_BYTES else 0)
            return dict(self._sizes)

    def _store(self, kind: str, key: str, pixels: np.ndarray, etag: str | None = None) -> None:
        if etag and (kind, key, etag) in self._stored:
            return
        small, small_key = thumbnail(pixels), thumbnail_key(kind, key)
        with self._lock:
            self.held.pop(small_key, None)
            self._versions.pop(small_key, None)
            self._sizes[small_key] = len(small)
            if sum(map(len, self.held.values())) + len(small) <= EMBEDDED_BYTES:
                self.held[small_key] = small
        try:
            larger = jpeg_of(pixels, PREVIEW)
            self._bucket.write(picture_key(kind, key), larger, "image/jpeg")
            self._bucket.write(small_key, small, "image/jpeg")
        except ObjectError as error:
            event(f"the gallery has no preview of {printable(key)}: {error}", level=WARNING)
        if etag:
            self._stored.add((kind, key, etag))

    def _thumbnail(self, key: str) -> bytes:
        with self._lock:
            held, version = self.held.get(key), self._versions.get(key)
            known = self._thumbnails.pop(key, ("", b""))
        if held is not None:
            return held
        try:
            data = known[1] if known[0] == version else self._bucket.read(key)
        except ObjectError:
            data = b""
        with self._lock:
            if data and version:
                self._thumbnails[key] = version, data
            # `_store`, on another thread, may have stored a newer one.
            return self.held.setdefault(key, data)

    def _is_anothers_mark(self) -> bool:
        """Return whether another run has been painting, killed or not. The page may lack its
        results, and the next whole run shows them."""
        if self._mark is None or self._was_marked:
            return self._was_marked
        mark = self._bucket.find(UNPUBLISHED)
        return mark is not None and mark.etag != self._mark

    def _write_page(self, unfinished: bool = False) -> None:
        current = None
        if self._page_is_ours is None:
            if self._bucket.find(PAGE):
                current = (
                    self._bucket.read(PAGE)
                    if self._mark is None
                    else self._bucket.read_part(PAGE, 0, START_BYTES)  # It will differ.
                )
            self._page_is_ours = current is None or bool(_GENERATED_BY_US.search(current))
            if not self._page_is_ours:
                event(
                    f"{PAGE} in {self._bucket.name} is not a gallery of ours and is left as it is; "
                    "move it away to get one",
                    level=WARNING,
                )
        if self._page_is_ours:
            with self._lock:
                records = list(self._records.values())
            data = render_page(records, self.thumbnails(records), unfinished).encode()
            if data != current:  # It is the same in each run that only refuses the same pictures.
                self._bucket.write(PAGE, data, "text/html; charset=utf-8")


@contextmanager
def _errors_logged() -> Iterator[None]:
    """Log an error of the block as a warning, and continue: no gallery is worth a painting."""
    try:
        with logged_storage_errors(UNWRITTEN):
            yield
    except Exception as error:
        log_trace(error)
        what = f"unexpected {type(error).__name__}: {one_line(error)}"
        event(f"{UNWRITTEN}: {what} (LOG_LEVEL=debug logs where)", level=WARNING)


def _identity(record: Record) -> tuple[str, str]:
    return photo_name(record), style_name(record)
