"""Output formats: the one table of what results can be written in, and which one a result gets.

Imports neither Pillow nor NumPy, so the configuration and `--help` load quickly.
"""

from dataclasses import dataclass
from posixpath import splitext

from styletransfer.errors import ConfigError


@dataclass(frozen=True)
class FileFormat:
    """A format that results can be written in.

    Attributes:
        extension: Without the dot.
        pillow_name: Pillow's name of the format.
        sources: Pillow's names of the photos' formats that OUTPUT_FORMAT=same writes in this one.
        aliases: Other spellings of the extension.
        longest_side: In px, or None if no photo reaches the limit.
    """

    extension: str
    pillow_name: str
    sources: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    longest_side: int | None = None


FILE_FORMATS = (
    # HEIF and AVIF are lossy: as png their results would be ten times the size of the photo.
    FileFormat("jpg", "JPEG", ("JPEG", "HEIF", "AVIF"), aliases=("jpeg",), longest_side=65_500),
    FileFormat("png", "PNG", ("PNG", "GIF", "BMP")),
    FileFormat("webp", "WEBP", ("WEBP",), longest_side=16_383),
    FileFormat("tiff", "TIFF", ("TIFF",), aliases=("tif",)),
)
FORMAT_ALIASES = {alias: each.extension for each in FILE_FORMATS for alias in each.aliases}
OUTPUT_FORMATS = (*(each.extension for each in FILE_FORMATS), "same")  # values of OUTPUT_FORMAT

_SOURCE_BY_SUFFIX = {
    f".{name}": each.pillow_name
    for each in FILE_FORMATS
    for name in (each.extension, *each.aliases)
}
_SOURCE_BY_SUFFIX |= dict.fromkeys((".heic", ".heif", ".hif", ".avif"), "HEIF")
_SOURCE_BY_SUFFIX |= {".gif": "GIF", ".bmp": "BMP"}


def file_format(name: str, label: str, also: str = "") -> FileFormat:
    """Return the format with this extension or alias, in any case and with or without a dot.

    Raises ConfigError for any other name. It names `label`, and `also` after the expected ones.
    """
    extension = name.strip().lower().removeprefix(".")
    extension = FORMAT_ALIASES.get(extension, extension)
    for each in FILE_FORMATS:
        if each.extension == extension:
            return each
    expected = ", ".join(each.extension for each in FILE_FORMATS)
    raise ConfigError(f"{label} is {name!r}; expected one of {expected}{also}")


def output_extension(output_format: str | None, picture_format: str) -> str:
    """Return a result's extension, without the dot: jpg, png, webp or tiff.

    Args:
        output_format: OUTPUT_FORMAT. One of these four; `same` for the photo's own format, or the
            closest that can be written (HEIC and AVIF → jpg, GIF and BMP → png); by default, jpg
            for JPEG photos and png for all others.
        picture_format: A Picture's `format`.

    Raises:
        ConfigError: OUTPUT_FORMAT has any other value.
    """
    wanted = (output_format or "").strip().lower()
    if not wanted:
        return "jpg" if picture_format == "JPEG" else "png"
    if wanted == "same":
        closest = (each.extension for each in FILE_FORMATS if picture_format in each.sources)
        return next(closest, "png")
    return file_format(wanted, "OUTPUT_FORMAT", " or same").extension


@dataclass(frozen=True)
class OutputFormat:
    """The format of results: OUTPUT_FORMAT, OUTPUT_QUALITY and KEEP_GPS.

    Records store the fields in this order. The quality, 1…100, is for jpg and webp.
    """

    format: str | None
    quality: int = 95
    keep_gps: bool = False

    def extension(self, picture_format: str) -> str:
        """Return a result's extension by its photo's `Picture.format`."""
        return output_extension(self.format, picture_format)

    def extension_by_name(self, photo_key: str) -> str:
        """Return a result's extension by its photo's name: keys are planned before photos are
        read."""
        suffix = splitext(photo_key)[1].lower()
        return self.extension(_SOURCE_BY_SUFFIX.get(suffix, "JPEG"))
