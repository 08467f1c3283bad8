"""`./start.sh weights`: fetches the weights that Keras publishes, such as in a platform's build."""

import sys
from collections.abc import Sequence

from styletransfer.cli.app import run_program
from styletransfer.cli.parser import Parser
from styletransfer.vgg import download
from styletransfer.vgg.architectures import ARCHITECTURES

NAME = "./start.sh weights"
MODELS = tuple(sorted(ARCHITECTURES, reverse=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files into weights/, print their paths, and return the exit code."""
    parser = Parser(
        NAME,
        description="Fetches the weights that Keras publishes into weights/ and prints their path.",
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help=f"{' or '.join(MODELS)} (default: {MODELS[0]})",
    )
    models = parser.parse_args(arguments).models or MODELS[:1]
    for model in models:
        if model not in ARCHITECTURES:
            parser.error(f"MODEL is {model!r}, expected {' or '.join(MODELS)}")

    def run() -> int:
        for model in models:
            print(download.find(model), flush=True)
        return 0

    return run_program(NAME, run, interrupted="fetched files stay", paints=True)


if __name__ == "__main__":
    sys.exit(main())
