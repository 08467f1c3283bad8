"""What the web process knows of all jobs, and who waits to hear of it.

The bucket is asked in a thread; what this instance does itself, and what its worker says, is known
at once. Whoever listens gets the latest state of what has changed, not every state in between.
"""

import asyncio
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from fastapi.sse import format_sse_event

from styletransfer.errors import StorageError
from styletransfer.log import log_trace
from styletransfer.web.estimates import Estimates
from styletransfer.web.job_view import job_view
from styletransfer.web.lease import moment
from styletransfer.web.schemas import JobOut, JobState
from styletransfer.web.stored import JobStore, StoredJob
from styletransfer.web.warning_log import WarningLog

BUSY_S, IDLE_S = 1.0, 5.0  # between two looks at the queue, with and without jobs in it
ENDED_S = 30.0  # between two looks at the jobs that have ended
MOST_ENDED = 200  # that are kept in memory
_READERS = 8  # threads that read jobs
_PROGRESS = {"step", "steps", "fraction", "seconds_left"}


class Board:
    """The jobs, newest last. Safe to use from several threads."""

    def __init__(self, store: JobStore, estimates: Estimates) -> None:
        self._store, self._estimates = store, estimates
        self._jobs: dict[str, StoredJob] = {}
        self._etags: dict[str, str] = {}  # of those that have not ended
        self._previews: set[str] = set()
        self._lock = threading.RLock()
        self._asked = threading.Event()
        self._closed = False
        self._boot, self._version = secrets.token_hex(4), 0
        self._changes: OrderedDict[str, int] = OrderedDict()  # by job, oldest change first
        self._events: dict[str, tuple[str, bytes]] = {}
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.on_work: Callable[[], None] = lambda: None  # There is something to paint.
        self.now_and_then: Callable[[], None] = lambda: None  # For what else is in the bucket.
        self.problem: str | None = "the jobs have not been read yet"
        self._ended_read, self._warnings = 0.0, WarningLog()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="board")

    # --- what is known --------------------------------------------------------------------------

    def all(self) -> list[JobOut]:
        """All jobs that are in memory, newest first."""
        with self._lock:
            return [self._view(self._jobs[each]) for each in sorted(self._jobs, reverse=True)]

    def stored(self, job_id: str) -> StoredJob | None:
        """A job, also one that ended long ago; None where there is none. Raises StorageError."""
        with self._lock:
            found = self._jobs.get(job_id)
        if found is None and (queued := self._store.read(job_id)):  # Of another instance.
            self.add(*queued)
            found = queued[0]
        # Read last: what ends meanwhile is here before it leaves the queue.
        return found or self._store.read_ended(job_id)

    def view(self, job: StoredJob) -> JobOut:
        """A job as the API shows it."""
        with self._lock:
            return self._view(job)

    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being painted."""
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
        self.on_work()

    def cancel(self, job_id: str) -> StoredJob | None:
        """Ends a job that waits, or asks its worker to; the job, or None where it has ended, or
        there is none. Raises StorageError."""
        while found := self._store.read(job_id):
            job, etag = found
            waits = job.owner is None
            state = JobState.CANCELLED if waits else job.state
            later = job.changed(cancel=True, state=state, finished=moment() if waits else None)
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
        """What this instance's worker says of the job that it paints; values as in JobOut."""
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

    def look(self) -> None:
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
            known = dict(self._etags)  # Before the listing: what is added meanwhile is not gone.
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
                ids = [*self._store.ended()][-MOST_ENDED:]
                with self._lock:
                    unread = [each for each in ids if each not in self._jobs]
                for job_id, ended in zip(
                    unread, pool.map(self._store.read_ended, unread), strict=True
                ):
                    self._put_ended(job_id, ended)
                self._ended_read = time.monotonic()
                self.now_and_then()
        with self._lock:
            ended_ids = sorted(self._jobs.keys() - self._etags.keys())
            for job_id in ended_ids[:-MOST_ENDED]:
                self._forget(job_id)

    def _watch(self) -> None:
        while not self._closed:
            self._asked.clear()
            try:
                self.refresh()
                if self.counts()[0]:
                    self.on_work()
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
            else:  # Somebody has deleted it.
                self._forget(job_id)

    def _put(self, job: StoredJob, etag: str) -> None:
        """etag: of an object in the queue; empty for a job that has ended."""
        before = self._jobs.get(job.id)
        if before and before.state.final:
            return
        # What is no newer than the version known was read before this instance's worker spoke.
        same = before and (job.state == before.state or job.beats <= before.beats)
        if before and same and job.step < before.step:
            job = job.model_copy(update=before.model_dump(include={*_PROGRESS, "state"}))
        self._jobs[job.id] = job
        moved = before is None or before.state != job.state
        news = before is None or before.model_copy(update={"beats": job.beats}) != job
        if etag and not job.state.final:
            self._etags[job.id] = etag
        else:
            self._etags.pop(job.id, None)
            self._previews.discard(job.id)
            self._estimates.learn(job)
        if news:
            self._changed(self._queue() if moved else [], job.id)

    def _forget(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        self._etags.pop(job_id, None)
        self._changes.pop(job_id, None)
        self._events.pop(job_id, None)
        self._previews.discard(job_id)

    # --- what listeners get ---------------------------------------------------------------------

    def listen(self) -> asyncio.Event:
        """An event of the running loop that is set whenever something has changed."""
        listener = asyncio.Event()
        with self._lock:
            self._listeners[listener] = asyncio.get_running_loop()
        return listener

    def leave(self, listener: asyncio.Event) -> None:
        """Ends listening."""
        with self._lock:
            self._listeners.pop(listener, None)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def since(self, seen: str | None, job_id: str | None = None) -> tuple[str, list[bytes]]:
        """The latest change, and an event, as the bytes of a stream, for each job that has changed
        since the change `seen`, oldest change first. Without `seen`, or with that of another
        process: for all that have not ended. job_id: for this job only."""
        boot, _, number = (seen or "").partition("-")
        with self._lock:
            if boot == self._boot and number.isdecimal():
                latest = takewhile(
                    lambda each: self._changes[each] > int(number), reversed(self._changes)
                )
                changed = [*latest][::-1]
            else:
                unfinished = {job_id} if job_id else self._etags.keys()
                changed = [each for each in self._changes if each in unfinished]
            wanted = [each for each in changed if job_id in (None, each)]
            return f"{self._boot}-{self._version}", [self._event(each) for each in wanted]

    def _event(self, job_id: str) -> bytes:
        """The event of a job's latest change, the same for all who listen."""
        change = f"{self._boot}-{self._changes[job_id]}"
        if self._events.get(job_id, ("", b""))[0] != change:
            text = self._view(self._jobs[job_id]).model_dump_json(by_alias=True)
            self._events[job_id] = change, format_sse_event(data_str=text, event="job", id=change)
        return self._events[job_id][1]

    def _changed(self, jobs: Iterable[str], *more: str) -> None:
        for each in (*jobs, *more):
            self._version += 1
            self._changes[each] = self._version
            self._changes.move_to_end(each)
        self._wake()

    def _wake(self) -> None:
        for listener, loop in self._listeners.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener.set)

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
        return job_view(job, place, seconds, preview)
