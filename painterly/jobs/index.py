"""In-memory index of all jobs: their states, their places in the queue, and what has changed.

A thread polls the bucket. Changes made by this instance and its worker are visible at once. A
stream gets the latest state of each job that changed, not every state in between.
"""

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from logging import WARNING
from typing import NamedTuple

from painterly.errors import StorageError
from painterly.jobs.address import own
from painterly.jobs.estimates import Estimates
from painterly.jobs.schemas import (
    JobFields,
    JobLinks,
    JobOut,
    JobPlace,
    JobState,
    Preset,
    media_type,
)
from painterly.jobs.store import JobStore, StoredJob, created_at, id_at, oldest_kept
from painterly.log import WarningLog, event, log_trace
from painterly.orders.record import Record, now
from painterly.storage.base import UnavailableError

BUSY_S, IDLE_S = 1.0, 5.0  # seconds between polls of a busy and of an idle queue
ENDED_S = 30.0  # seconds between listings of the ended jobs
# An ended job may be older than the newest one by this, and have been in no listing yet: other
# instances create and end it between two polls, and their clocks differ.
LATE_S = 3600.0
MAX_ENDED = 200  # ended jobs kept in memory
MAX_DELETED = 10_000  # ids of deleted jobs kept in memory: what is listed may be some seconds old
UNREAD = "the jobs have not been read yet"
_READERS = 8  # threads that read jobs
_PROGRESS = {"step", "steps", "fraction", "seconds_left"}


def job_out(job: StoredJob, place: int | None = None, seconds: float | None = None) -> JobOut:
    """Return a job as the API shows it, with its place in the queue, if it has not ended, and the
    seconds until it is done, if they are known."""
    address, record = own(f"/api/jobs/{job.id}"), job.painted or Record()
    return JobOut(
        **job.model_dump(include=JobFields.model_fields.keys() - {"seconds_left"}),
        network=record.network,
        photo_etag=record.photo_etag,
        result_key=job.result,
        width=record.width,
        height=record.height,
        media_type=media_type(job.result) if job.result else None,
        place=place,
        seconds_left=_rounded(seconds),
        links=JobLinks(
            self=address,
            cancel=None if job.state.final else f"{address}/cancel",
            photo=f"{address}/photo",
            mask=f"{address}/mask" if job.mask_key else None,
            preview=f"{address}/preview" if place == 0 and job.step else None,
            result=f"{address}/result" if job.result else None,
            timelapse=f"{address}/timelapse" if job.timelapse else None,
        ),
    )


class Changes(NamedTuple):
    """Changes since a version of the index."""

    version: int  # the version now
    jobs: list[JobOut]  # the jobs that have changed, in the order of their creation
    places: list[JobPlace]  # the places of others that wait, if they may have changed
    deleted: list[str]  # the ids of those that are deleted


class _Queue(NamedTuple):
    """The unfinished jobs at one moment."""

    moment: tuple[int, int]  # the version of the index and the revision of the estimates
    # The place of each job and the seconds until it is done, if they are known, by its id, in the
    # order in which they are painted.
    places: Mapping[str, tuple[int, float | None]]
    seconds: float | None  # the seconds until all are done, if they are known


