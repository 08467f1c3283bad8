"""The web process: the application, served until a signal arrives."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from styletransfer.config import Config
from styletransfer.errors import ConfigError
from styletransfer.log import event
from styletransfer.web.app import create_app
from styletransfer.web.options import WebOptions

CLOSING_S = 3  # after a signal, for unfinished answers, while the worker saves its work
MAX_HEADERS = 16_384  # bytes


def serve(config: Config, options: WebOptions, worker: Callable[..., int] | None) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: The configuration.
        options: The options of the service.
        worker: As in `create_app`.

    Returns:
        The exit code.

    Raises:
        ConfigError: The port cannot be used, or a bucket cannot be opened.
    """
    host, port = options.host, options.port
    ip6 = ":" in host
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ip6 else socket.AF_INET
        )
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0].lower()
        raise ConfigError(
            f"nothing can be served on {host}, port {port} ({reason}); set WEB_HOST or WEB_PORT"
        ) from None
    with listening:
        app = create_app(config, options, worker)
        address = f"http://{f'[{host}]' if ip6 else host}:{port}"
        event(f"serving on {address}", event="serving", port=port)
        _Server(server_config(app)).run([listening])
    return 0


def server_config(app: FastAPI) -> uvicorn.Config:
    """Configure the server of an application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # The gate decides which proxies to trust.
        http="h11",
        h11_max_incomplete_event_size=MAX_HEADERS,
        timeout_graceful_shutdown=CLOSING_S,
    )


class _Server(uvicorn.Server):
    """Closes the service as soon as a signal arrives: event streams would last as long as their
    readers."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.service.close()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)
