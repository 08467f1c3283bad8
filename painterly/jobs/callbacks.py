"""Callbacks: POST requests with a job that has ended, to the address that its request named. The
process that has ended it sends them, so that each is sent once at most."""

import threading
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from logging import WARNING

from painterly.jobs.address import ROOT
from painterly.jobs.index import job_out
from painterly.jobs.schemas import ApiError
from painterly.jobs.store import StoredJob
from painterly.log import event
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
    pass


class Callbacks:
    """Sends jobs that this process has ended to their callbacks. Thread-safe."""

    def __init__(self, secret: str | None) -> None:
        """`secret` is the key that signs callbacks, if there is one."""
        self._secret, self._closed = secret, threading.Event()

    def send(self, job: StoredJob) -> None:
        """Send a job that has ended in a thread, if it has a callback. Failures are only
        logged."""
        if job.callback is not None:
            threading.Thread(target=self._send, args=(job,), daemon=True).start()

    def close(self) -> None:
        """Begin no further attempt."""
        self._closed.set()

    def _send(self, job: StoredJob) -> None:
        def rest(seconds: float) -> None:
            if self._closed.wait(seconds):
                event(f"job {job.id}: its callback is lost: the service ends", level=WARNING)
                raise _ClosedError

        ROOT.set(job.root)
        content = job_out(job).model_dump(mode="json", by_alias=True)
        send = partial(post, job.callback or "", content, public_only=True, secret=self._secret)

        def failed(why: str) -> None:
            event(f"job {job.id}: no callback was sent: {why}", level=WARNING)

        with suppress(_ClosedError):
            deliver(send, failed, PAUSES_S, PATIENCE_S, rest)
