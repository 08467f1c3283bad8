"""In-memory index of all jobs, with change notifications for event streams.

A thread polls the bucket. Changes made by this instance and its worker are visible at once. A
listener gets the latest state of each job that changed, not every state in between.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from styletransfer.errors import StorageError
from styletransfer.log import log_trace
from styletransfer.web.estimates import Estimates
from styletransfer.web.job_store import JobStore, StoredJob
from styletransfer.web.lease import utc_now
from styletransfer.web.schemas import JobFields, JobLinks, JobOut, JobState
from styletransfer.web.warning_log import WarningLog

BUSY_S, IDLE_S = 1.0, 5.0  # seconds between polls of a busy and of an idle queue
ENDED_S = 30.0  # seconds between listings of the ended jobs
MAX_ENDED = 200  # ended jobs kept in memory
UNREAD = "the jobs have not been read yet"
_READERS = 8  # threads that read jobs
_PROGRESS = {"step", "steps", "fraction", "seconds_left"}


@dataclass(eq=False)
class Listener:
    """An event stream.

    Attributes:
        job_id: The only job it follows; None follows all jobs.
        changed: Ids of the jobs that changed since the stream last sent them.
        woken: Set on every change, in the stream's event loop.
        loop: The event loop that the stream runs in.
    """

    job_id: str | None
    changed: set[str]
    woken: asyncio.Event
    loop: asyncio.AbstractEventLoop


class JobIndex:
    """All jobs that are unfinished or ended lately. Thread-safe."""

    def __init__(
        self, store: JobStore, estimates: Estimates, on_work: Callable[[], None] = lambda: None
    ) -> None:
        """Args:
        store: The jobs in the bucket.
        estimates: Learns from each job that ended.
        on_work: Is called when jobs wait.
        """
        self._store, self._estimates = store, estimates
        self._jobs: dict[str, StoredJob] = {}
        self._etags: dict[str, str] = {}  # unfinished jobs only
        self._previews: set[str] = set()
        self._lock = threading.RLock()
        self._asked = threading.Event()
        self._closed = False
        self._listeners: set[Listener] = set()
        self._on_work = on_work
        self.problem: str | None = UNREAD
        self.complete = False  # whether the bucket has been read once
        self._ended_read, self._warnings = 0.0, WarningLog()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="board")

    # --- what is known --------------------------------------------------------------------------

    def all(self) -> list[JobOut]:
        """Return all jobs in memory, newest first."""
        with self._lock:
            return [self._view(self._jobs[each]) for each in sorted(self._jobs, reverse=True)]

    def stored(self, job_id: str) -> StoredJob | None:
        """Return a job, also one that ended long ago; None if unknown. Raises StorageError."""
        with self._lock:
            found = self._jobs.get(job_id)
        if found is None and (queued := self._store.read(job_id)):  # Of another instance.
            self.add(*queued)
            found = queued[0]
        # Read last: a job that ends now is here before it leaves the queue.
        return found or self._store.read_ended(job_id)

    def view(self, job: StoredJob) -> JobOut:
        """A job as the API shows it."""
        with self._lock:
            return self._view(job)

    def counts(self) -> tuple[int, int]:
        """Count the jobs that wait and those that are being painted."""
        with self._lock:
            states = [self._jobs[each].state for each in self._etags]
        return states.count(JobState.QUEUED), states.count(JobState.PAINTING)

    def seconds_left(self) -> float | None:
        """Until the whole queue is painted; None while that is not known."""
        with self._lock:
            return self._waiting_s(self._queue())

    # --- what changes it ------------------------------------------------------------------------

    def add(self, job: StoredJob, etag: str) -> None:
        """A job that was stored just now."""
        with self._lock:
            self._put(job, etag)
        self._on_work()

    def cancel(self, job_id: str) -> StoredJob | None:
        """End a job that waits, or ask its worker to. Return it, or None if it has ended or does
        not exist. Raises StorageError."""
        while found := self._store.read(job_id):
            job, etag = found
            waits = job.owner is None
            state = JobState.CANCELLED if waits else job.state
            later = job.changed(cancel=True, state=state, finished=utc_now() if waits else None)
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

    def progress(
        self, job_id: str, *, step: int, steps: int, fraction: float, seconds_left: float | None
    ) -> None:
        """Update the job that this instance's worker paints; values as in JobOut."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job and not job.state.final:
                self._jobs[job_id] = job.model_copy(
                    update={
                        "step": step,
                        "steps": steps,
                        "fraction": fraction,
                        "seconds_left": seconds_left,
                        "state": JobState.PAINTING,
                    }
                )
                begins = job.state != JobState.PAINTING  # So that the others move up.
                self._changed(self._queue() if begins else [job_id])

    def has_preview(self, job_id: str) -> None:
        """This instance's worker has stored a preview."""
        with self._lock:
            if job_id in self._jobs:
                self._previews.add(job_id)
                self._changed([job_id])

    # --- the bucket -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to look at the bucket."""
        self._thread.start()

    def poll_now(self) -> None:
        """Looks at the bucket now."""
        self._asked.set()

    def close(self) -> None:
        """Ends looking, and all listening."""
        self._closed = True
        self._asked.set()
        with self._lock:
            self._wake()

    @property
    def closed(self) -> bool:
        """Whether the process is about to end."""
        return self._closed

    def refresh(self) -> None:
        """Reads what has changed in the bucket. Raises StorageError."""
        with self._lock:
            known = dict(self._etags)  # Before the listing: a job added since then still exists.
        queued = dict(self._store.queued())
        new = [(job, etag) for job, etag in queued.items() if known.get(job) != etag]
        with ThreadPoolExecutor(_READERS) as pool:
            for found in pool.map(lambda each: self._store.read(*each), new):
                if found:
                    with self._lock:
                        self._put(*found)
            gone = [job for job in known if job not in queued]
            for job_id, ended in zip(gone, pool.map(self._store.read_ended, gone), strict=True):
                self._put_ended(job_id, ended)
            if time.monotonic() - self._ended_read > ENDED_S or not self._ended_read:
                ids = [*self._store.ended()][-MAX_ENDED:]
                with self._lock:
                    unread = [each for each in ids if each not in self._jobs]
                for job_id, ended in zip(
                    unread, pool.map(self._store.read_ended, unread), strict=True
                ):
                    self._put_ended(job_id, ended)
                self._ended_read = time.monotonic()
        self.complete = True
        with self._lock:
            ended_ids = sorted(self._jobs.keys() - self._etags.keys())
            for job_id in ended_ids[:-MAX_ENDED]:
                self._forget(job_id)

    def _watch(self) -> None:
        while not self._closed:
            self._asked.clear()
            try:
                self.refresh()
                if self.counts()[0]:
                    self._on_work()
                self.problem = None
            except StorageError as error:
                self.problem = str(error)
                self._warnings.warn(self.problem)
            except Exception as error:  # Without this thread every job would seem to stand still.
                self.problem = f"unexpected {type(error).__name__}: {error}"
                if self._warnings.warn(self.problem):
                    log_trace(error)
            self._asked.wait(BUSY_S if any(self.counts()) else IDLE_S)

    def _put_ended(self, job_id: str, job: StoredJob | None) -> None:
        with self._lock:
            if job:
                self._put(job, "")
            else:  # It was deleted.
                self._forget(job_id)

    def _put(self, job: StoredJob, etag: str) -> None:
        """Add a version of a job. An ended job has an empty ETag."""
        before = self._jobs.get(job.id)
        if before and before.state.final:
            return
        # A version that is no newer was read before this instance's worker spoke.
        same = before and (job.state == before.state or job.revision <= before.revision)
        if before and same and job.step < before.step:
            job = job.model_copy(update=before.model_dump(include={*_PROGRESS, "state"}))
        self._jobs[job.id] = job
        moved = before is None or before.state != job.state
        news = before is None or before.model_copy(update={"revision": job.revision}) != job
        if etag and not job.state.final:
            self._etags[job.id] = etag
        else:
            self._etags.pop(job.id, None)
            self._previews.discard(job.id)
            self._estimates.add_measurement(job)
        if news:
            self._changed([*(self._queue() if moved else []), job.id])

    def _forget(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        self._etags.pop(job_id, None)
        self._previews.discard(job_id)

    # --- what listeners get ---------------------------------------------------------------------

    @contextmanager
    def listening(self, job_id: str | None = None) -> Iterator[Listener]:
        """Register a listener in the running event loop, at first with all unfinished jobs.

        Args:
            job_id: The only job to follow, reported at first even if it has ended.
        """
        with self._lock:
            first = {job_id} if job_id else set(self._etags)
            listener = Listener(job_id, first, asyncio.Event(), asyncio.get_running_loop())
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    @property
    def listeners(self) -> int:
        """The number of listeners."""
        return len(self._listeners)

    def news(self, listener: Listener) -> list[JobOut]:
        """Return the jobs that changed since the last call, oldest first."""
        with self._lock:
            listener.woken.clear()
            changed, listener.changed = sorted(listener.changed), set()
            return [self._view(self._jobs[each]) for each in changed if each in self._jobs]

    def _changed(self, jobs: Iterable[str]) -> None:
        changed = {*jobs}
        for each in self._listeners:
            each.changed |= changed & {each.job_id} if each.job_id else changed
        self._wake()

    def _wake(self) -> None:
        for each in self._listeners:
            if not each.loop.is_closed():
                each.loop.call_soon_threadsafe(each.woken.set)

    # --- the queue ------------------------------------------------------------------------------

    def _queue(self) -> list[str]:
        """Ids of jobs that have not ended, in the order of their painting."""
        return sorted(
            self._etags, key=lambda each: (self._jobs[each].state == JobState.QUEUED, each)
        )

    def _waiting_s(self, before: Iterable[str]) -> float | None:
        """Seconds that some jobs of the queue take together; None while that is not known."""
        left = [self._own_s(self._jobs[each]) for each in before]
        known = [each for each in left if each is not None]
        return sum(known) if len(known) == len(left) else None

    def _own_s(self, job: StoredJob) -> float | None:
        if job.state == JobState.PAINTING and job.seconds_left is not None:
            return job.seconds_left
        return self._estimates.seconds(job.work)

    def _view(self, job: StoredJob) -> JobOut:
        place: int | None = None
        seconds: float | None = None
        if job.id in self._etags:
            queue = self._queue()
            painting = sum(self._jobs[each].state == JobState.PAINTING for each in queue)
            at = queue.index(job.id)
            place = max(0, at - painting + 1)
            seconds = self._waiting_s(queue[: at + 1] if place else [job.id])
        preview = job.id in self._previews or (bool(job.step) and place == 0)
        return _view(job, place, seconds, preview)


def _view(job: StoredJob, place: int | None, seconds: float | None, preview: bool) -> JobOut:
    own = f"/api/jobs/{job.id}"
    final = job.state.final
    fields = job.model_dump(include=JobFields.model_fields.keys() - {"seconds_left"})
    return JobOut(
        **fields,
        place=None if final else place,
        seconds_left=None if final or seconds is None else round(seconds, 1),
        links=JobLinks(
            self=own,
            events=f"{own}/events",
            cancel=None if final else f"{own}/cancel",
            photo=f"{own}/photo",
            preview=f"{own}/preview" if preview and not final else None,
            result=f"{own}/result" if job.result else None,
        ),
    )
