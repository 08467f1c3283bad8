"""`./start.sh web`: the web service."""

import sys
from collections.abc import Sequence

from styletransfer.cli.app import new_parser, run_service

EXIT_CODES = """\
BUCKET_* and all else are as for ./start.sh; WEB_* and PORT say where it listens and
who may use it (docs/web.md).

exit codes: 0 stopped, 2 wrong configuration, 5 storage unreachable or access refused"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is stopped; returns its exit code."""
    parser = new_parser(
        "./start.sh web", "Paints from a browser: serves a page and an API.", notes=EXIT_CODES
    )
    parser.parse_args(arguments)

    def run(environment: dict[str, str]) -> int:
        from styletransfer import config
        from styletransfer.web.options import load_options
        from styletransfer.web.serve import serve

        loaded = config.load(environment)
        return serve(loaded, load_options(environment, loaded.demo))

    return run_service(parser.prog, run)


if __name__ == "__main__":
    sys.exit(main())
