"""Pictures and masks in files named on a command line, and the pictures written next to them.

Decoders and encoders are imported when first used, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from logging import WARNING
from pathlib import Path, PurePath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TextIO, cast

from painterly.cli.options import STANDARD
from painterly.cli.places import (
    check_not_on_the_web,
    similar_picture,
)
from painterly.errors import ConfigError, StorageError
from painterly.images.output import OutputFormat, file_format
from painterly.log import event, logger
from painterly.settings import bucket_layout
from painterly.settings.bucket_layout import TIMELAPSE
from painterly.storage.files import Mount, replacing
from painterly.storage.known_files import LIST, MadeFiles, announce

if TYPE_CHECKING:
    import numpy as np

    from painterly.images.picture import Picture
    from painterly.painters.timelapse import Timelapse


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
    check_not_on_the_web(path, argument)
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


@dataclass(frozen=True)
class ResultFiles:
    """The pictures that one command writes, with the EXIF, colour space and alpha of a photo."""

    prefix: str  # the beginning of all names
    extension: str  # their extension as the user has spelled it, without a dot
    photo: "Picture"
    output: OutputFormat  # their format
    mount: Mount  # the disk of their folder

    def path(self, suffix: str = "") -> Path:
        """Return the path of a picture with a suffix after `prefix`."""
        return Path(f"{self.prefix}{suffix}.{self.extension}")

    def write(self, image: "np.ndarray", suffix: str = "") -> Path:
        """Write an image [H, W, 3], sRGB 0…1, whole or not at all, and return its path.

        Raises ConfigError, PictureError, or UnavailableError if the folder's disk is gone.
        """
        from painterly.images import encode

        data = encode.encode(image, self.output, self.photo)
        if self.prefix == STANDARD:
            return _write_standard_output(data)
        self.mount.check()
        return write_file(self.path(suffix), data)

    @property
    def timelapse_path(self) -> Path:
        """The path of the result's time-lapse."""
        return Path(f"{self.prefix}{TIMELAPSE}")

    def write_result(self, image: "np.ndarray", timelapse: "Timelapse | None") -> Path:
        """Write an image as the result, as `write` does, after its time-lapse if it has one. Return
        the result's path."""
        if timelapse:
            path = self.timelapse_path
            self.mount.check()
            write_file(path, timelapse.encoded(image, self.photo.alpha))
            logger.info("the time-lapse is %s", path)
        return self.write(image)


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


def _write_standard_output(data: bytes) -> Path:
    """Write a picture to the standard output. The log is on stderr then."""
    stdout, path = cast(TextIO, sys.__stdout__), Path("standard output")
    with writing(path):
        stdout.buffer.write(data)
        stdout.flush()
    return path


def result_files(
    name: str,
    photo: "Picture",
    output: OutputFormat,
    inputs: Iterable[Path],
    *,
    overwrite: bool = False,
    with_steps: bool = False,
    with_timelapse: bool = False,
) -> ResultFiles:
    """Return the files of a name, after a check that they can be written.

    Args:
        name: If it ends in the extension of a picture, that decides the format; `-` is the standard
            output.
        output: Otherwise this has the format; None is png, and `same` the photo's.
        inputs: The files that the result is painted from.
        overwrite: Whether files of others may be replaced, apart from the inputs.
        with_steps: Whether pictures of steps are written as well.
        with_timelapse: Whether the result gets a time-lapse.

    Raises:
        ConfigError: The name has the extension of another format, or is not that of a file, its
            folder cannot be written, or a file would be overwritten that is an input, or that the
            program has not painted.
    """
    if name == STANDARD:
        _check_standard_output()
    suffix = PurePath(name).suffix
    if output.format == "same":  # The photo or the result is not in a file.
        output = replace(output, format=output.extension(f"photo.{photo.format}"))
    extension = output.format or "png"
    mount = Mount(Path(name).parent, str(Path(name).parent))
    results = ResultFiles(name, extension, photo, replace(output, format=extension), mount)
    if suffix.lower() in bucket_layout.picture_extensions():
        label = f"the extension of {name!r}"
        extension = file_format(suffix, label, ", or a name without extension").extension
        if output.format not in (None, extension):
            raise ConfigError(f"{name!r} does not end in .{output.format}, the result's format")
        prefix, output = name.removesuffix(suffix), replace(output, format=extension)
        results = ResultFiles(prefix, suffix[1:], photo, output, mount)
    if results.output.depth == 16 and results.output.format != "tiff":
        raise ConfigError("--output_depth is 16, which only tiff has; add --output_format tiff")
    if name != STANDARD:
        inputs = [*inputs]
        check_target(results.path(), name, inputs)
        targets = [results.path()] if not overwrite else []
        if targets and with_steps:
            start, end = f"{targets[0].stem}{STEP}", targets[0].suffix
            there = (each.name for each in targets[0].parent.iterdir())
            steps = [each for each in there if each.startswith(start) and each.endswith(end)]
            targets += [targets[0].with_name(each) for each in steps]
        if with_timelapse:
            check_target(results.timelapse_path, str(results.timelapse_path), inputs)
            targets += [] if overwrite else [results.timelapse_path]
        for target in targets:
            check_is_painted(target, ", or pass --overwrite to replace it")
    return results


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


def _check_standard_output() -> None:
    if sys.__stdout__ is None or sys.__stdout__.isatty():
        raise ConfigError("the result is -, the standard output, which is neither file nor pipe")


def _is_same_file(target: Path, path: Path) -> bool:
    with suppress(OSError):  # Reading the input will name it.
        return target.samefile(path)
    return False


def check_target(target: Path, name: str, inputs: Iterable[Path]) -> None:
    """Raise ConfigError if a file that the user calls `name` cannot be written, or is an input."""
    with writing(target):
        if target.is_dir():
            raise ConfigError(f"{target} is a folder; choose another result than {name!r}")
        if not name or name.endswith(("/", os.sep)):
            where = "a name after the folder" if name else "the name of the result"
            raise ConfigError(f"the result is {name!r}; expected {where}")
        if target.parent.exists() and not target.parent.is_dir():
            raise ConfigError(f"the result is {name!r}, but {target.parent} is not a folder")
        for path in inputs:
            if _is_same_file(target, path):
                raise ConfigError(
                    f"the result would overwrite {path}; choose another result than {name!r}"
                )
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=target.parent):
            pass
