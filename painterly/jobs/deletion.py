"""The deletion of jobs with all that they have left in the buckets, of uploaded paintings, and of
what nobody needs any more.

An object in the bucket says that a job is deleted (jobs/store). It is listed nowhere from then on,
and whichever process sees that object deletes the rest, and the object last: if it is killed,
another process begins again.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime

from painterly.errors import StorageError
from painterly.gallery.gallery import Gallery
from painterly.gallery.thumbnails import picture_key, thumbnail_key
from painterly.jobs.buckets import WebBuckets, delete_versions
from painterly.jobs.index import JobIndex
from painterly.jobs.leftovers import CLEAN_EVERY_S, delete_leftovers
from painterly.jobs.photo_files import file_and_user, owner_of, release
from painterly.jobs.schemas import JobState, not_found
from painterly.jobs.store import PREVIEWS, JobStore, StoredJob, keys_of_job
from painterly.log import WarningLog, event, log_trace
from painterly.orders.record import read_records
from painterly.settings.bucket_layout import CHECKPOINTS, PAGE, RECORDS, RECORDS_READ
from painterly.storage.base import Entry, ObjectError, Store, UnavailableError
from painterly.storage.retry import logged_storage_errors
from painterly.words.wording import plural

CANCELLED_S = 3600.0  # seconds after which a cancelled job is deleted, as an unused photo is
# Of the jobs that are cancelled or fail in that time, the latest stay: others would fill the disk.
MOST_UNPAINTED = 25
_PIECE = 1_000_000  # bytes


class Deletions:
    """Deletes jobs, and what is left over, in a thread of the web process: a worker that is always
    painting keeps nothing from its end."""

    def __init__(
        self,
        buckets: WebBuckets,
        store: JobStore,
        jobs: JobIndex,
        cancel: Callable[[str], object],
        keep_days: int | None = None,
    ) -> None:
        """`cancel` cancels a job by its id. `keep_days` is as in `delete_leftovers`."""
        self._buckets, self._store, self._jobs = buckets, store, jobs
        self._cancel, self._keep_days = cancel, keep_days
        self.clean_at = 0.0  # the monotonic time at which leftovers are deleted next
        self._thread: threading.Thread | None = None
        self._closed, self._warnings = threading.Event(), WarningLog()

    def ask(self, job_id: str, *, with_photo: bool = False) -> list[str]:
        """Delete a job, soon. One that is not finished is cancelled first. Return the ids of all
        jobs that are deleted, those with the same photo, too, if asked. Raises ApiError if there is
        no such job; StorageError."""
        job = self._jobs.stored(job_id)
        if job is None:
            raise not_found("job")
        asked = [job_id, *(self._with_same_photo(job) if with_photo else ())]
        for each in asked:
            self._store.delete(each)
            self._jobs.hide(each)
        for each in asked:
            with logged_storage_errors(f"job {each} is cancelled later"):
                self._cancel(each)
        self._jobs.poll_now()
        return asked

    def _with_same_photo(self, job: StoredJob) -> list[str]:
        """Return the ids of the other jobs with the photo of a job, also if it was sent again."""
        source = self._buckets.source
        if (photo := source.find(job.photo_key)) is None:
            return []
        stored, same = [*source.list()], {photo.key}
        for each in stored:
            with suppress(ObjectError):  # It was deleted since.
                if owner_of(each.key) != owner_of(photo.key) and _is_same(source, photo, each):
                    same.add(each.key)
        needed = (file_and_user(each.key) for each in stored)
        users = {user for file, user in needed if file in same and user != job.id}
        return [each for each in sorted(users) if self._jobs.stored(each)]

    def watch(self, deleted: Collection[str]) -> None:
        """Delete jobs by their ids, those that were cancelled long ago, the oldest of many that are
        not painted, and leftovers, unless that is under way."""
        if not (self._thread and self._thread.is_alive()) and not self._closed.is_set():
            over = time.time() - CANCELLED_S
            ended = self._jobs.ended_as(JobState.CANCELLED, JobState.FAILED)
            late = [job for job in ended if _ended_at(job) >= over][MOST_UNPAINTED:]
            old = (job for job in ended if _ended_at(job) < over)
            late += [job for job in old if job.state == JobState.CANCELLED]
            left = [job.id for job in late]
            if deleted or left or time.monotonic() >= self.clean_at:
                run, about = self._run, ({*deleted}, left)
                self._thread = threading.Thread(
                    target=run, args=about, daemon=True, name="deletions"
                )
                self._thread.start()

    def close(self) -> None:
        """Begin no further deletion. Other processes carry out what is left."""
        self._closed.set()

    def _run(self, deleted: Collection[str], left: Collection[str]) -> None:
        try:
            for job in left:
                self._store.delete(job)
            self.carry_out(deleted)
            if time.monotonic() >= self.clean_at:
                self.clean_at = time.monotonic() + CLEAN_EVERY_S
                delete_leftovers(self._buckets, self._keep_days)
        except StorageError as error:  # Tried again with the next listing.
            self._warnings.warn(f"jobs are deleted later: {error}")
        except Exception as error:
            if self._warnings.warn(f"unexpected {type(error).__name__}: {error}"):
                log_trace(error)

    def carry_out(self, deleted: Collection[str]) -> None:
        """Delete jobs by their ids, except those that are still painted, and those that the storage
        refuses to delete. Raises StorageError."""
        gone = [job for job in deleted if self._has_left(job)]
        if gone:
            renew_page(self._buckets.result, gone)
            delete_versions(self._buckets.result, RECORDS_READ)  # It has records of theirs.
        for job in gone:
            delete_versions(self._buckets.result, *reversed(keys_of_job(job)))
        if gone:
            event(f"deleted {plural(len(gone), 'job')} with all pictures", event="deleted")

    def _has_left(self, job: str) -> bool:
        """Delete all of a job but its own objects, and return True; return False if that has to
        wait. Raises StorageError."""
        if self._closed.is_set():
            return False
        if unfinished := self._store.read(job):
            if not unfinished[0].cancel or unfinished[0].owner is None:
                self._cancel(job)  # Who deleted it was killed before it had ended.
            return False  # Its worker ends it after the current step.
        try:
            if ended := self._store.read_ended(job):
                delete_parts(self._buckets, ended)
        except UnavailableError:
            raise
        except StorageError as error:  # The others do not wait for it.
            self._warnings.warn(f"job {job} is deleted later: {error}")
            return False
        return True


def _is_same(bucket: Store, one: Entry, other: Entry) -> bool:
    """Return whether two objects have the same content: read in pieces, as many may ask at once."""
    return one.size == other.size and all(
        bucket.read_part(one.key, at, _PIECE, one) == bucket.read_part(other.key, at, _PIECE, other)
        for at in range(0, one.size, _PIECE)
    )


def _ended_at(job: StoredJob) -> float:
    return datetime.fromisoformat(job.finished).timestamp() if job.finished else time.time()


def delete_painting(buckets: WebBuckets, name: str) -> None:
    """Delete an uploaded painting with its pictures in the gallery, and itself last: whoever is
    interrupted finds it again. Raises StorageError."""
    pictures = (key_of("paintings", name) for key_of in (picture_key, thumbnail_key))
    delete_versions(buckets.result, *pictures)
    buckets.style.delete(name)
    event("deleted a painting", event="deleted")


def delete_parts(buckets: WebBuckets, job: StoredJob) -> None:
    """Delete all that a job has left but the job itself. Raises StorageError."""
    release(buckets, job.id, job.photo_key, job.source_key, job.mask_key)
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
