"""Jobs as they are kept in the result bucket, one JSON object for each.

`_web/queue/<id>.json` is a job that waits or is painted, `_web/done/<id>.json` one that has ended.
Several processes write the first, each only over the version that it has read. The second is
written once: its first writer decides how the job ended. `_web/queue/<id>.deleted.json` says that a
job of either kind is deleted. It has one state, so that no process has to know what others do, and
it is among the first, so that one listing finds both.
"""

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from painterly.jobs.buckets import delete_versions
from painterly.jobs.schemas import JOB_ID, JobFields, JobRequest, JobState
from painterly.orders.record import Record, read_record
from painterly.settings.bucket_layout import WEB, record_key
from painterly.storage.base import Entry, ObjectError, Store, UnavailableError
from painterly.storage.document import Document, load, store

_QUEUE, _DONE = f"{WEB}/queue/", f"{WEB}/done/"
PREVIEWS = f"{WEB}/previews"
KEPT = f"{WEB}/kept"  # what is known of photos that are not ordered yet
KEPT_S = 3600  # seconds in which they can be ordered
REQUESTS = f"{WEB}/requests"  # the job of each Idempotency-Key
_ID = re.compile(JOB_ID)
_DELETED = ".deleted.json"
DAY_S = 86_400
TRIAL = f"{WEB}/trial/"
UNFIT = "the storage has no {what}, which the web service needs for its jobs"
NO_LOCKS = (
    "the disk of {folder} cannot lock files, which the web service needs for its jobs; choose a "
    "folder on another disk"
)
_CONDITIONS, _ETAGS = (
    "conditional writes (If-None-Match, If-Match)",
    "ETags (or only in some answers)",
)


class StoredJob(JobFields):
    """A job as it is stored."""

    photo_key: str  # key in the bucket of the photos; see jobs/photo_files
    # Key there of the clip whose first frame the photo is; None for a photo.
    source_key: str | None = None
    # Key of the photo's mask there; None if all of the photo is painted.
    mask_key: str | None = None
    size: tuple[int, int]  # height and width of the photo in px
    named_style: bool  # whether `style` names a style of the style bucket, not a blend
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
    callback: str | None = None  # the address that gets the job once it has ended
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
    def stored_key(self) -> str:
        """The key of the file that is painted: the photo, or the clip."""
        return self.source_key or self.photo_key

    @property
    def painted_key(self) -> str:
        """The key that what is painted has for its results, which are this job's alone."""
        return f"{self.id}/{self.stored_key.rpartition('/')[2]}"

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


def oldest_kept(keep_days: int | None) -> str:
    """Return the start of the oldest id of ended jobs that are kept."""
    return id_at(time.time() - DAY_S * keep_days) if keep_days else ""


class Queue(NamedTuple):
    """A listing of the queue."""

    # The ids of unfinished jobs, oldest first, with the ETags of their objects.
    jobs: dict[str, str]
    deleted: set[str]  # the ids of jobs that are deleted, and not gone yet


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
        key = f"{TRIAL}{new_id()}.json"
        try:
            try:
                first = self._bucket.write_if(key, b"1", None)
            except UnavailableError:
                raise
            except ObjectError:
                self._bucket.write(key, b"0")  # Raises the same error if it is not the condition's.
                if self._bucket.path(key):
                    return NO_LOCKS.format(folder=self._bucket.name)
                return UNFIT.format(what=_CONDITIONS)
            stored = self._bucket.find(key)
            if first is None or stored is None or stored.etag == stored.dated:
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
        listed = Queue({}, set())
        for entry in self._bucket.list(_QUEUE):
            with contextlib.suppress(ObjectError):  # In a folder: it was deleted since.
                if name := _name(entry, _QUEUE):
                    listed.jobs[name] = entry.etag
                elif name := _name(entry, _QUEUE, _DELETED):
                    listed.deleted.add(name)
        return listed

    def queued(self) -> Iterable[tuple[str, str]]:
        """List the ids of unfinished jobs, oldest first, with the ETags of their objects."""
        return self.queue().jobs.items()

    def ended(self, after: str = "") -> Iterator[str]:
        """List the ids of ended jobs, oldest first.

        Args:
            after: The ids come after this one, or after others that begin with it.
        """
        listed = self._bucket.list(_DONE, _DONE + after)
        return (name for entry in listed if (name := _name(entry, _DONE)))

    def read(self, job: str) -> tuple[StoredJob, str] | None:
        """Read an unfinished job and the ETag of its object; None if there is no such job."""
        try:
            document, etag = load(self._bucket, f"{_QUEUE}{job}.json")
        except ObjectError:
            return None
        stored = _parsed(document)
        return (stored, etag) if stored and etag else None

    def read_ended(self, job: str) -> StoredJob | None:
        """Read a job that has ended; None if there is no such job."""
        stored = self._ended(job)
        if stored and stored.state == JobState.DONE:
            with contextlib.suppress(ObjectError):
                painted = read_record(self._bucket, stored.record_key)
                return stored.model_copy(update={"painted": painted})
        return stored

    def _ended(self, job: str) -> StoredJob | None:
        try:
            return _parsed(load(self._bucket, f"{_DONE}{job}.json")[0])
        except ObjectError:
            return None

    def create(self, job: StoredJob) -> str | None:
        """Add a job. Return its ETag, or None if its id exists."""
        return self.replace(job, None)

    def replace(self, job: StoredJob, etag: str | None) -> str | None:
        """Store a version over the one with an ETag. Return the new ETag, or None if another
        process has changed the job."""
        return store(self._bucket, f"{_QUEUE}{job.id}.json", job.model_dump(mode="json"), etag)

    def end(self, job: StoredJob) -> bool:
        """Store how a job ended, without its callback. Return False if another process has done
        so."""
        end = job.model_copy(update={"callback": None})
        first = self._bucket.write_if(f"{_DONE}{job.id}.json", end.to_bytes(), None) is not None
        if first:
            self._on_end(job)
        self.leave_queue(job.id)
        return first

    def delete(self, job: str) -> None:
        """Note that a job is deleted, by its id, for the processes that carry it out."""
        self._bucket.write(f"{_QUEUE}{job}{_DELETED}", b"{}")

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


def keys_of_job(job: str) -> tuple[str, str]:
    """Return what the keys of a job's own objects begin with, by its id: those in the queue, the
    one of its deletion among them, and the one of its end."""
    return f"{_QUEUE}{job}.", f"{_DONE}{job}."


def is_id(name: str) -> bool:
    """Return whether a name is the id of a job or a kept photo."""
    return bool(_ID.fullmatch(name))


def is_there(bucket: Store, name: str) -> bool:
    """Return whether a job or a kept photo exists in the result bucket and is not deleted, by its
    id. Raises StorageError."""
    if bucket.find(f"{_QUEUE}{name}{_DELETED}"):
        return False
    return any(bucket.find(f"{start}{name}.json") for start in (_QUEUE, _DONE, f"{KEPT}/"))


def _name(entry: Entry, prefix: str, ending: str = ".json") -> str:
    name = entry.key.removeprefix(prefix).removesuffix(ending)
    return name if is_id(name) else ""


def _parsed(document: Document | None) -> StoredJob | None:
    try:
        return StoredJob.model_validate(document)
    except ValidationError:
        return None
