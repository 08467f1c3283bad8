"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build."""

from collections.abc import Sequence

from painterly.cli.app import run_program
from painterly.cli.parser import Parser
from painterly.settings.installation import command
from painterly.vgg.architectures import ARCHITECTURES
from painterly.vgg.sources import published_file

NAME = command("weights")
MODELS = tuple(sorted(ARCHITECTURES, reverse=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files into weights/, print their paths, and return the exit code."""
    words = parser()
    args = words.parse_args(arguments)
    models = args.models or MODELS[:1]
    for model in models:
        if model not in MODELS:
            words.error(f"MODEL is {model!r}, expected one of {', '.join(MODELS)}")

    def run() -> int:
        for model in models:
            print(published_file(model), flush=True)
        return 0

    return run_program(NAME, run, interrupted="fetched files stay", paints=True)


def parser(verb: str = "weights") -> Parser:
    """Return the parser of this verb of `painterly`."""
    made = Parser(
        command(verb),
        description="Fetches the weights that Keras publishes into weights/ and prints their path.",
    )
    made.add_argument(
        "models", nargs="*", metavar="MODEL", help=f"{', '.join(MODELS)} (default: {MODELS[0]})"
    )
    return made
