"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

import argparse
import os
import sys

from styletransfer.errors import StyleTransferError
from styletransfer.progress import log_to_stdout

EPILOG = """\
Everything else is told by variables, from the environment or a file .env beside this script
(see .env.example). Without any, the samples are painted into ./results.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 no VGG weights, 4 no GPU though asked for, 5 storage unreachable or refused"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the batch; its exit code."""
    parser = argparse.ArgumentParser(
        prog="./start.sh",
        description="Paints every photo in every look and pushes each result once it is done.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    log_to_stdout("%(asctime)s %(message)s")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from styletransfer import batch, config

    try:
        return batch.run(config.load(config.environment()))
    except StyleTransferError as error:
        print(f"./start.sh: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print("./start.sh: stopped; what was painted stays, run it again for the rest", flush=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
