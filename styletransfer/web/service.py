"""What the routes of one application share."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from styletransfer.bucket_layout import WEB
from styletransfer.config import Config
from styletransfer.errors import StyleTransferError
from styletransfer.web.board import Board
from styletransfer.web.catalogue import Catalogue
from styletransfer.web.estimates import Estimates
from styletransfer.web.options import WebOptions
from styletransfer.web.orders import Orders, check_limits
from styletransfer.web.places import WebBuckets, open_buckets
from styletransfer.web.results import Results
from styletransfer.web.sessions import SESSION_S, Session, Sessions, Tries
from styletransfer.web.stored import JobStore
from styletransfer.web.supervisor import Supervisor

MOST_UPLOADS = 24  # that are taken at once; a few of them are in memory
LOGGED_OUT = f"{WEB}/logged-out"  # under this, sessions that have ended before their time
_ENDED = re.compile("([0-9a-f]{1,16})-([0-9a-f]{40})")  # when, and the digest of which


_Part = TypeVar("_Part")


def _once(make: "Callable[[Service], _Part]") -> "cached_property[_Part]":
    """A cached property that two threads do not make at once."""

    def locked(service: "Service") -> _Part:
        with service.opening:
            parts = vars(service)
            if make.__name__ not in parts:
                parts[make.__name__] = make(service)
            made: _Part = parts[make.__name__]
            return made

    return cached_property(locked)


class Service:
    """The parts of the web process. What opens buckets, which takes a moment, is made when it is
    first used: the process answers before."""

    def __init__(self, config: Config, options: WebOptions, worker: Sequence[str]) -> None:
        """worker: the command that starts the worker; empty: another process has one. Raises
        ConfigError for settings that no order may have."""
        # Or else every order that names no size of its own would be refused.
        check_limits(config.settings, "STYLE_")
        self.config, self.options = config, options
        self.sessions, self.tries = Sessions(options, config.account.secret or ""), Tries()
        self.uploads, self.in_memory = asyncio.Semaphore(MOST_UPLOADS), asyncio.Semaphore(4)
        self.estimates = Estimates()
        self.supervisor = Supervisor(worker, self.hear) if worker else None
        self.opening = threading.RLock()
        self.error: StyleTransferError | None = None  # that keeps the service from starting
        self._closed = False
        self.on_error: Callable[[], None] = lambda: None

    @_once
    def buckets(self) -> WebBuckets:
        account = replace(self.config.account, hurried=True)
        return open_buckets(replace(self.config, account=account))

    @_once
    def board(self) -> Board:
        return Board(JobStore(self.buckets.result), self.estimates)

    @_once
    def catalogue(self) -> Catalogue:
        return Catalogue(self.buckets.style, self.config)

    @_once
    def orders(self) -> Orders:
        return Orders(self.config, self.options, self.buckets, self.board, self.catalogue)

    @_once
    def results(self) -> Results:
        return Results(self.buckets.result)

    def start(self) -> None:
        """Begins to open the buckets, to look at them, and to keep a worker: in a thread, as boto3
        alone takes as long to load as all else."""
        threading.Thread(target=self._start, daemon=True, name="start").start()

    def _start(self) -> None:
        try:
            self._open()
        except StyleTransferError as error:  # The configuration's: storage is asked later.
            self.error = error
            self.on_error()

    def _open(self) -> None:
        self.board.on_work = self._announce
        if self.sessions.needed:
            self.board.now_and_then = self._read_logged_out
        if self._closed:  # It was stopped before all was open.
            return
        self.board.start()
        if self.supervisor:
            self.supervisor.start()

    def close(self) -> None:
        """Ends all streams, and asks the worker to save its work and end."""
        self._closed = True
        if "board" in vars(self):
            self.board.close()
        if self.supervisor:
            self.supervisor.ask_to_stop()

    def stop(self) -> None:
        """As `close`, and waits for the worker's end."""
        self.close()
        if self.supervisor:
            self.supervisor.stop()

    def log_out(self, session: Session) -> None:
        """Ends a session, here and in other instances. Raises StorageError."""
        ended = self.sessions.end(session)
        self.buckets.result.write(f"{LOGGED_OUT}/{int(time.time()):x}-{ended}", b"ended")

    def _read_logged_out(self) -> None:
        for entry in [*self.buckets.result.list(f"{LOGGED_OUT}/")]:
            found = _ENDED.fullmatch(entry.key.rpartition("/")[2])
            if found is None:  # Not of this service.
                continue
            if int(found[1], 16) < time.time() - SESSION_S:  # The cookie is too old by itself.
                self.buckets.result.delete(entry.key)
            else:
                self.sessions.know_ended([found[2]])

    @property
    def problem(self) -> str | None:
        """Why no jobs are taken and painted; None: they are."""
        return self.board.problem or (self.supervisor.problem if self.supervisor else "") or None

    def _announce(self) -> None:
        if self.supervisor:
            self.supervisor.send("look")

    def hear(self, message: dict[str, Any]) -> None:
        """Takes what the worker says."""
        match message:
            case {"kind": "step", "job": job, **news}:
                self.board.progress(job, **news)
            case {"kind": "preview", "job": job}:
                self.board.has_preview(job)
            case {"kind": "speed", "rate": rate, "device": device}:
                self.estimates.expect(rate, device)
            case {"kind": "changed"}:
                self.board.look()


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Shared = Annotated[Service, Depends(_service)]
