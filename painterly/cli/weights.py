"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build."""

from typing import Annotated

from cyclopts import Parameter

from painterly.cli.app import run_program
from painterly.settings.installation import command
from painterly.settings.settings import FIELDS

MODELS = tuple(sorted(FIELDS["model"].metadata["choices"], reverse=True))


def weights(*models: Annotated[str, Parameter(choices=MODELS, metavar="MODEL")]) -> int:
    """Download VGG's weights.

    It fetches those that Keras publishes into weights/, and prints their paths.

    Args:
        models: the networks (default: vgg19)
    """

    def run() -> int:
        from painterly.vgg.sources import published_file

        for model in models or MODELS[:1]:
            print(published_file(model), flush=True)
        return 0

    return run_program(command("weights"), run, interrupted="fetched files stay", paints=True)
