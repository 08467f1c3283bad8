"""`./start.sh web`: the web service."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from styletransfer.cli.app import run_service
from styletransfer.cli.parser import new_parser
from styletransfer.signals import Stopped

if TYPE_CHECKING:
    from styletransfer.config import Config

EXIT_CODES = """\
BUCKET_* and all else are as for ./start.sh; WEB_* and PORT say where it listens and
who may use it (docs/web.md).

exit codes: 143 or 130 stopped by SIGTERM or Ctrl-C, 2 wrong configuration"""

# Variables for where it listens, and who may use it.
_VARIABLES = ("PORT", "WEB_HOST", "WEB_PASSWORD", "WEB_PUBLIC", "WEB_TOKEN", "WEB_PROXIES")
WORKER = (sys.executable, "-m", "styletransfer.cli.web")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is stopped; returns its exit code."""
    parser = new_parser(
        "./start.sh web",
        "Paints from a browser: serves a page and an API.",
        notes=EXIT_CODES,
        variables=_VARIABLES,
    )
    # How the web process starts its worker.
    for name in ("--owner", "--gone", "--pipe"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)

    def run(environment: dict[str, str]) -> int:
        from styletransfer import config

        loaded = config.load(environment, demo_settings={})
        try:
            return _work(loaded, args) if args.owner else _serve(loaded, environment)
        except Stopped as stopped:
            if args.owner:  # The web process reports it.
                return stopped.exit_code
            stopped.kept = "jobs go on with the next start"
            raise

    return run_service(parser.prog, run)


def _serve(loaded: "Config", environment: dict[str, str]) -> int:
    from styletransfer.web.options import load_options
    from styletransfer.web.serve import serve

    return serve(loaded, load_options(environment, loaded.demo), WORKER)


def _work(loaded: "Config", args: argparse.Namespace) -> int:
    from styletransfer.web.worker import work

    # Unbuffered: a thread that waits for a message must not hold the lock of a buffer.
    with os.fdopen(int(args.pipe), "wb") as to_web, open(0, "rb", 0, closefd=False) as from_web:
        return work(loaded, args.owner, args.gone, (from_web, to_web))


if __name__ == "__main__":
    sys.exit(main())
