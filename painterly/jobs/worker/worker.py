"""Paints one job after another, in the worker, and prepares what comes next while none waits."""

import functools
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from logging import DEBUG, WARNING
from typing import TYPE_CHECKING, TypeVar

from painterly.errors import PainterlyError, StorageError
from painterly.images.small import jpeg_of
from painterly.jobs.buckets import WebBuckets
from painterly.jobs.schemas import JobState, Preset
from painterly.jobs.store import PREVIEWS, JobStore, StoredJob
from painterly.jobs.worker.desk import QUIET_S, AbandonedError, Desk
from painterly.jobs.worker.lease import LEASE_S, Cancelled, JobClaimer, Lease, LeaseLost
from painterly.jobs.worker.runner import JobRunner
from painterly.jobs.worker.supervisor import Pipe
from painterly.log import WarningLog, event
from painterly.painters.failures import is_out_of_memory, reason_of
from painterly.signals import Stop, Stopped
from painterly.storage.base import Bucket, UnavailableError
from painterly.storage.retry import MAX_OUTAGE_S, logged_storage_errors
from painterly.words.wording import one_line

if TYPE_CHECKING:
    from painterly.engine.transfer import Step
    from painterly.painters.finished import PartStep

# For jobs of other instances, and of workers that have died; the web process announces its own.
LOOK_EVERY_S = LEASE_S / 2
# The seconds left are known after these first steps, and then this part of the work.
UNSTEADY, KNOWN_FROM = 5, 0.03
REPORT_EVERY_S, PREVIEW_EVERY_S = 0.3, 2.5
PREVIEW_SIDE = 640  # px
STORAGE_PAUSE_S = 5.0
TOO_LITTLE_MEMORY = "there is not enough memory; try a smaller size"
_Value = TypeVar("_Value")


