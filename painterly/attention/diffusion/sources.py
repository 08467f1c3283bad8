"""The published files of Stable Diffusion 1.5's networks: found and checked, or fetched.

Painting fetches nothing. `painterly weights attention` does, once the licence is accepted.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painterly.attention.constants import NETWORK, WEIGHTS
from painterly.attention.diffusion import licence
from painterly.attention.diffusion.weights import DiffusionWeights, SafeTensors
from painterly.errors import WeightsError
from painterly.settings.installation import WORKSPACE, command
from painterly.storage.files import locked, replacing
from painterly.vgg.download import DownloadError, download, other_size, partial_path, shown
from painterly.vgg.sources import WeightsSource
from painterly.words.wording import file_size, one_line

REPOSITORY = "stable-diffusion-v1-5/stable-diffusion-v1-5"
REVISION = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
HUB = f"https://huggingface.co/{REPOSITORY}/resolve/{REVISION}"


@dataclass(frozen=True)
class PublishedFile:
    """A file of the repository: its path there, its bytes, and its SHA-256."""

    path: str
    size: int
    sha256: str


FILES = {
    "unet": PublishedFile(
        "unet/diffusion_pytorch_model.fp16.safetensors",
        1_719_125_304,
        "c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21",
    ),
    "autoencoder": PublishedFile(
        "vae/diffusion_pytorch_model.fp16.safetensors",
        167_335_342,
        "4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c",
    ),
    "text_encoder": PublishedFile(
        "text_encoder/model.fp16.safetensors",
        246_144_864,
        "77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e",
    ),
}
CACHE = WORKSPACE / "weights" / "attention"
NOTES = "checked.json"  # in CACHE: which files were checked, and which tests passed
Progress = Callable[[int, int], None]  # takes the bytes that are here, and those of all files


def identity() -> str:
    """Return the identity of the published weights, as records have it."""
    return "sha256:" + "+".join(file.sha256 for file in FILES.values())


def total_size() -> int:
    """Return the bytes of all files."""
    return sum(file.size for file in FILES.values())


def check_sizes(folder: Path) -> None:
    """Check that a folder has the published files, by their sizes, which takes no reading.

    Raises WeightsError, in one line, for the first file that is missing or has another size.
    """
    for file in FILES.values():
        path = folder / file.path
        try:
            size = path.stat().st_size
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else one_line(error)
            raise WeightsError(f"{NETWORK}'s weights: {path} {reason}; {ways_out()}") from None
        if size != file.size:
            raise _other_size(str(path), size, file)


def check_listed(sizes: Mapping[str, int]) -> None:
    """Check that a bucket has the published files.

    Args:
        sizes: The bytes of its objects by their paths in the repository.

    Raises:
        WeightsError: As `check_sizes`.
    """
    for file in FILES.values():
        if file.path not in sizes:
            raise WeightsError(
                f"{WEIGHTS}: the style bucket has no {file.path} under that prefix; upload "
                f"{NETWORK}'s files with these paths"
            )
        if sizes[file.path] != file.size:
            raise _other_size(f"{file.path} in the style bucket", sizes[file.path], file)


def ways_out() -> str:
    """Name the ways to the files."""
    return (
        f"{command('weights')} attention fetches them ({file_size(total_size())}, licence "
        f"{licence.NAME}), or {WEIGHTS} names a folder that has them"
    )


def checked_files(folder: Path) -> dict[str, Path]:
    """Return the paths of a folder's files by network, checked by their SHA-256. That is noted, so
    it takes a while only once.

    Raises WeightsError, in one line, for a file that is missing, cut or another one.
    """
    check_sizes(folder)
    notes, paths = read_notes(), {name: folder / file.path for name, file in FILES.items()}
    for name, path in paths.items():
        about = path.stat()
        key, state = str(path.absolute()), [about.st_size, about.st_mtime_ns, FILES[name].sha256]
        if notes.get(key) == state:
            continue
        found = _sha256(path)
        if found != FILES[name].sha256:
            advice = f"delete it, and {command('weights')} attention fetches it"
            raise _other_content(str(path), found, FILES[name], advice)
        add_note(key, state)
    return paths


def read(folder: Path) -> DiffusionWeights:
    """Map the files in a folder. Raises the errors of `checked_files`."""
    tensors = {name: SafeTensors(path) for name, path in checked_files(folder).items()}
    return DiffusionWeights(
        tensors["unet"], tensors["autoencoder"], tensors["text_encoder"], identity()
    )


def read_notes() -> dict[str, Any]:
    """Return what `add_note` has noted; nothing if the notes cannot be read."""
    try:
        notes = json.loads((CACHE / NOTES).read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def add_note(key: str, value: object) -> None:
    """Note a value for later processes, if the cache folder can be written."""
    with contextlib.suppress(OSError), replacing(CACHE / NOTES) as file:
        file.write(json.dumps({**read_notes(), key: value}, indent=2).encode())


def fetch(mirror: str | None = None, progress: Progress = lambda here, total: None) -> None:
    """Download the files that CACHE lacks, and check them, if the licence was accepted.

    A download that was cut continues where it ended, in this call or in a later one. A file is
    moved into place when it is complete and has the published SHA-256.

    Args:
        mirror: The address that has the files under their paths, or None for the hub.
        progress: Is called with each piece.

    Raises:
        WeightsError: In one line: a file cannot be fetched, or is another one.
    """
    base = (mirror or HUB).rstrip("/")

    def get(file: PublishedFile) -> None:
        others = sum(each.size for each in FILES.values() if each != file and _is_here(each))
        _download(base, file, lambda size: progress(others + size, total_size()))

    _bring(get)


def copy(store: Callable[[str, Path], object]) -> None:
    """Copy the files that CACHE lacks, and check them, if the licence was accepted.

    Args:
        store: Stores the file with a path in the repository under another path.

    Raises:
        WeightsError: In one line: a file is another one.
    """
    _bring(lambda file: store(file.path, CACHE / file.path))


def _bring(get: Callable[[PublishedFile], object]) -> None:
    """Get each file that CACHE lacks, one process at a time, and check all."""
    licence.check_accepted(CACHE)
    try:
        with locked(CACHE):
            missing = [file for file in FILES.values() if not _is_here(file)]
            _check_room(missing)
            for file in missing:
                get(file)
    except OSError as error:
        raise WeightsError(f"{CACHE} cannot be written: {one_line(error)}") from None
    checked_files(CACHE)


def _is_here(file: PublishedFile) -> bool:
    """Return whether the cache has a file of the published size. `checked_files` reads it."""
    path = CACHE / file.path
    return path.is_file() and path.stat().st_size == file.size


def _check_room(missing: list[PublishedFile]) -> None:
    parts = (partial_path(CACHE / file.path) for file in missing)
    fetched = sum(part.stat().st_size for part in parts if part.exists())
    needed, free = sum(file.size for file in missing) - fetched, shutil.disk_usage(CACHE).free
    if needed > free:
        raise WeightsError(
            f"{NETWORK}'s weights need {file_size(needed)} in {CACHE}, and {file_size(free)} are "
            "free; make room there"
        )


def _download(base: str, file: PublishedFile, progress: Callable[[int], None]) -> None:
    """Download a file, and move it into place. Raises WeightsError, OSError."""
    address = f"{base}/{file.path}"
    try:
        part = download(address, CACHE / file.path, file.size, progress)
    except DownloadError as error:
        raise WeightsError(
            f"{error}; or set ATTENTION_MIRROR to an address that has {file.path} under it, or put "
            f"that file into {CACHE}"
        ) from None
    found = _sha256(part)
    if found != file.sha256:
        part.unlink()
        raise _other_content(shown(address), found, file, "try again, or elsewhere")
    part.replace(CACHE / file.path)


def _other_size(where: str, size: int, file: PublishedFile) -> WeightsError:
    return WeightsError(f"{NETWORK}'s weights: {where} {other_size(size, file.size)}; {ways_out()}")


def _other_content(where: str, found: str, file: PublishedFile, advice: str) -> WeightsError:
    return WeightsError(
        f"{NETWORK}'s weights: {where} is damaged or another file: its SHA-256 is {found}, "
        f"expected {file.sha256}; {advice}"
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{NETWORK}'s weights: {path} cannot be read: {one_line(error)}"
        ) from None


def source_for(given: str | None) -> WeightsSource:
    """Return the files in the folder that ATTENTION_WEIGHTS or --weights names, or else in the
    cache. Raises WeightsError if one is missing."""
    folder = given_folder(given)
    check_sizes(folder)
    return WeightsSource(str(folder), identity())


def given_folder(given: str | None) -> Path:
    """Return the folder that ATTENTION_WEIGHTS or --weights names, or else the cache's."""
    if given is None:
        return CACHE
    return Path(os.path.expanduser(given))  # noqa: PTH111  Path.expanduser raises without a home.
