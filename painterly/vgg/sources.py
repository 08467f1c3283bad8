"""A network's weights: chosen by name or file, built in by default; read, or downloaded first.

Only computing random weights loads TensorFlow.
"""

import contextlib
import http.client
import os
import stat
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from painterly.errors import WeightsError
from painterly.settings.installation import WORKSPACE, command
from painterly.settings.settings import Settings
from painterly.storage.files import md5, new_md5, replacing
from painterly.vgg.architectures import (
    ARCHITECTURES,
    BUILTIN,
    Architecture,
    Weights,
    random_identity,
)
from painterly.vgg.readers import read_file
from painterly.words.wording import memory_size, one_line

IN_BUCKET = "bucket:"  # before a key in the style bucket, in VGG_WEIGHTS
BUILT_IN, PUBLISHED, RANDOM = "builtin", "published", "random"
BUILT_IN_NETWORK = "the built-in network"  # in records, and for people
NAMES = (BUILT_IN, PUBLISHED, RANDOM)
CACHED = "cached"  # the published weights in a cache, without a download

WAYS_OUT = (
    "pass --weights FILE|random|builtin (in a batch set VGG_WEIGHTS, to bucket:KEY for a file in "
    "the style bucket)"
)
LARGEST_FILE = 2_000_000_000  # bytes; VGG with its classifier has 600 million
TIMEOUT_S = 30.0  # without data, after which a download fails

CACHE = WORKSPACE / "weights"


@dataclass(frozen=True)
class WeightsSource:
    """Weights that are chosen and not read yet."""

    given: str  # a file, one of NAMES, or CACHED
    identity: str  # see Weights


def named_source(given: str, model: str, seed: int = 0) -> WeightsSource:
    """Return the weights for a file's path or one of NAMES; the seed is for random ones.

    Raises WeightsError if there is no such file or name.
    """
    if given == RANDOM:
        return WeightsSource(RANDOM, random_identity(seed))
    if given == PUBLISHED:
        return WeightsSource(PUBLISHED, ARCHITECTURES[model].identity)
    if given == BUILT_IN:
        return WeightsSource(BUILT_IN, _built_in_identity())
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
    if settings.traits.network == "published" and cached(settings.model):
        return WeightsSource(CACHED, ARCHITECTURES[settings.model].identity)
    return named_source(BUILT_IN, settings.model)


def read_source(source: WeightsSource, model: str, seed: int) -> Weights:
    """Read weights. Raises WeightsError if they are missing, damaged, or another network's."""
    if source.given != RANDOM:
        return read_weights(_file(source.given, model), model)
    from painterly.vgg.random_weights import random_weights

    return random_weights(model, seed)


def read_weights(path: Path, model: str) -> Weights:
    """Read the weights in a file; errors as in `readers.read_file`."""
    return read_file(path, model, file_identity(path))


def file_identity(path: Path) -> str:
    """Return `md5:…` of a file's content. Raises WeightsError if it cannot be read."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_FILE:
            raise WeightsError(
                f"weights file {path} is no file of at most {memory_size(LARGEST_FILE)}"
            )
        with path.open("rb") as stream:
            return f"md5:{md5(stream)}"
    except FileNotFoundError:
        raise WeightsError(f"weights file {path} does not exist; {WAYS_OUT}") from None
    except (OSError, ValueError) as error:  # No access, or a path that the system does not accept.
        raise WeightsError(
            f"weights file {path} cannot be read: {one_line(error)}; {WAYS_OUT}"
        ) from None


def _file(given: str, model: str) -> Path:
    """Return the file of weights that are not random, downloaded if that is asked for.

    Raises WeightsError if published weights are not here.
    """
    if given == BUILT_IN:
        return BUILTIN
    if given == PUBLISHED:
        return published_file(model)
    if given != CACHED:
        return _path(given)
    if path := cached(model):
        return path
    raise WeightsError(
        f"{model}'s published weights are not here; {command('weights')} {model} fetches them"
    )


def _path(given: str) -> Path:
    return Path(os.path.expanduser(given))  # noqa: PTH111  Path.expanduser raises without a home.


def described(identity: str, given: str | None = None) -> str:
    """Describe a network in half a line, for people; by its file if it has no name."""
    if identity.startswith(RANDOM):
        return "random features"
    if is_built_in(identity):
        return BUILT_IN_NETWORK
    for model, published in ARCHITECTURES.items():
        if identity == published.identity:
            return f"{model.upper()}, Keras' weights"
    return f"the weights {given or identity}"


def is_built_in(identity: str) -> bool:
    """Return whether an identity is the built-in network's."""
    return identity == _built_in_identity()


@cache
def _built_in_identity() -> str:
    return file_identity(BUILTIN)


def cached(model: str) -> Path | None:
    """Return the published file in weights/ if it exists and is intact. One of that name with
    another content is ignored, and `published_file` replaces it."""
    published = ARCHITECTURES[model]
    path = CACHE / published.file_name
    with contextlib.suppress(WeightsError):
        if file_identity(path) == published.identity:
            return path
    return None


def published_file(model: str) -> Path:
    """Return the file that Keras publishes: the cached one, else a download. That is in its place
    once it is complete and its hash is right.

    Raises WeightsError naming the cause, the expected file and the ways to give weights.
    """
    if path := cached(model):
        return path
    published = ARCHITECTURES[model]
    path = CACHE / published.file_name
    try:
        with replacing(path) as body:
            body.write(_downloaded(published))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = one_line(error).removeprefix("<urlopen error ").removesuffix(">")
        # A damaged file explains more than an unreachable hub.
        flaw = f"; {path} is damaged or another file" if os.path.lexists(path) else ""
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be fetched ({reason}); expected "
            f"{published.expected_file}{flaw}; {WAYS_OUT}, or put {published.file_name} into the "
            "folder weights/"
        ) from None
    return path


def _downloaded(published: Architecture) -> bytes:
    """Return the file. Raises ValueError for another one, OSError, HTTPException."""
    try:
        opened = urllib.request.urlopen(published.url, timeout=TIMEOUT_S)
    except (http.client.InvalidURL, ValueError):  # Its text has the proxy's password.
        raise ValueError("the address of the proxy is no URL of a host") from None
    with opened as answer:
        data: bytes = answer.read(published.size + 1)
        kind = answer.headers.get_content_type()
    found = new_md5(data).hexdigest()
    if found != published.md5:
        raise ValueError(f"what came is {kind} with {len(data):,} bytes and MD5 {found}")
    return data
