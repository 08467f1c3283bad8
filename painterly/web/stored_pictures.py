"""Pictures that are sent to browsers: those of a job, and all of the gallery."""

import math
from collections.abc import Callable, Collection, Hashable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from starlette.responses import Response

from painterly.errors import MemoryShortError, PictureError
from painterly.gallery.page import page_context
from painterly.gallery.thumbnails import PREVIEW, picture_key
from painterly.jobs.buckets import Refreshed, WebBuckets
from painterly.jobs.kept_photos import KeptPhoto
from painterly.jobs.schemas import ApiError, not_found
from painterly.jobs.store import PREVIEWS, StoredJob
from painterly.orders.record import Record, RecordCache, read_records
from painterly.painters.reading import small_copy
from painterly.settings.bucket_layout import GALLERY, RECORDS, TIMELAPSE
from painterly.storage.base import Bucket, ObjectError
from painterly.web.made import Made
from painterly.web.picture_answers import Asked, found, pieces_of

FRESH_S = 10.0  # seconds before the result bucket is listed again
SHOWN_BY_BROWSERS = (".jpg", ".png", ".webp")


class JobPictures:
    """The pictures of jobs. Methods raise ApiError if there is no such picture, and StorageError if
    the storage does not answer."""

    def __init__(self, buckets: WebBuckets, memory_limit: int | None, made: Made) -> None:
        """`memory_limit` is MEMORY_LIMIT in bytes, if there is one; `made` makes small copies."""
        self._buckets, self._memory_limit, self._made = buckets, memory_limit, made

    def photo(self, asked: Asked, sent: StoredJob | KeptPhoto, small: bool = False) -> Response:
        """Answer with a photo that was sent; a `small` one is reduced to 1280 px. A photo that is
        damaged, or takes more memory than there is, is sent whole: browsers show a part of it."""
        key = sent.photo_key
        named = sent.painted_key if isinstance(sent, StoredJob) else key  # as in the gallery
        shown = PurePosixPath(key).suffix in SHOWN_BY_BROWSERS

        def whole(error: Exception | None = None) -> Response:
            if error and not shown:
                is_short = isinstance(error, MemoryShortError)
                raise ApiError(404, str(error)) if is_short else not_found("photo")
            return _stored(asked, self._buckets.source, key, "photo")

        if small or not shown:
            return self._small(asked, "photos", named, self._buckets.source, key, whole)
        return whole()

    def mask(self, asked: Asked, job: StoredJob) -> Response:
        """Answer with the mask of a job's photo."""
        return _stored(asked, self._buckets.source, job.mask_key, "mask")

    def preview(self, asked: Asked, job: StoredJob) -> Response:
        """Answer with a small JPEG of the unfinished picture: the photo before the first step, and
        the result when it is done. A job that ended without a result has none."""
        try:
            return asked.stored(self._buckets.result, f"{PREVIEWS}/{job.id}.jpg")
        except ObjectError:
            if job.state.final and not job.result:
                raise not_found("preview: the job has ended") from None
            if job.result:
                return self.result(asked, job, small=True)
            return self.photo(asked, job, small=True)

    def result(self, asked: Asked, job: StoredJob, small: bool = False) -> Response:
        """Answer with the finished picture, as `photo` with the photo. It is sent whole if there is
        too little memory to reduce it."""

        def whole(error: Exception | None = None) -> Response:
            key = None if isinstance(error, PictureError) else job.result
            return _stored(asked, self._buckets.result, key, "result, or none yet")

        if small and job.result:
            home = self._buckets.result
            return self._small(asked, "results", job.result, home, job.result, whole)
        return whole()

    def timelapse(self, asked: Asked, job: StoredJob) -> Response:
        """Answer with the time-lapse of a finished job."""
        return _stored(asked, self._buckets.result, job.timelapse, "time-lapse")

    def _small(
        self,
        asked: Asked,
        kind: str,
        named: str,
        home: Bucket,
        key: str,
        whole: Callable[[Exception | None], Response],
    ) -> Response:
        """Answer with a JPEG of a picture in its home bucket, of kind `photos` or `results`, with
        at most 1280 px. The gallery has it as `named`. `whole` answers if there is none."""
        try:  # The gallery has it once the job is painted.
            return asked.stored(self._buckets.result, picture_key(kind, named))
        except ObjectError:
            pass
        try:
            entry = found(home, key)
        except ObjectError:
            return whole(None)
        reduced = partial(small_copy, home.read, key, PREVIEW, self._memory_limit)
        return asked.made(self._made, entry, f"small {kind}", reduced, whole)


