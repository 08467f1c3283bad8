"""Find or download the weights that Keras publishes."""

import contextlib
import http.client
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import BinaryIO

import rich.console
import rich.progress

from styletransfer.errors import WeightsError
from styletransfer.log import one_line
from styletransfer.paths import WORKSPACE
from styletransfer.vgg.readers import WAYS_OUT, file_identity
from styletransfer.vgg.registry import Architecture, architecture

CACHE = WORKSPACE / "weights"
TIMEOUT_S = 15.0  # for any data from the hub
PIECE = 1 << 20  # bytes copied at a time
PARTIAL = ".partial-"  # Prefix of the temporary folders of downloads.
ABANDONED_S = 86400.0  # The age from which a temporary folder is a killed process's.


def find(model: str) -> Path:
    """Return the published file: the cached one, else a download.

    Raises WeightsError if none is cached and none can be fetched.
    """
    return cached(model) or download(model)


def cached(model: str) -> Path | None:
    """Return the published file in weights/ or in Keras' own cache if it exists and is intact.

    A file of that name with another content, such as an interrupted download, is ignored:
    `download` replaces it in weights/, and leaves it alone in Keras' cache, which is not ours.
    """
    for path in _candidates(model):
        with contextlib.suppress(WeightsError):
            if file_identity(path) == architecture(model).identity:
                return path
    return None


def download(model: str) -> Path:
    """Download the published file into weights/, check its hash, and return its path.

    The file goes into Keras' own cache if weights/ cannot be written. It is moved into place only
    when complete, so neither a killed process nor two concurrent ones leave a damaged file.

    Raises WeightsError naming the cause, the expected file and the ways to give weights.
    """
    published = architecture(model)
    try:
        with urllib.request.urlopen(published.url, timeout=TIMEOUT_S) as answer:
            return _store(answer, published, _download_folder())
    except (OSError, ValueError, http.client.HTTPException, WeightsError) as error:
        reason = one_line(error).removeprefix("<urlopen error ").removesuffix(">")
        # A damaged file in a cache explains more than an unreachable hub.
        flaws = "".join(f"; {path} is damaged or another file" for path in _candidates(model))
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be fetched ({reason}); "
            f"expected {published.expected_file}{flaws}; {WAYS_OUT}, or put {published.file_name} "
            "into the folder weights/ or ~/.keras/models"
        ) from None


def fetch(model: str) -> Path:
    """Return the published file in weights/ itself, copied from Keras' cache or downloaded if
    necessary: some platforms keep only the application's folder.

    Raises WeightsError as `download` does, or if weights/ cannot be written.
    """
    path = find(model)
    if path.parent == CACHE:
        return path
    try:
        with path.open("rb") as source:
            return _store(source, architecture(model), CACHE)
    except OSError as error:
        raise WeightsError(f"{path} cannot be copied into {CACHE}: {one_line(error)}") from None


def _store(source: BinaryIO, published: Architecture, folder: Path) -> Path:
    """Copy a stream into a temporary file, and move it into the folder if it is the published file.

    Raises WeightsError for another content, OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _delete_abandoned(folder)
    with (
        tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder) as temporary,
        rich.progress.wrap_file(
            source,
            published.size,
            description=published.file_name,
            console=rich.console.Console(stderr=True),  # stdout is for results.
            disable=not sys.stderr.isatty(),
        ) as pieces,
    ):
        partial = Path(temporary, published.file_name)
        with partial.open("xb") as target:
            shutil.copyfileobj(pieces, target, PIECE)
        identity = file_identity(partial)
        if identity != published.identity:
            size = partial.stat().st_size
            raise WeightsError(f"got {size:,} bytes with {identity.replace('md5:', 'MD5 ')}")
        return partial.replace(folder / published.file_name)


def _delete_abandoned(folder: Path) -> None:
    """Delete the temporary folders of downloads that were killed."""
    for abandoned in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):  # Another process may have removed it.
            if abandoned.stat().st_mtime < time.time() - ABANDONED_S:
                shutil.rmtree(abandoned, ignore_errors=True)


def _download_folder() -> Path:
    """weights/, or Keras' cache if weights/ cannot be written."""
    with contextlib.suppress(OSError):
        CACHE.mkdir(parents=True, exist_ok=True)
        if os.access(CACHE, os.W_OK):
            return CACHE
    return _keras_models()


def _keras_models() -> Path:
    """Keras' cache of weights, by Keras' own rule (keras.src.backend.config), since importing
    Keras takes seconds. KERAS_HOME is Keras' variable, so it is read here and not in `config`."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")  # noqa: PTH111  Path.expanduser raises without a home.
        return Path(user if os.access(user, os.W_OK) else "/tmp") / ".keras" / "models"
    return Path(home) / "models"


def _candidates(model: str) -> list[Path]:
    """The files in the caches that have the published file's name."""
    name = architecture(model).file_name
    paths = [folder / name for folder in (CACHE, _keras_models())]
    return [path for path in paths if os.path.lexists(path)]
