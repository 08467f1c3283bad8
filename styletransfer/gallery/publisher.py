"""The gallery of a result bucket, kept up to date while a run paints.

One page that needs nothing else: its thumbnails are embedded as data: URIs, so a link to it alone
is enough. Larger pictures are stored under
`_gallery/`.
"""

import re
import threading
from collections.abc import Iterable, Mapping
from logging import WARNING
from time import perf_counter
from uuid import uuid4

import numpy as np

from styletransfer.bucket_layout import PAGE, UNPUBLISHED
from styletransfer.gallery.page import render_page
from styletransfer.gallery.pictures import GalleryPictures
from styletransfer.gallery.record_view import photo_name, style_name
from styletransfer.log import event
from styletransfer.record import Record
from styletransfer.storage.base import Bucket
from styletransfer.storage.retry import logged_storage_errors

PUBLISH_EVERY_S = 30.0
_GENERATED_BY_US = re.compile(
    rb"""<meta\s+name=["']generator["']\s+content=["']styletransfer["']"""
)
UNWRITTEN = "the gallery could not be written"


class Gallery:
    """The gallery of a run. It writes `index.html` and keys under `_gallery/`, nothing else, and
    leaves an index.html that another program made as it is. No method raises: a gallery that
    cannot be written is logged, and costs no painting. Thread-safe.

    Attributes:
        enabled: Whether the run has a gallery; otherwise no method does anything.
    """

    def __init__(
        self, bucket: Bucket | None, records: Iterable[Record] = (), publishes: bool = True
    ) -> None:
        """Args:
        bucket: The result bucket; None for a run without a gallery.
        records: Those in the bucket already, in any order.
        publishes: Whether the run writes the page. A run that paints a part of the pictures,
            next to other runs, stores pictures only and leaves its mark, and the next whole run
            writes the page.
        """
        self.enabled = bucket is not None
        self._publishes = publishes and self.enabled
        self._records = {_identity(each): each for each in records}  # those that the page shows
        if bucket is None:
            return
        self._bucket, self._pictures = bucket, GalleryPictures(bucket)
        self._page_is_ours: bool | None = None  # None until it is checked
        self._published = perf_counter()
        self._publishing = threading.Lock()
        self._mark: str | None = None  # the ETag of this run's mark
        self._was_marked = False

    def begin(self) -> None:
        """Mark the gallery as outdated, until `publish`."""
        if not self.enabled:
            return
        # No two marks are equal, so that each run recognises its own.
        notice = f"The gallery lacks the newest results. Run {uuid4().hex}\n".encode()
        with logged_storage_errors(UNWRITTEN):
            self._was_marked = self._bucket.find(UNPUBLISHED) is not None
            self._mark = self._bucket.write(UNPUBLISHED, notice, "text/plain")

    def add(
        self,
        record: Record,
        photo: np.ndarray,
        result: np.ndarray,
        paintings: Mapping[str, np.ndarray],
    ) -> None:
        """Add a result, and store its pictures.

        Args:
            record: Replaces an earlier one of the same photo and style.
            photo: Pixels, as in `pictures.preview`.
            result: Pixels, as in `pictures.preview`.
            paintings: Pixels by key, as in `pictures.preview`.
        """
        self.add_record(record)
        if self.enabled:
            with logged_storage_errors(UNWRITTEN):
                self._pictures.store(record, photo, result, paintings)

    def add_record(self, record: Record) -> None:
        """Add the record of a photo that could not be painted, or of a result with pictures that
        another process has stored."""
        if self._publishes:
            self._records[_identity(record)] = record

    def publish_if_due(self) -> None:
        """Write the page if that was last done a while ago."""
        if not self._publishes:
            return
        due = perf_counter() - self._published > PUBLISH_EVERY_S
        if due and self._publishing.acquire(blocking=False):
            try:
                with logged_storage_errors(UNWRITTEN):
                    self._write_page(unfinished=True)
            finally:
                self._published = perf_counter()
                self._publishing.release()

    def publish(self) -> None:
        """Write the page and remove the mark of `begin`, unless another run has marked it too."""
        if not self.enabled:
            return
        if not self._publishes:
            self.begin()  # Again: a whole run may have removed the mark since.
            return
        with self._publishing, logged_storage_errors(UNWRITTEN):
            self._write_page()
            if not self._is_anothers_mark():
                self._bucket.delete(UNPUBLISHED)

    def _is_anothers_mark(self) -> bool:
        """Return whether another run has been painting, killed or not. The page may lack its
        results, and the next whole run shows them."""
        if self._mark is None or self._was_marked:
            return self._was_marked
        found = self._bucket.find(UNPUBLISHED)
        return found is not None and found.etag != self._mark

    def _write_page(self, unfinished: bool = False) -> None:
        if self._page_is_ours is None:
            found = self._bucket.find(PAGE)
            self._page_is_ours = found is None or bool(
                _GENERATED_BY_US.search(self._bucket.read(PAGE))
            )
            if not self._page_is_ours:
                event(
                    f"{PAGE} in {self._bucket.name} is not a gallery of ours and is left as it is; "
                    "move it away to get one",
                    level=WARNING,
                )
        if self._page_is_ours:
            records = list(self._records.values())
            text = render_page(records, self._pictures.thumbnails(records), unfinished)
            self._bucket.write(PAGE, text.encode(), "text/html; charset=utf-8")


def _identity(record: Record) -> tuple[str, str]:
    return photo_name(record), style_name(record)
