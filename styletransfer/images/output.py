"""OutputFormat formats: extensions, depths, and which of them a result gets."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from styletransfer.errors import ConfigError

FORMATS = ("jpg", "png", "webp", "tiff", "same")
DEEP_FORMATS = ("png", "tiff")  # those that can hold 16 bits
SYNONYMS = {"jpeg": "jpg", "tif": "tiff"}

# What a camera wrote with losses (HEIC, AVIF) stays small; a png of it would be ten times its size.
_SAME = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tiff", "HEIF": "jpg", "AVIF": "jpg"}
_ALIASES = {"jpeg": "jpg", "tif": "tiff"}
_LONGEST_SIDE = {"jpg": 65_500, "webp": 16_383}
_DEEP = ("png", "tiff")


def output_extension(output_format: str | None, picture_format: str) -> str:
    """The extension, without dot, of a result: jpg, png, webp or tiff.

    `output_format` is OUTPUT_FORMAT: one of these four; None or empty: jpg for JPEG photos and
    png for all others; `same`: the photo's own format, or what comes nearest of those that can be
    written (HEIC and AVIF → jpg, GIF and BMP → png). `picture_format` is a Picture's `format`.
    Raises ConfigError naming OUTPUT_FORMAT for any other value.
    """
    wanted = (output_format or "").strip().lower()
    if not wanted:
        return "jpg" if picture_format == "JPEG" else "png"
    if wanted == "same":
        return _SAME.get(picture_format, "png")
    return _known_extension(wanted, "OUTPUT_FORMAT", " or same")


def _known_extension(text: str, label: str, also: str = "") -> str:
    extension = text.strip().lower().removeprefix(".")
    extension = _ALIASES.get(extension, extension)
    if extension not in _SAME.values():
        raise ConfigError(f"{label} is {text!r}; expected one of jpg, png, webp, tiff{also}")
    return extension


_KINDS = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"} | dict.fromkeys(
    (".heic", ".heif", ".hif", ".avif"), "HEIF"
)


@dataclass(frozen=True)
class OutputFormat:
    """How results are written: OUTPUT_FORMAT, OUTPUT_QUALITY, OUTPUT_DEPTH and KEEP_GPS, as
    config.Config has them. A record keeps them in this order; early ones end with the quality."""

    format: str | None
    quality: int
    depth: int = 8
    keep_gps: bool = False

    def extension(self, picture_format: str) -> str:
        """A result's extension by its photo's `Picture.format`. 16 bits asked for are never lost:
        a result whose format could not hold them is a png."""
        extension = output_extension(self.format, picture_format)
        return extension if self.depth == 8 or extension in DEEP_FORMATS else "png"

    def extension_by_name(self, photo_key: str) -> str:
        """A result's extension if the photo is what its name says, so that keys can be planned
        before anything is read."""
        kind = _KINDS.get(PurePosixPath(photo_key).suffix.lower(), "JPEG")
        return self.extension(kind)
