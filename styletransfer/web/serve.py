"""The web process: the application, served until a signal comes."""

import logging
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from styletransfer.config import Config
from styletransfer.errors import ConfigError
from styletransfer.log import event
from styletransfer.web.app import create_app
from styletransfer.web.options import WebOptions
from styletransfer.web.service import Service

CLOSING_S = 3  # after a signal, for answers under way, while the worker saves its work
LONGEST_HEADERS = 16_384  # bytes


def serve(config: Config, options: WebOptions, worker: Sequence[str]) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. worker: the command that starts the worker.
    Raises ConfigError for a port that is taken, and for buckets that cannot be opened."""
    app = create_app(config, options, worker)
    server = _Server(server_config(app, options))
    service = server.service = app.state.service

    def end() -> None:
        server.should_exit = True

    service.on_error = end
    try:
        server.run()
    except SystemExit:
        raise ConfigError(
            f"nothing can be served on {options.host}, port {options.port}{server.reason}; "
            "set WEB_HOST or WEB_PORT"
        ) from None
    if service.error:
        raise service.error
    return 0


def server_config(app: FastAPI, options: WebOptions) -> uvicorn.Config:
    """How an application is served."""
    return uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # Who is believed is the gate's to decide.
        http="h11",
        h11_max_incomplete_event_size=LONGEST_HEADERS,
        timeout_graceful_shutdown=CLOSING_S,
    )


class _Server(uvicorn.Server):
    """Logs when it listens. Closes the service as soon as a signal comes: streams of events would
    last as long as their readers. reason: why it cannot listen, in brackets."""

    service: Service
    reason = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        def keep(record: logging.LogRecord) -> bool:
            if not isinstance(record.msg, OSError):
                return True
            # As "[Errno 98] error while attempting to bind on address (…): address already in use".
            self.reason = f" ({record.getMessage().rpartition(': ')[2].rpartition('] ')[2]})"
            return False

        log = logging.getLogger("uvicorn.error")
        log.addFilter(keep)
        try:
            await super().startup(sockets)
        finally:
            log.removeFilter(keep)
        host, port = self.config.host, self.config.port
        host = f"[{host}]" if ":" in host else host  # IPv6
        event(f"serving on http://{host}:{port}", event="serving", port=port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.service.close()
        super().handle_exit(sig, frame)
