"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

import argparse
import dataclasses

from styletransfer.cli.app import run_program

EPILOG = """\
Everything else is told by variables, from the environment or a file .env beside this script
(see .env.example). Without any, the samples are painted into ./results.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 no VGG weights, 4 no GPU though asked for, 5 storage unreachable or refused,
143 or 130 stopped by SIGTERM or Ctrl-C with a checkpoint saved: the next run goes on from it"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the batch; its exit code."""
    parser = argparse.ArgumentParser(
        prog="./start.sh",
        description="Paints every photo in every look and pushes each result once it is done.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only tell what would be painted, how long it takes here, and the memory it needs",
    )
    told = parser.parse_args(arguments)

    def run(environment: dict[str, str]) -> int:
        from styletransfer import config
        from styletransfer.batch import run as batch

        loaded = config.load(environment)
        if told.dry_run:
            loaded = dataclasses.replace(loaded, dry_run=True)
        return batch.run(loaded)

    return run_program("./start.sh", run)
