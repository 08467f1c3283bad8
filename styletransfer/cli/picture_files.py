"""Pictures and masks in files named on a command line, and the pictures written next to them.

Decoders and encoders are imported when first used, so that `--help` answers at once.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.errors import ConfigError
from styletransfer.images.output import (
    OutputFormat,
    file_format,
    output_extension,
)
from styletransfer.log import logger
from styletransfer.storage.files import replacing

if TYPE_CHECKING:
    import numpy as np

    from styletransfer.devices.choose import Device
    from styletransfer.images.decode import Picture


def read_file(path: str, argument: str) -> bytes:
    """Return the content of a file. Raises ConfigError naming its argument if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte.
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{argument} {path!r} cannot be read: {reason}") from None


def read_picture(path: str, argument: str) -> "Picture":
    """Return the picture in a file.

    Args:
        path: The file.
        argument: Its name on the command line.

    Raises:
        ConfigError: The file cannot be read.
        PictureError: It is not a picture.
        MemoryShortError: The picture does not fit into the memory.
    """
    from styletransfer.devices.system_memory import free_memory
    from styletransfer.images import decode

    return decode.decode(read_file(path, argument), path, free_memory())


def read_mask(path: str, argument: str) -> "np.ndarray":
    """Return the mask in a file, float32 [h, w], 0…1. Raises the errors of `read_picture`."""
    from styletransfer.devices.system_memory import free_memory
    from styletransfer.images import decode

    return decode.decode_mask(read_file(path, argument), path, free_memory())


def chosen_device(asked: str) -> "Device":
    """Load TensorFlow and return the device to paint on, one of DEVICE's values.

    Call it before the engine is imported, which asks what the device can do.
    """
    from styletransfer.devices.native_stderr import hold_native_stderr

    with hold_native_stderr():
        from styletransfer.devices.choose import choose_devices

        device = choose_devices(asked).first
    logger.info("painting on %s", device)
    return device


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a ConfigError that names the file."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None


@dataclass(frozen=True)
class ResultFiles:
    """The pictures that one command writes, with the EXIF, colour space and alpha of a photo.

    Attributes:
        prefix: The beginning of all names.
        photo: The photo.
        output: Their format.
        spelled: Their extension as the user has spelled it, or an empty text.
    """

    prefix: str
    photo: "Picture"
    output: OutputFormat
    spelled: str = ""

    @property
    def extension(self) -> str:
        """The extension of the pictures, without a dot."""
        return output_extension(self.output.format, self.photo.format)

    def path(self, suffix: str = "") -> Path:
        """Return the path of a picture with a suffix after `prefix`."""
        return Path(f"{self.prefix}{suffix}.{self.spelled or self.extension}")

    def write(self, image: "np.ndarray", suffix: str = "") -> Path:
        """Write an image [H, W, 3], sRGB 0…1, whole or not at all, and return its path.

        Raises ConfigError or PictureError.
        """
        from styletransfer.images import encode

        _, data = encode.encode_result(self.output, self.photo, image)
        path = self.path(suffix)
        with writing(path), replacing(path) as body:
            body.write(data)
        return path


def result_files(name: str, photo: "Picture", output: OutputFormat) -> ResultFiles:
    """Return the files of a name. Raises ConfigError.

    If the name ends in the extension of a picture, that decides the format. Otherwise an `output`
    without a format is png.
    """
    suffix = PurePosixPath(name).suffix
    if suffix.lower() not in bucket_layout.PICTURES:
        return ResultFiles(name, photo, replace(output, format=output.format or "png"))
    label = f"the extension of {name!r}"
    extension = file_format(suffix, label, ", or a name without extension").extension
    wanted = output.format and output_extension(output.format, photo.format)
    if wanted and wanted != extension:
        raise ConfigError(f"{name!r} does not end in .{wanted}, the result's format")
    prefix = name.removesuffix(suffix)
    return ResultFiles(prefix, photo, replace(output, format=extension), suffix[1:])


def check_target(target: Path, name: str, pictures: Iterable[Path]) -> None:
    """Check that a result can be written.

    Args:
        target: Its file.
        name: The PREFIX that its path is made from.
        pictures: The files that it is painted from.

    Raises:
        ConfigError: `name` is not the name of a file, its folder cannot be written, or the result
            would overwrite a picture.
    """
    if target.is_dir():
        raise ConfigError(f"{target} is a folder; choose another PREFIX than {name!r}")
    if not name or name.endswith("/"):
        where = "a name after the folder" if name else "the name of the result"
        raise ConfigError(f"PREFIX is {name!r}; expected {where}")
    if target.parent.exists() and not target.parent.is_dir():
        raise ConfigError(f"PREFIX is {name!r}, but {target.parent} is not a folder")
    for picture in pictures:
        if target.exists() and picture.exists() and target.samefile(picture):
            raise ConfigError(
                f"the result would overwrite {picture}; choose another PREFIX than {name!r}"
            )
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=target.parent):
            pass
