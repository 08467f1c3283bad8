"""Jobs as they are kept in the result bucket, one JSON object for each, and what they leave there.

`_web/queue/<id>.json` is a job that waits or is painted, `_web/done/<id>.json` one that has ended.
Several processes write the first, each only over the version that it has read. The second is
written once: its first writer decides how the job ended. `_web/queue/<id>.deleted.json` marks a job
of either kind for deletion. It is among the first, so that one listing finds both.
"""

import contextlib
import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.presets import INSTANT_SIZES
from painterly.jobs.schemas import JOB_ID, JobFields, JobRequest, JobState
from painterly.log import event
from painterly.orders.record import Record, read_record
from painterly.settings.bucket_layout import WEB, record_key
from painterly.storage.base import Entry, ObjectError, Store, UnavailableError
from painterly.storage.document import Document, load, store
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import plural

_QUEUE, _DONE = f"{WEB}/queue/", f"{WEB}/done/"
PREVIEWS = f"{WEB}/previews"
KEPT = f"{WEB}/kept"  # what is known of photos that are not ordered yet
REQUESTS = f"{WEB}/requests"  # the job of each Idempotency-Key
_ID = re.compile(JOB_ID)
_MARKED = ".deleted.json"  # the ending of a mark's name
DAY_S = 86_400
ORPHANED_S = 3600  # A photo is stored seconds before its job.
_TRIAL = f"{WEB}/trial/"
UNFIT = "the storage has no {what}, which the web service needs for its jobs"
_CONDITIONS, _ETAGS = (
    "conditional writes (If-None-Match, If-Match)",
    "ETags (or only in some answers)",
)
_ID_IN_KEY = re.compile(r"(?:^|/)([0-9a-f]{20})(?:/|\.)")


class StoredJob(JobFields):
    """A job as it is stored."""

    photo_key: str  # key in the bucket of the photos
    # Key there of the clip whose first frame the photo is; None for a photo.
    source_key: str | None = None
    # Key of the photo's mask there; None if all of the photo is painted.
    mask_key: str | None = None
    size: tuple[int, int]  # height and width of the photo in px
    named_style: bool  # whether `style` names a style of the style bucket, not a blend
    instant_side: int = INSTANT_SIZES[-1]  # as in `presets.sized`, when it was ordered
    work: float = 0.0  # the work of all steps, in the unit of schedule.py
    owner: str | None = None  # the worker that paints the job; None while it waits
    revision: int = 0  # number of writes, so that no two versions have the same content
    cancel: bool = False  # whether its cancellation was requested
    crashes: int = 0  # number of times its worker died without a further step after `crashed_at`
    crashed_at: int = 0  # the step at the last of these deaths
    # The record of its result, once it is done. It is stored where `record_key` says.
    painted: Record | None = Field(default=None, exclude=True)
    # Whether its worker had painted nothing alike before, so that its duration says little.
    cold: bool = False
    # The address that gets the job once it has ended. It is stored until then.
    callback: str | None = None
    caller: str | None = None  # the process that sends the job to its callback; None if none does
    root: str = ""  # the path that a proxy added for its client
    # The key of the object that remembers its Idempotency-Key, if it has one.
    remembered_at: str | None = None

    @property
    def request(self) -> JobRequest:
        """The request for its style."""
        return JobRequest.model_construct(
            style=self.style if self.named_style else None,
            paintings={each.name: each.share for each in self.paintings},
            preset=self.preset,
            settings=self.settings,
        )

    @property
    def painted_key(self) -> str:
        """The key of what is painted: the photo, or the clip."""
        return self.source_key or self.photo_key

    @property
    def record_key(self) -> str:
        """The key of its result's record."""
        return record_key(self.style, self.painted_key)

    @property
    def result(self) -> str | None:
        """The key of its result; None if there is none, or none yet."""
        return self.painted.result if self.painted else None

    @property
    def timelapse(self) -> str | None:
        """The key of its result's time-lapse, if there is one."""
        made = self.painted.timelapse if self.painted else None
        return made.key if made else None

    def changed(self, **changes: Any) -> "StoredJob":
        """Return a later version."""
        return self.model_copy(update={"revision": self.revision + 1, **changes})

    def to_bytes(self) -> bytes:
        """Encode it as the content of its object."""
        return self.model_dump_json(indent=1).encode()


def new_id() -> str:
    """Make an id that cannot be guessed. Later ones sort behind earlier ones, by the milliseconds
    since 1970 that they begin with."""
    return f"{id_at(time.time())}{secrets.token_hex(5)[:9]}"


def id_at(seconds: float) -> str:
    """Return the start of the ids of jobs that are created at a time, in seconds since 1970."""
    return f"{int(max(0.0, seconds) * 1000):011x}"


