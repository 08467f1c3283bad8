"""The web process: the application, served until a signal comes."""

import uvicorn

from styletransfer.config import Config
from styletransfer.log import event
from styletransfer.web.app import create_app
from styletransfer.web.options import WebOptions

CLOSING_S = 5  # after a signal, for answers under way; a platform waits ten


def serve(config: Config, options: WebOptions) -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config, options),
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=CLOSING_S,
        )
    )
    event(f"serving on http://{options.host}:{options.port}", event="serving", port=options.port)
    server.run()
    return 0 if server.started else 1
