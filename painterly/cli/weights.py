"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build."""

from typing import Annotated

from cyclopts import Parameter

from painterly.cli.app import run_program
from painterly.settings.installation import command
from painterly.settings.settings import FIELDS

MODELS = tuple(sorted(FIELDS["model"].metadata["choices"], reverse=True))


def weights(*models: Annotated[str, Parameter(choices=MODELS, metavar="MODEL")]) -> int:
    """Fetch the files into weights/, print their paths, and return the exit code.

    Args:
        models: the networks (default: vgg19)
    """

    def run() -> int:
        from painterly.vgg.sources import published_file

        for model in models or MODELS[:1]:
            print(published_file(model), flush=True)
        return 0

    return run_program(command("weights"), run, interrupted="fetched files stay", paints=True)
