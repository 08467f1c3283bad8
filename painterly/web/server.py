"""The HTTP server: its socket, and its limits on connections."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from painterly.errors import ConfigError
from painterly.signals import stop_signals

CLOSING_S = 3  # after a signal, for unfinished answers, while the worker saves its work
MAX_HEADERS = 16_384  # bytes
# More than there may be pages with a stream of events, and less than the files that a system lets
# a process open.
MAX_CONNECTIONS = 900


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
    logging.getLogger("uvicorn.error").addFilter(_is_reported)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # The gate decides which proxies to trust.
        http="h11",
        h11_max_incomplete_event_size=MAX_HEADERS,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_S,
    )


def _is_reported(record: logging.LogRecord) -> bool:
    """Return whether a log record is written: not the traceback of an answer that a stop ends."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


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