class WebWorker:
    """Paints the oldest free job, then the next.

    Attributes:
        unmeasured: The presets of which it is to measure how long pictures take.
    """

    def __init__(self, desk: Desk, buckets: WebBuckets, pipe: Pipe, stop: Stop) -> None:
        self.desk, self.buckets, self.pipe, self._stop = desk, buckets, pipe, stop
        self.store = JobStore(buckets.result, lambda job: pipe.send("ended", job))
        self.unmeasured = [Preset.INSTANT, Preset.FINE]
        self._warm = set[bool]()  # Whether of preset instant, for the kinds that were painted.
        self._warnings = WarningLog()

    def serve(self, runner: JobRunner, claimer: JobClaimer) -> None:
        """Paint until a signal arrives. Raises Stopped; DeviceError if the device cannot paint."""
        device = runner.load()
        self.pipe.send("ready", device)
        looked = -math.inf  # when jobs were looked for
        desk = self.desk
        while True:
            self._stop.obey()
            desk.wake.clear()
            try:
                if desk.look.is_set() or time.monotonic() - looked >= LOOK_EVERY_S:
                    desk.look.clear()
                    if self.paint_next(runner, claimer):
                        desk.look.set()
                        continue
                    looked = time.monotonic()
                if desk.is_previewing:
                    self.wait(QUIET_S, desk.wake)
                    continue
                if self.prepare(runner, device):
                    continue
            except AbandonedError:
                continue
            except StorageError as error:
                looked = -math.inf
                self._pause(error)
                continue
            self.wait(LOOK_EVERY_S, desk.wake)

    def prepare(self, runner: JobRunner, device: str) -> bool:
        """Report how long instant pictures take, prepare one more style for previews, or report
        how long others take, and return True; return False if nothing is left to prepare. Raises
        AbandonedError as soon as someone waits for a picture, or StorageError, after which it can
        be tried again, and Stopped."""

        def check_stop() -> None:
            self._stop.obey()
            if self.desk.previews.is_busy:
                raise AbandonedError

        try:
            if Preset.INSTANT not in self.unmeasured and runner.prepare_next(check_stop):
                return True
        except (AbandonedError, StorageError):
            raise
        except Exception as error:  # The next preview reports it on the page.
            event(f"a style could not be prepared: {one_line(error)}", level=DEBUG)
            return True
        if not self.unmeasured:
            return False
        preset = self.unmeasured[0]
        try:
            self.pipe.send("speed", preset, runner.seconds_per_work(preset, check_stop), device)
        except (AbandonedError, StorageError):
            raise
        except Exception as error:  # The next job reports it on the page.
            event(f"nothing could be measured: {one_line(error)}", level=DEBUG)
        del self.unmeasured[0]
        return True

    def paint_next(self, runner: JobRunner, claimer: JobClaimer) -> bool:
        """Paint the oldest free job until it ends or is given back, and return True; return False
        if there is none. Raises StorageError, Stopped."""
        lease = claimer.claim_next()
        if lease is None:
            return False
        desk, job = self.desk, lease.job
        desk.lease, desk.alone = lease, not runner.make_room()
        if desk.alone:
            desk.previews.clear()
        confirm = functools.partial(self.when_stored, lease.confirm, MAX_OUTAGE_S)
        follower = Follower(lease, self.buckets.result, self.pipe, confirm)
        lease.keep()
        self.pipe.send("changed")
        try:
            record = runner.paint(job, follower.on_step, lease.check)
        except Cancelled:
            lease.end(state=JobState.CANCELLED)
        except LeaseLost:
            lease.stop_renewing()
            event(f"job {job.id} was taken over by another worker", level=WARNING)
        except (Stopped, UnavailableError):
            lease.give_back()
            raise
        except PainterlyError as error:
            reason = str(error).removeprefix(f"{job.painted_key}: ")
            lease.end(state=JobState.FAILED, error=reason)
        except Exception as error:
            if is_out_of_memory(error):
                lease.end(state=JobState.FAILED, error=TOO_LITTLE_MEMORY)
                raise
            lease.end(state=JobState.FAILED, error=reason_of(error))
        else:
            lease.end(state=JobState.DONE, cold=not self._is_warm(job), painted=record)
        finally:
            desk.lease, desk.alone = None, False
            follower.close()
            self.pipe.send("changed")
        return True

    def _is_warm(self, job: StoredJob) -> bool:
        """Return whether this process has painted a job of this kind before: the first one waits
        for TensorFlow, or for networks."""
        kind = job.preset == Preset.INSTANT
        was_warm = kind in self._warm
        self._warm.add(kind)
        return was_warm

    def when_stored(self, request: Callable[[], _Value], patience_s: float) -> _Value:
        """Send a request to the storage until it answers. Raises UnavailableError after
        `patience_s` seconds, Stopped."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return request()
            except UnavailableError as error:
                if time.monotonic() > deadline:
                    raise
                self._pause(error)

    def _pause(self, error: StorageError) -> None:
        self._warnings.warn(str(error))
        self.pipe.send("outage")
        self.wait(STORAGE_PAUSE_S, threading.Event())

    def wait(self, seconds: float, end: threading.Event) -> None:
        """Wait for an event. Raises Stopped."""
        deadline = time.monotonic() + seconds
        # In short waits: Python handles a signal between this thread's own steps.
        while not end.wait(min(0.2, seconds)) and time.monotonic() < deadline:
            self._stop.obey()


class Follower:
    """Reports each step to the web process and the bucket, and stores previews."""

    def __init__(
        self, lease: Lease, bucket: Bucket, pipe: Pipe, confirm: Callable[[], None]
    ) -> None:
        """Args:
        lease: The claimed job.
        bucket: The result bucket.
        pipe: The connection to the web process.
        confirm: Makes sure, before the result is stored, that the job still belongs to this worker.
        """
        self._lease, self._bucket, self._pipe = lease, bucket, pipe
        self._confirm, self._warnings = confirm, WarningLog()
        self._key = f"{PREVIEWS}/{lease.job.id}.jpg"
        self._pool = ThreadPoolExecutor(1)
        self._stored: Future[None] | None = None
        self._reported = self._previewed = 0.0
        # When its steps became steady here, and how much was done then.
        self._steady: tuple[float, float] | None = None
        self._seen = 0  # steps here

    def on_step(self, step: "Step | PartStep") -> None:
        """Handle a step. Raises Cancelled, LeaseLost, and before the result is stored also
        StorageError, Stopped."""
        self._lease.check()
        last = step.iteration == step.total
        if last:
            self._confirm()
        now = time.monotonic()
        self._seen += 1
        if self._steady is None and (self._seen >= UNSTEADY or step.total <= UNSTEADY):
            self._steady = now, step.fraction
        if last or now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            news = {
                "step": step.iteration,
                "steps": step.total,
                "fraction": round(step.fraction, 4),
                "seconds_left": self._left(now, step),
            }
            self._lease.update(**news)
            self._pipe.send("step", self._lease.job.id, news)
        busy = self._stored and not self._stored.done()
        if now - self._previewed >= PREVIEW_EVERY_S and not busy:
            self._previewed = now
            data = jpeg_of(step.image, PREVIEW_SIDE)
            self._stored = self._pool.submit(self._store, data)

    def _left(self, now: float, step: "Step | PartStep") -> float | None:
        """Return the seconds until it is done, from how long the part has taken that was done in
        steady steps; None while that part is too small to say much. Before it, TensorFlow starts
        and an earlier worker may have painted."""
        if step.fraction >= 1:
            return 0.0
        if self._steady is None:
            return None
        since, done = self._steady
        part = step.fraction - done
        return round((now - since) * (1 - step.fraction) / part, 1) if part >= KNOWN_FROM else None

    def close(self) -> None:
        """Delete the preview."""
        self._pool.submit(self._delete)
        self._pool.shutdown(wait=False)

    def _store(self, data: bytes) -> None:
        try:
            self._bucket.write(self._key, data, "image/jpeg")
        except StorageError as error:
            self._warnings.warn(f"no preview: {error}")

    def _delete(self) -> None:
        with logged_storage_errors("a preview could not be deleted"):  # It is deleted later.
            self._bucket.delete(self._key)