def created_at(job: str) -> float:
    """Return the creation time of a job, in seconds since 1970."""
    return int(job[:11], 16) / 1000


class Queue(NamedTuple):
    """A listing of the queue."""

    # The ids of unfinished jobs, oldest first, with the ETags of their objects.
    jobs: dict[str, str]
    marks: dict[str, str]  # the ids of jobs to delete, with the ETags of their marks


class JobStore:
    """The jobs in a result bucket. Methods raise StorageError."""

    def __init__(self, bucket: Store, on_end: Callable[[StoredJob], None] = lambda _: None) -> None:
        """Args:
        bucket: The result bucket.
        on_end: Is called with each job that this process was the first to end.
        """
        self._bucket, self._on_end = bucket, on_end

    def unfit(self) -> str:
        """Return why jobs cannot be kept in the bucket, or an empty text. Raises StorageError."""
        key = f"{_TRIAL}{new_id()}.json"
        try:
            try:
                first = self._bucket.write_if(key, b"1", None)
            except UnavailableError:
                raise
            except ObjectError:
                self._bucket.write(key, b"0")  # Raises the same error if it is not the condition's.
                return UNFIT.format(what=_CONDITIONS)
            if first is None:
                return UNFIT.format(what=_ETAGS)
            second = self._bucket.write_if(key, b"2", first)
            if second is None or self._bucket.write_if(key, b"3", None) is not None:
                return UNFIT.format(what=_CONDITIONS)
            if self._bucket.write_if(key, b"4", first) is not None:
                return UNFIT.format(what=_CONDITIONS)
            listed = {entry.etag for entry in self._bucket.list(key)}
            return UNFIT.format(what=_ETAGS) if listed - {second} else ""
        finally:
            self._bucket.delete(key)

    def queue(self) -> Queue:
        """List the queue."""
        listed = Queue({}, {})
        for entry in self._bucket.list(_QUEUE):
            with contextlib.suppress(ObjectError):  # In a folder: it was deleted since.
                if name := _name(entry, _QUEUE):
                    listed.jobs[name] = entry.etag
                elif name := _name(entry, _QUEUE, _MARKED):
                    listed.marks[name] = entry.etag
        return listed

    def queued(self) -> Iterable[tuple[str, str]]:
        """List the ids of unfinished jobs, oldest first, with the ETags of their objects."""
        return self.queue().jobs.items()

    def ended(self, after: str = "") -> Iterator[str]:
        """List the ids of ended jobs, oldest first.

        Args:
            after: The ids come after this one, or after others that begin with it.
        """
        listed = self._bucket.list_after(_DONE, _DONE + after)
        return (name for entry in listed if (name := _name(entry, _DONE)))

    def read(self, job: str) -> tuple[StoredJob, str] | None:
        """Read an unfinished job and the ETag of its object; None if there is no such job."""
        return self._read(f"{_QUEUE}{job}.json")

    def _read(self, key: str) -> tuple[StoredJob, str] | None:
        try:
            document, etag = load(self._bucket, key)
        except ObjectError:
            return None
        stored = _parsed(document)
        return (stored, etag) if stored and etag else None

    def read_ended(self, job: str) -> StoredJob | None:
        """Read a job that has ended; None if there is no such job."""
        stored = self._ended(job)
        return stored and self._with_record(stored)

    def _ended(self, job: str) -> StoredJob | None:
        try:
            return _parsed(load(self._bucket, f"{_DONE}{job}.json")[0])
        except ObjectError:
            return None

    def read_unsent(self, job: str) -> tuple[StoredJob, str] | None:
        """Read a job that has ended and the ETag of its object; None if it was sent to its
        callback, or has none."""
        stored = self._read(f"{_DONE}{job}.json")
        if stored is None or not stored[0].callback:
            return None
        return self._with_record(stored[0]), stored[1]

    def _with_record(self, job: StoredJob) -> StoredJob:
        """Return a job that has ended with the record of its result, if that is still there."""
        if job.state != JobState.DONE:
            return job
        with contextlib.suppress(ObjectError):
            painted = read_record(self._bucket, job.record_key)
            return job.model_copy(update={"painted": painted})
        return job

    def replace_unsent(self, job: StoredJob, etag: str) -> str | None:
        """Store a version of a job that has ended, as `replace`."""
        return store(self._bucket, f"{_DONE}{job.id}.json", job.model_dump(mode="json"), etag)

    def create(self, job: StoredJob) -> str | None:
        """Add a job. Return its ETag, or None if its id exists."""
        return self.replace(job, None)

    def replace(self, job: StoredJob, etag: str | None) -> str | None:
        """Store a version over the one with an ETag. Return the new ETag, or None if another
        process has changed the job."""
        return store(self._bucket, f"{_QUEUE}{job.id}.json", job.model_dump(mode="json"), etag)

    def end(self, job: StoredJob) -> bool:
        """Store how a job ended. Return False if another process has done so."""
        first = self._bucket.write_if(f"{_DONE}{job.id}.json", job.to_bytes(), None) is not None
        if first:
            self._on_end(job)
        self.leave_queue(job.id)
        return first

    def delete_ended(self, jobs: Iterable[str]) -> None:
        """Delete jobs that have ended, by their ids, and what remembers their Idempotency-Keys."""
        keys = list[str]()
        for job in jobs:
            stored = self._ended(job)
            if stored and stored.remembered_at:
                keys.append(stored.remembered_at)
            keys += keys_of_job(job)
        delete_versions(self._bucket, *keys)

    def leave_queue(self, job: str) -> None:
        """Delete the object of a job, by its id, that has ended."""
        self._bucket.delete(f"{_QUEUE}{job}.json")


