"""Pictures and masks in files named on a command line, and the pictures written next to them.

Decoders and encoders are imported when first used, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from logging import WARNING
from pathlib import Path, PurePath
from tempfile import TemporaryFile

from painterly.cli.places import STANDARD, on_the_web, similar_picture
from painterly.errors import ConfigError, StorageError
from painterly.images.output import OutputFormat, file_format
from painterly.log import event
from painterly.settings import bucket_layout
from painterly.settings.bucket_layout import TIMELAPSE
from painterly.storage.files import replacing
from painterly.storage.known_files import LIST, MadeFiles, announce
from painterly.words.wording import shortened

STEP = "_at_iteration_"  # follows a result's name, before a step's number
UNFINISHED = ".unfinished"  # the folder of checkpoints; hidden, so that it is never transferred


def read_photo(path: str) -> tuple[str, bytes]:
    """Return the name and the content of a photo's file, or of the standard input for `-`.

    Raises ConfigError if it cannot be read, or if nothing is piped into the program.
    """
    if path != STANDARD:
        return path, read_file(path, "photo")
    if sys.stdin.isatty():
        raise ConfigError("the photo is -, the standard input, and nothing is piped into it")
    return "standard input", sys.stdin.buffer.read()


def read_file(path: str, argument: str) -> bytes:
    """Return the content of a file. Raises ConfigError naming its argument if it cannot be read."""
    if refusal := on_the_web(path):
        raise ConfigError(refusal)
    if not path:
        raise ConfigError(f"{argument} is empty, as a variable is that was not set")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte.
        reason = str(getattr(error, "strerror", None) or error)
        if isinstance(error, FileNotFoundError):
            reason += similar_picture(Path(path))
        raise ConfigError(f"{argument} {path!r} cannot be read: {reason}") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a ConfigError that names the file."""
    try:
        yield
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be written: {reason}") from None


def write_file(path: Path, data: bytes) -> Path:
    """Write a file, whole or not at all, and return its path. Raises ConfigError."""
    with writing(path), replacing(path) as body:
        body.write(data)
        body.flush()  # A full disk shows here: the older picture and its line stay.
        _announce(path, data)
    return path


def _announce(path: Path, data: bytes) -> None:
    """Note in its folder that a file is painted. A picture is stored without that too: the list may
    belong to another user of the folder."""
    try:
        announce(path, data)
    except StorageError as error:
        if STEP not in path.name:
            event(f"{path} is stored, but later runs take it for your own: {error}", level=WARNING)


def result_path(name: str, output: OutputFormat, photo: str) -> tuple[Path, OutputFormat]:
    """Return the path and the format of a result.

    Args:
        name: If it ends in the extension of a picture, that decides the format.
        output: Otherwise this has the format; None is png, and `same` the photo's.
        photo: The name of the photo.

    Raises:
        ConfigError: The name has the extension of another format, or the format not this depth.
    """
    suffix = PurePath(name).suffix
    if output.format == "same":
        output = replace(output, format=output.extension(photo))
    path, extension = Path(f"{name}.{output.format or 'png'}"), output.format or "png"
    if suffix.lower() in bucket_layout.PICTURE_EXTENSIONS:
        label = f"the extension of {name!r}"
        extension = file_format(suffix, label, ", or a name without extension").extension
        if output.format not in (None, extension):
            raise ConfigError(f"{name!r} does not end in .{output.format}, the result's format")
        path = Path(name)
    if output.depth == 16 and extension != "tiff":
        raise ConfigError("--output_depth is 16, which only tiff has; add --output_format tiff")
    return path, replace(output, format=extension)


def step_path(path: Path, number: int) -> Path:
    """Return the path of the picture after a step, next to a result."""
    return path.with_name(f"{path.stem}{STEP}{number}{path.suffix}")


def stored_steps(path: Path) -> list[Path]:
    """Return the existing pictures of steps next to a result."""
    start = f"{path.stem}{STEP}"
    there = (each for each in path.parent.iterdir() if each.name.startswith(start))
    return [each for each in there if each.suffix == path.suffix]


def timelapse_path(path: Path) -> Path:
    """Return the path of a result's time-lapse."""
    return path.with_name(f"{path.stem}{TIMELAPSE}")


def check_is_painted(target: Path, also: str = "") -> None:
    """Raise ConfigError if a file exists that the program has not painted, or that was changed
    since. The message ends with `also`, another way out than another name."""
    if not os.path.lexists(target):
        return
    what = f"is not listed in {LIST}, which names what this program has painted there"
    try:
        painted = MadeFiles(target.parent).painted.get(target.name)
        if painted and target.is_file() and painted.is_unchanged(target):
            return
        if painted:
            what = "was changed since it was painted"
    except StorageError as error:
        what = f"may be your own ({error})"
    raise ConfigError(f"{target} exists and {what}; choose another name{also}")


def check_target(target: Path, name: str, inputs: Iterable[Path]) -> None:
    """Raise ConfigError if a file that the user calls `name` cannot be written, or is an input."""
    with writing(target):
        if "://" in name:
            raise ConfigError(f"the result is {shortened(name)}; expected a file here")
        if target.is_dir():
            raise ConfigError(f"{target} is a folder; choose another result than {name!r}")
        if not name or name.endswith(("/", os.sep)):
            where = "a name after the folder" if name else "the name of the result"
            raise ConfigError(f"the result is {name!r}; expected {where}")
        if target.parent.exists() and not target.parent.is_dir():
            raise ConfigError(f"the result is {name!r}, but {target.parent} is not a folder")
        for path in inputs:
            with suppress(OSError):  # Reading the input names it.
                if target.samefile(path):
                    raise ConfigError(f"the result would overwrite {path}; choose another")
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=target.parent):
            pass
