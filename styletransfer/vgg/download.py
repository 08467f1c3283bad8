"""Where VGG's weights come from: the files that Keras publishes, or a file by path.

`python -m styletransfer.vgg.download` fetches the published files before a run, as a platform's
build does. Keras, and TensorFlow with it, is loaded only for a download: a run with nothing to do
can identify its weights without them.
"""

import argparse
import contextlib
import http.client
import io
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from styletransfer.errors import WeightsError
from styletransfer.log import one_line
from styletransfer.paths import WORKSPACE
from styletransfer.vgg.readers import file_identity
from styletransfer.vgg.registry import ARCHITECTURES, architecture

CACHE = WORKSPACE / "weights"
HUB_TIMEOUT_S = 6.0  # For a hub that never answers; a refusal fails at once.
STALL_TIMEOUT_S = 30.0  # For a download that stops half-way.
PARTIAL = ".partial-"  # Prefix of the temporary folders of downloads.
ABANDONED_S = 86400.0  # The age from which a temporary folder is a killed process's.
WAYS_OUT = (
    "pass --weights FILE|random|builtin (in a batch set VGG_WEIGHTS, to bucket:KEY for a file in "
    "the style bucket), or put {published.name} from {published.url} into the folder weights/ or "
    "~/.keras/models"
)


def find(model: str, weights: str | Path | None) -> Path:
    """The weights file to use: `weights` if given, else the cached one, else a download.

    Raises WeightsError if the given file does not exist, or none is cached and none can be fetched.
    """
    if weights is None:
        return cached(model) or download(model)
    ways_out = WAYS_OUT.format(published=architecture(model).published)
    try:
        path = Path(weights).expanduser()
        if not path.is_file():  # A device or a pipe might never end.
            problem = "is a folder" if path.is_dir() else "is no file"
            problem = problem if path.exists() else "does not exist"
            raise WeightsError(f"weights file {path} {problem}; {ways_out}")
    except (OSError, RuntimeError, ValueError) as error:
        # A folder without access, `~` of an unknown user, or a path the system does not accept.
        raise WeightsError(
            f"weights file {weights} cannot be read: {one_line(error)}; {ways_out}"
        ) from None
    return path


def cached(model: str) -> Path | None:
    """The published file in weights/ or in Keras' own cache, if it is there and intact.

    A file of that name with another content (an interrupted download, say) does not count:
    `download` replaces it in weights/, and leaves it alone in Keras' cache, which is not ours.
    """
    return next((path for path in _candidates(model) if _flaw(path, model) is None), None)


def hub_problem(model: str) -> str | None:
    """Why the published file cannot be fetched, in a few words; None if it can.

    Takes HUB_TIMEOUT_S at most, even where the name service hangs, which no socket timeout covers:
    a daemon thread asks, and is abandoned.
    """
    answer: list[str | None] = [f"no answer within {HUB_TIMEOUT_S:g} s"]

    def ask() -> None:
        url = architecture(model).published.url
        # The first byte rather than HEAD, which some proxies and mirrors refuse.
        request = urllib.request.Request(url, headers={"Range": "bytes=0-0"})
        try:
            with urllib.request.urlopen(request, timeout=HUB_TIMEOUT_S):
                answer[0] = None
        except urllib.error.HTTPError as error:
            answer[0] = one_line(error)
            error.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            answer[0] = one_line(reason) if isinstance(reason, BaseException) else str(reason)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_TIMEOUT_S)
    return answer[0]


def download(model: str) -> Path:
    """Downloads the published file into weights/ and checks its hash; returns its path.

    If weights/ cannot be written, it goes into Keras' own cache. The file is moved there only when
    complete, so neither a killed process nor two concurrent ones leave a damaged file.

    Raises WeightsError naming the ways to give weights if the hub cannot be reached, and the
    expected file if another one was downloaded.
    """
    try:
        return _download(model)
    except WeightsError as error:
        ways_out = WAYS_OUT.format(published=architecture(model).published)
        raise WeightsError(f"{error}; {ways_out}") from None


