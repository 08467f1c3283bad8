"""The worker process: it loads TensorFlow once and paints one job after another."""

import functools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from logging import DEBUG, WARNING
from typing import TYPE_CHECKING, TypeVar

from painterly.configuration.config import Config
from painterly.errors import PainterlyError, PhotoError, StorageError
from painterly.images.small import jpeg_of
from painterly.jobs.buckets import WebBuckets, open_buckets
from painterly.jobs.schemas import JobState, Preset
from painterly.jobs.store import PREVIEWS, JobStore, StoredJob
from painterly.jobs.worker.lease import LEASE_S, Cancelled, JobClaimer, Lease, LeaseLost
from painterly.jobs.worker.previews import AbandonedError, PreviewQueue, PreviewRequest, Refusal
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
LOADED_BY_S = 20.0  # seconds after the start, until which loading gives way to previews
QUIET_S = 2.0  # seconds after the last preview before the worker loads or prepares anything
# The seconds left are known after these first steps, and then this part of the work.
UNSTEADY, KNOWN_FROM = 5, 0.03
REPORT_EVERY_S, PREVIEW_EVERY_S = 0.3, 2.5
PREVIEW_SIDE = 640  # px
STORAGE_PAUSE_S = 5.0
NO_PREVIEW = "this preview could not be painted; the log has the reason"
TOO_LITTLE_MEMORY = "there is not enough memory; try a smaller size"
NICENESS = 5  # keeps the pages responsive while every core paints
_Value = TypeVar("_Value")


def work(config: Config, pipe: Pipe, owner: str, gone: str | None) -> int:
    """Paint until the web process ends or a signal arrives: Stopped. `owner` and `gone` are as in
    `JobClaimer`. Raises PainterlyError if the service cannot paint."""
    if hasattr(os, "nice"):  # Windows has none.
        os.nice(NICENESS)
    with Stop() as stop:
        worker = WebWorker(open_buckets(config), pipe, stop)
        threading.Thread(target=worker.listen, daemon=True).start()
        runner = worker.when_stored(
            lambda: JobRunner(config, worker.buckets, stop, worker.give_way), math.inf
        )
        worker.serve(runner, JobClaimer(worker.store, owner, gone))
    return 0


class WebWorker:
    """Paints the oldest free job, then the next.

    Attributes:
        lease: The lease of the job that is painted; None between jobs.
        alone: Whether that job leaves no memory for previews.
        previews: The pictures that requests wait for.
        unmeasured: The presets of which it is to measure how long pictures take.
    """

    def __init__(self, buckets: WebBuckets, pipe: Pipe, stop: Stop) -> None:
        self.buckets, self.pipe, self._stop = buckets, pipe, stop
        self.store = JobStore(buckets.result, lambda job: pipe.send("ended", job))
        self.lease: Lease | None = None
        self._wake = threading.Event()
        self._look = threading.Event()  # There may be a job.
        self._asked = threading.Event()  # There may be a preview.
        self.alone = False
        self._previewed = -math.inf  # when the latest preview was painted
        self.previews = PreviewQueue(self._refuse_preview)
        self._started = time.monotonic()
        self.unmeasured = [Preset.INSTANT, Preset.FINE]
        self._warm = set[bool]()  # Whether of preset instant, for the kinds that were painted.
        self._warnings = WarningLog()

    def listen(self) -> None:
        """Handle the messages of the web process; when it ends, end this one."""
        while (message := self.pipe.receive()) is not None:
            lease = self.lease
            if message[0] == "cancel" and lease and lease.job.id == message[1]:
                lease.cancel()
            if message[0] == "forget":
                self.previews.forget(message[1])
            elif message[0] == "preview":
                if self.alone:
                    self._refuse_preview(message[1].number)
                else:
                    self.previews.add(message[1])
                    self._asked.set()
            else:
                self._look.set()
            self._wake.set()
        if sys.platform == "win32":  # There, `os.kill` would end the process at once.
            signal.raise_signal(signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    def give_way(self) -> None:
        """Wait while previews are painted, which loading TensorFlow would slow down, and no job is
        known."""
        end = self._started + LOADED_BY_S
        while self._is_previewing() and time.monotonic() < end and self._stop.signum is None:
            if self._look.wait(0.05):
                return

    def _is_previewing(self) -> bool:
        # A page asks for the next preview in a moment.
        return self.previews.is_busy or time.monotonic() - self._previewed < QUIET_S

    def serve(self, runner: JobRunner, claimer: JobClaimer) -> None:
        """Paint until a signal arrives. Raises Stopped; DeviceError if the device cannot paint."""
        threading.Thread(
            target=self.paint_previews, args=(runner,), name="previews", daemon=True
        ).start()
        device = runner.load()  # Previews need no TensorFlow.
        self.pipe.send("ready", device)
        looked = -math.inf  # when jobs were looked for
        while True:
            self._stop.obey()
            self._wake.clear()
            try:
                if self._look.is_set() or time.monotonic() - looked >= LOOK_EVERY_S:
                    self._look.clear()
                    if self.paint_next(runner, claimer):
                        self._look.set()
                        continue
                    looked = time.monotonic()
                if self._is_previewing():
                    self.wait(QUIET_S, self._wake)
                    continue
                if self.prepare(runner, device):
                    continue
            except AbandonedError:
                continue
            except StorageError as error:
                looked = -math.inf
                self._pause(error)
                continue
            self.wait(LOOK_EVERY_S, self._wake)

    def paint_previews(self, runner: JobRunner) -> None:
        """Paint the pictures that requests wait for, also during jobs, until a signal arrives."""
        while self._stop.signum is None:
            self._asked.wait()
            self._asked.clear()
            while request := self.previews.next():
                self._previewed = time.monotonic()
                try:
                    self.paint_preview(runner, request)
                except Stopped:  # The thread of the jobs ends the process.
                    return
                self._previewed = time.monotonic()

    def paint_preview(self, runner: JobRunner, request: PreviewRequest) -> None:
        """Paint a picture that a request waits for, and send the answer. Raises Stopped."""

        def check_stop() -> None:
            self._stop.obey()
            self._previewed = time.monotonic()
            if self.alone or not self.previews.is_wanted(request.number):
                raise AbandonedError

        picture, refusal = None, None
        try:
            picture = runner.instant(request.order, check_stop)
        except AbandonedError:
            event(f"preview {request.number} was left unfinished", level=DEBUG)
        except StorageError as error:
            self._warnings.warn(str(error))
        except PainterlyError as error:
            refusal = Refusal(str(error), isinstance(error, PhotoError))
        except Exception as error:  # The next one may be another style, or there is more memory.
            refusal = Refusal(NO_PREVIEW, is_of_photo=False)
            event(f"a preview could not be painted: {one_line(error)}", level=WARNING)
        self.pipe.send("preview", request.number, picture, refusal)

    def _refuse_preview(self, number: int) -> None:
        self.pipe.send("preview", number, None, None)

    def prepare(self, runner: JobRunner, device: str) -> bool:
        """Report how long instant pictures take, prepare one more style for previews, or report
        how long others take, and return True; return False if nothing is left to prepare. Raises
        AbandonedError as soon as someone waits for a picture, or StorageError, after which it can
        be tried again, and Stopped."""

        def check_stop() -> None:
            self._stop.obey()
            if self.previews.is_busy:
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
        self.lease, job = lease, lease.job
        self.alone = not runner.make_room()
        if self.alone:
            self.previews.clear()
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
            self.lease, self.alone = None, False
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
