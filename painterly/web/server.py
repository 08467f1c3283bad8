"""The HTTP server: its socket, and its limits on connections."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import HANDLED_SIGNALS

from painterly.errors import ConfigError
from painterly.signals import stop_signals

CLOSING_S = 3  # after a signal, for unfinished answers, while the worker saves its work
MAX_HEADERS = 16_384  # bytes
HEADERS_S = 30.0  # from a request's first byte, or the start of the connection, to their end
MAX_CONNECTIONS = 2000  # more than there may be pages with a stream of events
OTHER_FILES = 200  # open files of buckets, of the worker, and of forms
FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n\r\n"


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
    return listening


def server_config(app: FastAPI) -> uvicorn.Config:
    """Configure the server of an application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # The gate decides which proxies to trust.
        http=_Protocol,
        h11_max_incomplete_event_size=MAX_HEADERS,
        limit_concurrency=_allowed_connections(),
        timeout_graceful_shutdown=CLOSING_S,
    )


def _allowed_connections() -> int:
    """Return how many connections there may be, after raising the limit of open files so far if
    that is possible."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, soft - OTHER_FILES)
    return MAX_CONNECTIONS


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


class _Protocol(H11Protocol):
    """Ends connections whose headers take too long, and refuses too many. Uvicorn itself would
    count the requests of all of them only once their headers have ended."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        most, self.limit_concurrency = self.limit_concurrency, None
        if most is not None and len(self.connections) > most:
            transport.write(FULL)
            transport.close()
            return
        self._time_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._time_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._overdue:
            self._overdue.cancel()

    def _time_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            if self._overdue:
                self._overdue.cancel()
            self._overdue = None
        elif not self._overdue:
            self._overdue = self.loop.call_later(HEADERS_S, self.timeout_keep_alive_handler)