def mark_key(job: str) -> str:
    """Return the key of the mark of a job to delete, by its id."""
    return f"{_QUEUE}{job}{_MARKED}"


def keys_of_job(job: str) -> tuple[str, str]:
    """Return what the keys of a job's own objects begin with, by its id: those in the queue, the
    mark among them, and the one of its end."""
    return f"{_QUEUE}{job}.", f"{_DONE}{job}."


def _name(entry: Entry, prefix: str, ending: str = ".json") -> str:
    name = entry.key.removeprefix(prefix).removesuffix(ending)
    return name if _ID.fullmatch(name) else ""


def _parsed(document: Document | None) -> StoredJob | None:
    try:
        return StoredJob.model_validate(document)
    except ValidationError:
        return None


def delete_leftovers(buckets: WebBuckets, keep_days: int | None = None) -> None:
    """Delete what killed processes left: checkpoints, previews and photos without a job, and after
    `keep_days`, if any, jobs that have ended, with their photos. Objects that never belonged to a
    job stay. Raises StorageError."""
    store, latest = JobStore(buckets.result), time.time() - ORPHANED_S
    if oldest := oldest_kept(keep_days):
        old = [*itertools.takewhile(lambda job: job < oldest, store.ended())]
        store.delete_ended(old)  # Their photos are leftovers then.
        if old:
            event(f"deleted {plural(len(old), 'job')}: older than WEB_KEEP_DAYS={keep_days}")
    short_lived: list[tuple[Store, str]] = []
    short_lived += [(buckets.unfinished, entry.key) for entry in buckets.unfinished.list()]
    short_lived += [(buckets.result, entry.key) for entry in buckets.result.list(f"{PREVIEWS}/")]
    photos = [(entry.key, _job_of(entry.key)) for entry in buckets.source.list()]
    # The jobs are listed last, so that a new one is not mistaken for a deleted one.
    waiting = {job for job, _ in store.queued()}
    known = waiting | {*store.ended()}
    gone = [(bucket, key) for bucket, key in short_lived if _job_of(key) not in {None, *waiting}]
    brief = [*buckets.result.list(_TRIAL), *buckets.result.list(f"{KEPT}/")]
    named = ((entry.key, _job_of(entry.key)) for entry in brief)
    gone += [(buckets.result, key) for key, name in named if name and created_at(name) < latest]
    gone += [
        (buckets.source, key)
        for key, job in photos
        if job and job not in known and created_at(job) < latest
    ]
    for bucket in (buckets.unfinished, buckets.result, buckets.source):
        of_jobs = dict.fromkeys(_up_to_job(key) for of, key in gone if of is bucket)
        delete_versions(bucket, *of_jobs)
    if gone:
        event(f"deleted {plural(len(gone), 'leftover')} of jobs that have ended")
    # It needs a permission that the service can do without.
    with logged_storage_errors("unfinished uploads may be left"):
        for upload in buckets.unfinished.unfinished_uploads():
            if upload.begun < latest:
                buckets.unfinished.abort_upload(upload)


def oldest_kept(keep_days: int | None) -> str:
    """Return the start of the oldest id of ended jobs that are kept."""
    return id_at(time.time() - DAY_S * keep_days) if keep_days else ""


def _job_of(key: str) -> str | None:
    match = _ID_IN_KEY.search(key)
    return match[1] if match else None


def _up_to_job(key: str) -> str:
    """Return what all keys of the same job have there, of a key that belongs to one."""
    match = _ID_IN_KEY.search(key)
    assert match
    return key[: match.end()]
