"""`./start.sh web`: the web service."""

import argparse
import os
import sys
from collections.abc import Sequence

from styletransfer.cli.app import new_parser, run_service

EXIT_CODES = """\
BUCKET_* and all else are as for ./start.sh; WEB_* and PORT say where it listens and
who may use it (docs/web.md).

exit codes: 0 stopped, 2 wrong configuration, 5 storage unreachable or access refused"""

WORKER = (sys.executable, "-m", "styletransfer.cli.web")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is stopped; returns its exit code."""
    parser = new_parser(
        "./start.sh web", "Paints from a browser: serves a page and an API.", notes=EXIT_CODES
    )
    # How the web process starts its worker.
    for name in ("--owner", "--gone", "--pipe"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)

    def run(environment: dict[str, str]) -> int:
        from styletransfer import config

        loaded = config.load(environment, demo_settings={})
        if args.owner:
            from styletransfer.web.worker import work

            # Unbuffered: a thread that waits for a message must not hold the lock of a buffer.
            with os.fdopen(int(args.pipe), "wb") as to_web, open(0, "rb", 0, closefd=False) as web:
                return work(loaded, args.owner, args.gone, (web, to_web))
        from styletransfer.web.options import load_options
        from styletransfer.web.serve import serve

        return serve(loaded, load_options(environment, loaded.demo), WORKER)

    return run_service(parser.prog, run)


if __name__ == "__main__":
    sys.exit(main())
