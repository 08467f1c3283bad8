"""Pictures that are sent to browsers: those of a job, and all of the gallery."""

import math
import mimetypes
import re
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from painterly.bench.reading import small_copy
from painterly.errors import MemoryShortError, PictureError
from painterly.gallery.page import page_context
from painterly.gallery.thumbnails import PREVIEW, picture_key
from painterly.jobs.buckets import Refreshed, WebBuckets
from painterly.jobs.schemas import ApiError, not_found
from painterly.jobs.store import PREVIEWS, StoredJob
from painterly.orders.names import TIMELAPSE
from painterly.orders.record import Record
from painterly.orders.stored_records import KeptRecords, read_records
from painterly.settings.bucket_layout import GALLERY, RECORDS
from painterly.storage.base import Bucket, ObjectError

FRESH_S = 10.0  # seconds before the result bucket is listed again
SHOWN_BY_BROWSERS = (".jpg", ".png", ".webp")


class JobPictures:
    """The pictures of jobs. Methods raise ApiError if there is no such picture, and StorageError if
    the storage does not answer."""

    def __init__(self, buckets: WebBuckets, memory_limit: int | None) -> None:
        """Args:
        buckets: The buckets.
        memory_limit: MEMORY_LIMIT in bytes, if there is one.
        """
        self._buckets, self._memory_limit = buckets, memory_limit

    def photo(self, job: StoredJob, small: bool = False) -> tuple[bytes, str]:
        """Return a job's photo, and a key with the extension of its format.

        Args:
            job: The job.
            small: Reduces it to 1280 px. A photo that is damaged, or takes more memory than there
                is, is sent whole: browsers show a part of it.
        """
        key = job.photo_key
        shown = PurePosixPath(key).suffix in SHOWN_BY_BROWSERS
        try:
            if small or not shown:
                try:
                    return self._small("photos", key, self._buckets.source)
                except (PictureError, MemoryShortError):
                    if not shown:
                        raise
            return self._buckets.source.read(key), key
        except MemoryShortError as error:
            raise ApiError(404, str(error)) from None
        except (ObjectError, PictureError):
            raise not_found("photo") from None

    def mask(self, job: StoredJob) -> tuple[bytes, str]:
        """Return the mask of a job's photo and its key."""
        try:
            if job.mask_key is not None:
                return self._buckets.source.read(job.mask_key), job.mask_key
        except ObjectError:
            pass
        raise not_found("mask")

    def preview(self, job: StoredJob) -> bytes:
        """Return a small JPEG of the unfinished picture: the photo before the first step, and the
        result when it is done. A job that ended without a result has none."""
        try:
            return self._buckets.result.read(f"{PREVIEWS}/{job.id}.jpg")
        except ObjectError:
            if job.state.final and not job.result:
                raise not_found("preview: the job has ended") from None
            return (self.result if job.result else self.photo)(job, small=True)[0]

    def result(self, job: StoredJob, small: bool = False) -> tuple[bytes, str]:
        """Return the finished picture as `photo` returns the photo. It is sent
        whole if there is too little memory to reduce it."""
        if job.result is None:
            raise not_found("result, or none yet")
        try:
            if small:
                with suppress(MemoryShortError):
                    return self._small("results", job.result, self._buckets.result)
            return self._buckets.result.read(job.result), job.result
        except (ObjectError, PictureError):
            raise not_found("result") from None

    def timelapse(self, job: StoredJob) -> tuple[bytes, str]:
        """Return the time-lapse of a finished job, and its key."""
        if job.timelapse is None:
            raise not_found("time-lapse")
        try:
            return self._buckets.result.read(job.timelapse), job.timelapse
        except ObjectError:
            raise not_found("time-lapse") from None

    def _small(self, kind: str, key: str, home: Bucket) -> tuple[bytes, str]:
        """Return a JPEG of a picture with at most 1280 px, and a key with its extension.

        Args:
            kind: `photos` or `results`.
            key: The key of the picture.
            home: The bucket that has the picture.

        Raises:
            ObjectError: There is no such picture.
            PictureError, MemoryShortError: It cannot be decoded.
        """
        stored = picture_key(kind, key)
        try:  # The gallery has it once the job is painted.
            return self._buckets.result.read(stored), stored
        except ObjectError:
            return small_copy(home.read, key, PREVIEW, self._memory_limit), "small.jpg"


def picture_response(data: bytes, key: str, name: str | None = None) -> Response:
    """Make the answer with a picture.

    Args:
        data: The picture's file.
        key: Its key, which ends as its format does.
        name: The name of the file that the browser saves; None shows the picture.
    """
    kind = mimetypes.guess_type(key)[0] or ""
    headers = {"cache-control": "private, max-age=300"}
    if name:
        # For programs that ignore `filename*`, such as curl -OJ.
        plain = re.sub(r'[^ -~]|["%/\\]', "_", name)
        headers["content-disposition"] = (
            f"attachment; filename=\"{plain}\"; filename*=utf-8''{quote(name, safe='')}"
        )
    kind = kind if kind.startswith("image/") and "svg" not in kind else "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)


def _timelapse(record: Record) -> str | None:
    """Return the key of a record's time-lapse. A record names no other objects to visitors."""
    key = record.timelapse and record.timelapse.key
    return key if key and key.endswith(TIMELAPSE) else None


class Results:
    """The results of a bucket. A record is read again only if it has changed. Methods raise
    StorageError. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._kept: KeptRecords = {}
        self._listed = Refreshed(self._list, FRESH_S)

    def page_context(self, unfinished: bool = False) -> dict[str, Any]:
        """Return the variables of the gallery's page, which shows all results in the bucket.

        Args:
            unfinished: Whether pictures are being painted.
        """
        painted, pictures = self._listed.get()
        return page_context(painted, dict.fromkeys(pictures, True), unfinished, internals=False)

    def read(self, key: str) -> bytes:
        """Read a result, its time-lapse, or a picture of the gallery. Raises ApiError for any
        other object."""
        for max_age_s in (math.inf, FRESH_S):
            painted, pictures = self._listed.get(max_age_s)
            if key in pictures or any(key in (each.result, _timelapse(each)) for each in painted):
                break
        else:
            raise not_found("picture")
        try:
            return self._bucket.read(key)
        except ObjectError:
            raise not_found("picture") from None

    def _list(self) -> tuple[list[Record], set[str]]:
        """List the records that have their result in the bucket, and the gallery's pictures."""
        stored = {entry.key: entry for entry in self._bucket.list()}
        there = [entry for key, entry in stored.items() if key.startswith(f"{RECORDS}/")]
        self._kept = {key: kept for key, kept in self._kept.items() if key in stored}
        records = read_records(self._bucket, there, self._kept, missing_ok=True)
        return (
            [record for record in records.values() if record and record.result in stored],
            {key for key in stored if key.startswith(f"{GALLERY}/")},
        )
