"""Callbacks: POST requests with a job that has ended, to the address that its request named."""

import threading
from collections.abc import Collection
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
    """Raise ApiError for a callback that is not an address, or on a host that is not allowed.

    Args:
        address: The address, if the request has one.
        hosts: The hosts that WEB_CALLBACK_HOSTS allows.
    """
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


def send_callback(job: StoredJob, secret: str | None) -> None:
    """Send an ended job to its callback, if it has one, in a thread. Failures are only logged.

    Args:
        job: The job.
        secret: The key that signs it, if there is one.
    """
    if job.callback is not None:
        threading.Thread(target=_send, args=(job, job.callback, secret), daemon=True).start()


def _send(job: StoredJob, address: str, secret: str | None) -> None:
    ROOT.set(job.root)
    content = job_out(job).model_dump(mode="json", by_alias=True)
    deliver(
        partial(post, address, content, public_only=True, secret=secret),
        lambda why: event(f"job {job.id}: no callback was sent: {why}", level=WARNING),
        PAUSES_S,
        PATIENCE_S,
    )
