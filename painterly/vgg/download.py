"""Find or download the weights that Keras publishes."""

import contextlib
import http.client
import os
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import BinaryIO

from painterly.errors import WeightsError
from painterly.log import one_line
from painterly.paths import WORKSPACE
from painterly.vgg.architectures import Architecture, architecture
from painterly.vgg.readers import WAYS_OUT, file_identity

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
    """Return the published file in weights/ if it exists and is intact.

    A file of that name with another content is ignored, and `download` replaces it.
    """
    path = CACHE / architecture(model).file_name
    with contextlib.suppress(WeightsError):
        if file_identity(path) == architecture(model).identity:
            return path
    return None


def download(model: str) -> Path:
    """Download the published file into weights/, check its hash, and return its path.

    It is moved into place only when complete, so neither a killed process nor two concurrent ones
    leave a damaged file.

    Raises WeightsError naming the cause, the expected file and the ways to give weights.
    """
    published = architecture(model)
    try:
        with urllib.request.urlopen(published.url, timeout=TIMEOUT_S) as answer:
            return _store(answer, published)
    except (OSError, ValueError, http.client.HTTPException, WeightsError) as error:
        reason = one_line(error).removeprefix("<urlopen error ").removesuffix(">")
        # A damaged file explains more than an unreachable hub.
        path = CACHE / published.file_name
        flaw = f"; {path} is damaged or another file" if os.path.lexists(path) else ""
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be fetched ({reason}); "
            f"expected {published.expected_file}{flaw}; {WAYS_OUT}, or put {published.file_name} "
            "into the folder weights/"
        ) from None


def _store(source: BinaryIO, published: Architecture) -> Path:
    """Copy a stream into a temporary file, and move it into weights/ if it is the published file.

    Raises WeightsError for another content, OSError if weights/ cannot be written.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    _delete_abandoned()
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=CACHE) as temporary:
        partial = Path(temporary, published.file_name)
        with partial.open("xb") as target:
            shutil.copyfileobj(source, target, PIECE)
        identity = file_identity(partial)
        if identity != published.identity:
            size = partial.stat().st_size
            raise WeightsError(f"got {size:,} bytes with {identity.replace('md5:', 'MD5 ')}")
        return partial.replace(CACHE / published.file_name)


def _delete_abandoned() -> None:
    """Delete the temporary folders of downloads that were killed."""
    for abandoned in CACHE.glob(f"{PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):  # Another process may have removed it.
            if abandoned.stat().st_mtime < time.time() - ABANDONED_S:
                shutil.rmtree(abandoned, ignore_errors=True)
