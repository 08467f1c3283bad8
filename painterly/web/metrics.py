"""Metrics of the web service, in Prometheus' format.

Counters count what this process and its worker have done: the sum over all instances counts each
job once.
"""

import threading
from contextlib import suppress

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from painterly.jobs.schemas import JobState, Preset
from painterly.jobs.store import StoredJob

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BOUNDS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """The counters of a process, and its gauges. Thread-safe."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._scrape = threading.Lock()  # Another scrape's gauges would be cleared in between.
        self._queue = Gauge("painterly_queue_jobs", "Unfinished jobs", ["state"], registry=registry)
        self._ended = Counter("painterly_jobs_ended", "Ended jobs", ["state"], registry=registry)
        self._seconds = Histogram(
            "painterly_job_seconds",
            "Seconds that a finished picture took to paint",
            ["preset"],
            buckets=_BOUNDS_S,
            registry=registry,
        )
        self._ready = Gauge("painterly_ready", "Whether jobs are painted", registry=registry)
        self._device = Gauge("painterly_device_info", "Device", ["device"], registry=registry)
        self._errors = Counter("painterly_storage_errors", "Storage errors", registry=registry)
        self._memory = Gauge(
            "painterly_memory_bytes", "Resident memory", ["process"], registry=registry
        )
        for state in JobState:  # Otherwise the first job would be no increase.
            if state.final:
                self._ended.labels(state.value)
        for preset in Preset:
            self._seconds.labels(preset.value)

    def job_ended(self, job: StoredJob) -> None:
        """Count a job that has ended."""
        self._ended.labels(job.state.value).inc()
        if job.painted and job.painted.seconds is not None:
            self._seconds.labels(job.preset.value).observe(job.painted.seconds)

    def storage_failed(self) -> None:
        """Count a failure of the storage."""
        self._errors.inc()

    def text(
        self, queue: tuple[int, int], ready: bool, device: str | None, worker: int | None
    ) -> bytes:
        """Return all metrics, with the numbers of jobs that wait, and of those that are painted,
        and the process id of the worker, if there is one."""
        with self._scrape:
            for state, count in zip((JobState.QUEUED, JobState.PAINTING), queue, strict=True):
                self._queue.labels(state.value).set(count)
            self._ready.set(ready)
            self._device.clear()
            if device is not None:
                self._device.labels(device).set(1)
            self._memory.clear()
            for name, pid in {"web": None, "worker": worker}.items():
                if name == "web" or pid is not None:
                    with suppress(psutil.Error):  # It has just ended.
                        self._memory.labels(name).set(psutil.Process(pid).memory_info().rss)
            return generate_latest(self._registry)
