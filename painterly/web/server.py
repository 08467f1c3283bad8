"""The HTTP server: its socket, its limits on connections, and its log."""

import asyncio
import logging
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import HANDLED_SIGNALS

from painterly.errors import ConfigError
from painterly.log import WarningLog, log_trace
from painterly.signals import stop_signals

CLOSING_S = 3  # after a signal, for unfinished answers, while the worker saves its work
MAX_HEADERS = 16_384  # bytes
HEADERS_S = 10.0  # in which a connection has to send the headers of its next request
STUCK_S = 60.0  # in which a client has to take the part of an answer that waits for it
UNSENT = 131_072  # bytes that the system takes for a connection before they are sent
# More than there may be pages with a stream of events, and less than the files that a system lets
# a process open.
MAX_CONNECTIONS = 900
AT_ONCE = 30  # connections that give way together: to look for one takes milliseconds


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address. Raises ConfigError if it cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0].lower()
        raise ConfigError(
            f"nothing can be served on {host}, port {port} ({reason}); set WEB_HOST or WEB_PORT"
        ) from None
    # Otherwise the body of each answer waits 40 ms for the acknowledgement of its headers: asyncio
    # sets this only for sockets that were created with IPPROTO_TCP.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    # Otherwise the system keeps 4 MB for each client that reads nothing.
    if sys.platform != "win32":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return listening


class Connection(H11Protocol):
    """A connection that ends if its client lets it wait for headers, or for room to send. One
    without a request gives way to a new one if there are too many, with others: the oldest of the
    host that has most."""

    _headers_end: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    @property
    def host(self) -> str:
        """The address that has connected."""
        return self.client[0] if self.client else ""

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.begun = self.loop.time()
        # Writing is paused until the system has taken everything.
        transport.set_write_buffer_limits(0)
        self._await_headers()
        if len(self.connections) < MAX_CONNECTIONS:
            return
        there = [each for each in self.connections if isinstance(each, Connection)]
        there = [each for each in there if not each.transport.is_closing()]
        if len(there) >= MAX_CONNECTIONS:
            idle = [each for each in there if each.is_idle and each is not self]
            many = Counter(each.host for each in there)
            for each in sorted(idle, key=lambda each: (-many[each.host], each.begun))[:AT_ONCE]:
                each.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_headers()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_headers()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(STUCK_S, self._drop)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stuck)

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._stuck)
        _cancel(self._headers_end)
        super().connection_lost(exc)

    def _drop(self) -> None:
        """End the connection without what it was still to send, which the system would keep."""
        at_once = struct.pack("ii", 1, 0)
        end = self.transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.transport.abort()

    def _await_headers(self) -> None:
        """Close the connection in a while, unless a request is under way: uvicorn waits without end
        for a first byte, for headers that have begun, and for the rest of a body that was answered
        before its end."""
        if not self.is_idle:
            _cancel(self._headers_end)
            self._headers_end = None
        elif self._headers_end is None:
            self._headers_end = self.loop.call_later(HEADERS_S, self.transport.close)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()


class _OwnLog(logging.Handler):
    """Logs what libraries have to say as the service does, and what repeats seldom: clients cause
    it as often as they like."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._warnings = WarningLog()

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return  # An answer that a stop ends.
        # A client decides what is in the text, such as the place of a wrong byte.
        kind = f"{record.pathname}:{record.lineno}"
        self._warnings.warn(f"HTTP: {record.getMessage().strip()}", kind)
        if record.exc_info and record.exc_info[1]:
            log_trace(record.exc_info[1])


def server_config(app: FastAPI) -> uvicorn.Config:
    """Configure the server of an application."""
    own = _OwnLog()
    for name in ("asyncio", "python_multipart", "uvicorn.error"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [own], False
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # The gate decides which proxies to trust.
        ws="none",
        http=Connection,
        h11_max_incomplete_event_size=MAX_HEADERS,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_S,
    )


class Server(uvicorn.Server):
    """Closes the service before the connections: event streams would last as long as their
    readers. Not while it handles a signal: a second one could interrupt that while a lock is
    held, and then wait for that lock without end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self.config.app.state.service.close)  # type: ignore[union-attr]
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let a closed terminal, too, end the service in order."""
        with super().capture_signals():
            others = [each for each in stop_signals() if each not in HANDLED_SIGNALS]
            handlers = {each: signal.signal(each, self.handle_exit) for each in others}
            try:
                yield
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
