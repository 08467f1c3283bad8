"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable

from styletransfer.errors import StyleTransferError
from styletransfer.progress import log_to_stdout

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
        from styletransfer import batch, config

        loaded = config.load(environment)
        if told.dry_run:
            loaded = dataclasses.replace(loaded, dry_run=True)
        return batch.run(loaded)

    return exit_code("./start.sh", run)


def exit_code(program: str, run: Callable[[dict[str, str]], int]) -> int:
    """What `run` returns for the environment, its log being shown; or, once what ended it has been
    told in one line, that error's or signal's exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from styletransfer import config
    from styletransfer.stopping import Stop, Stopped

    try:
        # From here on, not only while it paints: a container's first process ignores signals that
        # it has not asked for.
        with Stop():
            environment = config.environment()
            log_to_stdout("%(asctime)s %(message)s", config.log_format(environment) == "json")
            return run(environment)
    except StyleTransferError as error:
        # In one piece, while another thread may lead stderr elsewhere.
        sys.stderr.write(f"{program}: {error}\n")
        return error.exit_code
    except Stopped as stopped:
        sys.stderr.write(f"{program}: stopped by {stopped}; run it again for the rest\n")
        return stopped.exit_code


def leave(code: int) -> None:
    """Ends the process now. Threads that wait for a network that is away would keep it for
    minutes, and a platform that sent SIGTERM waits for seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