class JobIndex:
    """All unfinished jobs, and the latest that have ended. Thread-safe.

    Attributes:
        estimates: Learns from each job that ended.
        version: Is raised with each change.
        done: The number of jobs that were seen to be done.
        problem: The reason why the jobs cannot be read; None if they can.
        unfit: Why the bucket cannot keep jobs, or empty; None before that was tried.
        complete: Whether the bucket has been read once.
        closed: Whether the process is about to end.
    """

    def __init__(
        self,
        store: JobStore,
        on_work: Callable[[], object] = lambda: None,
        on_outage: Callable[[], None] = lambda: None,
        keep_days: int | None = None,
        on_listed: Callable[[Collection[str]], None] = lambda deleted: None,
    ) -> None:
        """Args:
        store: The jobs in the bucket.
        on_work: Is called when jobs wait.
        on_outage: Is called when the bucket cannot be polled.
        keep_days: As in `delete_leftovers`.
        on_listed: Is called after each listing with the ids of jobs that are deleted, and not gone.
        """
        self._store, self._on_work, self._on_outage = store, on_work, on_outage
        self._keep_days, self._on_listed = keep_days, on_listed
        self.estimates = Estimates()
        self._jobs: dict[str, StoredJob] = {}
        self._etags: dict[str, str] = {}  # unfinished jobs only
        self._deleted, self._leaving = dict[str, None](), set[str]()  # all; those not gone yet
        self.version = self.done = 0
        self._changed_in = dict[str, int]()  # the version that changed each job
        self._moved_in = 0  # the version that changed places in the queue
        self._queue_then = _Queue((0, 0), {}, 0.0)
        self._lock = threading.RLock()
        self._asked = threading.Event()
        self.problem: str | None = UNREAD
        self.unfit: str | None = None
        self.complete = self.closed = False
        self._listed_until = ""  # Ended jobs with ids before this need not be listed again.
        self._ended_read, self._warnings = 0.0, WarningLog()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="job index")

    # --- reading --------------------------------------------------------------------------------

    def all(self) -> list[JobOut]:
        """Return all jobs in memory, newest first."""
        with self._lock:
            shown = sorted(self._jobs.keys() - self._deleted.keys(), reverse=True)
            return [self.view(self._jobs[each]) for each in shown]

    def needed_paintings(self) -> set[str]:
        """Return the names of the paintings that jobs need which have not ended."""
        unfinished = (job for job in self.all() if not job.state.final)
        return {painting.name for job in unfinished for painting in job.paintings}

    def ended_as(self, *states: JobState) -> list[StoredJob]:
        """Return the jobs in memory that have ended so and are not deleted, newest first."""
        with self._lock:
            there = sorted(self._jobs.keys() - self._deleted.keys(), reverse=True)
            return [job for each in there if (job := self._jobs[each]).state in states]

    def deleted(self) -> frozenset[str]:
        """Return the ids of the latest deleted jobs."""
        with self._lock:
            return frozenset(self._deleted)

    def stored(self, job_id: str) -> StoredJob | None:
        """Return a job, also one that ended long ago; None if it is unknown or deleted. Raises
        StorageError."""
        with self._lock:
            if job_id in self._deleted:
                return None
            job = self._jobs.get(job_id)
        if job is None and (queued := self._store.read(job_id)):  # Of another instance.
            self.add(*queued)
            job = queued[0]
        # Read last: a job that ends now is here before it leaves the queue.
        return job or self._store.read_ended(job_id)

    def view(self, job: StoredJob) -> JobOut:
        """Return a job as the API shows it."""
        with self._lock:
            place, seconds = self._queue().places.get(job.id, (None, None))
        return job_out(job, place, seconds)

    def counts(self) -> tuple[int, int]:
        """Count the jobs that wait and those that are being painted."""
        with self._lock:
            states = [self._jobs[each].state for each in self._etags]
        return states.count(JobState.QUEUED), states.count(JobState.PAINTING)

    def seconds_left(self) -> float | None:
        """Estimate the seconds until the whole queue is painted; None if unknown."""
        with self._lock:
            return self._queue().seconds

    def retry_s(self, jobs: int = 1, unknown: int = 30) -> int:
        """Return the seconds after which one of so many waiting jobs has left, to be told to who is
        refused; `unknown` if that is not known."""
        left = self.seconds_left()
        return unknown if left is None else max(1, min(600, round(left / jobs)))

    def changes(self, since: int | None = None, *, apart: bool = False) -> Changes:
        """Return what has changed since a version, or all unfinished jobs, for an event stream.
        Jobs that have only moved in the queue are `apart` in `places`, or else in `jobs`."""
        with self._lock:
            queue, changed = self._queue().places, {*self._etags}
            moved = set[str]()
            if since is not None:
                changed = {each for each, seen in self._changed_in.items() if seen > since}
                moved = {*queue} - changed if self._moved_in > since else moved
            if not apart:
                changed, moved = changed | moved, set()
            deleted = sorted(changed & self._deleted.keys()) if since is not None else []
            shown = sorted(changed - self._deleted.keys())
            jobs = [self.view(self._jobs[each]) for each in shown if each in self._jobs]
            places = [
                JobPlace(id=each, place=place, seconds_left=_rounded(seconds))
                for each, (place, seconds) in queue.items()
                if each in moved and place
            ]
            return Changes(self.version, jobs, places, deleted)

    # --- changing -------------------------------------------------------------------------------

    def create(self, job: StoredJob) -> bool:
        """Store a new job. Return False if its id exists. Raises StorageError."""
        etag = self._store.create(job)
        if etag is not None and job.id in self._deleted:  # Its request was sent twice.
            self._store.delete(job.id)
        if etag is not None:
            self.add(job, etag)
        return etag is not None

    def add(self, job: StoredJob, etag: str) -> None:
        """Add a job that was stored just now."""
        with self._lock:
            self._put(job, etag)
        self._on_work()

    def cancel(self, job_id: str) -> StoredJob | None:
        """End a job that waits, or ask its worker to. Return it, or None if it has ended or does
        not exist. Raises StorageError."""
        while stored := self._store.read(job_id):
            job, etag = stored
            waits = job.owner is None
            state = JobState.CANCELLED if waits else job.state
            later = job.changed(cancel=True, state=state, finished=now() if waits else None)
            # First in the queue's own object, which a worker claims: one of both is refused.
            if written := self._store.replace(later, etag):
                if waits:
                    self._store.end(later)
                with self._lock:
                    self._put(later, "" if waits else written)
                return later
        if ended := self._store.read_ended(job_id):
            self._put_ended(job_id, ended)
        return None

    def hide(self, job_id: str) -> None:
        """List a job no longer: it is deleted."""
        with self._lock:
            self._leaving.add(job_id)
            if job_id not in self._deleted:
                self._deleted[job_id] = None
                self._mark(job_id, moves=True)
                if len(self._deleted) > MAX_DELETED:
                    del self._deleted[next(iter(self._deleted))]

    def progress(self, job_id: str, **news: float | None) -> None:
        """Update the job that this instance's worker paints.

        Args:
            news: `step`, `steps`, `fraction` and `seconds_left` as in JobOut.
        """
        with self._lock:
            job = self._jobs.get(job_id)
            if job and not job.state.final:
                update = {**news, "state": JobState.PAINTING}
                self._jobs[job_id] = job.model_copy(update=update)
                begins = job.state != JobState.PAINTING  # So that the others move up.
                self._mark(job_id, moves=begins)

    # --- the bucket -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to poll the bucket."""
        self._thread.start()

    def poll_now(self) -> None:
        """Poll the bucket now."""
        self._asked.set()

    def close(self) -> None:
        """End polling and all streams."""
        self.closed = True
        self._asked.set()

    def refresh(self) -> None:
        """Read what has changed in the bucket. Raises StorageError."""
        with self._lock:
            # Before the listing: a job added since then still exists.
            known, leaving = dict(self._etags), {*self._leaving}
            before = sorted(self._jobs.keys() - known.keys())
        oldest = oldest_kept(self._keep_days)
        queued, deleted = self._store.queue()
        for job_id in deleted:
            self.hide(job_id)
        with self._lock:
            for job_id in leaving - deleted:  # It is gone.
                self._leaving.discard(job_id)
                self._forget(job_id)
        self._on_listed(deleted)
        new = [job for job, etag in queued.items() if known.get(job) != etag]
        ended = [job for job in known if job not in queued]
        lists_ended = not self._ended_read or time.monotonic() - self._ended_read > ENDED_S
        if lists_ended:
            start = max(min([self._listed_until, *before[:1]]), oldest)
            latest = [*self._store.ended(start)]
            self._hide_gone([each for each in before if each >= start], {*latest, *queued})
            latest = latest[-MAX_ENDED:]
            with self._lock:
                ended += [each for each in latest if each not in self._jobs]
        with ThreadPoolExecutor(_READERS) as pool:
            for stored in pool.map(self._store.read, new):
                if stored:
                    with self._lock:
                        self._put(*stored)
            for job_id, job in zip(ended, pool.map(self._store.read_ended, ended), strict=True):
                self._put_ended(job_id, job)
        if lists_ended:
            self._ended_read = time.monotonic()
            if latest:
                self._listed_until = id_at(created_at(latest[-1]) - LATE_S)
        self.complete = True
        with self._lock:
            # They are deleted later.
            cancelled = {job.id for job in self.ended_as(JobState.CANCELLED)}
            known_ended = sorted(self._jobs.keys() - self._etags.keys() - cancelled)
            for job_id in known_ended[:-MAX_ENDED] + [e for e in known_ended if e < oldest]:
                self._forget(job_id)

    def _hide_gone(self, ended: Collection[str], there: Collection[str]) -> None:
        """Hide ended jobs that are not there any more: another instance has deleted them between
        two listings of the queue. Results outlast jobs that are older than WEB_KEEP_DAYS, which
        another clock may count otherwise."""
        old = oldest_kept(self._keep_days)
        still_kept = id_at(created_at(old) + LATE_S) if old else ""
        for job_id in ended:
            if job_id not in there and job_id > still_kept:
                self.hide(job_id)

    def _watch(self) -> None:
        while not self.closed:
            self._asked.clear()
            try:
                self.refresh()
                if self.counts()[0]:
                    self._on_work()
                if self.unfit is None:
                    self._try_storage()
                self.problem = self.unfit or None
            except StorageError as error:
                self.problem = str(error)
                self._warnings.warn(self.problem)
                self._on_outage()
            except Exception as error:  # Without this thread every job would seem to stand still.
                self.problem = f"unexpected {type(error).__name__}: {error}"
                if self._warnings.warn(self.problem):
                    log_trace(error)
            self._asked.wait(BUSY_S if any(self.counts()) else IDLE_S)

    def _try_storage(self) -> None:
        """Find out once whether the bucket can keep jobs. Raises UnavailableError."""
        try:
            self.unfit = self._store.unfit()
        except UnavailableError:
            raise
        except StorageError:  # It may be read-only. Orders fail with the reason.
            self.unfit = ""
        if self.unfit:
            event(self.unfit, level=WARNING)

    def _put_ended(self, job_id: str, job: StoredJob | None) -> None:
        with self._lock:
            if job:
                self._put(job, "")
            elif self._etags.pop(job_id, None):  # Another instance has deleted it.
                self.hide(job_id)

    def _put(self, job: StoredJob, etag: str) -> None:
        """Add a version of a job. An ended job has an empty ETag."""
        before = self._jobs.get(job.id)
        if before and before.state.final:
            return
        job = self._jobs[job.id] = merged(before, job)
        if etag and not job.state.final:
            self._etags[job.id] = etag
        else:
            self._etags.pop(job.id, None)
            self.done += job.state == JobState.DONE
            self.estimates.add_measurement(job)
        if before is None or before.model_copy(update={"revision": job.revision}) != job:
            self._mark(job.id, moves=before is None or before.state != job.state)

    def _forget(self, job_id: str) -> None:
        if job_id in self._etags:
            self._mark(job_id, moves=True)
        for jobs in (self._jobs, self._etags, self._changed_in):
            jobs.pop(job_id, None)

    def _mark(self, job_id: str, *, moves: bool) -> None:
        """Note that a job has changed, and whether others may have another place in the queue."""
        self.version += 1
        self._changed_in[job_id] = self.version
        if moves:
            self._moved_in = self.version

    # --- the queue ------------------------------------------------------------------------------

    def _queue(self) -> _Queue:
        moment = self.version, self.estimates.revision
        if self._queue_then.moment == moment:
            return self._queue_then
        jobs = sorted(
            (self._jobs[each] for each in self._etags),
            key=lambda job: (job.state == JobState.QUEUED, job.id),
        )
        rates = {preset: self.estimates.rate(preset) for preset in Preset}
        places = dict[str, tuple[int, float | None]]()
        place, total = 0, 0.0  # It is not a number once the time of one is unknown.
        for job in jobs:
            rate = rates[job.preset]
            left = 1 - (job.fraction or 0)
            seconds = math.nan if rate is None else rate * job.work * left
            if job.state == JobState.PAINTING and job.seconds_left is not None:
                seconds = job.seconds_left
            total += seconds
            waits = job.state == JobState.QUEUED
            place += waits
            until = total if waits else seconds
            places[job.id] = place if waits else 0, None if math.isnan(until) else until
        self._queue_then = _Queue(moment, places, None if math.isnan(total) else total)
        return self._queue_then


def merged(before: StoredJob | None, read: StoredJob) -> StoredJob:
    """Return a version that was read of a job with the progress that is known of it: one that is no
    newer was read before this instance's worker sent that."""
    is_older = before and (read.state == before.state or read.revision <= before.revision)
    if before is None or not is_older or read.step >= before.step:
        return read
    return read.model_copy(update=before.model_dump(include={*_PROGRESS, "state"}))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
