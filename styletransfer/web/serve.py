"""The web process: the application, served until a signal comes."""

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

CLOSING_S = 3  # after a signal, for answers under way; a platform waits ten
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
    event(f"serving on http://{options.host}:{options.port}", event="serving", port=options.port)
    try:
        server.run()
    except SystemExit:  # uvicorn has logged why.
        raise ConfigError(
            f"nothing can be served on {options.host}, port {options.port}, which may be taken; "
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
    """Ends the streams of events first, which would otherwise last as long as their readers."""

    service: Service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.service.close()
        super().handle_exit(sig, frame)
