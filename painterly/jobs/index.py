"""In-memory index of all jobs: their states, what has changed, and how long they will take.

A thread polls the bucket. Changes made by this instance and its worker are visible at once. A
stream gets the latest state of each job that changed, not every state in between.
"""

import statistics
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from logging import WARNING

from painterly.engine.schedule import total_work
from painterly.errors import StorageError
from painterly.jobs.address import own
from painterly.jobs.presets import INSTANT_SIZES, LONGEST_INSTANT_S
from painterly.jobs.schemas import RECIPE_PRESETS, JobFields, JobLinks, JobOut, JobState, Preset
from painterly.jobs.store import JobStore, StoredJob
from painterly.log import WarningLog, event, log_trace
from painterly.orders.stored_records import now
from painterly.settings.settings import Settings
from painterly.storage.base import UnavailableError

BUSY_S, IDLE_S = 1.0, 5.0  # seconds between polls of a busy and of an idle queue
ENDED_S = 30.0  # seconds between listings of the ended jobs
MAX_ENDED = 200  # ended jobs kept in memory
UNREAD = "the jobs have not been read yet"
_READERS = 8  # threads that read jobs
REMEMBERED = 9  # jobs; their median counts
OWN_RATES = RECIPE_PRESETS  # presets that take other times
USUAL_PHOTO = (3000, 4000)  # height and width in px, if only the settings are known
_PROGRESS = {"step", "steps", "fraction", "seconds_left"}


