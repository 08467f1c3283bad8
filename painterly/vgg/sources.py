"""Choice of a network's weights: by name or file, or else the built-in ones.

Only computing random weights loads TensorFlow.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from painterly.errors import WeightsError
from painterly.paths import command
from painterly.settings import Settings
from painterly.vgg import architectures, download
from painterly.vgg.architectures import Weights, architecture, random_identity
from painterly.vgg.readers import file_identity, read_weights

BUILT_IN, PUBLISHED, RANDOM = "builtin", "published", "random"
NAMES = (BUILT_IN, PUBLISHED, RANDOM)
OLD_NAMES = ("sketch", "studio")  # networks that came with earlier versions
CACHED = "cached"  # the published weights in a cache, without a download


@dataclass(frozen=True)
class WeightsSource:
    """Weights that are chosen and not read yet.

    Attributes:
        given: A file, one of NAMES, or CACHED.
        identity: See Weights.
    """

    given: str
    identity: str


def named_source(given: str, model: str, seed: int = 0) -> WeightsSource:
    """Return the weights for a file's path or one of NAMES; the seed is for random ones.

    Raises WeightsError if there is no such file or name.
    """
    if given == RANDOM:
        return WeightsSource(RANDOM, random_identity(seed))
    if given == PUBLISHED:
        return WeightsSource(PUBLISHED, architecture(model).identity)
    if given in (BUILT_IN, *OLD_NAMES):
        return WeightsSource(BUILT_IN, _identity_of(architectures.BUILTIN))
    if not Path(given).suffix and len(Path(given).parts) == 1 and not Path(given).exists():
        raise WeightsError(
            f"weights are {given!r} (VGG_WEIGHTS or --weights); expected a file (.h5, .mat, .npz), "
            f"bucket:KEY in a batch, or one of {', '.join(NAMES)}"
        )
    return WeightsSource(given, file_identity(_path(given)))


def source_for(settings: Settings, given: str | None) -> WeightsSource:
    """Return the weights for these settings, if a file's path, one of NAMES, or nothing is given.

    Recipe instant always gets the built-in network: its decoder is made for that one's features.
    Nothing given is the built-in network, too. But recipes that follow a paper or script are made
    for VGG's own features, so they get the published weights of their model if a cache has them.

    Raises WeightsError if there is no such file or name.
    """
    if settings.traits.network == "builtin":
        return named_source(BUILT_IN, settings.model)
    if given is not None:
        return named_source(given, settings.model, settings.seed)
    if settings.traits.network == "published" and download.cached(settings.model):
        return WeightsSource(CACHED, architecture(settings.model).identity)
    return named_source(BUILT_IN, settings.model)


def source_of(identity: str, model: str) -> WeightsSource:
    """Return named weights by their identity. Raises WeightsError if no name has it."""
    if identity.startswith(RANDOM):
        return WeightsSource(RANDOM, identity)
    if identity == architecture(model).identity:
        return WeightsSource(CACHED, identity)
    builtin = named_source(BUILT_IN, model)
    if identity == builtin.identity:
        return builtin
    raise WeightsError(
        f"the weights {identity} neither come with the program nor does Keras publish them for "
        f"{model}; name their file"
    )


def read_source(source: WeightsSource, model: str, seed: int) -> Weights:
    """Read weights. Raises WeightsError if they are missing, damaged, or another network's."""
    if source.given == RANDOM:
        from painterly.vgg.random_weights import random_weights

        return random_weights(model, seed)
    if source.given == CACHED and not download.cached(model):
        raise WeightsError(
            f"{model}'s published weights are not here; {command('weights')} {model} fetches them"
        )
    if source.given in (PUBLISHED, CACHED):
        return read_weights(download.find(model), model)
    return read_weights(
        architectures.BUILTIN if source.given == BUILT_IN else _path(source.given), model
    )


def described(identity: str, given: str | None = None) -> str:
    """Describe a network in half a line, for people; by its file if it has no name."""
    if identity.startswith(RANDOM):
        return "random features"
    if is_built_in(identity):
        return "the built-in network"
    for model in ("vgg19", "vgg16"):
        if identity == architecture(model).identity:
            return f"{model.upper()}, Keras' weights"
    return f"the weights {given or identity}"


def is_built_in(identity: str) -> bool:
    """Return whether an identity is the built-in network's."""
    return identity == _identity_of(architectures.BUILTIN)


@cache
def _identity_of(path: Path) -> str:
    """Return file_identity, computed once: the program's own files do not change while it runs."""
    return file_identity(path)


def _path(given: str) -> Path:
    return Path(os.path.expanduser(given))  # noqa: PTH111  Path.expanduser raises without a home.
