"""Callbacks: POST requests with a job that has ended, to the address that its request named."""

import secrets
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from logging import WARNING
from typing import TypeVar

from painterly.errors import StorageError
from painterly.jobs.address import ROOT
from painterly.jobs.index import job_out
from painterly.jobs.schemas import ApiError
from painterly.jobs.store import JobStore, StoredJob
from painterly.log import event
from painterly.storage.retry import logged_storage_errors
from painterly.words.webhook import (
    ADDRESS_SYNTAX,
    WebhookError,
    check_public,
    deliver,
    parse_address,
    post,
)

PAUSES_S = (5.0, 30.0)  # before each further attempt
PATIENCE_S = 900.0  # for all of them, if the host asks for longer pauses
# After this, another process that began to send a callback has sent it, given up, or died.
TAKEN_OVER_S = PATIENCE_S + 60.0
STORAGE_PAUSE_S = 10.0
CLOSING_S = 1.0
_Value = TypeVar("_Value")


def check_callback(address: str | None, hosts: Collection[str]) -> None:
    """Raise ApiError for a callback that is not an address, or on a host that WEB_CALLBACK_HOSTS
    does not allow."""
    if address is None:
        return
    parts = parse_address(address)
    if parts is None:
        raise ApiError(422, f"callback is wrong; expected {ADDRESS_SYNTAX}")
    if parts.hostname not in hosts:
        raise ApiError(
            422,
            f"callbacks to {parts.hostname} are not allowed here; whoever runs this service adds "
            "the host to WEB_CALLBACK_HOSTS",
        )
    try:
        check_public(parts)
    except WebhookError as error:
        raise ApiError(422, f"no callback can be sent: {error}") from None


class _ClosedError(Exception):
    """The process is about to end."""


class Callbacks:
    """Sends jobs that have ended to their callbacks, whichever process has ended them.

    The stored end of a job keeps its callback until that was sent, or given up. A process writes
    its own name next to it before it sends, over the version that it has read, so that only one
    does. If another one has died since, its callbacks are sent after TAKEN_OVER_S. Thread-safe.
    """

    def __init__(self, store: JobStore, secret: str | None) -> None:
        """Args:
        store: The jobs in the bucket.
        secret: The key that signs callbacks, if there is one.
        """
        self._store, self._secret = store, secret
        self._name = secrets.token_hex(8)
        self._threads: dict[str, threading.Thread] = {}  # by job
        self._lock, self._closed = threading.Lock(), threading.Event()

    def send(self, job: StoredJob) -> None:
        """Send a job that has ended in a thread, if it has a callback. Failures are only
        logged."""
        with self._lock:
            if job.callback is None or job.id in self._threads or self._closed.is_set():
                return
            thread = threading.Thread(target=self._run, args=(job,), daemon=True)
            self._threads[job.id] = thread
        thread.start()

    def close(self) -> None:
        """Begin no further attempt. Other processes send what is unsent."""
        self._closed.set()

    def stop(self) -> None:
        """Close, and wait until others know that they may send."""
        self.close()
        deadline = time.monotonic() + CLOSING_S
        with self._lock:
            threads = [*self._threads.values()]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, job: StoredJob) -> None:
        try:
            with suppress(_ClosedError):
                self._send(job.id)
        finally:
            with self._lock:
                del self._threads[job.id]

    def _send(self, job_id: str) -> None:
        claimed = self._claimed(job_id)
        if claimed is None:
            return
        job, etag = claimed
        try:
            self._deliver(job)
        except _ClosedError:
            with logged_storage_errors(f"job {job_id}: its callback is sent later"):
                self._store.replace_unsent(job.changed(caller=None), etag)
            raise
        sent = job.changed(callback=None, caller=None)
        self._when_stored(partial(self._store.replace_unsent, sent, etag))

    def _claimed(self, job_id: str) -> tuple[StoredJob, str] | None:
        """Return a job with this process as its caller, and the ETag; None once it was sent. Wait
        while another process may be sending it. Raises _ClosedError."""
        waited = ""  # for this version
        while stored := self._when_stored(partial(self._store.read_unsent, job_id)):
            job, etag = stored
            if job.caller == self._name:  # The answer to the request below was lost.
                return job, etag
            if job.caller is not None and etag != waited:
                waited = etag
                self._rest(TAKEN_OVER_S)
                continue
            job = job.changed(caller=self._name)
            if claimed := self._when_stored(partial(self._store.replace_unsent, job, etag)):
                return job, claimed
        return None

    def _deliver(self, job: StoredJob) -> None:
        ROOT.set(job.root)
        content = job_out(job).model_dump(mode="json", by_alias=True)
        assert job.callback is not None
        deliver(
            partial(post, job.callback, content, public_only=True, secret=self._secret),
            lambda why: event(f"job {job.id}: no callback was sent: {why}", level=WARNING),
            PAUSES_S,
            PATIENCE_S,
            self._rest,
        )

    def _when_stored(self, request: Callable[[], _Value]) -> _Value:
        """Send a request to the storage until it succeeds. Raises _ClosedError."""
        while True:
            try:
                return request()
            except StorageError:  # The index reports it.
                self._rest(STORAGE_PAUSE_S)

    def _rest(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise _ClosedError