def _download(model: str) -> Path:
    published = architecture(model).published
    # A damaged file in a cache explains more than an unreachable hub.
    flaws = "".join(f"; {_flaw(path, model)}" for path in _candidates(model))
    problem = hub_problem(model)
    if problem:
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be fetched ({problem}){flaws}"
        )
    # Keras and TensorFlow import each other, which two threads must not do at the same time.
    import styletransfer.devices.tensorflow  # noqa: F401  isort: skip
    from keras.utils import get_file

    default_timeout = socket.getdefaulttimeout()
    try:
        with (
            _temporary_folder(CACHE, _keras_models()) as (folder, temporary),
            # Keras prints its progress to stdout, which is for results, and without a terminal
            # one line per update.
            contextlib.redirect_stdout(sys.stderr if sys.stderr.isatty() else io.StringIO()),
        ):
            socket.setdefaulttimeout(STALL_TIMEOUT_S)  # Keras sets none.
            found = get_file(
                published.name,
                published.url,
                file_hash=published.md5,
                hash_algorithm="md5",
                cache_dir=str(temporary),
                cache_subdir="",
            )
            return Path(found).replace(folder / published.name)
    except Exception as error:  # Keras raises bare Exception for a failed download.
        reason = one_line(error).removeprefix(f"URL fetch failure on {published.url}: ")
        reason = reason.removeprefix("None -- ")  # Keras' message has no error number.
        raise WeightsError(
            f"no {model} weights: downloading {published.url} failed ({reason}); "
            f"expected {published}{flaws}"
        ) from None
    finally:
        socket.setdefaulttimeout(default_timeout)


def fetch(model: str) -> Path:
    """The published file in weights/ itself, copied from Keras' cache or downloaded if necessary:
    some platforms keep only the application's folder.

    Raises WeightsError as `download` does, or if weights/ cannot be written.
    """
    path = cached(model) or download(model)
    if path.parent == CACHE:
        return path
    try:
        with _temporary_folder(CACHE) as (folder, temporary):
            return Path(shutil.copyfile(path, temporary / path.name)).replace(folder / path.name)
    except OSError as error:
        raise WeightsError(f"{path} cannot be copied into {CACHE}: {one_line(error)}") from None


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
    name = architecture(model).published.name
    paths = [folder / name for folder in (CACHE, _keras_models())]
    return [path for path in paths if os.path.lexists(path)]


def _flaw(path: Path, model: str) -> str | None:
    """How a file in a cache differs from the published one; None if it does not."""
    published = architecture(model).published
    try:
        identity = file_identity(path)
    except WeightsError as error:
        return str(error)
    if identity == f"md5:{published.md5}":
        return None
    return (
        f"weights file {path} is damaged or another one: {path.stat().st_size:,} bytes with MD5 "
        f"{identity[4:]}, expected {published.size:,} bytes with MD5 {published.md5}"
    )


@contextlib.contextmanager
def _temporary_folder(*folders: Path) -> Iterator[tuple[Path, Path]]:
    """The first of the folders that can be written, created if missing, and a temporary folder
    inside it, from which a file can be moved into place atomically.

    Raises OSError if none can be written.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder)
            break
        except OSError:
            if folder == folders[-1]:
                raise
    for abandoned in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):  # Another process may have removed it.
            if abandoned.stat().st_mtime < time.time() - ABANDONED_S:
                shutil.rmtree(abandoned, ignore_errors=True)
    with temporary as name:
        yield folder, Path(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m styletransfer.vgg.download [vgg19|vgg16 …]`: the exit code, 3 without weights."""
    parser = argparse.ArgumentParser(
        prog="./start.sh weights",
        description="Fetches the weights that Keras publishes into weights/ and prints their path.",
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        default=["vgg19"],
        help=f"{' or '.join(sorted(ARCHITECTURES, reverse=True))} (default: vgg19)",
    )
    models = parser.parse_args(arguments).models
    for model in models:
        if model not in ARCHITECTURES:
            parser.error(f"MODEL is {model!r}, expected {' or '.join(ARCHITECTURES)}")
    try:
        for model in models:
            print(fetch(model), flush=True)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
