"""The parts that all routes of an application share."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from painterly.configuration.config import Config
from painterly.configuration.web_options import WebOptions
from painterly.jobs.buckets import open_buckets
from painterly.jobs.callbacks import Callbacks
from painterly.jobs.catalogue import Catalogue
from painterly.jobs.deletion import Deletions
from painterly.jobs.index import JobIndex
from painterly.jobs.requests import OrderBook, check_limits
from painterly.jobs.store import JobStore, StoredJob
from painterly.jobs.worker.previews import Previews
from painterly.jobs.worker.supervisor import Supervisor
from painterly.web.clients import Shares
from painterly.web.events import Events
from painterly.web.lan import Lan
from painterly.web.made import Made
from painterly.web.server import MAX_CONNECTIONS
from painterly.web.sessions import Guesses, Sessions
from painterly.web.stored_pictures import JobPictures, Results

if TYPE_CHECKING:
    from painterly.web.metrics import Metrics

MAX_UPLOADS = 36  # received at once
# Uploads in memory at once: large ones, and small ones, which do not wait for these.
MAX_LARGE, MAX_SMALL = 2, 8
SMALL = 4_000_000  # bytes
MAX_CLIPS = 12  # clips that are read, one after another, or wait for that


class Service:
    """The web process: the jobs, the buckets and the worker process."""

    def __init__(
        self,
        config: Config,
        options: WebOptions,
        worker: Callable[..., int],
        lan: Lan | None = None,
    ) -> None:
        """Open the buckets. `lan` is what phones in the local network need, if the service was
        started for them. Raises ConfigError if a bucket cannot be opened, or a setting is beyond
        the limits of an order."""
        # Otherwise every order that names no size of its own would be refused.
        check_limits(config.settings, "STYLE_")
        self.config, self.options, self.lan = config, options, lan
        self.sessions = Sessions(options, config.account.secret or "")
        self.guesses = Guesses()
        self.requests = Shares(MAX_CONNECTIONS, "requests", 5)
        self.uploads, self.clips = Shares(MAX_UPLOADS, "files", 1), Shares(MAX_CLIPS, "clips", 10)
        # Otherwise small pictures, which are decoded in the same turn, would wait for many masks.
        self.reading_clip, self.reading_mask = asyncio.Semaphore(1), asyncio.Semaphore(1)
        self._large, self._small = asyncio.Semaphore(MAX_LARGE), asyncio.Semaphore(MAX_SMALL)
        account = replace(config.account, hurried=True)
        self.buckets = open_buckets(replace(config, account=account))
        self.supervisor = Supervisor(worker, self.handle_worker_message)
        self._metrics: Metrics | None = None
        self._loading_metrics = threading.Lock()
        store = JobStore(self.buckets.result, self.handle_end)
        self.callbacks = Callbacks(options.callback_secret)
        self.jobs = JobIndex(
            store,
            lambda: self.supervisor.send("look"),
            lambda: self.metrics.storage_failed(),
            options.keep_days,
            lambda deleted: self.deletions.watch(deleted),
        )
        self.deletions = Deletions(self.buckets, store, self.jobs, self.cancel, options.keep_days)
        self.events = Events(self.jobs)
        self.previews = Previews(self.supervisor)
        self.catalogue = Catalogue(self.buckets.style, config)
        self.orders = OrderBook(config, options, self.buckets, self.jobs, self.catalogue)
        self.made, self.pages = Made(), Made()  # small pictures, and the gallery's pages
        self.pictures = JobPictures(self.buckets, config.memory_limit, self.made)
        self.results = Results(self.buckets.result, self.jobs.deleted, lambda: self.jobs.done)

    def in_memory(self, *files: object) -> asyncio.Semaphore:
        """Return the places in memory for the files of a form."""
        length = sum(file.size or 0 for file in files if isinstance(file, UploadFile))
        return self._small if length <= SMALL else self._large

    def start(self) -> None:
        """Begin to poll the bucket and to keep a worker running."""
        self.jobs.start()
        self.supervisor.start()

    def close(self) -> None:
        """End all streams and what waits for the worker, and ask it to save its work and exit."""
        self.jobs.close()
        self.callbacks.close()
        self.deletions.close()
        self.supervisor.ask_to_stop()
        self.previews.give_up()

    def stop(self) -> None:
        """Close, and wait for the worker's exit."""
        self.close()
        self.supervisor.stop()

    def cancel(self, job_id: str) -> StoredJob | None:
        """Cancel a job, as `JobIndex.cancel`, and tell the worker at once."""
        job = self.jobs.cancel(job_id)
        if job:
            self.supervisor.send("cancel", job_id)
        return job

    @property
    def problem(self) -> str | None:
        """The reason why no jobs are accepted and painted; None if they are."""
        return self.jobs.problem or self.supervisor.problem or None

    @property
    def metrics(self) -> "Metrics":
        """The metrics. Their library is loaded when they are first used: the start need not wait
        for it."""
        with self._loading_metrics:
            if self._metrics is None:
                from painterly.web.metrics import Metrics

                self._metrics = Metrics()
            return self._metrics

    def handle_end(self, job: StoredJob) -> None:
        """Handle the end of a job that this instance has ended."""
        self.metrics.job_ended(job)
        self.callbacks.send(job)

    def handle_worker_message(self, message: tuple[Any, ...]) -> None:
        """Handle a message of the worker."""
        match message:
            case ("step", job, news):
                self.jobs.progress(job, **news)
            case ("speed", preset, rate, device):
                self.jobs.estimates.set_measured(preset, rate, device)
            case ("preview", number, jpeg, refusal):
                self.previews.answer(number, jpeg, refusal)
            case ("gone",):
                self.previews.give_up()
            case ("changed",):
                self.jobs.poll_now()
            case ("ended", job):
                self.handle_end(job)
            case ("outage",):
                self.metrics.storage_failed()


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(_service)]
