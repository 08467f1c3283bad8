"""The deletion of jobs with all that they have left in the buckets, and of uploaded paintings, some
time after it was asked for: until then it can be taken back.

A mark in the bucket names a job or a painting to delete, so that no closed page and no restart
loses it. Each process counts the time since it has first seen a mark, and no clocks are compared.
Whichever comes first notes in the mark that it begins; if it is killed, another one begins again.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from painterly.errors import StorageError
from painterly.gallery.gallery import Gallery
from painterly.gallery.thumbnails import picture_key, thumbnail_key
from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.index import JobIndex
from painterly.jobs.schemas import not_found
from painterly.jobs.store import PREVIEWS, JobStore, StoredJob, keys_of_job, mark_key
from painterly.log import WarningLog, event, log_trace
from painterly.orders.record import read_records
from painterly.settings.bucket_layout import CHECKPOINTS, PAGE, RECORDS
from painterly.storage.base import Bucket, ObjectError, Store
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import plural

UNDO_S = 20.0  # seconds in which a deletion can be taken back
GRACE_S = 5.0  # more: the request that takes it back may be on its way
CANCELLED_S = 3600.0  # seconds after which a cancelled job is deleted, as an unused photo is
DECIDED_S = 10.0  # the greatest age of a listing: marks may have changed here since then
_TRIES = 4  # to write a mark that other processes change
_BEGUN, _TAKEN_BACK = b"begun", b"taken back"  # what a mark may hold; any other one waits


class Marks:
    """The marks of jobs to delete. Methods raise StorageError."""

    def __init__(self, bucket: Bucket) -> None:
        """Args:
        bucket: The result bucket.
        """
        self._bucket = bucket

    def add(self, job: str) -> bool:
        """Mark a job by its id, or mark it again: its time then begins again. Return False if its
        deletion has begun."""
        for _ in range(_TRIES):
            content, etag = self._read(job)
            if content == _BEGUN:
                return False
            # No two marks are equal, so that a process that counts the time recognises this one.
            if self._bucket.write_if(mark_key(job), uuid4().hex.encode(), etag) is not None:
                return True
        raise StorageError(f"the mark of job {job} cannot be written")

    def take_back(self, job: str) -> bool:
        """Remove the mark of a job. Return False if it has none, or its deletion has begun."""
        for _ in range(_TRIES):
            content, etag = self._read(job)
            if content is None or content == _BEGUN:
                return False
            if self._bucket.write_if(mark_key(job), _TAKEN_BACK, etag) is not None:
                self._bucket.delete(mark_key(job))
                return True
        raise StorageError(f"the mark of job {job} cannot be removed")

    def begin(self, job: str, etag: str) -> bool:
        """Note that the deletion of a job begins. Return False if it may not: the mark has changed,
        or was taken back."""
        content, latest = self._read(job)
        if content == _TAKEN_BACK:  # Its process was killed before it removed this.
            self._bucket.delete(mark_key(job))
        if content in (None, _TAKEN_BACK) or latest != etag:
            return False
        return self._bucket.write_if(mark_key(job), _BEGUN, etag) is not None

    def _read(self, job: str) -> tuple[bytes | None, str | None]:
        with suppress(ObjectError):  # It was removed since.
            if entry := self._bucket.find(mark_key(job)):
                etag = entry.etag  # Before the content, or it may belong to a later one.
                return self._bucket.read(mark_key(job)), etag
        return None, None


class Deletions:
    """Marks jobs, and carries out in a thread what marks ask for."""

    def __init__(
        self,
        buckets: WebBuckets,
        store: JobStore,
        jobs: JobIndex,
        cancel: Callable[[str], object],
    ) -> None:
        self._buckets, self._store, self._marks = buckets, store, Marks(buckets.result)
        self._jobs, self._cancel = jobs, cancel
        # Marks by id and ETag, and since when they have been there.
        self._since: dict[tuple[str, str], float] = {}
        self._marked = set[str]()  # the latest listing of the marks
        # Whether paintings were marked here, by their marks, and when.
        self._decided: dict[str, tuple[bool, float]] = {}
        self._thread: threading.Thread | None = None
        self._closed, self._warnings = threading.Event(), WarningLog()

    def ask(self, job_id: str, *, with_photo: bool = False) -> list[str]:
        """Ask for the deletion of a job, or once more: its time then begins again. One that is not
        finished is cancelled. Return the ids of all jobs to delete, those with the same photo, too,
        if asked. Raises ApiError if there is no such job; StorageError."""
        job = self._jobs.stored(job_id)
        if job is None:
            is_there = self._store.read(job_id) or self._store.read_ended(job_id)
            if is_there and job_id in self._jobs.deleted() and self._marks.add(job_id):
                return [job_id]
            raise not_found("job")
        asked = [job_id, *(self._with_same_photo(job) if with_photo else ())]
        for each in asked:
            if (stored := self._jobs.stored(each)) and not stored.state.final:
                self._cancel(each)
            self._marks.add(each)
            self._jobs.hide(each)
        return asked

    def take_back(self, job_id: str) -> StoredJob:
        """Take the deletion of a job back. Raises ApiError if it is gone, StorageError."""
        self._marks.take_back(job_id)
        job = self._jobs.show_again(job_id)
        if job is None:
            raise not_found("job, or it is gone")
        return job

    def ask_painting(self, name: str) -> None:
        """Ask for the deletion of an uploaded painting, or once more: its time then begins again.
        Raises ApiError if its deletion has begun, StorageError."""
        if not self._marks.add(painting_mark(name)):
            raise not_found("painting")
        self._decided[painting_mark(name)] = True, time.monotonic()

    def take_painting_back(self, name: str) -> bool:
        """Take the deletion of a painting back. Return False if it was not asked for, or has begun.
        Raises StorageError."""
        mark = painting_mark(name)
        self._decided.pop(mark, None)
        if taken := self._marks.take_back(mark):
            self._decided[mark] = False, time.monotonic()
        return taken

    def is_leaving(self, name: str) -> bool:
        """Return whether the deletion of a painting was asked for."""
        mark = painting_mark(name)
        is_marked, at = self._decided.get(mark, (False, 0.0))
        if at and time.monotonic() - at < DECIDED_S:
            return is_marked
        return mark in self._marked

    def _with_same_photo(self, job: StoredJob) -> list[str]:
        """Return the ids of the other jobs with the photo of a job. Each has its own copy."""
        source, found = self._buckets.source, set[str]()
        try:
            photo = source.read(job.photo_key)
        except ObjectError:
            return []
        for entry in [*source.list()]:
            with suppress(ObjectError):  # It was deleted since.
                if entry.size == len(photo) and source.read(entry.key) == photo:
                    found.add(entry.key.partition("/")[0])
        return [each for each in sorted(found - {job.id}) if self._jobs.stored(each)]

    def watch(self, marks: Mapping[str, str]) -> None:
        """Carry out the deletions that are due, and mark the jobs that were cancelled long ago.

        Args:
            marks: The latest listing of the marks, as `store.Queue`.
        """
        now, self._marked = time.monotonic(), {*marks}
        self._since = {mark: self._since.get(mark, now) for mark in marks.items()}
        due = {job: etag for (job, etag), at in self._since.items() if now - at >= UNDO_S + GRACE_S}
        over = time.time() - CANCELLED_S
        left = [job.id for job in self._jobs.cancelled() if _ended_at(job) < over]
        is_busy = self._thread and self._thread.is_alive()
        if (due or left) and not is_busy and not self._closed.is_set():
            self._thread = threading.Thread(target=self._run, args=(due, left), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Begin no further deletion. Other processes carry out what is left."""
        self._closed.set()

    def _run(self, due: Mapping[str, str], left: list[str]) -> None:
        try:
            for job in left:
                self._marks.add(job)
            self.carry_out(due)
        except StorageError as error:  # Tried again with the next listing.
            self._warnings.warn(f"jobs are deleted later: {error}")
        except Exception as error:
            if self._warnings.warn(f"unexpected {type(error).__name__}: {error}"):
                log_trace(error)

    def carry_out(self, due: Mapping[str, str]) -> None:
        """Delete jobs and paintings whose time is over, by the ids in their marks, with the ETags
        of these, unless that was taken back, or they are still painted or needed. Raises
        StorageError."""
        gone = []
        paintings = {painting_mark(each.key): each.key for each in self._buckets.style.uploads()}
        needed = self._jobs.needed_paintings()
        for job, etag in due.items():
            painting = paintings.get(job)
            # One that is painted leaves the queue after its current step: it was cancelled.
            is_used = painting in needed if painting else self._store.read(job)
            if self._closed.is_set() or is_used or not self._marks.begin(job, etag):
                continue
            if painting:
                delete_painting(self._buckets, painting)
            elif ended := self._store.read_ended(job):
                delete_parts(self._buckets, ended)
            gone.append(job)
        if gone:
            renew_page(self._buckets.result, gone)
        for job in gone:
            # Last, so that a killed process is followed by another one.
            delete_versions(self._buckets.result, *reversed(keys_of_job(job)))
        if gone:
            jobs = [each for each in gone if each not in paintings]
            named = (plural(len(jobs), "job"), plural(len(gone) - len(jobs), "painting"))
            event(f"deleted {named[0]} with all pictures, and {named[1]}", event="deleted")


