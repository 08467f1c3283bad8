"""All results of the bucket for the gallery: those of jobs, and those of batches."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from styletransfer.batch.records import read_record, record_readers
from styletransfer.bucket_layout import RECORDS
from styletransfer.gallery.record_view import look_name, photo_name
from styletransfer.gallery.thumbnails import picture_key, thumbnail_key
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, Entry, ObjectError
from styletransfer.web.schemas import JOB_ID, GalleryItem
from styletransfer.web.ttl_cache import TTLCache


@dataclass(frozen=True)
class Result:
    """A result: keys in the result bucket, of which the last two may be None."""

    id: str
    record: Record
    result: str
    thumbnail: str | None
    original: str | None


class Results:
    """The results of a bucket, newest first. A record is read when it has changed. Methods raise
    StorageError."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._records: dict[str, tuple[str, Record | None]] = {}  # by key, with the ETag
        self._found = TTLCache(self._find)

    def all(self) -> list[Result]:
        """All results whose picture is there."""
        return list(self._found.get().values())

    def get(self, result_id: str) -> Result | None:
        """One result by its id."""
        return self._found.get().get(result_id)

    def _find(self) -> Mapping[str, Result]:
        stored = {entry.key: entry for entry in self._bucket.list()}
        records = [entry for key, entry in stored.items() if key.startswith(f"{RECORDS}/")]
        with record_readers() as pool:
            self._records = dict(filter(None, pool.map(self._read, records)))
        found = []
        for key, (_, record) in self._records.items():
            if record is None or record.result is None or record.result not in stored:
                continue
            small = thumbnail_key("results", record.result)
            photo = picture_key("photos", photo_name(record))
            found.append(
                Result(
                    hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:20],
                    record,
                    record.result,
                    small if small in stored else None,
                    photo if photo in stored else None,
                )
            )
        found.sort(key=lambda each: (each.record.finished or "", each.id), reverse=True)
        return {each.id: each for each in found}

    def _read(self, entry: Entry) -> tuple[str, tuple[str, Record | None]] | None:
        """A record as `_records` has it; None where it is gone meanwhile."""
        try:
            known = self._records.get(entry.key)
            if known is None or known[0] != entry.etag:
                known = entry.etag, read_record(self._bucket, entry.key)
        except ObjectError:
            return None
        return entry.key, known


def gallery_item(found: Result) -> GalleryItem:
    """A result as the API shows it."""
    own, record = f"/api/gallery/{found.id}", found.record
    folder, _, name = photo_name(record).rpartition("/")
    return GalleryItem(
        photo=name,
        look=look_name(record),
        result=f"{own}/result",
        original=f"{own}/original" if found.original else None,
        thumbnail=f"{own}/thumbnail" if found.thumbnail else f"{own}/result?small=1",
        width=record.width,
        height=record.height,
        made=record.finished,
        network=record.network,
        settings=dict(record.settings or {}),
        job=folder if re.fullmatch(JOB_ID, folder) else None,
    )
