"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build."""

from typing import Annotated

from cyclopts import Parameter

from painterly.settings.settings import FIELDS

MODELS = tuple(sorted(FIELDS["model"].metadata["choices"], reverse=True))


def weights(*models: Annotated[str, Parameter(choices=MODELS, metavar="MODEL")]) -> int:
    """Download VGG's weights.

    It fetches those that Keras publishes into weights/, and prints their paths.

    Args:
        models: the networks (default: vgg19)
    """
    from painterly.vgg.sources import published_file

    for model in models or MODELS[:1]:
        print(published_file(model), flush=True)
    return 0
