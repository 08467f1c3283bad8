"""A worker's hold on a job: claimed by a conditional write, renewed by a thread, given up or lost.

No clocks are compared. A worker that wants the job of another one watches its object: if that
has not changed for LEASE_S, the other worker has died.
"""

import threading
import time
from typing import Any

from painterly.errors import StorageError
from painterly.jobs.schemas import JobState
from painterly.jobs.store import JobStore, StoredJob
from painterly.log import WarningLog
from painterly.orders.record import now

RENEW_S = 3.0
LEASE_S = 20.0  # several renewals, and a short outage of the storage
MOST_CRASHES = 5  # worker deaths in one job, without a step in between


class JobInterrupted(BaseException):
    """The painting ends before its last step. No error handler catches this, because the picture
    has no error."""


class Cancelled(JobInterrupted):
    """The cancellation of the job was requested."""


class LeaseLost(JobInterrupted):
    """Another worker has the job now, or it has ended."""


class JobClaimer:
    """Finds free jobs and claims them for one worker."""

    def __init__(self, store: JobStore, owner: str, dead_owner: str | None = None) -> None:
        """Args:
        store: The jobs in the bucket.
        owner: The name of this worker.
        dead_owner: The name of a worker known to have died.
        """
        self._store, self._owner, self._dead_owner = store, owner, dead_owner
        # Versions of jobs by id and ETag, and since when they have been in the queue.
        self._unchanged_since: dict[tuple[str, str], float] = {}

    def claim_next(self) -> "Lease | None":
        """Claim the oldest free job; return None if there is none. End free jobs that were
        cancelled or that killed too many workers. Raises StorageError."""
        asked, before, self._unchanged_since = time.monotonic(), self._unchanged_since, {}
        queued = [*self._store.queued()]
        moment = time.monotonic()
        # While the storage is unavailable or slow, other workers cannot renew their claims either.
        if moment - asked >= LEASE_S / 2:
            before = {}
        self._unchanged_since = {version: before.get(version, moment) for version in queued}
        for (job_id, etag), since in self._unchanged_since.items():
            if lease := self._claimed(job_id, etag, moment - since):
                return lease
        return None

    def _claimed(self, job_id: str, listed: str, unchanged_s: float) -> "Lease | None":
        stored = self._store.read(job_id)
        if stored is None:
            return None
        job, etag = stored
        held = job.owner not in (None, self._owner, self._dead_owner)
        if held and (unchanged_s < LEASE_S or etag != listed):  # Or it was renewed since.
            return None
        if self._store.read_ended(job_id):  # Its worker died before it deleted this.
            self._store.leave_queue(job_id)
            return None
        # Otherwise two claims of one worker could have the same content, and the same ETag.
        crashes = job.crashes
        if job.state == JobState.PAINTING and job.owner not in (None, self._owner):
            crashes = 1 if job.step > job.crashed_at else crashes + 1
        job = job.changed(
            owner=self._owner,
            state=JobState.PAINTING,
            started=job.started or now(),
            crashes=crashes,
            crashed_at=job.step,
        )
        claimed = self._store.replace(job, etag)
        if claimed is None:
            return None
        lease = Lease(self._store, job, claimed)
        if job.cancel:
            lease.end(state=JobState.CANCELLED)
            return None
        if crashes >= MOST_CRASHES:
            reason = f"the worker died {crashes} times while painting it; try a smaller size"
            lease.end(state=JobState.FAILED, error=reason)
            return None
        return lease


class Lease:
    """A claimed job. `keep` begins to renew it; all other methods may be called from any thread."""

    def __init__(self, store: JobStore, job: StoredJob, etag: str) -> None:
        self._store, self.job, self._etag = store, job, etag
        self._lock = threading.RLock()  # Held during requests, so painting never takes it.
        self._news: dict[str, Any] = {}  # Every renewal stores them. Replaced as a whole.
        self._ended, self._renew_now = threading.Event(), threading.Event()
        self._reason: type[JobInterrupted] | None = None

    def keep(self) -> None:
        """Renew in a thread until the job ends."""

        def renewing() -> None:
            warnings = WarningLog()
            while not self._ended.is_set():
                self._renew_now.wait(RENEW_S)
                self._renew_now.clear()
                try:
                    self.renew()
                except StorageError as error:  # The next renewal may succeed, in time or not.
                    warnings.warn(f"job {self.job.id}: {error}")

        threading.Thread(target=renewing, daemon=True, name="lease").start()

    def update(self, **news: Any) -> None:
        """Set fields that the next renewal stores. The first step beyond those of earlier workers
        is stored at once, so that a crash after it does not count as one without progress."""
        known = max(self.job.step, self._news.get("step", 0))  # Stored, or about to be.
        self._news = self._news | news
        if known <= self.job.crashed_at < news.get("step", 0):
            self._renew_now.set()

    def cancel(self) -> None:
        """Cancel the job at once: this instance received the request."""
        self._reason = self._reason or Cancelled

    def check(self) -> None:
        """Raise Cancelled or LeaseLost if painting has to end."""
        if self._reason:
            raise self._reason

    def renew(self) -> None:
        """Store what has changed, or find out that the job was cancelled or lost. Raises
        StorageError."""
        with self._lock:
            if self._ended.is_set() or self._reason is LeaseLost:
                return
            job = self.job.changed(**self._news)
            etag = self._store.replace(job, self._etag)
            if etag is None:
                self._handle_conflict()
            else:
                self.job, self._etag = job, etag

    def confirm(self) -> None:
        """Make sure that the job still belongs to this worker. Raises LeaseLost, Cancelled,
        StorageError."""
        self.renew()
        self.check()

    def give_back(self) -> None:
        """Return the job to the queue. Raises StorageError."""
        self.stop_renewing()
        with self._lock:
            free = {"owner": None, "state": JobState.QUEUED}
            job = self.job.changed(**{**self._news, **free})
            if self._store.replace(job, self._etag) is None:
                self._handle_conflict()
                if self._reason is not LeaseLost:
                    self._store.replace(self.job.changed(**free), self._etag)

    def end(self, **how: Any) -> None:
        """Store how the job ended. Raises StorageError."""
        self.stop_renewing()
        with self._lock:
            ended = {"owner": None, "finished": now(), "seconds_left": None}
            self.job = self.job.changed(**{**self._news, **ended, **how})
            self._store.end(self.job)

    def stop_renewing(self) -> None:
        """Stop renewing. The job stays as it is stored."""
        self._ended.set()
        self._renew_now.set()

    def _handle_conflict(self) -> None:
        stored = self._store.read(self.job.id)
        if stored is None or stored[0].owner != self.job.owner:
            self._reason = LeaseLost
            return
        self.job, self._etag = stored
        if self.job.cancel:
            self.cancel()
