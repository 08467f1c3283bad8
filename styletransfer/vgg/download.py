"""Where VGG's weights come from: the files Keras publishes, or files by path.

`python -m styletransfer.vgg.download` fetches the published ones ahead of time, as a platform's
build does. Keras (and TensorFlow with it) is only loaded once there is something to download,
so that a run with nothing to paint can tell which weights it would use.
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
from styletransfer.paths import WORKSPACE
from styletransfer.vgg.readers import file_identity, one_line
from styletransfer.vgg.registry import PUBLISHED

CACHE = WORKSPACE / "weights"
HUB_TIMEOUT_S = 6.0  # For a hub that does not answer at all; a refusal is known at once.
STALL_TIMEOUT_S = 30.0  # For a download that stops half-way.
PARTIAL = ".partial-"  # Folders of downloads under way begin so.
ABANDONED_S = 86400.0  # The age from which one is taken to be a killed process's.
WAYS_OUT = (
    "three ways to give them: put {name} into the folder weights/ (or ~/.keras/models), "
    "set VGG_WEIGHTS to a .h5, .mat or .npz file, "
    "or set VGG_WEIGHTS=bucket:KEY for a file in the style bucket"
)


def find(model: str, weights: str | Path | None) -> Path:
    """The weights file to use: the one named, else the cached, else the downloaded one.

    Raises WeightsError where the one named is not there, or none is cached and none comes.
    """
    if weights is None:
        return cached(model) or download(model)
    ways_out = WAYS_OUT.format(name=PUBLISHED[model].name)
    try:
        path = Path(weights).expanduser()
        if not path.is_file():
            # Nor a device or a pipe, which might never end.
            wrong = "is a folder" if path.is_dir() else "is no file"
            wrong = wrong if path.exists() else "does not exist"
            raise WeightsError(f"weights file {path} {wrong}; {ways_out}")
    except (OSError, RuntimeError, ValueError) as error:
        # A folder that may not be entered; the home of a user who does not exist; a path that
        # the system does not take.
        raise WeightsError(
            f"weights file {weights} cannot be read: {one_line(error)}; {ways_out}"
        ) from None
    return path


def cached(model: str) -> Path | None:
    """The published file where it lies already, whole: in weights/ or in Keras' own cache.

    A file of that name with another content (half a download, say) counts as none: `download`
    replaces it in weights/, which is ours, and leaves it alone in Keras' cache, which is not.
    """
    return next((path for path in _candidates(model) if _flaw(path, model) is None), None)


def hub_problem(model: str, timeout_s: float | None = None) -> str | None:
    """Why the published file cannot be fetched, in a few words; None where it can.

    Known within `timeout_s` (HUB_TIMEOUT_S) even where the name service hangs, which no socket
    timeout covers: the question is asked in a thread that may be left behind.
    """
    timeout_s = HUB_TIMEOUT_S if timeout_s is None else timeout_s
    answer: list[str | None] = [f"no answer within {timeout_s:g} s"]

    def ask() -> None:
        # Its first byte rather than HEAD, which some proxies and mirrors refuse.
        request = urllib.request.Request(PUBLISHED[model].url, headers={"Range": "bytes=0-0"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s):
                answer[0] = None
        except urllib.error.HTTPError as error:
            answer[0] = one_line(error)
            error.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            answer[0] = one_line(reason) if isinstance(reason, BaseException) else str(reason)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return answer[0]


def download(model: str) -> Path:
    """Fetches the published file into weights/, checked against its hash; its path.

    Where weights/ cannot be written, into Keras' own cache. A file takes its place there only
    once it is whole, so neither a killed process nor two at once leave a damaged one behind.

    Raises WeightsError naming the three ways to give weights where the hub is out of reach,
    and what was expected where the file that came is not the published one.
    """
    published = PUBLISHED[model]
    # What lies in the caches already explains more than that nothing could be fetched.
    flaws = "".join(f"{_flaw(path, model)}; " for path in _candidates(model))
    ways_out = flaws + WAYS_OUT.format(name=published.name)
    problem = hub_problem(model)
    if problem:
        raise WeightsError(
            f"no {model} weights: {published.url} cannot be fetched ({problem}); {ways_out}"
        )
    from keras.utils import get_file

    stalled = socket.getdefaulttimeout()
    try:
        with (
            _workplace(CACHE, _keras_models()) as (folder, temporary),
            # Keras shows its progress on stdout, which is for results, and a line for each step
            # where there is no terminal.
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
        reason = reason.removeprefix("None -- ")  # In the place of an error's number.
        raise WeightsError(
            f"no {model} weights: downloading {published.url} failed ({reason}); "
            f"expected {published}; {ways_out}"
        ) from None
    finally:
        socket.setdefaulttimeout(stalled)


def fetch(model: str) -> Path:
    """The published file in weights/ itself, for a platform that keeps the application's folder
    and nothing else: there already, copied from Keras' cache, or downloaded.

    Raises WeightsError as `download` does, or where weights/ cannot be written.
    """
    path = cached(model) or download(model)
    if path.parent == CACHE:
        return path
    try:
        with _workplace(CACHE) as (folder, temporary):
            return Path(shutil.copyfile(path, temporary / path.name)).replace(folder / path.name)
    except OSError as error:
        raise WeightsError(f"{path} cannot be copied into {CACHE}: {one_line(error)}") from None


def _keras_models() -> Path:
    """Where Keras keeps the weights it downloads, by its own rule (keras.src.backend.config),
    told without importing Keras, which takes seconds. KERAS_HOME is Keras' variable, not ours:
    hence it is read here and not with our configuration."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")  # noqa: PTH111  pathlib's raises where there is no home.
        home = Path(user if os.access(user, os.W_OK) else "/tmp") / ".keras"
    return Path(home) / "models"


def _candidates(model: str) -> list[Path]:
    """The files of the published one's name that lie in the caches."""
    places = [folder / PUBLISHED[model].name for folder in (CACHE, _keras_models())]
    return [path for path in places if os.path.lexists(path)]


def _flaw(path: Path, model: str) -> str | None:
    """What tells a file in a cache from the published one; None where nothing does."""
    published = PUBLISHED[model]
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
def _workplace(*folders: Path) -> Iterator[tuple[Path, Path]]:
    """The first of the folders that can be written, made where it is missing, and a temporary
    folder inside it, from which a file can be moved to its place at once.

    Raises OSError where none can be written.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder)
            break
        except OSError:
            if folder == folders[-1]:
                raise
    for left in folder.glob(f"{PARTIAL}*"):  # By a process that was killed.
        with contextlib.suppress(FileNotFoundError):  # Another process may be done with it.
            if left.stat().st_mtime < time.time() - ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
    with temporary as name:
        yield folder, Path(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m styletransfer.vgg.download [vgg19|vgg16 …]`: the exit code, 3 without weights."""
    parser = argparse.ArgumentParser(
        prog="python -m styletransfer.vgg.download",
        description="Fetches the weights that Keras publishes into weights/ and prints their path.",
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        default=["vgg19"],
        help=f"{' or '.join(sorted(PUBLISHED, reverse=True))} (default: vgg19)",
    )
    models = parser.parse_args(arguments).models
    for model in models:
        if model not in PUBLISHED:
            parser.error(f"MODEL is {model!r}, expected {' or '.join(PUBLISHED)}")
    try:
        for model in models:
            print(fetch(model), flush=True)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
