"""The results in the bucket, those of jobs and of batches, as its gallery shows them."""

import threading
import time
from typing import Any

from styletransfer.batch.records import read_record, record_readers
from styletransfer.bucket_layout import GALLERY, RECORDS
from styletransfer.gallery.page import page_context
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, Entry, ObjectError
from styletransfer.web.schemas import not_found

FRESH_S = 10.0  # seconds before the bucket is listed again


class Results:
    """The results of a bucket. A record is read again only if it has changed. Methods raise
    StorageError. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._stored: dict[str, Entry] = {}
        self._records: dict[str, tuple[str, Record | None]] = {}  # by key, with the ETag
        self._public = frozenset[str]()  # keys of results and of their gallery's pictures
        self._listed_at: float | None = None
        self._lock = threading.Lock()

    def page_context(self) -> dict[str, Any]:
        """Return the variables of the gallery's page, which has all results whose picture is
        there."""
        with self._lock:
            self._refresh()
            thumbnails = {key: entry.size for key, entry in self._stored.items()}
            return page_context(self._painted(), thumbnails)

    def read(self, key: str) -> bytes:
        """Read a result, or a picture of the gallery. Raises ApiError for any other object."""
        if key not in self._public:
            with self._lock:
                self._refresh()
        if key not in self._public:
            raise not_found("picture")
        try:
            return self._bucket.read(key)
        except ObjectError:
            raise not_found("picture any more") from None

    def _refresh(self) -> None:
        if self._listed_at is not None and time.monotonic() - self._listed_at < FRESH_S:
            return
        self._stored = {entry.key: entry for entry in self._bucket.list()}
        records = [entry for key, entry in self._stored.items() if key.startswith(f"{RECORDS}/")]
        with record_readers() as pool:
            self._records = dict(filter(None, pool.map(self._read_record, records)))
        pictures = (key for key in self._stored if key.startswith(f"{GALLERY}/"))
        self._public = frozenset([*pictures, *(str(each.result) for each in self._painted())])
        self._listed_at = time.monotonic()

    def _painted(self) -> list[Record]:
        """List the records whose result is there."""
        records = (record for _, record in self._records.values() if record)
        return [each for each in records if each.result in self._stored]

    def _read_record(self, entry: Entry) -> tuple[str, tuple[str, Record | None]] | None:
        """Return a record as `_records` has it; None if it has been deleted meanwhile."""
        try:
            known = self._records.get(entry.key)
            if known is None or known[0] != entry.etag:
                known = entry.etag, read_record(self._bucket, entry.key)
        except ObjectError:
            return None
        return entry.key, known