def _ended_at(job: StoredJob) -> float:
    """Return when a job ended, in seconds since 1970."""
    return datetime.fromisoformat(job.finished).timestamp() if job.finished else time.time()


def painting_mark(name: str) -> str:
    """Return the id of an uploaded painting in its mark. It has the length of a job's id."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def delete_painting(buckets: WebBuckets, name: str) -> None:
    """Delete an uploaded painting with its pictures in the gallery. Raises StorageError."""
    buckets.style.delete(name)
    pictures = (key_of("paintings", name) for key_of in (picture_key, thumbnail_key))
    delete_versions(buckets.result, *pictures)


def delete_parts(buckets: WebBuckets, job: StoredJob) -> None:
    """Delete all that a job has left but the job itself. Raises StorageError."""
    delete_versions(buckets.source, f"{job.id}/")
    delete_versions(buckets.unfinished, f"{CHECKPOINTS}/{job.style}/{job.id}/")
    delete_versions(buckets.result, *_prefixes(job))


def _prefixes(job: StoredJob) -> Iterator[str]:
    """Yield what the keys of a job's objects in the result bucket begin with. No other object is
    called so: they have its id."""
    yield f"{job.style}/{job.id}/"
    for key_of in (picture_key, thumbnail_key):
        yield key_of("photos", job.painted_key)
        if job.result:
            yield key_of("results", job.result)
    yield f"{RECORDS}/{job.style}/{job.id}/"
    yield f"{PREVIEWS}/{job.id}."
    if job.remembered_at:
        yield job.remembered_at


def renew_page(result: Store, jobs: list[str]) -> None:
    """Write the gallery of a batch again if it shows pictures of jobs that are gone: it holds small
    ones. Raises StorageError."""
    if not result.find(PAGE):
        return
    page = result.read(PAGE)
    if not any(job.encode() in page for job in jobs):
        return
    stored = {entry.key: entry for entry in result.list()}
    there = [entry for key, entry in stored.items() if key.startswith(f"{RECORDS}/")]
    records = read_records(result, there, {}, missing_ok=True).values()
    shown = [each for each in records if each and (each.error or each.result in stored)]
    gallery = Gallery(result, shown)
    gallery.mark()  # Others may have results that it lacks.
    gallery.publish()
    with logged_storage_errors(f"older versions of {PAGE} stay"):
        for version in result.versions(PAGE) or ():
            if version.key == PAGE and not version.is_current:
                result.delete_version(version)
