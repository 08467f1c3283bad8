"""Pictures and masks in files that a command line names, and the pictures written beside them.

What decodes and encodes is loaded when first used: `--help` answers at once.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from styletransfer.errors import ConfigError
from styletransfer.images.output import DEEP_EXTENSIONS, OutputFormat

if TYPE_CHECKING:
    import numpy as np

    from styletransfer.images.decode import Picture


def picture(path: str, argument: str) -> "Picture":
    """The picture in a file. Raises ConfigError naming the `argument` where the file cannot be
    read, PictureError where it holds no picture."""
    from styletransfer.images import decode

    return decode.decode(_read(path, argument), path)


def mask(path: str, argument: str) -> "np.ndarray":
    """The mask in a file, float32 [h, w], 0…1, as `decode_mask`; errors as in `picture`."""
    from styletransfer.images import decode

    return decode.decode_mask(_read(path, argument), path)


def written(target: Path, data: bytes) -> Path:
    """Writes a result's file, with the folders it needs; its path. Raises ConfigError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


@dataclass(frozen=True)
class ResultFiles:
    """The pictures that one command writes, all beginning with `prefix`, with what `photo` has:
    EXIF, colour space, alpha. `extension` is jpg, png, webp or tiff; see `encoding.encode`."""

    prefix: str
    photo: "Picture"
    extension: str
    quality: int
    depth: int
    keep_gps: bool
    done: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.depth == 16 and self.extension not in DEEP_EXTENSIONS:
            raise ConfigError(
                f"--output_depth 16 does not fit into a {self.extension}; "
                f"add --output_format {' or '.join(DEEP_EXTENSIONS)}"
            )

    def path(self, suffix: str = "", extension: str | None = None) -> Path:
        """`prefix` with the suffix, as a picture's file or with another extension."""
        return Path(f"{self.prefix}{suffix}.{extension or self.extension}")

    def write(self, image: "np.ndarray", suffix: str = "") -> Path:
        """Writes image [H, W, 3], sRGB 0…1; its path. Raises ConfigError, PictureError."""
        from styletransfer.images import encode

        output = OutputFormat(self.extension, self.quality, self.depth, self.keep_gps)
        _, data = encode.encode_result(output, self.photo, image)
        path = written(self.path(suffix), data)
        self.done.append(path)
        return path


def _read(path: str, argument: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # A ValueError: a path with a zero byte.
        told = getattr(error, "strerror", None) or error
        raise ConfigError(f"{argument} {path!r} cannot be read: {told}") from None
