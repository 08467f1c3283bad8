"""Which weights a network gets: those of a name or file, or else the first available of these: the
published file in a cache, its download, the network that comes with the program.

None of it loads TensorFlow, but for a download and for computing random weights.
"""

from dataclasses import dataclass
from functools import cache
from logging import WARNING
from pathlib import Path

from styletransfer.errors import WeightsError
from styletransfer.log import event
from styletransfer.vgg import download
from styletransfer.vgg.readers import file_identity, read_weights
from styletransfer.vgg.registry import (
    BETTER,
    BUILTIN,
    QUICK,
    Weights,
    architecture,
    random_identity,
)

RANDOM, PUBLISHED, ANY_BUILTIN = "random", "published", "builtin"
NAMES = (ANY_BUILTIN, *BUILTIN, PUBLISHED, RANDOM)


@dataclass(frozen=True)
class WeightsSource:
    """Weights that are chosen and not read yet. given: a file, or one of NAMES other than
    `builtin`. identity: as Weights.identity."""

    given: str
    identity: str


def named_source(given: str, model: str, seed: int = 0, draft: bool = False) -> WeightsSource:
    """The weights that a file's path or one of NAMES stands for. seed: of random ones. draft:
    `builtin` is the quick network, not the better one.

    Raises WeightsError where there is no such file or name.
    """
    if given == RANDOM:
        return WeightsSource(RANDOM, random_identity(seed))
    if given == PUBLISHED:
        return WeightsSource(PUBLISHED, f"md5:{architecture(model).published.md5}")
    if given == ANY_BUILTIN:
        given = QUICK if draft else BETTER
    if given in BUILTIN:
        return WeightsSource(given, _builtin_identity(BUILTIN[given]))
    if not Path(given).suffix and len(Path(given).parts) == 1 and not Path(given).exists():
        raise WeightsError(
            f"weights are {given!r} (VGG_WEIGHTS or --weights); expected a file (.h5, .mat, .npz), "
            f"bucket:KEY in a batch, or one of {', '.join(NAMES)}"
        )
    return WeightsSource(given, file_identity(download.find(model, given)))


def default_source(model: str, may_download: bool = True, draft: bool = False) -> WeightsSource:
    """The weights where none are named. Without the published file, and without its download, those
    of a built-in network: a warning says why. draft: as in `named_source`."""
    if download.cached(model):
        return named_source(PUBLISHED, model)
    builtin = named_source(ANY_BUILTIN, model, draft=draft)
    if not may_download:
        return builtin
    try:
        download.try_download(model)
    except WeightsError as error:
        event(
            f"{error}; {described(builtin.identity)} serves instead "
            f"(VGG_WEIGHTS={ANY_BUILTIN} keeps to it)",
            level=WARNING,
        )
        return builtin
    return named_source(PUBLISHED, model)


def source_of(identity: str, model: str) -> WeightsSource:
    """The weights with an identity, among those with a name. Raises WeightsError for others."""
    if identity.startswith(RANDOM):
        return WeightsSource(RANDOM, identity)
    for name in (*BUILTIN, PUBLISHED):
        source = named_source(name, model)
        if source.identity == identity:
            return source
    raise WeightsError(
        f"the weights {identity} neither come with the program nor does Keras publish them for "
        f"{model}; name their file"
    )


def read_source(source: WeightsSource, model: str, seed: int) -> Weights:
    """The weights themselves. Raises WeightsError where they are missing, damaged, or those of
    another network."""
    if source.given == RANDOM:
        from styletransfer.vgg.random_weights import random_weights

        return random_weights(model, seed)
    if source.given in BUILTIN:
        return read_weights(BUILTIN[source.given], model)
    given = None if source.given == PUBLISHED else source.given
    return read_weights(download.find(model, given), model)


def described(identity: str, given: str | None = None) -> str:
    """A network in half a line, for people. given: its file, for one without a name."""
    if identity.startswith(RANDOM):
        return "random features"
    for name, path in BUILTIN.items():
        if identity == _builtin_identity(path):
            return f"the built-in network {name}"
    for model in ("vgg19", "vgg16"):
        if identity == f"md5:{architecture(model).published.md5}":
            return f"{model.upper()}, Keras' weights"
    return f"the weights {given or identity}"


def is_as_large_as_vgg(identity: str) -> bool:
    """Whether a network's features may be as large as those of VGG's published weights, from which
    the loss weights of recipe inetwork come. Those of built-in and random ones are not."""
    built_in = identity in map(_builtin_identity, BUILTIN.values())
    return not built_in and not identity.startswith(RANDOM)


@cache
def _builtin_identity(path: Path) -> str:
    """As file_identity, read once: the program's own files stay as they are while it runs."""
    return file_identity(path)