def _stored(asked: Asked, bucket: Bucket, key: str | None, what: str) -> Response:
    """Answer with an object. Raises ApiError if there is none."""
    try:
        if key is not None:
            return asked.stored(bucket, key)
    except ObjectError:
        pass
    raise not_found(what)


def _timelapse(record: Record) -> str | None:
    """Return the key of a record's time-lapse. A record names no other objects to visitors."""
    key = record.timelapse and record.timelapse.key
    return key if key and key.endswith(TIMELAPSE) else None


def job_of(record: Record) -> str:
    """Return the id of the job that a record belongs to, or another text."""
    return (record.photo or "").partition("/")[0]


class _Listed(NamedTuple):
    """A listing of the results."""

    number: int  # the same one while they are
    painted: list[Record]  # the records that have their result in the bucket
    pictures: frozenset[str]  # the keys of the gallery's pictures
    keys: frozenset[str]  # the keys that visitors may read


class Results:
    """The results of a bucket. A record is read again only if it has changed. Methods raise
    StorageError. Thread-safe."""

    def __init__(
        self,
        bucket: Bucket,
        deleted: Callable[[], frozenset[str]] = frozenset,
        done: Callable[[], int] = int,
    ) -> None:
        """Args:
        bucket: The results.
        deleted: Returns the ids of jobs whose results are not shown.
        done: Returns another number once a job is done: there is a new result.
        """
        self._bucket, self._deleted = bucket, deleted
        self._done, self._done_then = done, 0
        self._records: RecordCache = {}
        self._latest = _Listed(0, [], frozenset(), frozenset())
        self._listed = Refreshed(self._list, FRESH_S)

    def page(
        self,
        unfinished: bool,
        render: Callable[[dict[str, Any]], bytes],
        **plain: Any,
    ) -> tuple[Hashable, Callable[[], bytes]]:
        """Return what decides the gallery's page, beside what `render` adds, and what renders it,
        with the variables of its template. `plain` is what it shows without scripts, as for
        `page_context`."""
        listed, deleted = self._listing(), self._deleted()

        def page() -> bytes:
            thumbnails = dict.fromkeys(listed.pictures, True)
            painted = [each for each in listed.painted if job_of(each) not in deleted]
            variables = page_context(painted, thumbnails, unfinished, internals=False, **plain)
            return render(variables)

        return (listed.number, unfinished, deleted, *plain.values()), page

    def chosen(self, ids: Collection[str]) -> list[Record]:
        """Return the records of results, newest first.

        Args:
            ids: The ids of their jobs, or their keys; none for all results.
        """
        deleted, wanted = self._deleted(), frozenset(ids)
        found = [
            each
            for each in self._listing().painted
            if job_of(each) not in deleted and (not wanted or wanted & {job_of(each), each.result})
        ]
        return sorted(found, key=lambda each: each.finished or "", reverse=True)

    def pieces(self, key: str) -> Iterator[bytes]:
        """Yield a result in pieces. Raises ObjectError if it is gone."""
        entry = found(self._bucket, key)
        yield from pieces_of(self._bucket, entry, 0, entry.size)

    def picture(self, asked: Asked, key: str) -> Response:
        """Answer with a result, its time-lapse, or a picture of the gallery. Raises ApiError for
        any other object."""
        if key not in self._listed.get(math.inf).keys and key not in self._listing().keys:
            raise not_found("picture")
        if not self._deleted().isdisjoint(key.split("/")):
            raise not_found("picture")
        return _stored(asked, self._bucket, key, "picture")

    def _listing(self) -> _Listed:
        if self._done() != self._done_then:
            self._done_then = self._done()
            self._listed.forget()
        return self._listed.get()

    def _list(self) -> _Listed:
        stored = {entry.key: entry for entry in self._bucket.list()}
        there = [entry for key, entry in stored.items() if key.startswith(f"{RECORDS}/")]
        self._records = {key: each for key, each in self._records.items() if key in stored}
        records = read_records(self._bucket, there, self._records, missing_ok=True)
        painted = [record for record in records.values() if record and record.result in stored]
        own = (key for key in stored if key.startswith(f"{GALLERY}/"))
        pictures = frozenset(key for key in own if key.endswith(".jpg"))  # No records or failures.
        shown = [key for each in painted for key in (each.result, _timelapse(each)) if key]
        listed = _Listed(self._latest.number, painted, pictures, pictures.union(shown))
        if listed != self._latest:
            self._latest = listed._replace(number=listed.number + 1)
        return self._latest