def job_out(job: StoredJob, place: int | None = None, seconds: float | None = None) -> JobOut:
    """Return a job as the API shows it.

    Args:
        job: The job.
        place: Its place in the queue, if it has not ended.
        seconds: The seconds until it is done, if they are known.
    """
    address = own(f"/api/jobs/{job.id}")
    return JobOut(
        **job.model_dump(include=JobFields.model_fields.keys() - {"seconds_left"}),
        place=place,
        seconds_left=None if seconds is None else round(seconds, 1),
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


class JobIndex:
    """All unfinished jobs, and the latest that have ended. Thread-safe.

    Attributes:
        estimates: Learns from each job that ended.
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
    ) -> None:
        """Args:
        store: The jobs in the bucket.
        on_work: Is called when jobs wait.
        on_outage: Is called when the bucket cannot be polled.
        """
        self._store, self._on_work, self._on_outage = store, on_work, on_outage
        self.estimates = Estimates()
        self._jobs: dict[str, StoredJob] = {}
        self._etags: dict[str, str] = {}  # unfinished jobs only
        self._version, self._changed_in = 0, dict[str, int]()  # the version that changed each job
        self._lock = threading.RLock()
        self._asked = threading.Event()
        self.problem: str | None = UNREAD
        self.unfit: str | None = None
        self.complete = self.closed = False
        self._ended_read, self._warnings = 0.0, WarningLog()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="job index")

    # --- reading --------------------------------------------------------------------------------

    def all(self) -> list[JobOut]:
        """Return all jobs in memory, newest first."""
        with self._lock:
            return [self.view(self._jobs[each]) for each in sorted(self._jobs, reverse=True)]

    def stored(self, job_id: str) -> StoredJob | None:
        """Return a job, also one that ended long ago; None if unknown. Raises StorageError."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None and (queued := self._store.read(job_id)):  # Of another instance.
            self.add(*queued)
            job = queued[0]
        # Read last: a job that ends now is here before it leaves the queue.
        return job or self._store.read_ended(job_id)

    def view(self, job: StoredJob) -> JobOut:
        """Return a job as the API shows it."""
        place: int | None = None
        seconds: float | None = None
        with self._lock:
            if job.id in self._etags:
                queue = self._queue()
                painting = sum(self._jobs[each].state == JobState.PAINTING for each in queue)
                at = queue.index(job.id)
                place = max(0, at - painting + 1)
                seconds = self._sum_of_seconds(queue[: at + 1] if place else [job.id])
        return job_out(job, place, seconds)

    def counts(self) -> tuple[int, int]:
        """Count the jobs that wait and those that are being painted."""
        with self._lock:
            states = [self._jobs[each].state for each in self._etags]
        return states.count(JobState.QUEUED), states.count(JobState.PAINTING)

    def seconds_left(self) -> float | None:
        """Estimate the seconds until the whole queue is painted; None if unknown."""
        with self._lock:
            return self._sum_of_seconds(self._queue())

    def changes(self, since: int | None = None) -> tuple[int, list[JobOut]]:
        """List what has changed, for an event stream.

        Args:
            since: The version that the last call returned; None lists all unfinished jobs.

        Returns:
            The version of the index, and the jobs in the order of their creation.
        """
        with self._lock:
            changed: Iterable[str] = self._etags
            if since == self._version:  # As most of the time.
                changed = []
            elif since is not None:
                versions = self._changed_in.items()
                changed = [each for each, version in versions if version > since]
            jobs = [self.view(self._jobs[each]) for each in sorted(changed) if each in self._jobs]
            return self._version, jobs

    # --- changing -------------------------------------------------------------------------------

    def create(self, job: StoredJob) -> bool:
        """Store a new job. Return False if its id exists. Raises StorageError."""
        etag = self._store.create(job)
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

    def progress(self, job_id: str, **news: float | None) -> None:
        """Update the job that this instance's worker paints.

        Args:
            job_id: The job.
            news: `step`, `steps`, `fraction` and `seconds_left` as in JobOut.
        """
        with self._lock:
            job = self._jobs.get(job_id)
            if job and not job.state.final:
                update = {**news, "state": JobState.PAINTING}
                self._jobs[job_id] = job.model_copy(update=update)
                begins = job.state != JobState.PAINTING  # So that the others move up.
                self._mark(self._queue() if begins else [job_id])

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
            known = dict(self._etags)  # Before the listing: a job added since then still exists.
        queued = dict(self._store.queued())
        new = [(job, etag) for job, etag in queued.items() if known.get(job) != etag]
        ended = [job for job in known if job not in queued]
        lists_ended = not self._ended_read or time.monotonic() - self._ended_read > ENDED_S
        if lists_ended:
            latest = [*self._store.ended()][-MAX_ENDED:]
            with self._lock:
                ended += [each for each in latest if each not in self._jobs]
        with ThreadPoolExecutor(_READERS) as pool:
            for stored in pool.map(lambda job: self._store.read(*job), new):
                if stored:
                    with self._lock:
                        self._put(*stored)
            for job_id, job in zip(ended, pool.map(self._store.read_ended, ended), strict=True):
                self._put_ended(job_id, job)
        if lists_ended:
            self._ended_read = time.monotonic()
        self.complete = True
        with self._lock:
            for job_id in sorted(self._jobs.keys() - self._etags.keys())[:-MAX_ENDED]:
                self._forget(job_id)

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
            else:  # It was deleted.
                self._forget(job_id)

    def _put(self, job: StoredJob, etag: str) -> None:
        """Add a version of a job. An ended job has an empty ETag."""
        before = self._jobs.get(job.id)
        if before and before.state.final:
            return
        # A version that is no newer was read before this instance's worker sent its progress.
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
            self.estimates.add_measurement(job)
        if news:
            self._mark([*(self._queue() if moved else []), job.id])

    def _forget(self, job_id: str) -> None:
        for jobs in (self._jobs, self._etags, self._changed_in):
            jobs.pop(job_id, None)

    def _mark(self, changed: Iterable[str]) -> None:
        self._version += 1
        self._changed_in |= dict.fromkeys(changed, self._version)

    # --- the queue ------------------------------------------------------------------------------

    def _queue(self) -> list[str]:
        """List the ids of unfinished jobs in the order in which they are painted."""
        return sorted(
            self._etags, key=lambda job_id: (self._jobs[job_id].state == JobState.QUEUED, job_id)
        )

    def _sum_of_seconds(self, jobs: Iterable[str]) -> float | None:
        """Estimate the seconds that some jobs take together; None if unknown."""
        left = [self._seconds(self._jobs[each]) for each in jobs]
        known = [each for each in left if each is not None]
        return sum(known) if len(known) == len(left) else None

    def _seconds(self, job: StoredJob) -> float | None:
        if job.state == JobState.PAINTING and job.seconds_left is not None:
            return job.seconds_left
        return self.estimates.seconds(job.work, job.preset)


class Estimates:
    """Seconds per work (schedule.py): the median of recent jobs on the device of the latest one, or
    else the worker's own measurement. Presets of OWN_RATES have their own: the CPU paints instant
    pictures in any case, and a step of a plug-in takes longer. The first picture of a worker is
    left out. Thread-safe."""

    def __init__(self) -> None:
        # By device, and by preset for OWN_RATES.
        self._rates = defaultdict[str | None, deque[float]](lambda: deque(maxlen=REMEMBERED))
        self._measured: float | None = None
        self._measured_instant: float | None = None
        self._latest: tuple[str, str | None] = ("", None)  # finished when, on which device
        self._lock = threading.Lock()

    def set_calibration(self, rate: float, device: str) -> None:
        """Set a worker's own measurement on its device, in seconds per work."""
        with self._lock:
            self._measured, self._latest = rate, (now(), device)

    def set_instant_calibration(self, rate: float) -> None:
        """Set a worker's own measurement of instant pictures, in seconds per work."""
        with self._lock:
            self._measured_instant = rate

    def add_measurement(self, job: StoredJob) -> None:
        """Add the time of a finished job."""
        if job.state == JobState.DONE and job.seconds and job.work and not job.cold:
            has_own = job.preset in OWN_RATES
            with self._lock:
                self._rates[job.preset if has_own else job.device].append(job.seconds / job.work)
                if not has_own and (job.finished or "") >= self._latest[0]:
                    self._latest = job.finished or "", job.device

    def seconds(self, work: float, preset: Preset) -> float | None:
        """Estimate the seconds for some work in a preset; None if nothing is known yet."""
        with self._lock:
            has_own = preset in OWN_RATES
            rates = self._rates[preset if has_own else self._latest[1]]
            measured = None if has_own else self._measured
            if preset == Preset.INSTANT:
                measured = self._measured_instant
            rate = statistics.median(rates) if rates else measured
            return None if rate is None else rate * work

    def instant_side(self, settings: Settings) -> int:
        """Return the longer side in px of instant pictures: the largest of INSTANT_SIZES that takes
        LONGEST_INSTANT_S at most by the worker's own measurement, or else the smallest.

        Args:
            settings: Settings of preset `instant`.
        """
        rate = self._measured_instant
        for side in INSTANT_SIZES:
            work = total_work(*USUAL_PHOTO, settings.replaced({"size": side}))
            if rate is not None and rate * work <= LONGEST_INSTANT_S:
                return side
        return INSTANT_SIZES[-1]
