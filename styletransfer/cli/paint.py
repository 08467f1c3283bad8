"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

import dataclasses
from collections.abc import Mapping, Sequence

from styletransfer.cli.app import new_parser, run_service

NOTES = """\
Everything else is set by variables, in the environment or in a file .env beside
this script (see .env.example). Without any, the samples are painted into ./results.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 VGG_WEIGHTS missing or damaged, 4 no GPU though asked for, 5 storage unreachable or
access refused, 143 or 130 stopped by SIGTERM or Ctrl-C; the next run resumes from a checkpoint"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the batch; returns its exit code."""
    parser = new_parser(
        "./start.sh",
        "Paints every photo in every look and uploads each result as soon as it is done.",
        notes=NOTES,
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only report what would be painted, how long it takes here, and the memory it needs",
    )
    args = parser.parse_args(arguments)

    def run(environment: Mapping[str, str]) -> int:
        from styletransfer import config
        from styletransfer.batch.run import run as run_batch

        loaded = config.load(environment)
        if args.dry_run:
            loaded = dataclasses.replace(loaded, dry_run=True)
        return run_batch(loaded)

    return run_service(parser.prog, run)
